"""The shape of compose.yaml by hand: two API processes and a worker on one database, and their deaths."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain import ids
from domain.customers import Customer
from domain.viewers import Role
from fieldgraph.addresses import APP_ROLE, sqlalchemy_url
from fieldgraph.postgres import EmbeddedPostgres
from tests.conftest import connected
from tests.domain.world import DAY, MORNING, World, at
from tests.fieldgraph.installations import KEY, Installation, held, outage, token_of, until_blocked
from tests.fieldgraph.running import (
    Asker,
    NotAnswered,
    Server,
    Stream,
    asking,
    plain,
    status,
    subscribed,
    until,
)

SOON_SECONDS = 2.0  # within which a subscriber is promised what another process has committed
DRAIN_SECONDS = 10.0  # within which a process that is told to stop is promised to be gone
PROGRESS = """
subscription Progress($plan: ID!) {
  planProgress(plan: $plan) {
    __typename
    ... on PlanSnapshot { assigned unassigned plan { state version } }
    ... on PlanProposed { assigned unassigned plan { state version } }
    ... on PlanEnded { plan { state failure } }
  }
}
"""
COMING_IN = """
subscription Coming($import: ID!) {
  importProgress(import: $import) {
    __typename
    ... on ImportSnapshot { rowsDone }
    ... on ImportProgressed { rowsTotal rowsDone }
    ... on ImportEnded { rowsDone failed import { state created rowsTotal } }
  }
}
"""
VISITS = "query Visits($ids: [ID!]!) { visits(where: {id: {in: $ids}}) { nodes { id state } } }"


@pytest.fixture(scope="module")
async def standing(
    postgres: EmbeddedPostgres, template: str, database_numbers: Iterator[int], shared_memory_folder: Path
) -> AsyncIterator[Installation]:
    name, maintenance = f"test_{next(database_numbers)}", postgres.url("postgres")
    async with connected(maintenance) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    app_url = postgres.url(name, user=APP_ROLE)
    engine = create_async_engine(sqlalchemy_url(app_url), poolclass=NullPool)
    world = await World.make(engine)
    folder = shared_memory_folder / "processes"
    folder.mkdir()
    standing = Installation(
        database=name,
        maintenance_url=maintenance,
        owner_url=postgres.url(name),
        world=world,
        folder=folder,
        token=token_of(world),
        environment={
            "DATABASE_URL": postgres.url(name),
            "APP_DATABASE_URL": app_url,
            "FIELDGRAPH_SIGNING_KEY": KEY,
            "FIELDGRAPH_DATA_FOLDER": str(folder),
            # Business time begins with the morning of the world and runs as fast as ours.
            "FIELDGRAPH_CLOCK_REAL_ORIGIN": str(time.time()),
            "FIELDGRAPH_CLOCK_BUSINESS_ORIGIN": str(MORNING.timestamp()),
        },
    )
    try:
        yield standing
    finally:
        await standing.down()
        await engine.dispose()
        async with connected(maintenance) as connection:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def installation(standing: Installation) -> Installation:
    await standing.up()
    return standing


@pytest.fixture
async def through_a(installation: Installation) -> AsyncIterator[Asker]:
    async with asking(installation.a.graph, installation.token) as asker:
        yield asker


@pytest.fixture
async def through_b(installation: Installation) -> AsyncIterator[Asker]:
    async with asking(installation.b.graph, installation.token) as asker:
        yield asker


def told(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Kind and visit of each item."""
    return [(item["__typename"], item["visit"]["id"]) for item in items]


def concerns(visit: str) -> Callable[[dict[str, Any]], bool]:
    return lambda item: item.get("visit", {}).get("id") == visit


async def morning(world: World, visits: int) -> tuple[str, list[str]]:
    """A new technician of an empty day, and visits that wait for somebody."""
    technician, kind = await world.technician(f"T{world.number()}"), await world.work_type(hours=0.25)
    keys = [await world.visit(kind, step=1 + step) for step in range(visits)]
    return ids.encode("tec", technician), [ids.encode("vis", key) for key in keys]


def slot(visit: str, technician: str, hours: float) -> dict[str, str]:
    return {"visit": visit, "technician": technician, "start": at(hours).isoformat()}


