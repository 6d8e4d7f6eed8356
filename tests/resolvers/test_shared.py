"""Shared answers: never older than the question, whoever wrote, and of the same rights only."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from domain import ids
from domain.access import touching
from domain.viewers import Role, Viewer
from fieldgraph.app import App
from realtime.touches import Interest
from resolvers import shared
from resolvers.compiler.named import tables_in
from resolvers.documents import DocumentRef
from resolvers.shared import Question, Ran
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.operations import Operations
from tests.resolvers.test_differential import ids_and_keys, viewer_of
from tests.resolvers.test_live_refetch import Writer, asked_of, busy  # noqa: F401  # a fixture is known by its name
from tests.resolvers.watching import NAMES, rename, told

BOARD = "{ customers(first: 250) { nodes { id name sites { nodes { id accessNotes } } } } }"
SECONDS = 6.0
OWN = "{ customers { nodes { name } } }"


@pytest.fixture(autouse=True)
def _all_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "WORTH_SECONDS", 0.0)


@asynccontextmanager
async def two(company: Companies) -> AsyncIterator[tuple[Companies, Companies]]:
    """Another process' worth of an app over the same database."""
    other = App(company.app.settings)
    async with other.running():
        yield company, Companies(other, company.first, company.second)


class Row:
    """A customer and one of their sites, whose texts are always written together: the number of the write."""

    def __init__(self, customer: str, site: str) -> None:
        self.customer, self.site = customer, site
        self.begun = self.done = 0

    def read(self, data: Any) -> int:
        """The number that an answer tells; both are of one moment."""
        (found,) = [one for one in data["customers"]["nodes"] if one["id"] == self.customer]
        (site,) = [one for one in found["sites"]["nodes"] if one["id"] == self.site]
        assert found["name"] == site["accessNotes"]
        return int(found["name"])

    async def write(self, owner: asyncpg.Connection) -> None:
        self.begun += 1
        keys = ids.decode("cus", self.customer), ids.decode("sit", self.site)
        async with owner.transaction():
            await owner.execute("UPDATE customer SET name = $2 WHERE id = $1", keys[0], str(self.begun))
            await owner.execute("UPDATE site SET access_notes = $2 WHERE id = $1", keys[1], str(self.begun))
        self.done = self.begun


async def rows_of(company: Companies, count: int) -> list[Row]:
    nodes = (await company.data(BOARD))["customers"]["nodes"]
    return [Row(one["id"], one["sites"]["nodes"][0]["id"]) for one in nodes if one["sites"]["nodes"]][:count]


class Traffic:
    """Writers and readers at once, for some seconds."""

    def __init__(self, rows: list[Row]) -> None:
        self.chance = random.Random(6)  # noqa: S311  # a test's own order of things
        self.rows = rows
        self.until = asyncio.get_running_loop().time() + SECONDS
        self.read = self.written = 0

    @property
    def goes_on(self) -> bool:
        return asyncio.get_running_loop().time() < self.until

    async def writes(self, row: Row, owner: asyncpg.Connection) -> None:
        while self.goes_on:
            await row.write(owner)
            self.written += 1
            await asyncio.sleep(self.chance.choice([0, 0.01, 0.05, 0.3]))

    async def creates(self, process: Companies) -> None:
        """Other rows of the same tables, by mutations."""
        while self.goes_on:
            await Stage(process, Role.ADMIN).make("createCustomer", "customer", name=f"By {uuid4()}")
            await asyncio.sleep(self.chance.random())

    async def reads(self, process: Companies, role: Role) -> None:
        viewer = replace(process.viewer(role), subject=f"{role} {uuid4()}")
        while self.goes_on:
            least = [row.done for row in self.rows]
            data = await process.data(BOARD, viewer=viewer)
            most = [row.begun for row in self.rows]
            for row, low, high in zip(self.rows, least, most, strict=True):
                assert low <= row.read(data) <= high
            self.read += 1
            await asyncio.sleep(self.chance.choice([0, 0, 0.001, 0.02]))


