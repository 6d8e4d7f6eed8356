"""What a statement says that it reads is all that the database reads for it, for every role."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from domain import access
from domain.access import LOOK_UPS, TABLES
from domain.unit_of_work import settings_of
from domain.viewers import Role, Viewer
from resolvers.compiler.named import Reading, tables_in
from resolvers.documents import DocumentRef
from resolvers.reads import ENTER, Reads
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.operations import Operations
from tests.resolvers.test_differential import known, viewer_of  # noqa: F401  # a fixture is known by its name

OPERATIONS = 25
SCANNED = (
    "SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) AS n FROM pg_stat_xact_user_tables"
    " WHERE coalesce(seq_scan, 0) + coalesce(idx_scan, 0) > 0"
)
FROM = re.compile(r"FROM (\w+)")
ID = "018f0000-0000-7000-8000-000000000000"


class Recorded(Reads):
    """Reads that keep what is asked of the database, by derived fields, too."""

    def __init__(self, reads: Reads) -> None:
        super().__init__(reads.connections)
        self.asked: list[tuple[str, Sequence[object]]] = []

    async def seen(
        self, sql: str, parameters: Sequence[object], *, viewer: Viewer
    ) -> tuple[bytes | None, int, str]:
        self.asked.append((sql, parameters))
        return await super().seen(sql, parameters, viewer=viewer)

    async def rows(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> list[asyncpg.Record]:
        self.asked.append((sql, parameters))
        return await super().rows(sql, parameters, viewer=viewer)


def nodes_of(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


async def planned(app: asyncpg.Connection, sql: str, parameters: Sequence[object], role: Role) -> set[str]:
    """The relations of the plan, and what the look-ups of the role's own policies read."""
    text = await app.fetchval(f"EXPLAIN (VERBOSE, FORMAT JSON) {sql}", *parameters)
    nodes = list(nodes_of(json.loads(text)[0]["Plan"]))
    found = {str(node["Relation Name"]) for node in nodes if "Relation Name" in node}
    asked = {str(node["Function Name"]) for node in nodes if "Function Name" in node} & LOOK_UPS.keys()
    rules = [TABLES[table].read.get(role, "") for table in found]
    return found.union(
        *(FROM.findall(LOOK_UPS[name]) for name in asked if any(name in rule for rule in rules))
    )


async def scanned(app: asyncpg.Connection, sql: str, parameters: Sequence[object]) -> set[str]:
    """The tables that were really looked into, within functions, too."""
    async with app.transaction():
        before = {row["relname"]: row["n"] for row in await app.fetch(SCANNED)}
        await app.fetch(sql, *parameters)
        after = {row["relname"]: row["n"] for row in await app.fetch(SCANNED)}
    return {name for name, n in after.items() if n > before.get(name, 0)}


def tables_of(reading: Reading) -> set[str]:
    return set(reading.whole) | {table for table, _ in reading.keyed}


@pytest.mark.parametrize("role", list(Role))
async def test_the_database_reads_nothing_else(
    lively: Companies,
    known: dict[str, Any],  # noqa: F811  # the fixture
    role: Role,
) -> None:
    executor, viewer, every = lively.app.executor, viewer_of(lively, role), set[str]()
    recorded = Recorded(executor.services.reads)
    recording = replace(executor.services, reads=recorded)
    services = executor.services
    async with connected(str(lively.app.settings.app_database_url)) as app:
        settings = settings_of(viewer).values()
        await app.execute(ENTER, *settings)
        for number in range(OPERATIONS):
            operations = Operations(executor.graph, role, seed=7_000 + number, **known)
            operation = await executor.prepare(DocumentRef(operations.query()), None, viewer=viewer)
            executor.services, recorded.asked = recording, []
            try:
                await executor.answer(operation, operations.variables, viewer=viewer)
            finally:
                executor.services = services
            variables = operation.variables.coerce(operations.variables)
            said = tables_of(executor._compiled(operation, variables, viewer).reading)
            assert recorded.asked
            for sql, parameters in recorded.asked:
                read = await planned(app, sql, parameters, role) | await scanned(app, sql, parameters)
                assert read <= said, sql
                every |= read
    assert len(every) > (5 if role is Role.TRACKING else 12)


@pytest.mark.parametrize(
    ("role", "query", "whole", "keyed", "told"),
    [
        (Role.ADMIN, f'visit(id: "vis1_{ID}") {{ state }}', set(), {"visit"}, {"organization"}),
        (
            Role.ADMIN,
            f'visit(id: "vis1_{ID}") {{ followUpOf {{ id }} }}',
            {"visit"},
            set(),
            {"organization"},
        ),
        (
            Role.TECHNICIAN,
            f'visit(id: "vis1_{ID}") {{ state }}',
            {"assignment"},
            {"visit"},
            {"organization", "technician"},
        ),
        (
            Role.CUSTOMER,
            f'visit(id: "vis1_{ID}") {{ state }}',
            set(),
            {"visit"},
            {"organization", "customer"},
        ),
        (
            Role.CUSTOMER,
            "technicians { nodes { name } }",
            {"technician", "assignment"},
            set(),
            {"organization", "customer"},
        ),
        (
            Role.ADMIN,
            f'nodes(ids: ["vis1_{ID}", "wor1_{ID}"]) {{ ... on Visit {{ id }} ... on WorkOrder {{ id }} }}',
            set(),
            {"visit", "work_order"},
            {"organization"},
        ),
        (
            Role.ADMIN,
            f'a: visit(id: "vis1_{ID}") {{ state }} b: visit(id: "vis1_{ID}") {{ state }}',
            set(),
            {"visit"},
            {"organization"},
        ),
        (
            Role.MANAGER,
            f'workOrder(id: "wor1_{ID}") {{ cost {{ total {{ amount }} }} }}',
            {"visit", "visit_cost"},
            {"work_order"},
            {"organization"},
        ),
        (
            Role.DISPATCHER,
            "viewer { user { name } }",
            {"app_user"},
            set(),
            {"organization", "user"},
        ),
    ],
)
async def test_keys_are_told_where_every_read_of_a_table_is_of_keys(
    companies: Companies, role: Role, query: str, *, whole: set[str], keyed: set[str], told: set[str]
) -> None:
    executor, viewer = companies.app.executor, companies.viewer(role)
    operation = await executor.prepare(DocumentRef(f"{{ {query} }}"), None, viewer=viewer)
    reading = executor._compiled(operation, operation.variables.coerce({}), viewer).reading
    assert reading.whole == whole
    assert {table for table, _ in reading.keyed} == keyed
    assert reading.told == told


def test_a_word_is_a_table_where_it_stands_by_itself() -> None:
    sql = """SELECT 'visit' AS "visit", x.visit, 'it''s visit', visits FROM work_order x, visit v"""
    assert tables_in(sql) == {"work_order": 1, "visit": 1}


@pytest.mark.parametrize("role", list(Role))
def test_what_a_look_up_reads_is_read(role: Role) -> None:
    for table, rules in TABLES.items():
        rule = rules.read.get(role, "")
        expected = {"assignment", "visit", "crew_member", "stock_location"}
        named = [
            one
            for one in expected
            for name, text in LOOK_UPS.items()
            if name in rule and f"FROM {one} " in text
        ]
        assert access.reached(role, [table]) == set(named)
