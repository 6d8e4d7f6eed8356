"""Row scope over every type and every role: by id and over every edge, against a dump of all rows."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain import ids
from domain.viewers import Role, Viewer
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from schema.graph import All, Many, One, Several
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.scopes import RULES, Dump, declared, told_of

PAGE = 250
PARENTS = 60
EVERY = "query Every($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on {kind} {{ {edges} }} }} }}"
ALL = "query All($after: String) {{ {root}(first: 250, after: $after) {{ nodes {{ id }} {more} }} }}"
MORE = "pageInfo { hasNextPage endCursor }"


@dataclass(frozen=True)
class Whole:
    """The graph, and the database behind it as its owner sees it."""

    companies: Companies
    dump: Dump
    owner: asyncpg.Connection

    @property
    def graph(self) -> Graph:
        return self.companies.app.executor.graph

    def viewer(self, role: Role) -> Viewer:
        """A role of the first company; its tracking link is to a visit that somebody is on."""
        if role != Role.TRACKING:
            return self.companies.viewer(role)
        organization = self.companies.first.id
        visit = next(
            row["visit_id"] for row in self.dump.rows["eta"] if row["organization_id"] == organization
        )
        return Viewer(organization_id=organization, role=role, subject="link", visit_id=visit)

    def seen(self, shape: TypeShape, viewer: Viewer) -> set[UUID]:
        return {row["id"] for row in self.dump.seen(shape.table, viewer)}


@pytest.fixture(scope="module")
async def whole(lively: Companies) -> AsyncIterator[Whole]:
    async with connected(str(lively.app.settings.database_url)) as owner:
        whole = Whole(lively, await Dump.of(owner, lively.app.executor.graph), owner)
        for role in Role:
            await whole.dump.complete(owner, whole.viewer(role))
        yield whole


def _read(graph: Graph) -> list[TypeShape]:
    """Every type that is read from a table and has an id: a new one is covered by being declared."""
    return [shape for shape in graph.types.values() if shape.reading.prefix is not None]


def _chunks(values: Iterable[str], size: int) -> Iterator[list[str]]:
    listed = sorted(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def _edges(graph: Graph, shape: TypeShape, role: Role) -> list[FieldShape]:
    return [
        field
        for field in shape.fields.values()
        if isinstance(field.source, One | Many | Several)
        and str(field.target) in graph.types
        and graph.types[str(field.target)].reading.prefix is not None
        and (field.source.roles is None or role in field.source.roles)
    ]


def _asked(field: FieldShape) -> str:
    if isinstance(field.source, Many):
        return f"{field.name}(first: {PAGE}) {{ totalCount nodes {{ id }} }}"
    return f"{field.name} {{ id }}"


async def test_the_dump_has_rows_of_both_companies(whole: Whole) -> None:
    for table in RULES:
        assert whole.dump.rows[table], f"{table} is empty, so nothing is proved: add rows to LIVE"
        admin = whole.companies.viewer(Role.ADMIN)
        assert whole.dump.seen(table, admin), table
        if table not in {"territory", "arrival"}:  # the second company has none
            assert len(whole.dump.seen(table, admin)) < len(whole.dump.rows[table]), table


@pytest.mark.parametrize("role", list(Role))
async def test_what_is_declared_is_what_the_words_say(whole: Whole, role: Role) -> None:
    viewer = whole.viewer(role)
    for table in RULES:
        own = {row["id"] for row in whole.dump.seen(table, viewer) if "id" in row}
        assert await declared(whole.owner, table, viewer) == own, table


@pytest.mark.parametrize("role", list(Role))
async def test_by_its_id_a_role_gets_each_row_that_is_its_own_and_no_other(whole: Whole, role: Role) -> None:
    viewer = whole.viewer(role)
    for shape in _read(whole.graph):
        names = [ids.encode(str(shape.reading.prefix), row["id"]) for row in whole.dump.rows[shape.table]]
        seen = set()
        for chunk in _chunks(names, PAGE):
            found = await whole.companies.data(
                "query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": chunk}, viewer=viewer
            )
            assert [one and one["id"] for one in found["nodes"]] == [
                name if one else None for name, one in zip(chunk, found["nodes"], strict=True)
            ]
            seen |= {ids.split(one["id"])[1] for one in found["nodes"] if one}
        assert seen == whole.seen(shape, viewer), shape.name


@pytest.mark.parametrize("role", list(Role))
async def test_a_root_connection_holds_the_roles_own_rows(whole: Whole, role: Role) -> None:
    viewer = whole.viewer(role)
    for name, field in whole.graph.roots.items():
        if not isinstance(field.source, All):
            continue
        if field.source.roles is not None and role not in field.source.roles:
            continue
        seen: list[str] = []
        after = None
        while True:
            query = ALL.format(root=name, more=MORE)
            page = (await whole.companies.data(query, {"after": after}, viewer=viewer))[name]
            seen += [node["id"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        shape = whole.graph.types[str(field.target)]
        wanted = {ids.encode(str(shape.reading.prefix), key) for key in whole.seen(shape, viewer)}
        assert len(seen) == len(set(seen))
        assert set(seen) == wanted, name


@pytest.mark.parametrize("role", list(Role))
async def test_an_edge_leads_to_the_roles_own_rows(whole: Whole, role: Role) -> None:
    viewer = whole.viewer(role)
    for shape in _read(whole.graph):
        edges = _edges(whole.graph, shape, role)
        parents = {ids.encode(str(shape.reading.prefix), key) for key in whole.seen(shape, viewer)}
        if not edges or not parents:
            continue
        query = EVERY.format(kind=shape.name, edges=" ".join(map(_asked, edges)))
        chunk = next(_chunks(parents, PARENTS))
        found = await whole.companies.data(query, {"ids": chunk}, viewer=viewer)
        wanted = [_wanted(whole, shape, name, edges=edges, viewer=viewer) for name in chunk]
        assert [_got(node, edges) for node in found["nodes"]] == wanted, shape.name


def _wanted(
    whole: Whole, shape: TypeShape, name: str, *, edges: list[FieldShape], viewer: Viewer
) -> dict[str, Any]:
    row = whole.dump.by_id[shape.table, ids.split(name)[1]]
    answer: dict[str, Any] = {}
    for field in edges:
        target = whole.graph.types[str(field.target)]
        local, remote = "id", getattr(field.source, "via", None)
        if remote is None:
            local, remote = str(getattr(field.source, "by", None)), "id"
        seen = whole.dump.seen(target.table, viewer)
        if remote == "told_of":
            found = [one for one in seen if row["id"] in told_of(one)]
        else:
            found = [one for one in seen if one[remote] == row[local]]
        answer[field.name] = {ids.encode(str(target.reading.prefix), one["id"]) for one in found}
    return answer


def _got(node: dict[str, Any], edges: list[FieldShape]) -> dict[str, Any]:
    answer = {}
    for field in edges:
        value = node[field.name]
        if isinstance(field.source, Many):
            assert value["totalCount"] == len(value["nodes"])
            value = value["nodes"]
        listed = value if isinstance(value, list) else [value] if value else []
        answer[field.name] = {one["id"] for one in listed}
    return answer
