"""Cohorts: one run however many look, the newest result however slowly it is taken, patches without a gap."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any

import asyncpg
import orjson
import pytest

from domain.errors import NotFound, TooSlow, Unauthenticated
from domain.viewers import Role, Viewer
from realtime.touches import Interest
from resolvers import live_cohorts
from resolvers.charges import UNCHARGED
from resolvers.context import Context
from resolvers.documents import DocumentRef
from resolvers.shared import Answer, Question, Ran
from tests.conftest import connected
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import until
from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.proposals import proposed
from tests.resolvers.test_shared import two
from tests.resolvers.watching import NAMES, rename, told

PATCHED = NAMES.replace("@live", "@live(patch: true)")
FOLLOWERS = 25


def somebody(company: Companies, n: int = 0) -> Viewer:
    return replace(company.viewer(Role.DISPATCHER), subject=f"viewer {n}")


async def question_of(company: Companies, query: str, viewer: Viewer) -> Question:
    executor = company.app.executor
    operation = await executor.prepare(DocumentRef(query), None, viewer=viewer)
    context = Context(viewer, executor.services)
    return await executor._question(operation, operation.variables.coerce({}), {}, context)


async def test_many_follow_and_it_is_run_once(company: Companies) -> None:
    live, reads = company.app.executor.live, company.app.services.reads
    async with AsyncExitStack() as stack:
        before = reads.statements
        found = [
            await stack.enter_async_context(told(company, NAMES, viewer=somebody(company, n)))
            for n in range(FOLLOWERS)
        ]
        first = {orjson.dumps(await one.next()) for one in found}
        assert len(first) == 1
        assert (live.cohorts, live.followers) == (1, FOLLOWERS)
        assert reads.statements == before + 1
        (cohort,) = live.all()
        await rename(company, "For all of them")
        second = [await one.next() for one in found]
        assert cohort.answer.runs == 2
    assert all("For all of them" in str(one) for one in second)
    assert len({one.raw[1] for one in found}) == 1
    assert all(one.raw[1] is found[0].raw[1] for one in found), "the same bytes, not equal ones"


async def test_who_has_other_rights_is_of_another_cohort(company: Companies) -> None:
    live = company.app.executor.live
    query = "query O @live { customers { nodes { name } } }"
    async with AsyncExitStack() as stack:
        for role in (Role.ADMIN, Role.DISPATCHER, Role.TECHNICIAN, Role.CUSTOMER):
            for second in (False, True):
                viewer = company.viewer(role, second=second)
                await (await stack.enter_async_context(told(company, query, viewer=viewer))).next()
        assert (live.cohorts, live.followers) == (8, 8)


async def test_a_slow_follower_has_the_newest_only(company: Companies) -> None:
    live, viewer = company.app.executor.live, somebody(company)
    question = await question_of(company, NAMES, viewer)
    with (
        live.followed(question, viewer, patched=True, fee=UNCHARGED) as slow,
        live.followed(question, viewer, patched=True, fee=UNCHARGED) as quick,
    ):
        await slow.first()
        await quick.first()
        for n in range(3):
            await rename(company, f"Name {n}")
            assert await quick.came()
            taken = orjson.loads(quick.take())
            assert taken.keys() == {"patch", "revision"}
            assert taken["revision"] == n + 2
            assert 1 <= len(taken["patch"]) <= 2
        assert await slow.came()
        taken = orjson.loads(slow.take())
        assert taken.keys() == {"data", "revision"}, "who missed a revision has all of it again"
        assert taken["revision"] == 1
        assert "Name 2" in str(taken)
        await rename(company, "Name 3")
        assert await slow.came()
        assert await quick.came()
        both = [orjson.loads(one.take()) for one in (slow, quick)]
        assert [one["revision"] for one in both] == [2, 5]
        assert both[0]["patch"] == both[1]["patch"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await slow.came()


async def test_who_comes_later_begins_with_what_is_committed(company: Companies) -> None:
    async with told(company, PATCHED) as early:
        await early.next()
        await rename(company, "Before the second")
        async with told(company, PATCHED, viewer=somebody(company)) as late:
            first = await late.next()
            assert first["revision"] == 1
            assert "Before the second" in str(first["data"])
            await rename(company, "After it")
            assert (await late.next())["revision"] == 2
            assert [(await early.next())["revision"] for _ in range(2)] == [2, 3]


async def test_it_is_followed_over_a_schedule_as_a_plan_would_leave_it(company: Companies) -> None:
    plan, _ = await proposed(company, seed=1)
    visits = "visits(first: 250) { nodes { id state planned { start } } }"
    query = f'query P @live {{ asOf(plan: "{plan}") {{ {visits} }} }}'
    later = "UPDATE plan_change SET planned_start = planned_start + interval '1 hour'"
    viewer = company.viewer(Role.DISPATCHER)
    async with told(company, query, viewer=viewer) as found:
        first = await found.next()
        async with connected(str(company.app.settings.database_url)) as owner:
            await owner.execute(later)
        second = await found.next()
        fresh = await company.data(query.replace("@live", ""), viewer=viewer)
    assert second["data"] == fresh
    assert second != first


class Scripted:
    """A run that fails as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.runs = 0
        self.objects = 1
        self.began: list[float] = []
        self.padding = b""

    async def __call__(self) -> Ran:
        self.runs += 1
        self.began.append(asyncio.get_running_loop().time())
        if self.failures:
            raise self.failures.pop(0)
        data = b'{"n":%d%b}' % (self.runs, self.padding)
        return Ran.of(data, b"", objects=self.objects, seen="1:1:")