async def test_a_change_through_one_process_reaches_a_subscriber_of_the_other(
    installation: Installation, through_a: Asker, through_b: Asker
) -> None:
    # given a subscriber of the second process
    technician, (first, second) = await morning(installation.world, 2)
    async with installation.changes(installation.b) as stream:
        assert (await stream.item())["__typename"] == "ScheduleSnapshot"

        # when visits are scheduled through the first process, and one through its own
        await through_a.change("scheduleVisit", slot(first, technician, 9))
        item = await stream.item(SOON_SECONDS)
        await through_a.change("dispatchVisit", {"visit": first})
        await stream.item(SOON_SECONDS)
        await through_b.change("scheduleVisit", slot(second, technician, 10))
        await stream.item(SOON_SECONDS)

    # then each is told once, with what was before
    assert item["before"] == {"state": "UNSCHEDULED"}
    assert told(stream.heard[1:]) == [
        ("VisitScheduled", first),
        ("VisitProgressed", first),
        ("VisitScheduled", second),
    ]


async def test_a_plan_goes_through_all_processes(
    installation: Installation, through_a: Asker, through_b: Asker
) -> None:
    # given three visits, and a fourth to mark the end
    technician, (*visits, last) = await morning(installation.world, 4)
    given = {"day": DAY.isoformat(), "seconds": 1, "technicians": [technician], "visits": visits}
    plan = (await through_a.change("proposePlan", given, "plan { id }"))["plan"]["id"]

    # when the worker has solved it, told by the process that was not asked
    async with subscribed(installation.b.ws_url, installation.token, PROGRESS, {"plan": plan}) as progress:
        proposed = (await progress.read_to(_is_proposed))[-1]
        assert (proposed["assigned"], proposed["unassigned"]) == (3, 0)
        async with installation.changes(installation.b) as stream:
            await stream.item()
            commit = {"plan": plan, "expectedVersion": proposed["plan"]["version"]}
            committed = await through_a.change("commitPlan", commit, "plan { state }")
            await through_a.change("scheduleVisit", slot(last, technician, 15))
            items = await stream.read_to(concerns(last))
        ended = (await progress.read_to(lambda item: item["__typename"] == "PlanEnded"))[-1]

    # then its visits are scheduled and each was told once
    assert committed["plan"] == {"state": "COMMITTED"}
    assert ended["plan"] == {"state": "COMMITTED", "failure": None}
    assert Counter(told(items)) == {("VisitScheduled", visit): 1 for visit in (*visits, last)}
    found = await through_b.ask(VISITS, ids=visits)
    assert {one["id"]: one["state"] for one in found["visits"]["nodes"]} == dict.fromkeys(visits, "SCHEDULED")


async def test_a_file_goes_through_all_processes_and_a_killed_worker(installation: Installation) -> None:
    # given a file that one process announced and the other took in
    token = token_of(installation.world, Role.INTEGRATION)
    content = "system,key,name\n" + "".join(f"erp,{n},Customer {n}\n" for n in range(2000))
    async with (
        asking(installation.a.graph, token) as asker,
        subscribed_to_import(installation, asker, token, content=content) as stream,
    ):
        # when the worker dies in the middle, and another comes
        await stream.read_to(lambda item: (item.get("rowsDone") or 0) > 0)
        assert installation.worker is not None
        await installation.worker.kill()
        installation.work()
        ended = (await stream.read_to(lambda item: item["__typename"] == "ImportEnded"))[-1]

    # then every line is a customer, once
    assert ended["import"] == {"state": "DONE", "created": 2000, "rowsTotal": 2000}
    assert (ended["rowsDone"], ended["failed"]) == (2000, 0)
    names = [row.name for row in await installation.world.all(Customer) if row.name.startswith("Customer ")]
    assert sorted(names) == sorted(f"Customer {n}" for n in range(2000))


@asynccontextmanager
async def subscribed_to_import(
    installation: Installation, asker: Asker, token: str, *, content: str
) -> AsyncIterator[Stream]:
    """A file handed in through the second process, and what the second process tells of its import."""
    said = {"name": "customers.csv", "contentType": "text/csv", "bytes": len(content)}
    given = await asker.change("createUpload", said, "upload { id } url method headers { name value }")
    door = given["url"].replace(installation.a.url, installation.b.url)
    headers = {one["name"]: one["value"] for one in given["headers"]}
    answer = await asker.http.request(given["method"], door, content=content, headers=headers)
    assert answer.status_code == 204, answer.text
    asked = {"kind": "CUSTOMERS", "file": given["upload"]["id"]}
    key = (await asker.change("importRows", asked, "import { id }"))["import"]["id"]
    async with subscribed(installation.b.ws_url, token, COMING_IN, {"import": key}) as stream:
        yield stream


