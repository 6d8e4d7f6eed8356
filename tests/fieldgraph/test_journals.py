"""The journal: which operations get a line, and what is written when there are too many."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from domain.viewers import Role, Viewer
from fieldgraph import journals
from fieldgraph.journals import REFUSED_A_SECOND, Journal, Wants
from fieldgraph.transport.records import Record
from tests.patience import PATIENCE_SECONDS

ORGANIZATION = UUID("018f0000-0000-7000-8000-000000000001")
USER = UUID("018f0000-0000-7000-8000-00000000000f")
KEY = UUID("018f0000-0000-7000-8000-00000000000c")


def record(*, outcome: str = "OK", viewer: Viewer | None = None) -> Record:
    made = Record("http")
    made.kind, made.name, made.outcome, made.viewer = "query", "Board", outcome, viewer
    made.request_id, made.status, made.bytes = "boot-1", 200, 12
    made.requested, made.actual = 9, 4
    return made


async def written(wants: Wants, tell: Callable[[Journal], None]) -> list[dict[str, Any]]:
    batches: list[bytes] = []
    journal = Journal(wants, batches.append)
    tell(journal)
    await journal.close()
    return [json.loads(line) for line in b"".join(batches).splitlines()]


async def test_an_operation_is_a_line_with_its_fields() -> None:
    viewer = Viewer(organization_id=ORGANIZATION, role=Role.DISPATCHER, subject="Mira Virtanen", user_id=USER)

    (line,) = await written(Wants(), lambda journal: journal.operation(record(viewer=viewer), 0.01234))

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "fieldgraph.requests",
        "event": "request",
        "door": "http",
        "kind": "query",
        "outcome": "OK",
        "ms": 12.34,
        "bytes": 12,
        "request_id": "boot-1",
        "operation": "Board",
        "cost_requested": 9,
        "cost": 4,
        "organization": str(ORGANIZATION),
        "role": "DISPATCHER",
        "by": "token",
        "user": str(USER),
        "status": 200,
    }


@pytest.mark.parametrize(
    ("role", "credential", "user", "by"),
    [
        (Role.TRACKING, KEY, None, "link"),
        (Role.INTEGRATION, KEY, None, "key"),
        (Role.TECHNICIAN, KEY, USER, "secret"),
        (Role.ADMIN, None, None, "token"),
    ],
)
async def test_a_line_names_the_kind_of_credential_and_nobody(
    role: Role, credential: UUID | None, user: UUID | None, by: str
) -> None:
    viewer = Viewer(
        organization_id=ORGANIZATION, role=role, subject="Mira", user_id=user, credential_id=credential
    )

    (line,) = await written(Wants(), lambda journal: journal.operation(record(viewer=viewer), 0.0))

    assert line["by"] == by
    assert line.get("credential") == (str(credential) if credential else None)
    assert "Mira" not in json.dumps(line)


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        (Wants("all"), ["info OK", "warning OK", "info FORBIDDEN", "warning INTERNAL_SERVER_ERROR"]),
        (Wants("slow"), ["warning OK", "warning INTERNAL_SERVER_ERROR"]),
        (Wants("all", level="warning"), ["warning OK", "warning INTERNAL_SERVER_ERROR"]),
        (Wants("all", level="error"), []),
    ],
)
async def test_settings_say_which_operations_get_a_line(wants: Wants, told: list[str]) -> None:
    def tell(journal: Journal) -> None:
        journal.operation(record(), 0.499)
        journal.operation(record(), 0.5)
        journal.operation(record(outcome="FORBIDDEN"), 0.0)
        journal.operation(record(outcome="INTERNAL_SERVER_ERROR"), 0.0)

    lines = await written(wants, tell)

    assert [f"{line['level']} {line['outcome']}" for line in lines] == told


async def test_a_subscription_is_not_slow_for_being_long() -> None:
    streamed = record()
    streamed.items = 3

    lines = await written(Wants("all"), lambda journal: journal.operation(streamed, 3600.0))

    assert [(line["level"], line["items"]) for line in lines] == [("info", 3)]


async def test_a_flood_of_refusals_is_some_lines_and_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        journals, "time", SimpleNamespace(monotonic=lambda: 5.5, time=lambda: 0.0)
    )  # all in one second

    def tell(journal: Journal) -> None:
        for _ in range(10_000):
            journal.operation(record(outcome="UNAUTHENTICATED"), 0.0)
        journal.operation(record(outcome="FORBIDDEN"), 0.0)
        for _ in range(50):
            journal.closed(4403)
            journal.operation(record(), 0.0)

    lines = await written(Wants(), tell)

    outcomes = [line.get("outcome") for line in lines]
    assert outcomes.count("UNAUTHENTICATED") == REFUSED_A_SECOND
    assert outcomes.count("FORBIDDEN") == 1
    assert outcomes.count("OK") == 50
    assert [line["event"] for line in lines].count("socket_closed") == REFUSED_A_SECOND
    assert lines[-1]["event"] == "requests_refused"
    assert lines[-1]["untold"] == {
        "UNAUTHENTICATED": 10_000 - REFUSED_A_SECOND,
        "4403": 50 - REFUSED_A_SECOND,
    }


async def test_who_reads_the_log_too_slowly_loses_lines_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journals, "WAITING_BYTES_MOST", 20_000)
    monkeypatch.setattr(journals, "BATCH_BYTES", 1_000)
    free = asyncio.Event()
    loop, batches = asyncio.get_running_loop(), []

    def write(batch: bytes) -> None:
        asyncio.run_coroutine_threadsafe(free.wait(), loop).result()
        batches.append(batch)

    journal = Journal(Wants(), write)
    for _ in range(1_000):
        journal.operation(record(), 0.0)
    held = journal._waiting
    free.set()
    await journal.close()

    lines = [json.loads(line) for line in b"".join(batches).splitlines()]
    assert 15_000 < held <= 20_000
    lost = 1_000 - sum(line["event"] == "request" for line in lines)
    assert lines[-1]["event"] == "requests_not_logged"
    assert lines[-1]["lines"] == lost > 500


async def test_lines_are_written_in_a_moment_without_anybody_asking() -> None:
    batches: list[bytes] = []
    journal = Journal(Wants(), batches.append)

    journal.operation(record(), 0.0)
    assert batches == []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not batches:  # noqa: ASYNC110  # a thread writes
            await asyncio.sleep(0.01)

    assert b"".join(batches).count(b"\n") == 1


async def test_a_place_that_cannot_be_written_to_is_nobodys_fault() -> None:
    def write(_batch: bytes) -> None:
        raise BrokenPipeError

    journal = Journal(Wants(), write)
    journal.operation(record(), 0.0)
    journal._flush()
    await journal.close()

    assert journal._lines == []


async def test_what_ends_after_the_journal_is_closed_is_written_at_once() -> None:
    batches: list[bytes] = []
    journal = Journal(Wants(), batches.append)
    await journal.close()

    journal.operation(record(), 0.0)

    assert b"".join(batches).count(b"\n") == 1
    assert journal._timer is None


async def test_people_get_text() -> None:
    batches: list[bytes] = []
    journal = Journal(Wants(as_json=False), batches.append)
    journal.operation(record(), 0.0)
    await journal.close()

    text = b"".join(batches).decode()
    assert text.endswith(
        " [info     ] request                        [fieldgraph.requests] door=http kind=query outcome=OK"
        " ms=0.0 bytes=12 request_id=boot-1 operation=Board cost_requested=9 cost=4 status=200\n"
    )
