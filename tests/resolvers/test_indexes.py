"""Indexes: every order, edge and natural key that the graph declares is led by an index."""

from collections.abc import Iterable, Iterator

import asyncpg
import pytest

from resolvers.compiler.shapes import Graph, TypeShape
from schema.graph import All, ByKey, Many, One, Several
from tests.conftest import connected
from tests.resolvers.companies import Companies

INDEXES = """
SELECT c.relname, i.indisunique, array_agg(a.attname ORDER BY k.n)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, n)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE c.relnamespace = 'public'::regnamespace AND i.indisvalid AND i.indpred IS NULL AND k.n <= i.indnkeyatts
GROUP BY i.indexrelid, c.relname, i.indisunique
"""
Indexes = dict[str, list[tuple[bool, list[str]]]]


@pytest.fixture
async def indexes(companies: Companies) -> Indexes:
    found: Indexes = {}
    async with connected(str(companies.app.settings.database_url)) as connection:
        for table, unique, columns in await connection.fetch(INDEXES):
            found.setdefault(table, []).append((unique, list(columns)))
    return found


def lead(indexes: Indexes, table: str, columns: Iterable[str]) -> bool:
    """Whether an index begins with the organization and these columns."""
    wanted = ["organization_id", *columns]
    return any(found[: len(wanted)] == wanted for _, found in indexes[table])


def order_in(indexes: Indexes, table: str, columns: Iterable[str]) -> bool:
    """Whether an index gives rows in this order: its columns and the id, or unique columns."""
    names = [name.lstrip("-") for name in columns]
    wanted = ["organization_id", *(name for name in names if name != "id")]
    return lead(indexes, table, [*wanted[1:], "id"]) or (True, wanted) in indexes[table]


def orders(graph: Graph) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What is listed at a root, and the long edges, which say their order themselves."""
    for name, root in graph.roots.items():
        if isinstance(root.source, All):
            shape = graph.types[str(root.target)]
            yield name, shape.table, shape.reading.order
    for shape in graph.types.values():
        for field in shape.fields.values():
            if isinstance(field.source, Many) and field.source.order is not None and not field.source.among:
                target = graph.types[str(field.target)]
                yield f"{shape.name}.{field.name}", target.table, (field.source.via, *field.source.order)


def edges(graph: Graph) -> Iterator[tuple[str, str, str]]:
    """What is looked up in another table by one column: edges to it, and natural keys."""
    for shape in read_from_tables(graph):
        for field in shape.fields.values():
            via = getattr(field.source, "via", None)
            if getattr(field.source, "among", None) is not None:
                continue  # read by several indexes: test_history_plans.py
            if isinstance(field.source, Many | Several | One) and via is not None:
                yield f"{shape.name}.{field.name}", graph.types[str(field.target)].table, via
    for name, root in graph.roots.items():
        if isinstance(root.source, ByKey):
            yield name, graph.types[str(root.target)].table, root.source.column


def read_from_tables(graph: Graph) -> Iterator[TypeShape]:
    return (shape for shape in graph.types.values() if shape.reading.table is not None)


async def test_every_order_is_an_index(companies: Companies, indexes: Indexes) -> None:
    declared = list(orders(companies.app.executor.graph))
    without = [name for name, table, columns in declared if not order_in(indexes, table, columns)]

    assert without == []
    assert len(declared) >= 25
    assert not order_in(indexes, "visit", ("planned_end",))
    assert not order_in(indexes, "visit", ("state",))
    assert order_in(indexes, "visit", ("planned_start", "id"))


async def test_every_edge_and_natural_key_is_led_by_an_index(companies: Companies, indexes: Indexes) -> None:
    declared = list(edges(companies.app.executor.graph))
    without = [name for name, table, column in declared if not lead(indexes, table, [column])]

    assert without == []
    assert len(declared) > 30
    assert not lead(indexes, "visit", ["reason"])


async def test_every_foreign_key_is_led_by_an_index(companies: Companies, indexes: Indexes) -> None:
    """What is deleted or looked at from its other end is found without reading the table."""
    async with connected(str(companies.app.settings.database_url)) as connection:
        declared = await foreign_keys(connection)
    without = [(table, columns) for table, columns in declared if not lead(indexes, table, columns)]

    assert without == []
    assert len(declared) > 30


async def foreign_keys(connection: asyncpg.Connection) -> list[tuple[str, list[str]]]:
    """Those that lead to a row of the organization, without its column."""
    found = await connection.fetch(
        "SELECT conrelid::regclass::text, (SELECT array_agg(a.attname ORDER BY k.n)"
        " FROM unnest(conkey) WITH ORDINALITY AS k(attnum, n)"
        " JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum"
        " WHERE a.attname <> 'organization_id')"
        " FROM pg_constraint WHERE contype = 'f' AND array_length(conkey, 1) > 1"
    )
    return [(table.strip('"'), list(columns)) for table, columns in found]
