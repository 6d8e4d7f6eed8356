"""Cursors: whoever reads one finds nothing in it that they may not read in the rows themselves."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from domain import ids
from domain.viewers import Role, Viewer
from resolvers.compiler import orders
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from schema.graph import All, Col, Embedded, Many
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.ways import Way, allowed, ways

STAFF = set(Role) - {Role.CUSTOMER, Role.TRACKING}
ROWS = "SELECT id, ARRAY[{columns}] AS shown FROM {table} WHERE id = ANY($1)"


def read(cursor: str) -> list[str | None]:
    """What anybody can read in a cursor."""
    payload = cursor.partition(".")[0]
    values: list[str | None] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return values


async def viewer_of(companies: Companies, role: Role, owner: asyncpg.Connection) -> Viewer:
    """The tracking link is to a visit that somebody is on."""
    if role != Role.TRACKING:
        return companies.viewer(role)
    organization = companies.first.id
    visit = await owner.fetchval("SELECT visit_id FROM eta WHERE organization_id = $1", organization)
    return Viewer(organization_id=organization, role=role, subject="link", visit_id=visit)


def connections(graph: Graph, role: Role) -> Iterator[tuple[Way, FieldShape]]:
    for name, way in {"": Way(), **ways(graph, role)}.items():
        for field in (graph.types[name].fields if name else graph.roots).values():
            if isinstance(field.source, All | Many) and allowed(field, role):
                yield way, field


def shown(graph: Graph, shape: TypeShape, role: Role) -> set[str]:
    """The columns that a role may read, by their fields and those of objects made of them."""
    found = {"id"}
    for field in shape.fields.values():
        if not allowed(field, role):
            continue
        if isinstance(field.source, Col):
            found.add(shape.column_of(field))
        elif isinstance(field.source, Embedded):
            inner = graph.types[str(field.target)]
            names = [one.python_name for one in inner.fields.values() if allowed(one, role)]
            found |= {field.source.columns.get(name, field.source.prefix + name) for name in names}
    return found & shape.columns.keys()


def edges(answer: Any, path: tuple[str, ...]) -> list[Any]:
    found = [answer]
    for name in path:
        found = [deeper for one in found if one for deeper in _listed(one[name])]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def texts(
    owner: asyncpg.Connection, shape: TypeShape, columns: set[str], found: list[Any]
) -> dict[str, set[str]]:
    """By id the values of those columns, as Postgres writes them."""
    sql = ROWS.format(table=shape.table, columns=", ".join(f"{one}::text" for one in sorted(columns)))
    keys = [ids.split(one["node"]["id"])[1] for one in found]
    rows = await owner.fetch(sql, keys)
    return {ids.encode(str(shape.reading.prefix), row["id"]): {*row["shown"]} for row in rows}


@pytest.mark.parametrize("role", list(Role))
async def test_a_cursor_holds_nothing_that_the_role_may_not_read(lively: Companies, role: Role) -> None:
    graph = lively.app.executor.graph
    seen: dict[str, int] = {}
    async with connected(str(lively.app.settings.database_url)) as owner:
        viewer = await viewer_of(lively, role, owner)
        for way, field in connections(graph, role):
            shape = graph.types[str(field.target)]
            if shape.reading.prefix is None:
                continue
            asked = way.query(f"{field.name}(first: 20) {{ edges {{ cursor node {{ id }} }} }}")
            data = await lively.data(re.sub(r"first: 1\b", "first: 5", asked), viewer=viewer)
            found = edges(data, (*way.answered, field.name, "edges"))
            may = await texts(owner, shape, shown(graph, shape, role), found)
            for edge in found:
                hidden = {*read(edge["cursor"])} - may[edge["node"]["id"]] - {None}
                assert not hidden, (way, field.name, read(edge["cursor"]))
            seen[shape.name] = seen.get(shape.name, 0) + len(found)

    assert seen["Visit"]
    assert seen["Assignment"]
    assert seen["Technician"]


def test_staff_have_every_order_as_it_is_declared(lively: Companies) -> None:
    graph = lively.app.executor.graph
    for shape in graph.types.values():
        declared = [(shape, shape.reading.order)] if shape.reading.table else []
        declared += [
            (graph.types[str(field.target)], field.source.order)
            for field in shape.fields.values()
            if isinstance(field.source, Many) and field.source.order
        ]
        for target, order in declared:
            for role in STAFF:
                assert orders.usual(graph, target, order, role) == order, (target.name, role)


def test_who_may_not_read_the_first_column_has_the_order_of_coming_to_be(lively: Companies) -> None:
    graph = lively.app.executor.graph
    visit, customer = graph.types["Visit"], Role.CUSTOMER

    assert orders.usual(graph, visit, ("planned_start", "id"), customer) == ("id",)
    assert orders.usual(graph, visit, ("-planned_start",), customer) == ("-id",)
    assert orders.usual(graph, visit, ("state", "planned_start"), customer) == ("state",)


async def test_a_customer_reads_all_visits_page_by_page_in_both_directions(lively: Companies) -> None:
    # given the customer with the most visits
    async with connected(str(lively.app.settings.database_url)) as owner:
        row = await owner.fetchrow(
            "SELECT customer_id, count(*) AS n, array_agg(id ORDER BY id) AS visits FROM visit"
            " WHERE organization_id = $1 GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
            lively.first.id,
        )
    assert row is not None
    viewer = replace(lively.viewer(Role.CUSTOMER), customer_id=row["customer_id"])
    assert row["n"] >= 3

    for size, side, end in (("first", "after", "endCursor"), ("last", "before", "startCursor")):
        # when they are read one at a time
        query = f"""query V($at: String) {{ visits({size}: 1, {side}: $at) {{
          nodes {{ id }} pageInfo {{ {end} }} }} }}"""
        found, at = [], None
        for _ in range(row["n"]):
            page = (await lively.data(query, {"at": at}, viewer=viewer))["visits"]
            at = page["pageInfo"][end]
            found.append(ids.split(page["nodes"][0]["id"])[1])

        # then each comes once, in the order of their ids, of which alone the cursors tell
        assert found == (row["visits"] if size == "first" else row["visits"][::-1])
        assert read(str(at)) == [str(found[-1])]
        last = (await lively.data(query, {"at": at}, viewer=viewer))["visits"]
        assert last["nodes"] == []