async def test_no_answer_is_older_than_its_question(company: Companies) -> None:
    url = str(company.app.settings.database_url)
    async with two(company) as processes, AsyncExitStack() as stack:
        rows = await rows_of(company, 4)
        owners = [await stack.enter_async_context(connected(url)) for _ in rows]
        for row, owner in zip(rows, owners, strict=True):
            await row.write(owner)
        traffic = Traffic(rows)
        async with asyncio.TaskGroup() as group:
            for row, owner in zip(rows, owners, strict=True):
                group.create_task(traffic.writes(row, owner))
            for process in processes:
                group.create_task(traffic.creates(process))
                for role in (Role.DISPATCHER, Role.DISPATCHER, Role.DISPATCHER, Role.ADMIN, Role.MANAGER):
                    group.create_task(traffic.reads(process, role))
        hits = sum(process.app.executor.shared.hits for process in processes)
    assert traffic.written > 20
    assert hits > traffic.read / 10 > 5


async def test_it_is_the_answer_of_a_query_that_is_read_by_itself(
    busy: Companies,  # noqa: F811  # the fixture
) -> None:
    executor, chance = busy.app.executor, random.Random(8)  # noqa: S311  # as above
    known = await ids_and_keys(busy)
    async with connected(str(busy.app.settings.database_url)) as owner:
        writer = Writer(busy, owner, chance)
        for role, number in ((role, number) for role in Role for number in range(6)):
            viewer = viewer_of(busy, role)
            operations = Operations(executor.graph, role, seed=51_000 + number, **known)
            operation = await executor.prepare(DocumentRef(operations.query()), None, viewer=viewer)
            asked = await asked_of(busy, operation, operations.variables, viewer)
            writer.read = sorted(tables_in(asked.statement.sql).keys() & set(touching.tables()))
            for _ in range(0 if asked.statement.is_timed else 6):
                found = await executor.answer(operation, operations.variables, viewer=viewer)
                asked = await asked_of(busy, operation, operations.variables, viewer)
                data, errors, _, _ = await asked.read()
                assert found == b"".join((shared.HEAD, data, errors, b"}"))
                for _ in range(chance.choice([0, 1, 3])):
                    await writer.by_hand()
    assert executor.shared.hits > 20


async def key_of(company: Companies, query: str, viewer: Viewer) -> Any:
    operation = await company.app.executor.prepare(DocumentRef(query), None, viewer=viewer)
    return (await asked_of(company, operation, {}, viewer)).key


@pytest.mark.parametrize(
    ("query", "role", "change", "is_shared"),
    [
        (NAMES, Role.DISPATCHER, {"subject": "another", "user_id": uuid4(), "credential_id": uuid4()}, True),
        (NAMES, Role.DISPATCHER, {"role": Role.ADMIN}, False),
        (NAMES, Role.DISPATCHER, {"organization_id": uuid4()}, False),
        (NAMES, Role.DISPATCHER, {"scopes": frozenset({"customers:read"})}, False),
        (OWN, Role.TECHNICIAN, {"subject": "another"}, True),
        (OWN, Role.TECHNICIAN, {"technician_id": uuid4()}, False),
        (OWN, Role.CUSTOMER, {"customer_id": uuid4()}, False),
        ("{ visits { nodes { id } } }", Role.TRACKING, {"visit_id": uuid4()}, False),
        ("{ parts { nodes { id } } }", Role.TECHNICIAN, {"technician_id": uuid4()}, True),
        ("{ viewer { role organization { name } } }", Role.DISPATCHER, {"user_id": uuid4()}, True),
        ("{ viewer { subject } }", Role.DISPATCHER, {"subject": "another"}, False),
        ("{ viewer { user { name } } }", Role.DISPATCHER, {"user_id": uuid4()}, False),
    ],
)
async def test_they_share_who_have_the_same_rights(
    companies: Companies, query: str, role: Role, *, change: dict[str, Any], is_shared: bool
) -> None:
    one = viewer_of(companies, role)
    keys = [await key_of(companies, query, viewer) for viewer in (one, replace(one, **change))]
    assert None not in keys
    assert (keys[0] == keys[1]) is is_shared


