"""Plans: on 200 k work orders no read of the README, the pages or the benchmarks goes through a large table.

Nothing is timed: plans are explained as the app under its policies, and the rows that they touched counted.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain import ids
from domain.unit_of_work import settings_of
from domain.viewers import Role, Viewer
from fieldgraph.addresses import APP_ROLE
from fieldgraph.app import App
from fieldgraph.postgres import EmbeddedPostgres
from fieldgraph.settings import Settings
from resolvers.documents import DocumentRef
from resolvers.execution import Executor
from resolvers.reads import ENTER, SERVER_SETTINGS, Reads
from tests.benchmarks.queries import OURS, asked
from tests.benchmarks.world import ORGANIZATION, TODAY, World, fill, key
from tests.conftest import Database, connected
from tests.fieldgraph.page_documents import PAGES, SCRIPTS

ROOT = Path(__file__).parents[2]
WORLD = World(customers=20_000, days=1_000, technicians=500, parts=20)
LARGE = frozenset(
    {"work_order", "visit", "assignment", "customer", "contact", "site", "contract", "entitlement"}
    | {"stock_level"}
)
TURNS = 7
"""Postgres plans five turns for their own parameters before it may settle for one plan for all."""


@dataclass(frozen=True)
class Large:
    """The executor of an API process over the large company; its reads are kept as they are run."""

    executor: Executor
    reads: "Kept"
    app_url: str


class Kept(Reads):
    """Reads that keep the last statement."""

    last: tuple[str, Sequence[object]]

    async def seen(
        self, sql: str, parameters: Sequence[object], *, viewer: Viewer
    ) -> tuple[bytes | None, int, str]:
        self.last = sql, parameters
        return await super().seen(sql, parameters, viewer=viewer)


@pytest.fixture(scope="module")
async def large(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Large]:
    name = "large_company"
    database = Database(name, postgres.url(name), postgres.url(name, user=APP_ROLE))
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    await fill(database.owner_url, WORLD)
    addresses = {"database_url": database.owner_url, "app_database_url": database.app_url}
    folder = {"data_folder": tmp_path_factory.mktemp("large")}
    app = App(Settings().model_copy(update={**addresses, **folder}))
    async with app.running():
        kept = Kept(app.reads.connections)
        app.executor.services = replace(app.services, reads=kept)
        yield Large(app.executor, kept, database.app_url)
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def viewer(role: Role) -> Viewer:
    """Somebody with rows of today: the last customer, technician and visit that had any."""
    customer = WORLD.customer_of(WORLD.days * 200 - 1)
    return Viewer(
        organization_id=ORGANIZATION,
        role=role,
        subject=f"plans:{role.lower()}",
        customer_id=key("customer", customer) if role == Role.CUSTOMER else None,
        technician_id=key("technician", 7) if role == Role.TECHNICIAN else None,
        visit_id=key("visit", WORLD.days * 300 - 1) if role == Role.TRACKING else None,
    )


@dataclass(frozen=True)
class Read:
    """One read of one role; no step of it may touch more rows than `most`."""

    name: str
    role: Role
    document: str
    most: int
    variables: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.name}-{self.role.lower()}"


def of_readme() -> Iterator[str]:
    for block in re.findall(r"```graphql\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        if block.startswith("query"):
            yield block


def of_pages() -> Iterator[str]:
    """The queries of the pages' scripts, with the fragments that they put in by name.

    The console's are about the schema, or whatever is written into it.
    """
    for script in SCRIPTS:
        found: dict[str, str] = dict(SCRIPT.findall((PAGES / script).read_text()))
        for document in found.values():
            if document.startswith("query"):
                names = re.findall(r"\$\{(\w+)\}", document)
                yield re.sub(r"\$\{\w+\}", "", document) + "".join(found[name] for name in names)


SCRIPT = re.compile(r"^const (\w+) =\s+[`\"](\s*(?:query|fragment)\b[^`\"]*)[`\"]", re.MULTILINE)
DAY = {"from": TODAY.isoformat(), "to": (TODAY + timedelta(days=1)).isoformat()}
OWN = """{ visits(first: 25, where: {plannedStart: {gte: "2026-11-23T00:00:00Z"}}) { nodes {
    id state planned { start } site { name address } workOrder { number title customer { name } }
    assignments { nodes { state } } eta { expected } arrival { occurredAt } } } }"""
VISITS = """{ visits(first: 25) { nodes { id state arrivalWindow { start } site { name } workOrder { number }
    assignments { nodes { technician { name } } } arrival { occurredAt } } } }"""
ORDERS = "{ workOrders(first: 25) { totalCount nodes { id number customer { name } site { name }"
ORDERS += " visits { nodes { id state assignments { nodes { technician { name } } } } } } } }"
STOCK = "{ stockLevels(first: 100) { nodes { onHand part { name } } } }"
PEOPLE = "{ customers(first: 25) { nodes { name contacts { nodes { name } } sites { nodes { name } } } } }"
ON_THE_WAY = "{ visits(where: {state: {eq: EN_ROUTE}}) { totalCount nodes { id site { name } } } }"
LATER = "{ workOrders(first: 25, orderBy: [{field: CREATED_AT, direction: DESC}]) { nodes { number } } }"
OF_ONE = "query($id: ID!) { customer(id: $id) { visits(last: 5) { nodes { id } } workOrders(first: 5) {"
OF_ONE += " nodes { number } } } }"


def reads() -> Iterator[Read]:
    for n, document in enumerate((*of_readme(), *of_pages())):
        role = Role.TRACKING if "query Visit {" in document else Role.DISPATCHER
        given = {name: DAY["from"] for name in ("from", "since") if f"${name}" in document}
        # A count over a filter on an edge meets each customer once.
        most = WORLD.customers if "totalCount" in document else 2_000
        yield Read(f"printed{n}", role, document, most, given)
    for name, document in OURS.items():
        read = asked(name, WORLD)
        roles = {read.viewer.role, Role.SALES} if name != "portal" else {Role.CUSTOMER, Role.DISPATCHER}
        for role in sorted(roles):
            yield Read(name, role, document, 500, read.ours)
    for name, role, document, most in (
        ("own", Role.TECHNICIAN, OWN, 2_000),
        ("orders", Role.TECHNICIAN, ORDERS, 2_000),
        ("stock", Role.TECHNICIAN, STOCK, 2_000),
        # 600 of 20 000 customers: the planner may look each up, or join the two.
        ("people", Role.TECHNICIAN, PEOPLE, WORLD.customers),
        ("visits", Role.CUSTOMER, VISITS, 200),
        ("orders", Role.CUSTOMER, ORDERS, 200),
        ("people", Role.CUSTOMER, PEOPLE, 200),
        ("visits", Role.TRACKING, VISITS, 50),
        ("orders", Role.TRACKING, ORDERS, 50),
        ("on_the_way", Role.DISPATCHER, ON_THE_WAY, 500),
        ("later", Role.DISPATCHER, LATER, 500),
        ("people", Role.SALES, PEOPLE, 500),
    ):
        yield Read(name, role, document, most, {})
    last = WORLD.customer_of(WORLD.days * 200 - 1)
    yield Read("of_one", Role.SALES, OF_ONE, 200, {"id": ids.encode("cus", key("customer", last))})


def steps(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from steps(inner)


def touched(step: Mapping[str, Any]) -> float:
    """Rows that a step read of a table, in all of its turns: those that it gave on, and those it dropped."""
    given = step["Actual Rows"] + sum(step.get(name, 0) for name in DROPPED)
    return float(given * step["Actual Loops"]) if "Relation Name" in step else 0.0


DROPPED = ("Rows Removed by Filter", "Rows Removed by Index Recheck")


def literal(value: object) -> str:
    """A parameter as `EXECUTE` takes it."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return literal("{" + ",".join(str(one) for one in value) + "}")
    text = "\\x" + value.hex() if isinstance(value, bytes) else str(value)
    return "'" + text.replace("'", "''") + "'"


