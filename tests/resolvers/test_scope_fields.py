"""Field scope over every field and every role: refused with its path before a statement runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType
from graphql import is_required_argument as is_required

from domain.errors import Forbidden
from domain.viewers import Role, Viewer
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.documents import DocumentRef
from resolvers.permissions import READS_SCHEMA, STRANGERS, check_roles
from schema.graph import All, Many, One, OneOf, Several
from tests.resolvers.companies import Companies
from tests.resolvers.scopes import STAFF

ROLES = list(Role)


@dataclass(frozen=True)
class Way:
    """How a type is come by from Query: the fields in between, as they are written and as they answer."""

    written: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()

    def query(self, selection: str) -> str:
        text = selection
        for one in reversed(self.written):
            text = f"{one} {{ {text} }}"
        return f"{{ {text} }}"

    def on(self, field: FieldShape) -> "Way":
        if isinstance(field.source, All | Many):
            return Way(
                (*self.written, f"{field.name}(first: 1)", "nodes"), (*self.answered, field.name, "nodes")
            )
        return Way((*self.written, field.name), (*self.answered, field.name))


def _viewer(companies: Companies, role: Role) -> Viewer:
    if role != Role.TRACKING:
        return companies.viewer(role)
    company = companies.first
    return Viewer(organization_id=company.id, role=role, subject="link", visit_id=company.tracked[0])


def _allowed(field: FieldShape, role: Role) -> bool:
    if field.name in READS_SCHEMA and role in STRANGERS:
        return False
    return field.source.roles is None or role in field.source.roles


def _ways(graph: Graph, role: Role) -> dict[str, Way]:
    """For each type, the shortest way that the role may go; types nobody can come by are left out."""
    found: dict[str, Way] = {}
    waiting = [("Query", Way())]
    while waiting:
        kind, way = waiting.pop(0)
        fields = graph.roots if kind == "Query" else graph.types[kind].fields
        for field in fields.values():
            target = str(field.target)
            bare = not isinstance(field.source, All | Many) and _arguments(graph, kind, field)
            if target in graph.types and target not in found and not bare and _allowed(field, role):
                found[target] = way.on(field)
                waiting.append((target, found[target]))
    return found


def _arguments(graph: Graph, kind: str, field: FieldShape) -> Mapping[str, Any]:
    declared = graph.executable.type_map[kind]
    assert isinstance(declared, GraphQLObjectType)
    found: Mapping[str, Any] = declared.fields[field.name].args
    return found


def _guarded(graph: Graph, role: Role) -> Iterator[tuple[TypeShape, FieldShape, Way]]:
    """Every field that is not for the role, of every type that the role can come by."""
    for name, way in _ways(graph, role).items():
        for field in graph.types[name].fields.values():
            if not _allowed(field, role):
                yield graph.types[name], field, way


def _selection(field: FieldShape) -> str:
    if field.target is None and not isinstance(field.source, OneOf):
        return field.name
    return f"{field.name} {{ __typename }}"


async def _refused(companies: Companies, query: str, viewer: Viewer, path: list[str] | None) -> None:
    before = companies.app.reads.statements
    found = await companies.ask(query, viewer=viewer)
    assert [one["extensions"]["code"] for one in found.get("errors", [])] == ["FORBIDDEN"], query
    assert found["errors"][0].get("path") == path, query
    assert "data" not in found
    assert companies.app.reads.statements == before, query


def test_most_types_can_be_come_by(companies: Companies) -> None:
    graph = companies.app.executor.graph
    tables = {name for name, shape in graph.types.items() if shape.reading.table is not None}
    assert tables - _ways(graph, Role.ADMIN).keys() == set()
    guarded = {f"{shape.name}.{field.name}" for shape, field, _ in _guarded(graph, Role.CUSTOMER)}
    assert {"Customer.tier", "Site.accessNotes", "Visit.planned", "Technician.hourlyCost"} <= guarded


@pytest.mark.parametrize("role", ROLES)
async def test_a_field_is_refused_to_whom_it_is_not_for(companies: Companies, role: Role) -> None:
    viewer = _viewer(companies, role)
    for _, field, way in _guarded(companies.app.executor.graph, role):
        await _refused(companies, way.query(_selection(field)), viewer, [*way.answered, field.name])


@pytest.mark.parametrize("role", ROLES)
async def test_every_other_field_is_answered(companies: Companies, role: Role) -> None:
    graph, viewer = companies.app.executor.graph, _viewer(companies, role)
    for name, way in _ways(graph, role).items():
        allowed = [field for field in graph.types[name].fields.values() if _allowed(field, role)]
        wanted = [_selection(one) for one in allowed if not _arguments_required(graph, name, one)]
        found = await companies.ask(way.query(" ".join(wanted)), viewer=viewer)
        assert "errors" not in found, (name, found)


def _arguments_required(graph: Graph, kind: str, field: FieldShape) -> bool:
    return any(str(one.type).endswith("!") for one in _arguments(graph, kind, field).values())


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_filters_by_what_they_may_not_read(companies: Companies, role: Role) -> None:
    graph, viewer = companies.app.executor.graph, _viewer(companies, role)
    asked = 0
    for root, field in graph.roots.items():
        if not isinstance(field.source, All) or not _allowed(field, role):
            continue
        for where in _forbidden_wheres(graph, str(field.target), role):
            await _refused(companies, f"{{ {root}(where: {where}) {{ totalCount }} }}", viewer, [root])
            nested = f"{{and: [{{not: {{or: [{where}]}}}}]}}"
            await _refused(companies, f"{{ x: {root}(where: {nested}) {{ totalCount }} }}", viewer, ["x"])
            asked += 1
    assert asked or role in STAFF


def _forbidden_wheres(graph: Graph, kind: str, role: Role, depth: int = 0) -> Iterator[str]:
    """Filters that name a forbidden field, by this type's own fields and those of its neighbours."""
    declared = graph.executable.type_map[f"{kind}Where"]
    assert isinstance(declared, GraphQLInputObjectType)
    for name in declared.fields:
        field = graph.types[kind].fields.get(name)
        if field is None:
            continue
        many = isinstance(field.source, Many | Several)
        if not _allowed(field, role):
            yield f"{{{name}: {{{'some: {}' if many else ''}}}}}"
        elif depth == 0 and isinstance(field.source, One | Many | Several):
            for inner in _forbidden_wheres(graph, str(field.target), role, depth + 1):
                yield f"{{{name}: {f'{{none: {inner}}}' if many else inner}}}"


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_orders_by_what_they_may_not_read(companies: Companies, role: Role) -> None:
    graph, viewer = companies.app.executor.graph, _viewer(companies, role)
    for name, way in {"": Way(), **_ways(graph, role)}.items():
        fields = graph.types[name].fields if name else graph.roots
        for field in fields.values():
            if not isinstance(field.source, All | Many) or not _allowed(field, role):
                continue
            for word in _forbidden_orders(graph, str(field.target), role):
                query = way.query(f"{field.name}(orderBy: [{{field: {word}}}]) {{ __typename }}")
                await _refused(companies, query, viewer, [*way.answered, field.name])


