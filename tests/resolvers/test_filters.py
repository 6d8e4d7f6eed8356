"""Filters and orders against Python: every comparator of every column, over all rows of the database."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from domain import ids
from domain.viewers import Role
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from schema.graph import All, Col
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.scopes import Dump, Row

Holds = Callable[[Any, Any], bool]
COMPARATORS: dict[str, Holds] = {
    "eq": lambda value, given: value is not None and value == given,
    "neq": lambda value, given: value is None or value != given,
    "in": lambda value, given: value is not None and value in given,
    "notIn": lambda value, given: value not in given,
    "isNull": lambda value, given: (value is None) == given,
    "lt": lambda value, given: value is not None and value < given,
    "lte": lambda value, given: value is not None and value <= given,
    "gt": lambda value, given: value is not None and value > given,
    "gte": lambda value, given: value is not None and value >= given,
    "contains": lambda value, given: value is not None and given.lower() in value.lower(),
    "startsWith": lambda value, given: value is not None and value.lower().startswith(given.lower()),
}
ORDERED = {"lt", "lte", "gt", "gte"}
TEXTUAL = {"contains", "startsWith"}
LEAVES = {"String", "Int", "Float", "Decimal", "Boolean", "DateTime", "Date", "Duration"}


@pytest.fixture(scope="module")
async def dump(lively: Companies) -> Dump:
    async with connected(str(lively.app.settings.database_url)) as owner:
        return await Dump.of(owner, lively.app.executor.graph)


def _shapes(graph: Graph) -> Iterator[tuple[str, TypeShape]]:
    for name, field in graph.roots.items():
        if isinstance(field.source, All):
            yield name, graph.types[str(field.target)]


def _columns(graph: Graph, shape: TypeShape) -> list[FieldShape]:
    where: Any = graph.executable.type_map[f"{shape.name}Where"]
    return [
        field
        for field in shape.fields.values()
        if isinstance(field.source, Col)
        and field.name in where.fields
        and (field.leaf in LEAVES or hasattr(graph.executable.type_map[field.leaf], "values"))
        and not field.listed
    ]


def _comparators(graph: Graph, shape: TypeShape, field: FieldShape) -> list[str]:
    """Texts are put in order by the database's collation, which Python does not know."""
    where: Any = graph.executable.type_map[f"{shape.name}Where"]
    known = where.fields[field.name].type.fields
    assert known.keys() <= COMPARATORS.keys(), "say in COMPARATORS what holds for the new one"
    return [name for name in known if not (name in ORDERED and field.leaf == "String")]


def _operand(name: str, values: list[Any], random: Random) -> Any:
    if name == "isNull":
        return random.random() < 0.5
    if name in {"in", "notIn"}:
        return random.sample(values, k=min(2, len(values)))
    value = random.choice(values)
    if name in TEXTUAL:
        start = 0 if name == "startsWith" else random.randint(0, len(value))
        return value[start : start + random.randint(1, 4)].upper()
    return value


def _written(value: Any, leaf: str) -> Any:
    if isinstance(value, list):
        return [_written(one, leaf) for one in value]
    if leaf == "Duration" and not isinstance(value, bool):
        return f"PT{value}S"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


async def _ids(companies: Companies, root: str, kind: str, given: dict[str, Any]) -> list[str]:
    query = f"""query Asked($where: {kind}Where, $orderBy: [{kind}Order!], $after: String) {{
      {root}(first: 250, where: $where, orderBy: $orderBy, after: $after) {{
        nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    found: list[str] = []
    after = None
    while True:
        page = (await companies.data(query, {**given, "after": after}))[root]
        found += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def test_every_comparator_of_every_column(lively: Companies, dump: Dump) -> None:
    graph, random, admin = lively.app.executor.graph, Random(1), lively.viewer(Role.ADMIN)  # noqa: S311  # repeatable
    asked = 0
    for root, shape in _shapes(graph):
        rows = dump.seen(shape.table, admin)
        for field in _columns(graph, shape):
            column = shape.column_of(field)
            values = sorted({row[column] for row in rows if row[column] is not None}, key=str)
            for name in _comparators(graph, shape, field) if values else ():
                operand = _operand(name, values, random)
                for turned in (False, True):
                    where = {field.name: {name: _written(operand, "" if name == "isNull" else field.leaf)}}
                    holds = {row["id"] for row in rows if COMPARATORS[name](row[column], operand)}
                    wanted = {row["id"] for row in rows} - holds if turned else holds
                    given = {"where": {"not": where} if turned else where}
                    found = await _ids(lively, root, shape.name, given)
                    assert {ids.split(one)[1] for one in found} == wanted, (root, given)
                    asked += 1
    assert asked > 500


def _key(row: Row, column: str, *, nulls_first: bool) -> tuple[bool, Any]:
    value = row[column]
    return ((value is None) != nulls_first, 0 if value is None else value)


async def test_every_order_with_its_nulls_and_ties_by_id(lively: Companies, dump: Dump) -> None:
    graph, admin = lively.app.executor.graph, lively.viewer(Role.ADMIN)
    asked = 0
    for root, shape in _shapes(graph):
        words: Any = graph.executable.type_map[f"{shape.name}OrderField"]
        for word, one in words.values.items():
            field = shape.field_of(one.value)
            if field.leaf == "String" or not isinstance(field.source, Col):
                continue
            column, nulls_first = shape.column_of(field), asked % 2 == 0
            rows = sorted(dump.seen(shape.table, admin), key=lambda row: row["id"])
            rows.sort(key=lambda row, c=column, n=nulls_first: _key(row, c, nulls_first=n))  # type: ignore[misc]  # bound now
            order = [{"field": word, "nulls": "FIRST" if nulls_first else "LAST"}]
            found = await _ids(lively, root, shape.name, {"orderBy": order})
            assert [ids.split(name)[1] for name in found] == [row["id"] for row in rows], (root, order)
            asked += 1
    assert asked > 60


async def test_a_time_that_an_expression_gives_is_compared_as_a_time(lively: Companies) -> None:
    # given keys, of which nobody has used one
    keys = (await lively.data("{ apiKeys { totalCount } }"))["apiKeys"]["totalCount"]
    assert keys
    at = '"2020-01-01T00:00:00Z"'
    for where, wanted in (
        ("isNull: true", keys),
        (f"eq: {at}", 0),
        (f"neq: {at}", keys),
        (f"gt: {at}", 0),
        (f"lte: {at}", 0),
        (f"in: [{at}]", 0),
        (f"notIn: [{at}]", keys),
    ):
        found = await lively.data(f"{{ apiKeys(where: {{lastUsedAt: {{{where}}}}}) {{ totalCount }} }}")
        assert found["apiKeys"]["totalCount"] == wanted, where
