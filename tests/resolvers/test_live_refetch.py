"""Snapshot + stream = refetch, for live queries: the last result of any query is what it is answered anew.

Over generated operations of all roles, whole and by patches, below asOf, too; whoever writes, and by what.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import jsonpatch
import orjson
import pytest
from graphql import OperationDefinitionNode, parse, print_ast

from domain.access import touching
from domain.viewers import Role, Viewer
from fieldgraph.demo.cast import Seeded
from fieldgraph.postgres import EmbeddedPostgres
from resolvers.compiler.named import tables_in
from resolvers.context import Context
from resolvers.documents import DocumentRef, Operation
from resolvers.questions import Asked
from tests.conftest import connected
from tests.patience import PATIENCE_SECONDS
from tests.resolvers.companies import Companies, running
from tests.resolvers.conftest import copied, dropped
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.operations import Operations
from tests.resolvers.proposals import proposed
from tests.resolvers.scopes import LIVE
from tests.resolvers.test_differential import ids_and_keys, viewer_of
from tests.resolvers.watching import Told, rename, told

FOLLOWED = 10
ROUNDS = 3
WRITES = 30
VALUES = {
    "text": "{0} || '~'",
    "integer": "{0} + 1",
    "numeric": "{0} + 1",
    "boolean": "NOT {0}",
    "date": "{0} + 1",
    "timestamp with time zone": "{0} + interval '1 minute'",
}
COLUMNS = (
    "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    f" AND table_name = $1 AND is_generated = 'NEVER' AND data_type IN ({', '.join(map(repr, VALUES))})"
)


@pytest.fixture
async def busy(
    postgres: EmbeddedPostgres,
    seeded: tuple[Seeded, Seeded],
    tmp_path: Path,
    database_numbers: Iterator[int],
) -> AsyncIterator[Companies]:
    """To be written in: with rows of every type, and a plan."""
    database = await copied(postgres, f"company_{next(database_numbers)}")
    async with connected(database.owner_url) as connection:
        await connection.execute(LIVE)
        await connection.execute("ANALYZE")
    async with running(database, seeded, tmp_path) as found:
        await proposed(found, seed=1)
        yield found
    await dropped(postgres, database.name)


def live(query: str, *, patch: bool) -> str:
    """The same operation, followed."""
    (directed,) = parse(f"query L @live(patch: {str(patch).lower()}) {{ a }}").definitions
    document = parse(query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(directed, OperationDefinitionNode)
    followed = replace(operation, directives=directed.directives)
    return print_ast(replace(document, definitions=(followed, *document.definitions[1:])))


class Writer:
    """Writes anything: rows of any table by hand, or by mutations."""

    def __init__(self, company: Companies, owner: asyncpg.Connection, chance: random.Random) -> None:
        self.company = company
        self.owner = owner
        self.chance = chance
        self.read: list[str] = []
        self.limits = [1, 300, 1_000]
        self.step = 0

    async def write(self) -> None:
        self.step += 1
        await (self._ask() if self.chance.random() < 0.1 else self.by_hand())

    async def _ask(self) -> None:
        stage, what = (
            Stage(self.company, Role.ADMIN),
            self.chance.choice(["rename", "create", "site", "part"]),
        )
        if what == "rename":
            await rename(self.company, f"Name {self.step}")
        elif what == "create":
            await stage.make("createCustomer", "customer", name=f"Customer {self.step}")
        elif what == "part":
            await stage.make("createPart", "part", name="Part", number=f"L-{self.step}", unitPrice="1")
        else:
            await stage.make(
                "updateSite", "site", site=await stage.first("sites"), accessNotes=str(self.step)
            )

    async def by_hand(self) -> None:
        """Some column of some rows that somebody reads, or the rows as a whole; what cannot be stays."""
        table = self.chance.choice(self.read)
        columns = await self.owner.fetch(COLUMNS, table)
        limit = self.chance.choice(self.limits)
        rows = f"SELECT ctid FROM {table} ORDER BY md5(ctid::text || $1) LIMIT {limit}"
        column = self.chance.choice(columns)
        value = VALUES[column["data_type"]].format(column["column_name"])
        change = f"UPDATE {table} SET {column['column_name']} = {value}"
        if limit == 1 and self.chance.random() < 0.2:
            change = f"DELETE FROM {table}"
        with suppress(asyncpg.PostgresError):
            await self.owner.execute(f"{change} WHERE ctid IN ({rows})", str(self.chance.random()))


def data_of(found: Told) -> Any:
    """What a client has that took every message in its turn."""
    data, revision = None, 0
    for raw in found.raw:
        message = orjson.loads(raw)
        if "patch" in message:
            assert message["revision"] == revision + 1
            assert set(message) == {"patch", "revision"}
            data = jsonpatch.apply_patch(data, message["patch"])
            revision += 1
        else:
            data, revision = message["data"], 1
            assert message.get("revision", 1) == 1
    return data


async def asked_of(
    company: Companies, operation: Operation, variables: dict[str, Any], viewer: Viewer
) -> Asked:
    """To be read by itself."""
    executor = company.app.executor
    coerced = operation.variables.coerce(variables)
    statement = executor._compiled(operation, coerced, viewer)
    return await executor.questions.asked(statement, coerced, Context(viewer, executor.services))


async def quiet(company: Companies) -> None:
    """Until every cohort's answer lacks nothing."""
    executor = company.app.executor
    async with asyncio.timeout(PATIENCE_SECONDS):
        for cohort in executor.live.all():
            question, answer = cohort.question, cohort.answer
            while (  # noqa: ASYNC110  # nobody tells that nothing more will come
                answer.ran is None
                or answer.is_doubted
                or not await executor._untouched(
                    question.organization_id, question.interest, answer.ran.seen, False
                )
            ):
                await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("role", list(Role))
