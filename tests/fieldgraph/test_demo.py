"""The demo as a visitor meets it: its access file, its walls, an arrival of their own, and its death."""

import asyncio
import json
import math
import random
import stat
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from domain import ids
from domain.viewers import Role
from tests.fieldgraph import running
from tests.fieldgraph.running import Asker, NotAnswered, Server, Stream, asking, free_port, status, until

SOON_SECONDS = 2.0  # within which a revoked link is promised to be of no more use
METRES_PER_DEGREE = 111_195.0
NODE = "query Node($id: ID!) { node(id: $id) { __typename id } }"
COUNTS = "accepted refused { reason count }"
TRACKING = """
subscription Tracking($visit: ID) {
  visitTracking(visit: $visit) {
    __typename
    ... on VisitTrackingSnapshot { cursor state }
    ... on VisitStateChanged { cursor state }
    ... on VisitArrived { cursor state occurredAt }
  }
}
"""
CHANGES = """
subscription Changes($after: Cursor, $technician: ID!) {
  scheduleChanges(after: $after, scope: {technicians: [$technician]}) {
    __typename
    ... on ScheduleSnapshot { cursor }
    ... on ResyncRequired { cursor cause }
    ... on VisitProgressed { cursor visit { id } before { state } }
    ... on VisitRemoved { cursor id }
  }
}
"""
VISIT = """
query Visit($id: ID!) {
  visit(id: $id) { id state site { location } arrival { id occurredAt confirmedBy technician { id } } }
}
"""
NESTED = """
query Nested($visit: ID!) {
  customers(first: 1, where: {workOrders: {some: {visits: {some: {id: {eq: $visit}}}}}}) { nodes {
    name
    workOrders(first: 2, where: {visits: {some: {id: {eq: $visit}}}}) { nodes { number visits { nodes {
      id
      assignments { nodes { technician { name van { name stockLevels(first: 2) { nodes {
        onHand part { number }
      } } } } } }
    } } } }
  } }
  served: customers(first: 50) { nodes { contracts(first: 2) { nodes { number } } } }
}
"""


@dataclass(kw_only=True)
class Demo:
    """One demo, which may be killed and started again in the same folder."""

    folder: Path
    server: Server
    environment: dict[str, str]
    access: dict[str, Any] = field(default_factory=dict)
    ready_when_told: list[int | None] = field(default_factory=list)
    """What /readyz said at the moment at which each access file was first seen."""

    @classmethod
    def begin(cls, folder: Path, port: int) -> "Demo":
        environment = {"FIELDGRAPH_DATA_FOLDER": str(folder)}
        return cls(folder=folder, server=_demo(folder, port, environment), environment=environment)

    @property
    def file(self) -> Path:
        return self.folder / "a.json"

    async def told(self) -> float:
        """Waits for the access file; answers the seconds it took."""
        try:
            seconds = await until(lambda: self.file.exists() or not self.server.is_running, 180)
        except TimeoutError:
            raise AssertionError(f"no access file:\n{self.server.said()}") from None
        assert self.server.is_running, self.server.said()
        self.ready_when_told.append(status(f"{self.server.url}/readyz"))
        self.access = json.loads(self.file.read_text())
        return seconds

    async def again(self) -> float:
        self.server = _demo(self.folder, self.server.port, self.environment)
        # The file of the run before must not pass for news.
        await until(lambda: not self.file.exists() or not self.server.is_running)
        return await self.told()

    def token(self, role: str, organization: int = 0) -> str:
        token: str = self.access["organizations"][organization]["tokens"][role]
        return token

    async def ask(self, role: str, document: str, **variables: Any) -> dict[str, Any]:
        async with asking(self.access["url"], self.token(role)) as asker:
            return await asker.ask(document, **variables)

    def stream(self, token: str, document: str, **variables: Any) -> Any:
        return running.subscribed(self.access["ws_url"], token, document, variables)


def _demo(folder: Path, port: int, environment: dict[str, str]) -> Server:
    log = folder / "demo.log"
    arguments = ("demo", "--headless", "--port", str(port), "--access", str(folder / "a.json"))
    program = Server.start(*arguments, log=log, environment=environment)
    return Server(program.process, program.log, port)