async def explained(large: Large, viewer: Viewer, **settings: str) -> list[list[Mapping[str, Any]]]:
    """The steps of the last statement's plan in each of its turns, run as that viewer."""
    sql, parameters = large.reads.last
    connection = await asyncpg.connect(large.app_url, server_settings={**SERVER_SETTINGS, **settings})
    try:
        await connection.execute(ENTER, *settings_of(viewer).values())
        await connection.execute(f"PREPARE read AS {sql}")
        given = f"({', '.join(literal(value) for value in parameters)})" if parameters else ""
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE read{given}"
        plans = [json.loads(await connection.fetchval(explain))[0]["Plan"] for _ in range(TURNS)]
    finally:
        await connection.close()
    return [list(steps(plan)) for plan in plans]


@pytest.mark.parametrize("read", list(reads()), ids=str)
async def test_no_large_table_is_read_whole(large: Large, read: Read) -> None:
    asker = viewer(read.role)
    operation = await large.executor.prepare(DocumentRef(read.document), None, viewer=asker)
    await large.executor.answer(operation, read.variables, viewer=asker)

    for found in await explained(large, asker):
        whole = {step["Relation Name"] for step in found if step["Node Type"] == "Seq Scan"}
        assert not LARGE & whole, LARGE & whole
        worst = max(found, key=touched)
        assert touched(worst) <= read.most, worst
    assert not large.executor.uncompiled


async def test_a_seq_scan_of_a_large_table_would_be_seen(large: Large) -> None:
    asker = viewer(Role.DISPATCHER)
    text = "SELECT count(*) FROM work_order WHERE organization_id = $1::uuid AND title LIKE $2::text"
    large.reads.last = text, [ORGANIZATION, "%7%"]

    found = (await explained(large, asker, random_page_cost="100"))[0]

    assert "work_order" in {step["Relation Name"] for step in found if step["Node Type"] == "Seq Scan"}
    assert round(max(touched(step) for step in found)) == 200_000