async def test_kill_of_an_api_process_loses_nothing_and_a_cursor_gets_every_event_once(
    installation: Installation, through_a: Asker, through_b: Asker
) -> None:
    technician, (first, *hasty, away, last) = await morning(installation.world, 15)
    slots = {visit: slot(visit, technician, 8 + number / 2) for number, visit in enumerate(hasty)}
    async with installation.changes(installation.a) as faithful:
        await faithful.item()
        async with installation.changes(installation.b) as cut:
            # given a subscriber who has heard one event from the process that is going to die
            await cut.item()
            await through_b.change("scheduleVisit", slot(first, technician, 14.5))
            cursor = (await cut.item())["cursor"]

            # when it dies while it is written to
            writing = [
                asyncio.create_task(through_b.change("scheduleVisit", given, key=f"{visit}:once"))
                for visit, given in slots.items()
            ]
            await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
            await installation.b.kill()
            answers = await asyncio.gather(*writing, return_exceptions=True)
            assert await cut.closed() == 1006
        # and whoever had no answer asks the other one, with the same key
        answered = [visit for visit, answer in zip(slots, answers, strict=True) if isinstance(answer, dict)]
        assert answered, answers
        assert all(isinstance(answer, dict | httpx.TransportError) for answer in answers)
        for visit in slots.keys() - set(answered):
            await through_a.change("scheduleVisit", slots[visit], key=f"{visit}:once")
        await through_a.change("scheduleVisit", slot(away, technician, 15))
        installation.serve("b")
        await installation.b.ready()
        await through_b.change("scheduleVisit", slot(last, technician, 15.5))
        everything = await faithful.read_to(concerns(last))

    # then the subscriber goes on where it was, and hears each change once, in the order of all others
    async with installation.changes(installation.b, after=cursor) as resumed:
        items = await resumed.read_to(concerns(last))
    assert Counter(told(items)) == {("VisitScheduled", visit): 1 for visit in (*hasty, away, last)}
    assert told(everything)[0] == ("VisitScheduled", first)
    assert items == everything[1:]
    found = await through_b.ask(VISITS, ids=[first, *hasty, away, last])
    assert Counter(one["state"] for one in found["visits"]["nodes"]) == {"SCHEDULED": 15}


async def test_the_plan_of_a_killed_worker_is_finished_by_another(
    installation: Installation, through_a: Asker
) -> None:
    # given a worker in the middle of a plan
    technician, visits = await morning(installation.world, 2)
    given = {"day": DAY.isoformat(), "seconds": 4, "technicians": [technician], "visits": visits}
    plan = (await through_a.change("proposePlan", given, "plan { id }"))["plan"]["id"]
    async with subscribed(installation.b.ws_url, installation.token, PROGRESS, {"plan": plan}) as progress:
        begun = await progress.read_to(_is_under_way)
        assert begun[-1]["__typename"] != "PlanProposed"

        # when it is killed, and its lease of fifteen seconds is over
        assert installation.worker is not None
        await installation.worker.kill()
        async with connected(installation.owner_url) as owner:
            assert await owner.fetchval("SELECT count(*) FROM job WHERE state = 'RUNNING'") == 1
            await owner.execute("UPDATE job SET leased_until = clock_timestamp() WHERE state = 'RUNNING'")
        installation.work()

        # then another one finishes the plan, once
        proposed = (await progress.read_to(_is_proposed))[-1]
        assert proposed["assigned"] == 2
        await through_a.change("commitPlan", {"plan": plan})
        await progress.read_to(lambda item: item["__typename"] == "PlanEnded")
    assert Counter(item["__typename"] for item in progress.heard)["PlanProposed"] == 1
    found = await through_a.ask(VISITS, ids=visits)
    assert [one["state"] for one in found["visits"]["nodes"]] == ["SCHEDULED", "SCHEDULED"]


def _is_proposed(item: dict[str, Any]) -> bool:
    """Told as an event, or by the snapshot of one who came later."""
    return item["__typename"] in {"PlanSnapshot", "PlanProposed"} and item["plan"]["state"] == "PROPOSED"