@pytest.fixture(scope="module")
async def demo(shared_memory_folder: Path) -> AsyncIterator[Demo]:
    folder = shared_memory_folder / "demo"
    folder.mkdir()
    started = Demo.begin(folder, free_port())
    try:
        seconds = await started.told()
        sys.stdout.write(f"a cold demo answered after {seconds:.1f} s\n")
        yield started
    finally:
        await started.server.stop()


async def test_the_access_file_is_whole_private_and_not_early(demo: Demo) -> None:
    assert demo.ready_when_told[0] == 200
    assert stat.S_IMODE(demo.file.stat().st_mode) == 0o600
    access = demo.access
    assert set(access) == {"url", "ws_url", "day", "time_zone", "organizations"}
    assert access["url"] == demo.server.graph
    assert access["ws_url"] == demo.server.ws_url
    assert date.fromisoformat(access["day"]).isoformat() == access["day"]
    assert access["time_zone"] == "Europe/Helsinki"
    assert len(access["organizations"]) == 2
    for organization in access["organizations"]:
        assert set(organization) == {"name", "id", "tokens", "tracking"}
        assert set(organization["tokens"]) == {role.value for role in Role} - {"TRACKING"}
        assert set(organization["tracking"]) == {"token", "visit_id", "url"}
        assert organization["tracking"]["url"].startswith(f"{demo.server.url}/track/")
        assert status(organization["tracking"]["url"]) == 200


async def test_every_token_opens_its_own_door(demo: Demo) -> None:
    for organization in demo.access["organizations"]:
        doors = organization["tokens"] | {"TRACKING": organization["tracking"]["token"]}
        for role, token in doors.items():
            async with asking(demo.access["url"], token) as asker:
                assert await asker.ask("{ viewer { role } }") == {"viewer": {"role": role}}
        async with asking(demo.access["url"], organization["tokens"]["ADMIN"]) as admin:
            found = await admin.ask("{ viewer { organization { id name } } }")
        assert found["viewer"]["organization"] == {"id": organization["id"], "name": organization["name"]}


async def test_the_second_organization_sees_nothing_of_the_first(demo: Demo) -> None:
    # given ids of the first organization
    kinds = ("customers", "sites", "contracts", "workOrders", "visits", "technicians", "stockLevels")
    lists = " ".join(f"{kind}(first: 250) {{ nodes {{ id }} }}" for kind in kinds)
    first = await demo.ask("ADMIN", f"{{ {lists} }}")
    foreign = {kind: {one["id"] for one in first[kind]["nodes"]} for kind in kinds}
    assert all(foreign.values())

    for token in demo.access["organizations"][1]["tokens"].values():
        async with asking(demo.access["url"], token) as asker:
            # when they are asked for with a token of the second, then they do not exist
            for kind in kinds:
                there = min(foreign[kind])
                absent = f"{there.split('_')[0]}_{ids.new()}"
                answers = [await asker.send(NODE, {"id": key}) for key in (there, absent)]
                assert answers[0] == answers[1]
                assert (answers[0]["data"] or {}).get("node") is None
                found = await asker.send(f"{{ {kind}(first: 250) {{ nodes {{ id }} }} }}")
                nodes = found["data"][kind]["nodes"] if found.get("data") else []
                assert foreign[kind].isdisjoint(one["id"] for one in nodes)
    async with asking(demo.access["url"], demo.token("ADMIN", 1)) as asker:
        assert len((await asker.ask("{ customers(first: 250) { nodes { id } } }"))["customers"]["nodes"]) == 5
        for visit in (min(foreign["visits"]), f"vis1_{ids.new()}"):
            with pytest.raises(NotAnswered, match="NOT_FOUND"):
                await asker.change("cancelVisit", {"visit": visit, "reason": "Not ours"})
            async with demo.stream(demo.token("ADMIN", 1), TRACKING, visit=visit) as stream:
                with pytest.raises(NotAnswered, match="No Visit has that id"):
                    await stream.item()


async def test_the_nested_query_answers_down_to_the_stock_of_a_van(demo: Demo) -> None:
    tracked = demo.access["organizations"][0]["tracking"]["visit_id"]
    found = await demo.ask("DISPATCHER", NESTED, visit=tracked)

    (customer,), served = found["customers"]["nodes"], found["served"]["nodes"]
    (order,) = customer["workOrders"]["nodes"]
    (visit,) = (one for one in order["visits"]["nodes"] if one["id"] == tracked)
    (assignment,) = visit["assignments"]["nodes"]
    levels = assignment["technician"]["van"]["stockLevels"]["nodes"]
    assert [set(level) for level in levels] == [{"onHand", "part"}] * 2
    assert any(customer["contracts"]["nodes"] for customer in served)


