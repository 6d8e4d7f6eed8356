"""Cohorts: one execution for all who see the same, joined and left at any moment; no gap, no double."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from domain.viewers import Role, Viewer
from realtime.members import Packet
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import until
from tests.resolvers.companies import Companies
from tests.resolvers.test_mutations import CANCEL, _free
from tests.resolvers.test_shared import two
from tests.resolvers.test_subscriptions import CHANGES, LINK, TRACKING, _schedule

Data = dict[str, Any]


@dataclass
class Watcher:
    """What one subscription was told, by whichever way."""

    at_once: bool = True
    is_slow: bool = False
    bodies: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    def take(self, packet: Packet) -> bool:
        if not self.at_once or self.is_slow:
            return False
        self._add(packet.body)
        return True

    def _add(self, body: bytes) -> None:
        self.bodies.append(body)
        self.came.set()

    async def run(self, results: AsyncIterator[bytes]) -> None:
        async with aclosing(results):  # type: ignore[type-var]  # an async generator
            async for body in results:
                self._add(body)
                await until(lambda: not self.is_slow)

    def items(self) -> list[Data]:
        return [next(iter(json.loads(body)["data"].values())) for body in self.bodies]

    async def until(self, number: int) -> list[Data]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.bodies) < number:
                self.came.clear()
                await self.came.wait()
        return self.items()


@asynccontextmanager
async def watching(
    company: Companies,
    query: str,
    variables: Data | None = None,
    *,
    viewer: Viewer | None = None,
    at_once: bool = True,
) -> AsyncIterator[Watcher]:
    asker, watcher = viewer or company.viewer(Role.DISPATCHER), Watcher(at_once)
    operation = await company.prepared(query, asker)
    results = company.app.executor.stream(operation, variables or {}, viewer=asker, direct=watcher.take)
    watcher.task = asyncio.create_task(watcher.run(results))
    try:
        yield watcher
    finally:
        watcher.task.cancel()
        await asyncio.wait([watcher.task])


def somebody(company: Companies, role: Role = Role.DISPATCHER) -> Viewer:
    """Another person with the same rights."""
    return replace(company.viewer(role), subject=f"user:{uuid4()}")


async def test_many_are_told_the_same_bytes_by_one_execution(company: Companies) -> None:
    able, _, visit = await _free(company)
    reads, cohorts = company.app.reads, company.app.executor.streams.cohorts
    async with AsyncExitStack() as stack:
        watchers = [
            await stack.enter_async_context(
                watching(company, CHANGES, viewer=somebody(company), at_once=bool(n % 2))
            )
            for n in range(8)
        ]
        for one in watchers:
            await one.until(1)
        await until(lambda: cohorts.members == 8)
        assert len(cohorts) == 1
        await _schedule(company, 0.5, visit=visit["id"], technician=able)
        before = reads.statements
        for one in watchers:
            assert (await one.until(2))[1]["__typename"] == "VisitScheduled"
        assert len({one.bodies[1] for one in watchers}) == 1
        # The mutation's own reads are over; of the eight one alone was read for.
        assert reads.statements - before <= 1
    assert (len(cohorts), company.app.hub.subscriptions) == (0, 0)


async def test_who_sees_less_or_asks_otherwise_is_of_another_cohort(company: Companies) -> None:
    cohorts = company.app.executor.streams.cohorts
    able, _, visit = await _free(company)
    asked: list[tuple[Data, Viewer]] = [
        ({}, company.viewer(Role.DISPATCHER)),
        ({"scope": {"technicians": [able]}}, company.viewer(Role.DISPATCHER)),
        ({}, company.viewer(Role.ADMIN)),
        ({}, company.viewer(Role.TECHNICIAN)),
        ({}, company.viewer(Role.DISPATCHER, second=True)),
    ]
    async with AsyncExitStack() as stack:
        watchers = [
            await stack.enter_async_context(watching(company, CHANGES, given, viewer=viewer))
            for given, viewer in asked
        ]
        for one in watchers:
            await one.until(1)
        await until(lambda: cohorts.members == len(asked))
        assert len(cohorts) == len(asked)
        await _schedule(company, 0.5, visit=visit["id"], technician=able)
        for one in watchers[:3]:
            await one.until(2)
        await asyncio.sleep(0.3)
        assert [len(one.bodies) for one in watchers] == [2, 2, 2, 1, 1]


async def test_a_variable_that_only_says_where_to_go_on_does_not_part_a_cohort(company: Companies) -> None:
    cohorts = company.app.executor.streams.cohorts
    async with watching(company, CHANGES) as first:
        cursor = (await first.until(1))[0]["cursor"]
        async with watching(company, CHANGES, {"after": cursor}):
            await until(lambda: cohorts.members == 2)
            assert len(cohorts) == 1


async def test_a_slow_one_is_told_that_it_lagged_and_misses_nothing(company: Companies) -> None:
    able, _, visit = await _free(company)
    async with watching(company, CHANGES) as quick, watching(company, CHANGES) as slow:
        await quick.until(1)
        await slow.until(1)
        slow.is_slow = True
        for number in range(80):
            await _schedule(company, 0.5 + number / 60, visit=visit["id"], technician=able)
        await quick.until(81)
        slow.is_slow = False
        found = await slow.until(82)
    lagged = [one for one in found if one["__typename"] == "Lagged"]
    assert len(lagged) == 1
    kept = [one["cursor"] for one in found if "cursor" in one]
    assert kept == [one["cursor"] for one in quick.items()]


async def test_whoever_joins_and_leaves_is_told_each_fact_once_and_in_order(company: Companies) -> None:
    able, _, visit = await _free(company)
    chance = random.Random(6)  # noqa: S311  # a seed, not a secret
    async with watching(company, CHANGES) as constant:
        start = (await constant.until(1))[0]["cursor"]
        told: list[str] = []

        async def come_and_go() -> None:
            after = start
            while len(told) < 60:
                async with watching(company, CHANGES, {"after": after}, at_once=chance.random() < 0.5) as one:
                    await asyncio.sleep(chance.random() * 0.1)
                told.extend(item["cursor"] for item in one.items())
                after = told[-1] if told else start

        async with asyncio.TaskGroup() as group:
            goers = [group.create_task(come_and_go())]
            for number in range(60):
                await _schedule(company, 0.5 + number / 60, visit=visit["id"], technician=able)
            goers.clear()
        await constant.until(61)
    assert told == [one["cursor"] for one in constant.items()][1:]


async def test_a_revoked_link_ends_its_own_and_leaves_the_others(company: Companies) -> None:
    visit = f"vis1_{company.first.tracked[0]}"
    viewers = []
    for _ in range(2):
        link = (await company.data(LINK, {"id": visit}))["createTrackingLink"]
        viewers.append((await company.app.identity.viewer(link["token"]), link["trackingLink"]["id"]))
    (gone, key), (kept, _) = viewers
    cohorts = company.app.executor.streams.cohorts
    async with (
        watching(company, TRACKING, viewer=gone) as first,
        watching(company, TRACKING, viewer=kept) as second,
    ):
        await first.until(1)
        await second.until(1)
        await until(lambda: cohorts.members == 2)
        assert len(cohorts) == 1
        revoke = (
            "mutation R($id: ID!) { revokeTrackingLink(input: {trackingLink: $id}) { userErrors { code } } }"
        )
        await company.data(revoke, {"id": key})
        assert first.task is not None
        await asyncio.wait([first.task], timeout=PATIENCE_SECONDS)
        assert type(first.task.exception()).__name__ == "Unauthenticated"
        await company.data(CANCEL, {"id": visit, "reason": "over"})
        assert (await second.until(2))[1]["state"] == "CANCELLED"
        assert len(first.bodies) == 1
        assert second.task is not None
        await asyncio.wait([second.task], timeout=PATIENCE_SECONDS)
        assert second.task.exception() is None


async def test_a_subscription_without_arguments_is_one_cohort_too(company: Companies) -> None:
    query = "subscription { scheduleChanges { ... on VisitScheduled { visit { id } } } }"
    able, _, visit = await _free(company)
    async with watching(company, query) as one, watching(company, query, viewer=somebody(company)) as other:
        await one.until(1)
        await other.until(1)
        await _schedule(company, 0.5, visit=visit["id"], technician=able)
        told = {"visit": {"id": visit["id"]}}
        assert (await one.until(2), await other.until(2)) == ([{}, told], [{}, told])


async def test_each_fact_is_read_for_anew_also_where_it_is_told_without_its_cursor(
    company: Companies,
) -> None:
    query = """subscription { scheduleChanges { __typename
      ... on VisitRescheduled { visit { id planned { start } } } } }"""
    able, _, visit = await _free(company)
    async with watching(company, query) as one:
        await one.until(1)
        for number in range(4):
            start = (await _schedule(company, 0.5 + number / 10, visit=visit["id"], technician=able))[
                "planned"
            ]
            item = (await one.until(2 + number))[-1]
            if number:
                told = datetime.fromisoformat(item["visit"]["planned"]["start"])
                assert told == datetime.fromisoformat(start["start"])


async def test_who_comes_from_a_process_that_is_ahead_is_told_nothing_again(company: Companies) -> None:
    able, _, visit = await _free(company)
    async with two(company) as (ahead, behind):
        hub, goes_on = behind.app.hub, asyncio.Event()
        read = hub._read_once

        async def held() -> Any:
            await goes_on.wait()
            return await read()

        hub._read_once = held  # type: ignore[method-assign]  # it falls behind
        await asyncio.sleep(0.4)
        async with watching(ahead, CHANGES) as one:
            await one.until(1)
            await _schedule(ahead, 0.5, visit=visit["id"], technician=able)
            cursor = (await one.until(2))[1]["cursor"]
        async with watching(behind, CHANGES, {"after": cursor}) as again:
            await until(lambda: behind.app.executor.streams.cohorts.members == 1)
            goes_on.set()
            await _schedule(ahead, 0.6, visit=visit["id"], technician=able)
            assert [item["__typename"] for item in await again.until(1)] == ["VisitRescheduled"]


async def test_what_is_made_out_to_one_person_is_shared_with_nobody(company: Companies) -> None:
    query = """subscription { visitChanges { __typename
      ... on VisitFact { visit { id attachments { nodes { download { url } } } } } } }"""
    cohorts = company.app.executor.streams.cohorts
    async with (
        watching(company, query, viewer=somebody(company)) as one,
        watching(company, query, viewer=somebody(company)) as other,
    ):
        await one.until(1)
        await other.until(1)
        await until(lambda: cohorts.members == 2)
        assert len(cohorts) == 2