async def test_what_was_told_is_what_is_asked_anew(busy: Companies, role: Role) -> None:
    executor, viewer = busy.app.executor, viewer_of(busy, role)
    known = await ids_and_keys(busy)
    chance, number, changed = random.Random(str(role)), 0, 0  # noqa: S311  # a test's own order of things
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(connected(str(busy.app.settings.database_url)))
        writer, followed = Writer(busy, owner, chance), list[tuple[Operation, dict[str, Any], Told]]()
        if role in {Role.TRACKING, Role.CUSTOMER}:
            writer.limits = [300, 1_000]  # of whose rows few are theirs
        while len(followed) < FOLLOWED:
            operations = Operations(executor.graph, role, seed=31_000 + number, **known)
            query, variables, number = operations.query(), operations.variables, number + 1
            operation = await executor.prepare(DocumentRef(query), None, viewer=viewer)
            coerced, context = operation.variables.coerce(variables), Context(viewer, executor.services)
            if (await executor._question(operation, coerced, variables, context)).is_timed:
                continue
            answer = await executor.answer(operation, variables, viewer=viewer)
            if len(answer) < (100 if role is Role.TRACKING else 600) and number < 150:
                continue  # what says little changes seldom
            directed = live(query, patch=len(followed) % 2 == 0)
            found = await stack.enter_async_context(told(busy, directed, variables, viewer=viewer))
            await found.next(20)
            followed.append((operation, variables, found))
            named = tables_in(executor._compiled(operation, coerced, viewer).sql)
            writer.read += sorted(named.keys() & set(touching.tables()))
        for _ in range(ROUNDS):
            for _ in range(WRITES):
                await writer.write()
                await asyncio.sleep(chance.choice([0, 0, 0, 0, 0.02, 0.15]))
            await quiet(busy)
            for operation, variables, found in followed:
                data, _, _, _ = await (await asked_of(busy, operation, variables, viewer)).read()
                assert data_of(found) == orjson.loads(data), print_ast(operation.node)
        changed = sum(len(found.raw) > 1 for _, _, found in followed)
    assert changed >= 1
