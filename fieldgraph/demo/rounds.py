"""The demo's rounds: one technician's day, driven on real streets and told by their phone alone."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

import structlog

from domain.clock import Clock
from fieldgraph.demo import pictures, traces
from fieldgraph.demo.board import STOP, UNDER_WAY, Board, Stop
from fieldgraph.demo.remote import NotAnswered, RemoteGraph
from fieldgraph.demo.traces import Fix
from integrations.roads import Point
from integrations.streets import Roads

LOG = structlog.get_logger(__name__)
DISPATCH_AHEAD_SECONDS = 900.0
LEAVE_EARLY_SECONDS = 60.0
FENCE_PATIENCE_SECONDS = 300.0  # at the site without an arrival: then the technician says so
UNPACK_SECONDS = 60.0
WORK_SHARE = (0.85, 1.15)  # of the planned duration
UPLOAD_AT_WORK_SECONDS = 60.0
UPLOAD_REAL_SECONDS = 1.0  # each device at most so often, whatever the speed
FIXES_MOST = 200
STAY_SECONDS = 600.0
AFTER_REFUSAL_SECONDS = 60.0

REPORT = """
mutation Report($input: ReportPositionsInput!) {
  reportPositions(input: $input) { accepted arrivedVisit { ...Stop } userErrors { code message } }
}
"""
TASKS = """
query Tasks($id: ID!) {
  visit(id: $id) { workOrder {
    workType { signatureRequired }
    tasks(first: 100, where: {required: {eq: true}}) { nodes { id safety isDone visit { id } } }
  } }
}
"""
DONE = """
mutation Done($input: CompleteTaskInput!) {
  completeTask(input: $input) { task { id } userErrors { code message } }
}
"""


UPLOAD = """
mutation Upload($input: CreateUploadInput!) {
  createUpload(input: $input) { upload { id } url headers { name value } userErrors { code message } }
}
"""


def step(field: str) -> str:
    """The document of a mutation that moves one visit on."""
    kind = field[0].upper() + field[1:]
    return (
        f"mutation Step($input: {kind}Input!) {{ {field}(input: $input)"
        f" {{ visit {{ ...Stop }} userErrors {{ code message }} }} }}{STOP}"
    )


class Person(NamedTuple):
    """A simulated technician: their global id, the token of their phone, where they start."""

    id: str
    token: str
    place: Point


class Round:
    """One technician's day. What has happened is the graph's to know; here is only where they stand."""

    def __init__(
        self, person: Person, board: Board, *, graph: RemoteGraph, roads: Roads, clock: Clock
    ) -> None:
        self.person = person
        self.board = board
        self.graph = graph
        self.roads = roads
        self.clock = clock
        self.place = person.place
        self.random = Random(person.id)  # noqa: S311  # drives a car; guards nothing

    async def work(self) -> None:
        """For ever: what is due now is done; a refusal is told and tried again later."""
        while True:
            await self.board.turned()
            try:
                await self._next()
            except NotAnswered as refusal:
                LOG.info("demo step refused", technician=self.person.id, reason=str(refusal))
                await self._wait(AFTER_REFUSAL_SECONDS)
            except Exception:
                LOG.exception("demo round failed", technician=self.person.id)
                await self._wait(AFTER_REFUSAL_SECONDS)

    async def _next(self) -> None:
        own = self.board.of(self.person.id)
        offer = next((one for one in own if one.offered and one.id not in self.board.held), None)
        if offer is not None:
            await self._step("acceptOffer", offer)  # a subcontractor of the demo takes whatever is offered
            return
        if not own or own[0].planned_start is None:
            return
        stop = own[0]
        travel_seconds = self.roads.seconds(self.place, stop.place)
        leaves_at = own[0].planned_start.timestamp() - travel_seconds - LEAVE_EARLY_SECONDS
        now = self._now()
        if stop.state == "SCHEDULED" and stop.id not in self.board.held:
            if now >= leaves_at - DISPATCH_AHEAD_SECONDS:
                await self._step("dispatchVisit", stop, token=self.board.token)
        elif stop.state == "DISPATCHED" and now >= leaves_at:
            await self._serve(await self._step("startTravel", stop))
        elif stop.state in UNDER_WAY:
            await self._serve(stop)

    async def _serve(self, stop: Stop) -> None:
        """From setting off (or wherever the visit stands) to its end, the phone reporting all along."""
        there_at = self._now()
        fixes: Iterator[Fix] = iter(())
        if stop.state == "EN_ROUTE":
            route = self.roads.route(self.place, stop.place)
            pace = self.random.uniform(0.9, 1.1)
            fixes = traces.drive(
                route, start=there_at, seed=self._seed(), speed_factor=pace, first_sequence=int(there_at)
            )
            there_at += route.seconds / pace
        share = self.random.uniform(*WORK_SHARE)
        recorded = itertools.chain(fixes, self._standing(stop.place, there_at))
        sent_at, waiting = float("-inf"), list[Fix]()
        for batch in traces.batches(recorded, seed=self._seed()):
            await self._wait(batch.at - self._now())
            known = self.board.stops.get(stop.id)
            if known is None or known.technician != self.person.id:
                return
            self.place = stop.place if batch.at >= there_at else self.place
            waiting.extend(batch.fixes)
            if batch.at >= sent_at + self._pause(known) or len(waiting) >= FIXES_MOST:
                waiting, sent_at = await self._report(waiting), batch.at
            await self._try_on(self.board.stops.get(stop.id, known), there_at, share=share)

    def _pause(self, stop: Stop) -> float:
        """Business seconds between two uploads: less often at work, and bounded in real time."""
        at_work = UPLOAD_AT_WORK_SECONDS if stop.state == "IN_PROGRESS" else 0.0
        return max(at_work, UPLOAD_REAL_SECONDS * self.clock.speed)

    async def _try_on(self, stop: Stop, there_at: float, *, share: float) -> None:
        try:
            await self._move_on(stop, there_at, share=share)
        except NotAnswered as refusal:
            LOG.info("demo step refused", technician=self.person.id, visit=stop.id, reason=str(refusal))

    async def _move_on(self, stop: Stop, there_at: float, *, share: float) -> None:
        now = self._now()
        if stop.state == "EN_ROUTE" and now >= there_at + FENCE_PATIENCE_SECONDS:
            await self._step("recordArrival", stop)
        elif stop.state == "ARRIVED" and now >= _seconds(stop.arrived_at) + UNPACK_SECONDS:
            await self._check_off(stop, safety=True)
            await self._step("startWork", stop)
        elif stop.state == "IN_PROGRESS" and now >= _seconds(stop.started_at) + stop.seconds * share:
            signed = await self._check_off(stop)
            given = {"signature": await self.signature()} if signed else None
            await self._step("completeVisit", stop, given=given)
            self.board.stops.pop(stop.id, None)
        elif stop.state in {"DISPATCHED", "SCHEDULED"}:
            self.board.stops.pop(stop.id, None)  # called back: the next reading tells how it stands

    async def _check_off(self, stop: Stop, *, safety: bool = False) -> bool:
        """What is required and left: before the work the safety checklist, before its end the rest.

        Says whether the work is to be signed for, too.
        """
        found = await self.graph.ask(self.person.token, TASKS, {"id": stop.id})
        order = found["visit"]["workOrder"]
        for task in order["tasks"]["nodes"]:
            here = (task["visit"] or {}).get("id") == stop.id
            if (task["safety"] and not here) if safety else not task["isDone"]:
                await self.graph.change(self.person.token, DONE, {"task": task["id"]})
        return bool(order["workType"]["signatureRequired"])

    async def signature(self) -> dict[str, Any]:
        """Somebody at the site signs on the phone, which hands the picture in."""
        picture = pictures.signature(self._seed())
        named = {"name": "signature.png", "contentType": "image/png", "bytes": len(picture)}
        made = await self.graph.change(self.person.token, UPLOAD, named)
        headers = {one["name"]: one["value"] for one in made["headers"]}
        await self.graph.put(made["url"], picture, headers)
        return {"upload": made["upload"]["id"], "signedBy": self.random.choice(pictures.PERSONS)}

    def _standing(self, place: Point, start: float) -> Iterator[Fix]:
        while True:
            yield from traces.stay(
                place, start=start, seconds=STAY_SECONDS, seed=self._seed(), first_sequence=int(start)
            )
            start += STAY_SECONDS

    async def _report(self, fixes: list[Fix]) -> list[Fix]:
        """Send them; what could not be sent waits for the next time, as on any phone."""
        positions = [_position(fix) for fix in fixes[:FIXES_MOST]]
        try:
            told = await self.graph.change(self.person.token, REPORT + STOP, {"positions": positions})
        except NotAnswered as refusal:
            LOG.info("demo positions wait", technician=self.person.id, reason=str(refusal))
            return fixes
        if told["arrivedVisit"]:
            self.board.take(told["arrivedVisit"])
        return fixes[FIXES_MOST:]

    async def _step(
        self, field: str, stop: Stop, *, token: str | None = None, given: Mapping[str, Any] | None = None
    ) -> Stop:
        asked = {"visit": stop.id, **(given or {})}
        payload = await self.graph.change(token or self.person.token, step(field), asked)
        return self.board.take(payload["visit"])

    async def _wait(self, business_seconds: float) -> None:
        await asyncio.sleep(max(0.0, self.clock.real_seconds(business_seconds)))

    def _now(self) -> float:
        return self.clock.now().timestamp()

    def _seed(self) -> int:
        return self.random.getrandbits(32)


def _position(fix: Fix) -> dict[str, Any]:
    return {
        "point": {"type": "Point", "coordinates": [fix.longitude, fix.latitude]},
        "at": datetime.fromtimestamp(fix.at, UTC).isoformat(),
        "accuracyMetres": fix.accuracy_metres,
        "speedMetresPerSecond": fix.speed_metres_per_second,
        "sequence": fix.sequence,
    }


def _seconds(instant: datetime | None) -> float:
    return instant.timestamp() if instant else 0.0
