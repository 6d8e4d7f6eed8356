"""Live queries: the last result is what a new query answers, whoever wrote; nothing comes twice or stays."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import ResyncRequired, TooMany, Unauthenticated
from domain.viewers import Role
from fieldgraph.demo.cast import Seeded
from fieldgraph.postgres import EmbeddedPostgres
from resolvers import live_cohorts
from resolvers.context import Context
from resolvers.documents import DocumentRef
from resolvers.refusals import Refusal
from tests.conftest import connected
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import until
from tests.resolvers.companies import Companies, running
from tests.resolvers.conftest import copied, dropped
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.test_mutations import CANCEL, DISPATCH, SCHEDULE, _at, _free
from tests.resolvers.watching import NAMES, rename, told

BOARD = """query B($visit: ID!) @live {
  visit(id: $visit) {
    state planned { start } workOrder { state } assignments { nodes { state technician { id } } } }
  parts(first: 250) { nodes { id name } }
  customers(first: 250, orderBy: [{field: NAME, direction: DESC}]) { nodes { name sites { totalCount } } }
}"""


async def test_the_whole_result_comes_first_and_again_when_it_changes(company: Companies) -> None:
    async with told(company, NAMES) as found:
        first = await found.next()
        fresh = await company.data(NAMES, viewer=company.viewer(Role.DISPATCHER))
        assert first == {"data": fresh}
        await found.nothing()
        key = await rename(company, "Another name")
        second = (await found.next())["data"]["customers"]
    assert {"id": key, "name": "Another name"}.items() <= {
        name: value for one in second["nodes"] if one["id"] == key for name, value in one.items()
    }.items()
    assert [one for one in second["nodes"] if one["id"] != key] == [
        one for one in fresh["customers"]["nodes"] if one["id"] != key
    ]


async def _write(company: Companies, step: int, visit: str, able: str, chance: random.Random) -> None:
    """Anything of a dozen things, some of which the query does not tell, some of which are refused."""
    stage = Stage(company, Role.ADMIN)
    what = chance.choice(["rename", "create", "part", "site", "schedule", "dispatch", "cancel"])
    if what == "rename":
        await rename(company, f"Name {chance.random()}")
    elif what == "create":
        await stage.make("createCustomer", "customer", name=f"Customer {step}")
    elif what == "part":
        await stage.make("createPart", "part", name=f"Part {step}", number=f"L-{step}", unitPrice="1")
    elif what == "site":
        key = await stage.first("sites")
        await stage.make("updateSite", "site", site=key, accessNotes=f"Note {step}")
    elif what == "schedule":
        given = {"visit": visit, "technician": able, "start": _at(chance.choice([0.5, 1, 1.5]))}
        await company.data(SCHEDULE, given)
    elif what == "dispatch":
        await company.data(DISPATCH, {"id": visit})
    elif step > 20:
        await company.data(CANCEL, {"id": visit, "reason": "over"})


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_last_result_is_what_a_new_query_answers(company: Companies, seed: int) -> None:
    able, _, visit = await _free(company)
    chance, given = random.Random(seed), {"visit": visit["id"]}  # noqa: S311  # a test's own order of things
    async with told(company, BOARD, given) as found:
        first = await found.next()
        for step in range(30):
            await _write(company, step, visit["id"], able, chance)
            await asyncio.sleep(chance.choice([0, 0, 0.05, 0.3]))
            if step % 10 == 9:
                last = await found.last()
                fresh = await company.data(BOARD, given, viewer=company.viewer(Role.DISPATCHER))
                assert last == {"data": fresh}
    assert first != last
    for before, after in zip(found.raw, found.raw[1:], strict=False):
        assert before != after


async def test_many_writes_are_answered_by_few_results_and_the_last_by_one(company: Companies) -> None:
    async with told(company, NAMES) as found:
        await found.next()
        began = asyncio.get_running_loop().time()
        for step in range(40):
            await rename(company, f"Name {step}")
        spent = asyncio.get_running_loop().time() - began
        last = await found.last()
    assert "Name 39" in {one["name"] for one in last["data"]["customers"]["nodes"]}
    assert len(found.raw) - 1 <= spent / live_cohorts.PAUSE_SECONDS + 2


async def test_what_changes_nothing_that_was_asked_for_is_not_told(company: Companies) -> None:
    async with told(company, "query P @live { parts(first: 5) { nodes { id name } } }") as found:
        await found.next()
        await rename(company, "Not a part")
        await found.nothing()


async def test_another_companys_writes_are_not_told(company: Companies) -> None:
    async with told(company, NAMES) as found:
        await found.next()
        await rename(company, "A stranger", second=True)
        await found.nothing()
    async with told(company, NAMES, viewer=company.viewer(Role.DISPATCHER, second=True)) as found:
        assert "A stranger" in str(await found.next())


async def test_nothing_is_left_when_it_is_closed(company: Companies) -> None:
    hub, live = company.app.services.hub, company.app.executor.live
    at_rest = hub.subscriptions
    async with (
        told(company, NAMES) as one,
        told(company, BOARD, {"visit": (await _free(company))[2]["id"]}) as two,
    ):
        await one.next()
        await two.next()
        assert hub.subscriptions == at_rest + 1
        assert (live.cohorts, live.followers) == (2, 2)
    await until(lambda: hub.subscriptions == at_rest)
    await until(
        lambda: not {task.get_name() for task in asyncio.all_tasks()} & {"answer", "guard of live queries"}
    )
    assert (live.cohorts, live.followers, company.app.executor.shared.live) == (0, 0, {})


async def test_who_is_shut_out_is_told_nothing_more(company: Companies) -> None:
    viewer = company.viewer(Role.DISPATCHER)
    async with told(company, NAMES, viewer=viewer) as found:
        await found.next()
        stage = Stage(company, Role.ADMIN)
        await stage.make("deactivateUser", "user", user=f"usr1_{viewer.user_id}")
        await rename(company, "Not for them")
        assert found.task is not None
        with pytest.raises(Unauthenticated, match="revoked"):
            await asyncio.wait_for(found.task, PATIENCE_SECONDS)
        assert found.results == []


async def test_a_restored_log_is_no_reason_to_end(company: Companies) -> None:
    async with told(company, NAMES) as found:
        await found.next()
        company.app.services.hub._close_all(ResyncRequired("restored"))
        await found.nothing()
        await rename(company, "After it")
        assert "After it" in str(await found.next())


async def test_what_is_written_by_hand_is_told(company: Companies) -> None:
    silent = "UPDATE customer SET name = 'Silent' WHERE id = (SELECT min(id::text)::uuid FROM customer)"
    async with told(company, NAMES) as found:
        await found.next()
        async with connected(str(company.app.settings.database_url)) as connection:
            await connection.execute(silent)
        assert "Silent" in str(await found.next())


async def test_what_changes_by_time_alone_is_run_by_a_timer(
    company: Companies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_cohorts, "TIMER_SECONDS", 0.2)
    query = "query T @live { customers(first: 250) { nodes { name } } %s }"
    async with (
        told(company, query % "") as untimed,
        told(company, query % "viewer { organization { today } }") as timed,
    ):
        await untimed.next()
        await timed.next()
        first, second = company.app.executor.live.all()
        began, before = time.monotonic(), second.answer.runs
        await until(lambda: second.answer.runs >= before + 3)
        took = time.monotonic() - began
    assert first.answer.runs == 1
    assert took > 0.35  # the first may come at once


@pytest.mark.parametrize(
    ("query", "is_timed"),
    [
        ("{ customers { nodes { id } } }", False),
        ("{ visits { nodes { id state planned { start } } } }", False),
        ("{ technicians { nodes { position { at } } } }", False),
        ("{ apiKeys { nodes { lastUsedAt } } }", False),
        ("{ apiKeys { nodes { name } } }", False),
        ("{ technicians { nodes { nextAssignment { id } } } }", True),
        ("{ cursor }", True),
        ("{ technicians { nodes { routeSummary { __typename } } } }", True),
        ("{ viewer { organization { today } } }", True),
        ("{ __schema { queryType { name } } }", True),
    ],
)
async def test_it_is_known_what_changes_by_time_alone(
    companies: Companies, query: str, *, is_timed: bool
) -> None:
    executor, viewer = companies.app.executor, companies.viewer(Role.ADMIN)
    operation = await executor.prepare(DocumentRef(f"query L @live {query}"), None, viewer=viewer)

    context = Context(viewer, executor.services)
    question = await executor._question(operation, operation.variables.coerce({}), {}, context)
    assert question.is_timed is is_timed


@pytest.mark.parametrize(
    "query",
    [
        "mutation M @live { __typename }",
        "subscription S @live { scheduleChanges { __typename } }",
        "{ customers @live { nodes { id } } }",
        "query Q @live @live { customers { nodes { id } } }",
        "query Q @live(if: true) { customers { nodes { id } } }",
    ],
)
async def test_it_is_asked_of_a_query_and_of_nothing_else(companies: Companies, query: str) -> None:
    errors = (await companies.ask(query))["errors"]

    assert {one["extensions"]["code"] for one in errors} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_a_role_that_may_not_is_refused_before_anything_is_told(companies: Companies) -> None:
    operation = 'query F @live { asOf(plan: "pln1_018f0000-0000-7000-8000-000000000000") { __typename } }'
    at_rest = companies.app.services.hub.subscriptions
    async with told(companies, operation, viewer=companies.viewer(Role.TECHNICIAN)) as found:
        assert found.task is not None
        with pytest.raises(Refusal) as refused:
            await asyncio.wait_for(found.task, PATIENCE_SECONDS)
    assert refused.value.code == "FORBIDDEN"
    assert found.raw == []
    assert companies.app.services.hub.subscriptions == at_rest


async def test_the_first_is_paid_like_a_query_and_an_empty_bucket_only_delays(
    postgres: EmbeddedPostgres, seeded: tuple[Seeded, Seeded], tmp_path: Any, database_numbers: Iterator[int]
) -> None:
    database = await copied(postgres, f"company_{next(database_numbers)}")
    async with running(database, seeded, tmp_path, rate_points=2_000) as company:
        viewer = replace(company.viewer(Role.DISPATCHER), subject="watcher")
        buckets = company.app.services.buckets
        assert buckets is not None
        async with told(company, NAMES, viewer=viewer) as found:
            first = (await found.next())["extensions"]["cost"]
            (lease,) = [one for one in buckets._leases.values() if one.client == "subject watcher"]
            assert first["requestedQueryCost"] == 250
            assert 1 < first["actualQueryCost"] < 250
            assert (lease.running, before := lease.points) == (1, lease.points)
            await rename(company, "Paid for")
            assert "extensions" not in await found.next()
            assert lease.points == before - 1
            buckets.terms = buckets.terms._replace(restore=1)
            for points in (100, 10, 1):
                with suppress(TooMany):
                    while True:
                        buckets.settle(await buckets.spend(viewer, points), 0)
            refused = buckets.refused
            await rename(company, "Later")
            await rename(company, "Latest")
            assert "Latest" in str(await found.next(20))
            assert buckets.refused > refused
        assert lease.running == 0
    await dropped(postgres, database.name)
