"""The demo's driver: a day lived through the public API, disturbed, repaired, and gone on with."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from graphql import build_schema, parse, validate
from structlog.testing import capture_logs

from fieldgraph.demo import board, drive, rounds
from fieldgraph.demo.board import Board, Stop
from fieldgraph.demo.drive import Keys, Script
from fieldgraph.demo.remote import NotAnswered, RemoteGraph
from resolvers.root import build
from tests.conftest import Database, connected
from tests.fieldgraph.driven import START, Day, day, helsinki

SPEED = 120.0
DRIVEN = 6  # technicians: enough for a story, few enough for a busy machine
PATIENCE_SECONDS = 150.0
STEPS = ("acceptOffer", "dispatchVisit", "startTravel", "recordArrival", "startWork", "completeVisit")
DOCUMENTS = (
    board.OPEN_VISITS + board.STOP,
    rounds.REPORT + board.STOP,
    rounds.TASKS,
    rounds.DONE,
    rounds.UPLOAD,
    *(rounds.step(field) for field in STEPS),
    drive.TECHNICIANS,
    drive.PLACES,
    drive.PROPOSE,
    drive.PLAN,
    drive.COMMIT,
    drive.CREATE,
    drive.ABSENCE,
)


def visit(key: str, state: str, *, start: str | None = None, version: int = 1) -> dict[str, Any]:
    return {
        "id": key,
        "version": version,
        "state": state,
        "duration": "PT1800S",
        "plannedStart": start,
        "actual": {"arrivedAt": None, "startedAt": None},
        "site": {"location": {"type": "Point", "coordinates": [24.94, 60.17]}},
        "assignments": {"nodes": [{"state": "ACCEPTED", "technician": {"id": "tec1_a"}}] if start else []},
    }


def test_every_document_of_the_demo_is_valid() -> None:
    published = build_schema(build().as_str())

    assert [str(error) for document in DOCUMENTS for error in validate(published, parse(document))] == []


async def test_what_is_under_way_comes_first_then_what_is_dispatched_then_the_plan() -> None:
    async with RemoteGraph.http_client() as http:
        known = Board(RemoteGraph("http://127.0.0.1:9/graphql", http), "token")
    for key, state, hour in (
        ("later", "SCHEDULED", 12),
        ("next", "DISPATCHED", 13),
        ("now", "IN_PROGRESS", 14),
        ("sooner", "SCHEDULED", 11),
    ):
        known.take(visit(key, state, start=f"2026-11-23T{hour}:00:00+00:00"))
    known.take(visit("pool", "UNSCHEDULED"))

    assert [stop.id for stop in known.of("tec1_a")] == ["now", "next", "sooner", "later"]
    assert known.of("tec1_b") == []
    assert {stop.id for stop in known.movable(["tec1_a"])} == {"pool", "sooner", "later"}
    assert {stop.id for stop in known.movable(["tec1_b"])} == {"pool"}


def test_a_visit_is_read_with_its_place_and_length() -> None:
    stop = Stop.read(visit("v", "SCHEDULED", start="2026-11-23T12:00:00+00:00"))

    assert (stop.seconds, stop.place, stop.technician) == (1800, (24.94, 60.17), "tec1_a")
    assert stop.planned_start == START.replace(hour=12, minute=0)


class Slow:
    """A graph whose worker takes the plan when it has been asked for so many times."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    async def ask(self, *_said: object) -> dict[str, Any]:
        self.turns -= 1
        return {"plan": {"id": "pln1_x", "state": "DRAFT" if self.turns else "SOLVING"}}


async def test_a_plan_that_no_worker_has_taken_yet_is_waited_for_and_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drive, "PLAN_POLL_SECONDS", 0.001)
    monkeypatch.setattr(drive, "QUIET_SECONDS", 0.003)
    graph: Any = Slow(9)
    script: Any = None
    clock: Any = None
    story = drive.Story(graph, Keys(dispatcher="d", devices={}), script=script, clock=clock)

    with capture_logs() as told:
        plan = await story._taken({"id": "pln1_x", "state": "DRAFT"})

    assert (plan["state"], graph.turns) == ("SOLVING", 0)
    assert [(line["event"], line["what"]) for line in told] == [("demo waits", "plan")]
    assert "loads its kernels first" in told[0]["reason"]
    monkeypatch.setattr(drive, "TAKEN_PATIENCE_SECONDS", 0.003)
    graph.turns = 99
    with pytest.raises(NotAnswered, match="No worker has taken the plan"):
        await story._taken({"id": "pln1_x", "state": "DRAFT"})


