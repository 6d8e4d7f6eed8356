"""The watch over tokens: who has lost theirs is told, and nobody else is."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import structlog

from domain.viewers import Role, Viewer
from fieldgraph.transport.watches import CHANGED, Watch
from integrations.identity import Identity, new_secret
from tests.fieldgraph.transport.conftest import until

VIEWER = Viewer(
    organization_id=UUID("018f0000-0000-7000-8000-000000000001"),
    role=Role.TRACKING,
    subject="link",
    visit_id=UUID("018f0000-0000-7000-8000-00000000000e"),
    credential_id=UUID("018f0000-0000-7000-8000-00000000000c"),
)


class Links:
    """The links there are; an outage is told by an error."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.away = False
        self.holder = VIEWER

    async def find(self, digest: bytes) -> Viewer | None:
        if self.away:
            raise OSError("the database does not answer")
        return self.holder if digest in self.known else None


async def test_only_whose_token_is_gone_is_told() -> None:
    links, told = Links(), list[str]()
    identity = Identity(key=b"k" * 32, issuer="fieldgraph", audience="graphql", find_credential=links.find)
    watch = Watch(identity, every_seconds=0.01)
    (first, one), (second, other) = new_secret("trk_"), new_secret("trk_")
    links.known |= {one, other}

    def end_first(_reason: str) -> None:
        told.append("first")

    def end_second(_reason: str) -> None:
        told.append("second")

    watch.begin(first, VIEWER, end_first)
    watch.begin(second, VIEWER, end_second)
    await asyncio.sleep(0.05)
    links.known.discard(one)
    identity._secrets.clear()  # stands for the second that a look-up is remembered
    await until(lambda: "first" in told)
    assert set(told) == {"first"}

    watch.stop(first, end_first)
    watch.stop(first, end_first)
    assert watch._task is not None
    watch.stop(second, end_second)
    assert [len(watch._ends), watch._task is None] == [0, True]


async def test_an_outage_takes_no_rights_from_anybody() -> None:
    links, told = Links(), list[str]()
    links.away = True
    identity = Identity(key=b"k" * 32, issuer="fieldgraph", audience="graphql", find_credential=links.find)
    watch = Watch(identity, every_seconds=0.01)
    secret, _ = new_secret("trk_")

    with structlog.testing.capture_logs() as logs:
        watch.begin(secret, VIEWER, told.append)
        await until(lambda: bool(logs))
        watch.stop(secret, told.append)

    assert told == []
    assert {(entry["event"], entry["error"]) for entry in logs} == {("token_not_looked_at", "OSError")}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"role": Role.CUSTOMER}, {CHANGED}),
        ({"scopes": frozenset({"parts:read"})}, {CHANGED}),
        ({"visit_id": UUID(int=1)}, {CHANGED}),
        ({"customer_id": UUID(int=1)}, {CHANGED}),
        ({"technician_id": UUID(int=1)}, {CHANGED}),
        ({"expires_at": datetime(2100, 1, 1, tzinfo=UTC), "seen": "1:1:"}, set()),
    ],
)
async def test_who_may_other_things_now_is_told(now: dict[str, Any], expected: set[str]) -> None:
    links, told = Links(), list[str]()
    identity = Identity(key=b"k" * 32, issuer="fieldgraph", audience="graphql", find_credential=links.find)
    watch = Watch(identity, every_seconds=0.01)
    secret, digest = new_secret("trk_")
    links.known.add(digest)
    links.holder = replace(VIEWER, **now)

    watch.begin(secret, VIEWER, told.append)
    if expected:
        await until(lambda: bool(told))
    else:
        await asyncio.sleep(0.05)
    watch.stop(secret, told.append)

    assert set(told) == expected