def scripted(company: Companies, run: Scripted) -> Question:
    return Question("scripted", company.first.id, Interest({"customer": None}), run)


AWAY = [OSError("gone"), asyncpg.InterfaceError("closed"), asyncpg.CannotConnectNowError("starting")]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
async def test_a_database_that_is_away_is_waited_for(company: Companies, error: Exception) -> None:
    live, viewer, run = company.app.executor.live, somebody(company), Scripted(error, error)
    with live.followed(scripted(company, run), viewer, patched=False, fee=UNCHARGED) as follower:
        result = await asyncio.wait_for(follower.first(), PATIENCE_SECONDS)
        assert result is not None
        assert result.whole.body == b'{"data":{"n":3}}'
        run.failures += [error, error]
        await rename(company, "Touched")
        assert await asyncio.wait_for(follower.came(), PATIENCE_SECONDS)
        assert follower.take() == b'{"data":{"n":6}}'


async def test_a_query_that_is_refused_ends_all_who_follow(company: Companies) -> None:
    live, run = company.app.executor.live, Scripted()
    question = scripted(company, run)
    with (
        live.followed(question, somebody(company), patched=False, fee=UNCHARGED) as one,
        live.followed(question, somebody(company), patched=False, fee=UNCHARGED) as other,
    ):
        await one.first()
        await other.first()
        run.failures.append(NotFound("It is gone."))
        await rename(company, "Touched")
        for follower in (one, other):
            with pytest.raises(NotFound, match="gone"):
                await asyncio.wait_for(follower.came(), PATIENCE_SECONDS)


async def test_what_is_too_slow_again_and_again_is_given_up(
    company: Companies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_cohorts, "LONGEST_PAUSE_SECONDS", 0.1)
    live, run = company.app.executor.live, Scripted()
    with live.followed(scripted(company, run), somebody(company), patched=False, fee=UNCHARGED) as follower:
        await follower.first()
        run.failures += [TooSlow(), TooSlow()]
        await rename(company, "Touched")
        assert await asyncio.wait_for(follower.came(), PATIENCE_SECONDS)
        follower.take()
        run.failures += [TooSlow()] * live_cohorts.MOST_SLOW
        await rename(company, "Touched again")
        with pytest.raises(TooSlow):
            await asyncio.wait_for(follower.came(), PATIENCE_SECONDS)


async def test_what_another_process_writes_is_told(company: Companies) -> None:
    async with two(company) as (one, other), told(one, NAMES) as found, told(other, NAMES) as theirs:
        await found.next()
        await theirs.next()
        for writing, name in ((other, "By the other"), (one, "By this one")):
            await rename(writing, name)
            assert name in str(await found.next())
            assert name in str(await theirs.next())