@pytest.mark.parametrize(
    "query",
    [
        "{ cursor }",
        "{ rateLimit { restoreRate } }",
        "{ visits { nodes { attachments { nodes { download { url } } } } } }",
    ],
)
async def test_what_is_for_one_alone_has_no_key(companies: Companies, query: str) -> None:
    assert await key_of(companies, query, companies.viewer(Role.ADMIN)) is None


async def test_those_who_ask_at_once_share_a_look(company: Companies) -> None:
    executor, reads = company.app.executor, company.app.services.reads
    viewers = [replace(company.viewer(Role.DISPATCHER), subject=f"viewer {n}") for n in range(40)]
    query = NAMES.replace("@live", "")
    for viewer in viewers[:3]:
        await company.data(query, viewer=viewer)
    before = reads.statements
    found = await asyncio.gather(*(company.ask(query, viewer=viewer) for viewer in viewers))
    assert len({str(one) for one in found}) == 1
    assert reads.statements == before
    assert executor.shared.hits >= 40
    await rename(company, "Nobody's own")
    before = reads.statements
    found = await asyncio.gather(*(company.ask(query, viewer=viewer) for viewer in viewers))
    assert "Nobody's own" in str(found[0])
    assert {str(one) for one in found} == {str(found[0])}
    assert reads.statements == before + 1


async def test_what_is_followed_answers_queries_too(company: Companies) -> None:
    viewer, reads = company.viewer(Role.DISPATCHER), company.app.services.reads
    query = NAMES.replace("@live", "")
    async with told(company, NAMES, viewer=viewer) as found:
        first = await found.next()
        before = reads.statements
        assert await company.ask(query, viewer=replace(viewer, subject="another")) == first
        assert reads.statements == before
        await rename(company, "For both")
        assert "For both" in str(await company.ask(query, viewer=viewer))
        assert "For both" in str(await found.next())


async def test_an_installation_may_have_each_query_read_by_itself(company: Companies) -> None:
    other = App(company.app.settings.model_copy(update={"share_answers": False}))
    query = NAMES.replace("@live", "")
    async with other.running():
        alone = Companies(other, company.first, company.second)
        before = other.services.reads.statements
        for _ in range(6):
            await alone.data(query)
        assert other.services.reads.statements == before + 6
        assert (other.executor.shared.hits, len(other.executor.shared.answers)) == (0, 0)


async def test_what_is_kept_is_bounded(company: Companies) -> None:
    kept = company.app.executor.shared.answers
    kept.most_bytes = 40_000
    for n in range(30):
        for _ in range(4):
            await company.data(f"{{ a{n}: customers(first: 100) {{ nodes {{ id name }} }} }}")
    assert kept.bytes <= 40_000
    assert 1 <= len(kept) <= 6


async def test_what_is_kept_counts_with_what_was_asked(company: Companies) -> None:
    answers = company.app.executor.shared.answers
    query = "query Q($w: CustomerWhere) { customers(first: 1, where: $w) { nodes { name } } }"
    many = {"w": {"id": {"in": [ids.encode("cus", uuid4()) for _ in range(250)]}}}
    for _ in range(4):
        await company.data(query, many)
    assert (len(answers), answers.bytes > 250 * shared.VALUE_BYTES) == (1, True)


async def test_a_look_that_nobody_waits_for_ends_with_the_process() -> None:
    async def never() -> Ran:
        await asyncio.sleep(60)
        raise AssertionError

    async def untouched(*_asked: object) -> bool:
        return True

    answers = shared.Shared(shared.Freshness(untouched))
    question = Question("slow", uuid4(), Interest({"customer": None}), never)
    asking = asyncio.create_task(answers.answer(question).fresh())
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    assert [task for task in asyncio.all_tasks() if task.get_name() == "answer"]
    await answers.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "answer"]