def _forbidden_orders(graph: Graph, kind: str, role: Role) -> list[str]:
    words = graph.executable.type_map[f"{kind}OrderField"]
    assert isinstance(words, GraphQLEnumType)
    shape = graph.types[kind]
    return [name for name, one in words.values.items() if not _allowed(shape.field_of(one.value), role)]


@pytest.mark.parametrize("role", ROLES)
async def test_verbs_and_streams_are_for_the_roles_they_declare(companies: Companies, role: Role) -> None:
    executor = companies.app.executor
    graph = executor.graph
    for word, kind, fields in (
        ("mutation", graph.executable.mutation_type, graph.mutations),
        ("subscription", graph.executable.subscription_type, graph.subscriptions),
    ):
        assert kind is not None
        for name, field in fields.items():
            assert field.source.roles, f"{name} is for nobody in particular: say whom it is for"
            needed = {key: one.type for key, one in kind.fields[name].args.items() if is_required(one)}
            head = "(" + ", ".join(f"${key}: {one}" for key, one in needed.items()) + ")" if needed else ""
            given = "(" + ", ".join(f"{key}: ${key}" for key in needed) + ")" if needed else ""
            ref = DocumentRef(f"{word}{head} {{ a: {name}{given} {{ __typename }} }}")
            operation = await executor.prepare(ref, None, viewer=companies.viewer(Role.ADMIN))
            if _allowed(field, role):
                check_roles(graph, operation, role)
                continue
            with pytest.raises(Forbidden) as refused:
                check_roles(graph, operation, role)
            assert refused.value.response_path == ("a",)