async def test_one_who_is_shut_out_leaves_the_others(company: Companies) -> None:
    viewer: Any = company.viewer(Role.DISPATCHER)
    async with (
        told(company, NAMES, viewer=viewer) as one,
        told(company, NAMES, viewer=company.viewer(Role.ADMIN)) as other,
    ):
        await one.next()
        await other.next()
        await Stage(company, Role.ADMIN).make("deactivateUser", "user", user=f"usr1_{viewer.user_id}")
        assert one.task is not None
        with pytest.raises(Unauthenticated):
            await asyncio.wait_for(one.task, PATIENCE_SECONDS)
        await rename(company, "For who is left")
        assert "For who is left" in str(await other.next())
        assert one.results == []


async def test_who_begins_to_follow_during_a_run_lacks_nothing_committed_before(company: Companies) -> None:
    executor, viewer = company.app.executor, somebody(company)
    question = await question_of(company, NAMES, viewer)
    has_read, may_end = asyncio.Event(), asyncio.Event()
    run = question.run

    async def slowly() -> Ran:
        ran = await run()
        has_read.set()
        await may_end.wait()
        return ran

    # given a query that is being answered, and a change that the hub has passed
    question = replace(question, run=slowly)
    answer = Answer(question, executor.shared.freshness)
    executor.shared.answers.put(question.key, answer, size=1_000)
    running = answer.look()
    await has_read.wait()
    await rename(company, "Committed meanwhile")
    await asyncio.sleep(0.6)
    # when
    with executor.live.followed(question, viewer, patched=False, fee=UNCHARGED) as follower:
        may_end.set()
        first = await follower.first()
        # then
        assert b"Committed meanwhile" not in (await running).whole
        assert first is not None
        assert b"Committed meanwhile" in first.ran.whole


async def test_after_a_loss_of_the_database_no_id_of_a_snapshot_hides_a_change(company: Companies) -> None:
    viewer, executor, hub = somebody(company), company.app.executor, company.app.hub
    question = await question_of(company, NAMES, viewer)
    run, seen = question.run, ["1000000:1000000:"]

    async def before_the_loss() -> Ran:
        ran = await run()
        return replace(ran, seen=seen.pop()) if seen else ran

    question = replace(question, run=before_the_loss)
    with executor.live.followed(question, viewer, patched=False, fee=UNCHARGED) as follower:
        await follower.first()
        hub._doubt()
        await rename(company, "After the loss")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await follower.came()
        assert b"After the loss" in follower.take()


async def test_after_a_failure_to_read_it_is_run_once_though_nothing_happens(company: Companies) -> None:
    async with told(company, NAMES) as one:
        await one.next()
        (cohort,) = company.app.executor.live.all()
        runs = cohort.answer.runs
        company.app.hub._doubt()
        await until(lambda: cohort.answer.runs > runs)
        await asyncio.sleep(1.5)
        assert 1 <= cohort.answer.runs - runs <= 2


async def test_what_is_dear_is_run_less_often(company: Companies) -> None:
    live, run = company.app.executor.live, Scripted()
    run.objects = live_cohorts.POINTS_A_SECOND // 2
    with live.followed(scripted(company, run), somebody(company), patched=False, fee=UNCHARGED) as follower:
        await follower.first()
        for name in ("Once", "Twice"):
            await rename(company, name)
            assert await asyncio.wait_for(follower.came(), PATIENCE_SECONDS)
            follower.take()
    assert all(later - earlier >= 0.49 for earlier, later in pairwise(run.began))


async def test_what_is_too_large_for_a_patch_is_told_whole(company: Companies) -> None:
    live, run = company.app.executor.live, Scripted()
    run.padding = b',"x":"%b"' % (b"x" * live_cohorts.MOST_PATCHED_BYTES)
    with live.followed(scripted(company, run), somebody(company), patched=True, fee=UNCHARGED) as follower:
        await follower.first()
        await rename(company, "Touched")
        assert await asyncio.wait_for(follower.came(), PATIENCE_SECONDS)
        told = orjson.loads(follower.take())
        assert (told["data"]["n"], told["revision"]) == (run.runs, 1)
