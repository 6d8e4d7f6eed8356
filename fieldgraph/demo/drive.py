"""The demo's day: planned, driven, disturbed and repaired, by the public API alone."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from domain import ids
from domain.clock import Clock
from fieldgraph.demo.board import Board, Stop
from fieldgraph.demo.remote import NotAnswered, RemoteGraph
from fieldgraph.demo.rounds import Person, Round
from integrations.roads import Point, metres_between
from integrations.streets import Roads
from schema.scalars import parse_instant

LOG = structlog.get_logger(__name__)
READ_BUSINESS_SECONDS = 15.0
READ_REAL_SECONDS = (0.75, 5.0)
PLAN_TRIES = 3
PLAN_PATIENCE_SECONDS = 90.0
TAKEN_PATIENCE_SECONDS = 900.0
QUIET_SECONDS = 5.0
PLAN_POLL_SECONDS = 0.3
REPAIR_SECONDS = 3
NEIGHBOURS = 6
STORY_TRIES = 10
TRY_AGAIN_SECONDS = 2.0
EMERGENCY_AFTER = timedelta(minutes=20)
SICK_AFTER = timedelta(minutes=40)
AT_SITE = ("ARRIVED", "IN_PROGRESS")
EMERGENCY_CODE = "LEAK"
EMERGENCY_WINDOW = timedelta(hours=2)
VISITORS_METRES = 500.0  # nothing of the story happens near the visits that wait for the visitor
Act: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

TECHNICIANS = """
query Technicians {
  technicians(first: 250) { nodes {
    id name home position { point }
    absences(first: 5) { nodes { startsAt endsAt } }
    shifts(first: 5) { nodes { startsAt endsAt } }
  } }
}
"""
PLACES = """
query Places($code: String!) {
  sites(first: 250) { nodes { id name location } }
  workTypes(first: 1, where: {code: {eq: $code}}) { nodes { id } }
  workOrders(first: 1, where: {title: {startsWith: "Emergency:"}}) { nodes { id } }
}
"""
PROPOSE = """
mutation Propose($input: ProposePlanInput!) {
  proposePlan(input: $input) { plan { id state } userErrors { code message } }
}
"""
PLAN = "query Plan($id: ID!) { plan(id: $id) { id state version failure assignedCount unassignedCount } }"
COMMIT = """
mutation Commit($input: CommitPlanInput!) {
  commitPlan(input: $input) { plan { id state failure } userErrors { code message } }
}
"""
CREATE = """
mutation Create($input: CreateWorkOrderInput!) {
  createWorkOrder(input: $input) { workOrder { number } visit { id } userErrors { code message } }
}
"""
ABSENCE = """
mutation Absent($input: CreateAbsenceInput!) {
  createAbsence(input: $input) { absence { id } released userErrors { code message } }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The tokens the demo asks with: the dispatcher's, and one for each simulated technician's phone."""

    dispatcher: str
    devices: Mapping[UUID, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What shall happen: the day, and the business time at which it began."""

    day: date
    start: datetime
    roads: Roads
    plan_seconds: int = 10
    emergency_after: timedelta = EMERGENCY_AFTER
    sick_after: timedelta = SICK_AFTER


async def drive(url: str, keys: Keys, *, script: Script, clock: Clock, stop: asyncio.Event) -> None:
    """Live the day until `stop`. It goes on from what the graph holds, so it may be started at any time."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request would hide the story
    async with RemoteGraph.http_client() as http:
        story = Story(RemoteGraph(url, http), keys, script=script, clock=clock)
        day = asyncio.create_task(story.run())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({day, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (day, stopped):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await day


class Story:
    """The dispatcher's side of the day, and the technicians it sets going."""

    def __init__(self, graph: RemoteGraph, keys: Keys, *, script: Script, clock: Clock) -> None:
        self.graph = graph
        self.keys = keys
        self.script = script
        self.clock = clock
        self.board = Board(graph, keys.dispatcher)
        self.people: dict[str, Person] = {}

    async def run(self) -> None:
        """All at once, for ever."""
        while not self.people:
            await self._try("technicians", self._meet)
        least, most = READ_REAL_SECONDS
        pause = min(max(self.clock.real_seconds(READ_BUSINESS_SECONDS), least), most)
        rounds = [
            Round(person, self.board, graph=self.graph, roads=self.script.roads, clock=self.clock)
            for person in self.people.values()
        ]
        async with asyncio.TaskGroup() as group:
            group.create_task(self.board.keep(pause))
            group.create_task(self._tell())
            for one in rounds:
                group.create_task(one.work())

    async def _tell(self) -> None:
        await self._try("first plan", self._first_plan)
        await self._until(self.script.start + self.script.emergency_after)
        await self._try("emergency", self._emergency)
        await self._until(self.script.start + self.script.sick_after)
        await self._try("sick technician", self._sick)

    async def _meet(self) -> None:
        """Who is to be driven, and from where: their last position, or home."""
        for row in await self._technicians():
            key = ids.decode("tec", row["id"])
            if key in self.keys.devices:
                where = (row["position"] or {}).get("point") or row["home"]
                longitude, latitude = where["coordinates"]
                self.people[row["id"]] = Person(row["id"], self.keys.devices[key], (longitude, latitude))

    async def _technicians(self) -> list[dict[str, Any]]:
        found = await self.graph.ask(self.keys.dispatcher, TECHNICIANS, {})
        rows: list[dict[str, Any]] = found["technicians"]["nodes"]
        return rows

    async def _first_plan(self) -> None:
        await self.board.read()
        if not any(self.board.of(person) for person in self.people):
            await self._plan(list(self.people), self.script.plan_seconds)

    async def _emergency(self) -> None:
        """One water leak, far from what waits for the visitor; made once, however often it is told."""
        found = await self.graph.ask(self.keys.dispatcher, PLACES, {"code": EMERGENCY_CODE})
        if found["workOrders"]["nodes"]:
            return
        site = self._quiet_site(found["sites"]["nodes"])
        now = self.clock.now()
        given = {
            "site": site["id"],
            "workType": found["workTypes"]["nodes"][0]["id"],
            "title": f"Emergency: water leak, {site['name']}",
            "priority": "EMERGENCY",
            "arrivalWindow": {"start": now.isoformat(), "end": (now + EMERGENCY_WINDOW).isoformat()},
        }
        key = f"demo-emergency-{self.script.start.isoformat()}"
        created = await self.graph.change(self.keys.dispatcher, CREATE, given, key=key)
        LOG.info("demo emergency", work_order=created["workOrder"]["number"], site=site["name"])
        longitude, latitude = site["location"]["coordinates"]
        await self.board.read()
        pool = self.board.stops.get(created["visit"]["id"])
        if pool is not None and pool.state == "UNSCHEDULED":
            await self._plan(await self._nearest((longitude, latitude)), REPAIR_SECONDS)

    def _quiet_site(self, sites: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The first by id that is far from every visit of the technicians we do not drive."""
        taken = [
            one.place
            for one in self.board.stops.values()
            if one.technician and one.technician not in self.people
        ]
        far = [
            site
            for site in sites
            if all(metres_between(_point(site["location"]), place) >= VISITORS_METRES for place in taken)
        ]
        return min(far or sites, key=lambda site: str(site["id"]))

    async def _sick(self) -> None:
        """Whoever has most ahead and is not at work falls sick until the end of their shift."""
        rows = {row["id"]: row for row in await self._technicians() if row["id"] in self.people}
        if any(self._fell_sick(row) for row in rows.values()):
            return
        own = await self._between_visits(rows)
        if not own:
            return
        sick = max(own, key=lambda key: (len(own[key]), key))
        now = self.clock.now()
        ends = max(shift["endsAt"] for shift in rows[sick]["shifts"]["nodes"])
        given = {"technician": sick, "startsAt": now.isoformat(), "endsAt": ends, "reason": "SICK"}
        absent = await self.graph.change(self.keys.dispatcher, ABSENCE, given)
        LOG.info("demo sick technician", name=rows[sick]["name"], released=absent["released"])
        near = await self._nearest(own[sick][0].place)
        await self._plan([key for key in near if key != sick], REPAIR_SECONDS)

    def _fell_sick(self, technician: Mapping[str, Any]) -> bool:
        """On this day, since it began; whoever was away before or will be later is none of the story."""
        begun = self.script.start
        starts = [parse_instant(one["startsAt"]) for one in technician["absences"]["nodes"]]
        return any(begun <= at < begun + timedelta(days=1) for at in starts)

    async def _between_visits(self, technicians: Iterable[str]) -> dict[str, list[Stop]]:
        """Who is at no site and has work ahead, as soon as there is somebody; nobody when the day is over."""
        while True:
            await self.board.turned()
            own = {key: self.board.of(key) for key in technicians}
            ahead = {key: stops for key, stops in own.items() if stops}
            well = {key: stops for key, stops in ahead.items() if stops[0].state not in AT_SITE}
            if well or not ahead:
                return well

    async def _nearest(self, place: Point) -> list[str]:
        """The technicians whose next work is nearest to a place."""
        await self.board.read()
        where: dict[str, Point] = {}
        for key, person in self.people.items():
            own = self.board.of(key)
            where[key] = own[0].place if own else person.place
        return sorted(where, key=lambda key: (metres_between(where[key], place), key))[: NEIGHBOURS + 1]

    async def _plan(self, technicians: Sequence[str], seconds: int) -> None:
        """Propose and commit; proposed anew when the graph has moved meanwhile."""
        for turn in range(PLAN_TRIES):
            await self.board.read()
            movable = self.board.movable(technicians)
            self.board.held = frozenset(stop.id for stop in movable)
            try:
                if await self._commit(technicians, movable, seconds, turn):
                    return
            finally:
                self.board.held = frozenset()

    async def _commit(
        self, technicians: Sequence[str], movable: Sequence[Stop], seconds: int, turn: int
    ) -> bool:
        given = {
            "day": self.script.day.isoformat(),
            "seconds": seconds,
            "seed": turn + 1,
            "technicians": list(technicians),
            "visits": [stop.id for stop in movable],
        }
        plan = (await self.graph.change(self.keys.dispatcher, PROPOSE, given))["plan"]
        plan = await self._taken(plan)
        patience = seconds + PLAN_PATIENCE_SECONDS
        while plan["state"] in {"DRAFT", "SOLVING"}:
            if patience < 0:
                raise NotAnswered(f"The plan is still {plan['state']}: worker.log may say why")
            patience -= PLAN_POLL_SECONDS
            plan = await self._later(plan)
        if plan["state"] != "PROPOSED":
            LOG.info("demo plan not proposed", state=plan["state"], failure=plan["failure"])
            return False
        counts = {"assigned": plan["assignedCount"], "unassigned": plan["unassignedCount"]}
        given = {"plan": plan["id"], "expectedVersion": plan["version"]}
        plan = (await self.graph.change(self.keys.dispatcher, COMMIT, given))["plan"]
        LOG.info("demo plan", state=plan["state"], **counts)
        return bool(plan["state"] == "COMMITTED")

    async def _taken(self, plan: dict[str, Any]) -> dict[str, Any]:
        """The plan when a worker has it. It is said once what is waited for: nothing else would be seen."""
        waited, told = 0.0, False
        while plan["state"] == "DRAFT":
            if waited > TAKEN_PATIENCE_SECONDS:
                raise NotAnswered("No worker has taken the plan: worker.log may say why")
            if waited > QUIET_SECONDS and not told:
                told = True
                reason = "no worker has taken the plan yet; a new one loads its kernels first (worker.log)"
                LOG.info("demo waits", what="plan", reason=reason)
            waited += PLAN_POLL_SECONDS
            plan = await self._later(plan)
        return plan

    async def _later(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(PLAN_POLL_SECONDS)
        found: dict[str, Any] = (await self.graph.ask(self.keys.dispatcher, PLAN, {"id": plan["id"]}))["plan"]
        return found

    async def _until(self, instant: datetime) -> None:
        wait = (instant - self.clock.now()).total_seconds()
        await asyncio.sleep(max(0.0, self.clock.real_seconds(wait)))

    async def _try(self, what: str, act: Act, *, times: int = STORY_TRIES) -> None:
        """Again when the API did not answer or said no: it may restart, or a worker may be away."""
        for _ in range(times):
            try:
                return await act()
            except NotAnswered as refusal:
                LOG.info("demo waits", what=what, reason=str(refusal))
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            except Exception:
                LOG.exception("demo story failed", what=what)
                return None
        return None


def _point(location: Mapping[str, Any]) -> Point:
    longitude, latitude = location["coordinates"]
    return longitude, latitude