async def test_only_a_true_stay_of_the_right_technician_is_an_arrival(demo: Demo) -> None:
    tracking = demo.access["organizations"][0]["tracking"]
    visit = tracking["visit_id"]
    found = (await demo.ask("DISPATCHER", VISIT, id=visit))["visit"]
    place, now = Place(*found["site"]["location"]["coordinates"]), time.time()
    colleague = await technician_of(demo, "SUBCONTRACTOR")
    async with AsyncExitStack() as stack:
        stream: Stream = await stack.enter_async_context(demo.stream(tracking["token"], TRACKING))
        device = await stack.enter_async_context(asking(demo.access["url"], demo.token("TECHNICIAN")))
        gateway = await stack.enter_async_context(asking(demo.access["url"], demo.token("INTEGRATION")))
        assert (await stream.item())["state"] == "DISPATCHED"
        await device.change("startTravel", {"visit": visit})

        # when they walk past, wait 200 m off, and a colleague is at the site
        passing = place.walk(now - 1500) + place.stay(now - 1150, east=200)
        assert await report(device, passing, batches=3) == []
        there = place.stay(now - 900, east=5)
        assert await report(gateway, there, batches=2, technician=colleague) == []
        # then nobody has arrived
        found = (await demo.ask("DISPATCHER", VISIT, id=visit))["visit"]
        assert (found["state"], found["arrival"]) == ("EN_ROUTE", None)

        # when they stay themselves, told out of order, twice, and all of it once more
        stay = place.stay(now - 420, east=5)
        arrived = await report(device, stay, batches=4)
        again = await device.change("reportPositions", {"positions": stay}, COUNTS)
        await device.change("startWork", {"visit": visit})
        items = await stream.read_to(lambda item: item.get("state") == "IN_PROGRESS")

        # then they have arrived once, and the customer was told once
        assert arrived == [visit]
        assert again["accepted"] == 0
        assert again["refused"] == [{"reason": "DUPLICATE", "count": len(stay)}]
        assert Counter(item["__typename"] for item in items)["VisitArrived"] == 1
        (told,) = (item for item in items if item["__typename"] == "VisitArrived")
        found = (await demo.ask("DISPATCHER", VISIT, id=visit))["visit"]
        own = await technician_of(demo, "TECHNICIAN")
        assert (found["arrival"]["confirmedBy"], found["arrival"]["technician"]["id"]) == ("GEOFENCE", own)
        # dated by the first position of the stay, also where later batches had to correct what was told
        texts = (found["arrival"]["occurredAt"], stay[0]["at"], told["occurredAt"], stay[-1]["at"])
        dated, began, said, ended = (datetime.fromisoformat(text) for text in texts)
        assert dated == began <= said <= ended

        # and when the link is revoked, its stream ends
        await revoke(demo, visit)
        assert await stream.closed(SOON_SECONDS) == 4403
    async with asking(demo.access["url"], tracking["token"]) as holder:
        await asyncio.sleep(1)  # for which a token's look-up is remembered
        (error,) = (await holder.send("{ viewer { role } }"))["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def technician_of(demo: Demo, role: str) -> str:
    found = await demo.ask(role, "{ viewer { technician { id } } }")
    key: str = found["viewer"]["technician"]["id"]
    return key


async def revoke(demo: Demo, visit: str) -> None:
    async with asking(demo.access["url"], demo.token("DISPATCHER")) as office:
        links = await office.ask("{ trackingLinks(first: 50) { nodes { id visit { id } } } }")
        (link,) = (one["id"] for one in links["trackingLinks"]["nodes"] if one["visit"]["id"] == visit)
        await office.change("revokeTrackingLink", {"trackingLink": link})


async def test_a_killed_demo_leaves_nothing_behind_and_loses_nothing(demo: Demo) -> None:
    # given a subscriber who has heard of a change, and one more that nobody has heard of
    office = demo.token("DISPATCHER")
    own = await technician_of(demo, "TECHNICIAN")
    waiting = await demo.ask("TECHNICIAN", "{ visits(first: 50) { nodes { id state planned { start } } } }")
    planned = [one for one in waiting["visits"]["nodes"] if one["state"] == "SCHEDULED"]
    first, second = (one["id"] for one in sorted(planned, key=lambda one: str(one["planned"]["start"])))
    async with asking(demo.access["url"], office) as asker:
        async with demo.stream(office, CHANGES, technician=own) as stream:
            await stream.item()
            await asker.change("dispatchVisit", {"visit": first})
            cursor = (await stream.item())["cursor"]
        await asker.change("dispatchVisit", {"visit": second})
        before = await arrivals(asker)
    running = _family(demo)
    assert len(running) == 3

    # when it is killed
    await demo.server.kill()

    # then its processes and its database end by themselves
    await until(lambda: not any(_is_alive(pid) for pid in running))

    # and a new start has everything, under the same ids
    old = demo.access
    seconds = await demo.again()
    sys.stdout.write(f"a killed demo answered again after {seconds:.1f} s\n")
    assert demo.ready_when_told[-1] == 200
    assert [one["id"] for one in demo.access["organizations"]] == [one["id"] for one in old["organizations"]]
    async with asking(old["url"], office) as asker:
        assert before.items() <= (await arrivals(asker)).items()
        # and a subscriber who goes on where they were hears every change once
        for visit in (first, second):
            await asker.change("cancelVisit", {"visit": visit, "reason": "Not needed"})
    async with demo.stream(office, CHANGES, technician=own, after=cursor) as stream:
        items = [await stream.item() for _ in range(3)]
    # Nobody's any more: they leave the technician's part of the schedule, whatever happened before.
    assert [(item["__typename"], item["id"]) for item in items] == [
        ("VisitRemoved", second),
        ("VisitRemoved", first),
        ("VisitRemoved", second),
    ]


async def arrivals(asker: Asker) -> dict[str, str]:
    """Every arrival that there is, by id."""
    where = "{state: {in: [ARRIVED, IN_PROGRESS, COMPLETED]}}"
    found = await asker.ask(
        f"{{ visits(first: 250, where: {where}) {{ nodes {{ arrival {{ id occurredAt }} }} }} }}"
    )
    known = [one["arrival"] for one in found["visits"]["nodes"] if one["arrival"]]
    assert len(known) >= 200
    return {one["id"]: one["occurredAt"] for one in known}


def _family(demo: Demo) -> list[int]:
    """The demo's API process, its worker, and its database server."""
    parent = demo.server.process.pid
    children = [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    (note,) = demo.folder.rglob("postmaster.pid")
    return [*children, int(note.read_text().splitlines()[0])]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Place:
    """A site, and positions as a device reports them around it; metres to the east and north of it."""

    longitude: float
    latitude: float

    def walk(self, start: float) -> list[dict[str, Any]]:
        """Past the door, 20 m off, without a stop: 400 m at 1.4 m/s."""
        return [self._position(start + 10 * n, -200 + 14 * n, 20, 1.4) for n in range(29)]

    def stay(self, start: float, *, east: float) -> list[dict[str, Any]]:
        """Four minutes at rest, with a jitter of 2 m."""
        times = accumulate((5 + n % 6 for n in range(31)), initial=start)
        return [self._position(at, east + (-2, 0, 2)[n % 3], 0, 0.0) for n, at in enumerate(times)]

    def _position(self, at: float, east: float, north: float, speed: float) -> dict[str, Any]:
        longitude = self.longitude + east / (METRES_PER_DEGREE * math.cos(math.radians(self.latitude)))
        latitude = self.latitude + north / METRES_PER_DEGREE
        return {
            "point": {"type": "Point", "coordinates": [longitude, latitude]},
            "at": datetime.fromtimestamp(at, UTC).isoformat(),
            "accuracyMetres": 10.0,
            "speedMetresPerSecond": speed,
        }


async def report(
    asker: Asker, positions: list[dict[str, Any]], *, batches: int, technician: str | None = None
) -> list[str]:
    """Send positions shuffled and doubled, in so many batches; the visits at which they show an arrival."""
    sent = [*positions, *positions]
    random.Random(7).shuffle(sent)  # noqa: S311  # an order, not a secret
    arrived, accepted = [], 0
    for number in range(batches):
        given = {"positions": sent[number::batches], "technician": technician}
        payload = await asker.change("reportPositions", given, "accepted arrivedVisit { id }")
        accepted += payload["accepted"]
        arrived += [payload["arrivedVisit"]["id"]] if payload["arrivedVisit"] else []
    assert accepted == len(positions)
    return arrived