async def test_a_day_is_planned_driven_disturbed_repaired_and_gone_on_with(
    database: Database, tmp_path: Path
) -> None:
    async with (
        day(database, tmp_path, speed=SPEED, worker=True) as running,
        connected(database.owner_url) as owner,
    ):
        # given a day that is lived at a hundred and twenty times its pace
        facts = await lived(running, owner, at_least={"arrived": 6, "completed": 2, "absent": 1})

        # then technicians were seen by the fences, on roads, and nobody else said where they are
        assert facts["told"] * 10 <= facts["arrived"]
        assert facts["emergencies"] == 1
        assert facts["positions"] > 500
        assert facts["reporters"] == DRIVEN

        # and what waits for the visitor is as it was
        waiting = await owner.fetch(
            "SELECT state, planned_start FROM visit WHERE id = ANY($1) ORDER BY planned_start",
            list(running.seeded.tracked),
        )
        assert [row["state"] for row in waiting] == ["DISPATCHED", "SCHEDULED", "SCHEDULED"]
        assert waiting[0]["planned_start"] == START + timedelta(minutes=20)
        visitors = "SELECT count(*) FROM position WHERE technician_id = ANY($1)"
        assert await owner.fetchval(visitors, list(running.seeded.visitors)) == 0

        # when the driver starts anew, it goes on, has all work signed for now, and tells no story twice
        await owner.execute("UPDATE work_type SET signature_required = true")
        signed = "SELECT count(*) FROM attachment WHERE kind = 'SIGNATURE' AND taken_at >= $1"
        before = await owner.fetchval(signed, START)
        again = await lived(running, owner, at_least={"completed": facts["completed"] + 2})
        assert again["emergencies"] == 1
        assert again["absent"] == 1
        assert await owner.fetchval(signed, START) >= before + 2


async def lived(running: Day, owner: asyncpg.Connection, *, at_least: dict[str, int]) -> dict[str, Any]:
    """Drive until the facts are there; what they are then."""
    devices = dict(list(running.keys.devices.items())[:DRIVEN])
    keys = Keys(dispatcher=running.keys.dispatcher, devices=devices)
    script = Script(
        day=running.seeded.day,
        start=START,
        roads=helsinki().roads,
        plan_seconds=2,
        emergency_after=timedelta(minutes=8),
        sick_after=timedelta(minutes=14),
    )
    stop = asyncio.Event()
    driving = asyncio.create_task(
        drive.drive(running.server.graph, keys, script=script, clock=running.clock, stop=stop)
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                facts = await counted(owner)
                if all(facts[name] >= least for name, least in at_least.items()):
                    return facts
                assert not driving.done()
                await asyncio.sleep(0.5)
    except TimeoutError:
        pytest.fail(f"after {PATIENCE_SECONDS} s: {facts}; {running.server.said()}")
    finally:
        stop.set()
        await driving


async def counted(owner: asyncpg.Connection) -> dict[str, Any]:
    row = await owner.fetchrow(
        """
        SELECT
          (SELECT count(*) FROM arrival WHERE created_at >= $1 AND confirmed_by = 'GEOFENCE') AS arrived,
          (SELECT count(*) FROM arrival WHERE created_at >= $1 AND confirmed_by <> 'GEOFENCE') AS told,
          (SELECT count(*) FROM visit WHERE ended_at >= $1 AND state = 'COMPLETED') AS completed,
          (SELECT count(*) FROM absence WHERE created_at >= $1) AS absent,
          (SELECT count(*) FROM work_order WHERE title LIKE 'Emergency:%') AS emergencies,
          (SELECT count(*) FROM position) AS positions,
          (SELECT count(DISTINCT technician_id) FROM position) AS reporters
        """,
        START,
    )
    assert row is not None
    return dict(row)