def _is_under_way(item: dict[str, Any]) -> bool:
    if item["__typename"] == "PlanSnapshot":
        return bool(item["plan"]["state"] == "SOLVING")
    return item["__typename"] in {"PlanStarted", "PlanImproved", "PlanProposed"}


async def test_a_process_that_is_told_to_stop_answers_what_was_asked_and_closes_its_sockets(
    installation: Installation, through_a: Asker
) -> None:
    technician, (visit,) = await morning(installation.world, 1)
    async with installation.changes(installation.a) as stream, installation.events(installation.a) as events:
        await stream.item()
        # given a change that waits for another transaction
        async with held(installation, visit):
            asked = asyncio.create_task(through_a.change("scheduleVisit", slot(visit, technician, 9)))
            await until_blocked(installation)

            # when the process is told to stop
            installation.a.terminate()

            # then its sockets are told that it restarts, and nobody new is let in
            assert await stream.closed(DRAIN_SECONDS) == 1012
            assert [line async for line in events if line.startswith("event")] == ["event: next"]
        # and the change is answered before it goes
        await asked
        await installation.a.ended(DRAIN_SECONDS)
    async with asking(installation.b.graph, installation.token) as through_b:
        found = await through_b.ask(VISITS, ids=[visit])
    assert found["visits"]["nodes"] == [{"id": visit, "state": "SCHEDULED"}]
    assert "Traceback" not in installation.a.said()


async def test_an_outage_of_the_database_is_told_and_survived(
    installation: Installation, through_a: Asker, through_b: Asker
) -> None:
    servers = (installation.a, installation.b)
    technician, (first, second) = await morning(installation.world, 2)
    async with installation.changes(installation.b) as stream:
        await stream.item()
        # given that nobody gets to the database
        async with outage(installation):
            for server in servers:
                await until(lambda server=server: status(f"{server.url}/readyz") == 503)  # type: ignore[misc]  # a bound default
                assert status(f"{server.url}/healthz") == 200
            with pytest.raises(NotAnswered, match="INTERNAL_SERVER_ERROR"):
                await through_a.change("scheduleVisit", slot(first, technician, 9))

        # when it is back
        for server in servers:
            await server.ready()

        # then changes, streams and plans go on, also where nobody has asked meanwhile
        await through_b.change("scheduleVisit", slot(second, technician, 9))
        await stream.read_to(concerns(second))
        assert told(stream.heard[1:]) == [("VisitScheduled", second)]
        given = {"day": DAY.isoformat(), "seconds": 1, "technicians": [technician], "visits": [first]}
        plan = (await through_a.change("proposePlan", given, "plan { id }"))["plan"]["id"]
    async with subscribed(installation.b.ws_url, installation.token, PROGRESS, {"plan": plan}) as progress:
        proposed = (await progress.read_to(_is_proposed))[-1]
    assert (proposed["assigned"], proposed["unassigned"]) == (2, 0)
    assert installation.worker is not None
    assert installation.worker.is_running


async def test_a_process_tells_how_it_is(installation: Installation, through_a: Asker) -> None:
    before = sample(installation.a, 'fieldgraph_requests_total{door="http",kind="query",outcome="OK"}')
    refused = 'fieldgraph_requests_total{door="http",kind="unknown",outcome="GRAPHQL_VALIDATION_FAILED"}'
    refused_before = sample(installation.a, refused)

    async with AsyncExitStack() as stack:
        for _ in range(2):
            stream: Stream = await stack.enter_async_context(installation.changes(installation.a))
            await stream.item()
        for _ in range(3):
            await through_a.ask("{ viewer { role } }")
        await through_a.send("{ nothing }")

        assert status(f"{installation.a.url}/healthz") == 200
        assert status(f"{installation.a.url}/readyz") == 200
        assert sample(installation.a, "fieldgraph_sockets") == 2
        assert sample(installation.a, "fieldgraph_socket_operations") == 2
    after = sample(installation.a, 'fieldgraph_requests_total{door="http",kind="query",outcome="OK"}')
    assert after - before == 3
    assert sample(installation.a, refused) - refused_before == 1
    await until(lambda: sample(installation.a, "fieldgraph_sockets") == 0)


def sample(server: Server, name: str) -> float:
    """One number of /metrics; 0 for a series that has not begun."""
    lines = plain(f"{server.url}/metrics").splitlines()
    found = [line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] == name]
    return float(found[0]) if found else 0.0
