"""Catalogue: the graph's declarations against the tables there are, before a process answers anybody."""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLObjectType,
    NoUnusedFragmentsRule,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from sqlmodel import SQLModel

from domain.access import TABLES
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.compiler.values import columns_in
from resolvers.reads import Reads
from schema.graph import Col, Embedded, Key, Listed, Many, One, Place, Several, Sql
from schema.values import Aggregate, Derived, Foremost

Tables: TypeAlias = Mapping[str, Mapping[str, bool]]
"""Table → column → whether it can be null."""
Column: TypeAlias = tuple[str, str]
"""A table and one of its columns."""
COLUMNS = (
    "SELECT c.relname AS table_name, a.attname AS column_name, NOT a.attnotnull AS nullable"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v')"
    " AND a.attnum > 0 AND NOT a.attisdropped"
)
MOST_TOLD = 20
USUAL_CAUSE = "The usual cause: the migrations of this release have not run here (python3 run.py migrate)."


class StartRefused(Exception):
    """The process would answer wrongly; the message says every line that does not hold."""


async def check(graph: Graph, derived: Collection[str], reads: Reads) -> None:
    """Raises StartRefused when the database is not the one that the declarations were written for."""
    tables: dict[str, dict[str, bool]] = {}
    for row in await reads.fetch(COLUMNS):
        tables.setdefault(row["table_name"], {})[row["column_name"]] = row["nullable"]
    found = faults(graph, tables)
    more = [f"… and {len(found) - MOST_TOLD} more lines."] if len(found) > MOST_TOLD else []
    wrong = [*unanswered(graph, derived), *found[:MOST_TOLD], *more, *([USUAL_CAUSE] if found else [])]
    if wrong:
        raise StartRefused("\n".join(["The graph cannot be served.", *wrong]))


def declared() -> Tables:
    """The tables as the domain declares them."""
    return {
        table.name: {column.name: bool(column.nullable) for column in table.columns}
        for table in SQLModel.metadata.tables.values()
    }


def faults(graph: Graph, tables: Tables) -> list[str]:
    """Lines of the declarations that cannot be: what they read is not there, or `!` on what can be null."""
    found = []
    for shape in graph.types.values():
        kind = graph.executable.type_map[shape.name]
        if shape.reading.table is None or not isinstance(kind, GraphQLObjectType):
            continue
        for field in shape.fields.values():
            name = f"{shape.name}.{field.name}"
            missing = list(_missing(_reads(graph, shape, field), tables))
            found += [f"{name}: {one}" for one in missing]
            if not missing and str(kind.fields[field.name].type).endswith("!"):
                found += [
                    f"{name} is promised (“!”), but {one}" for one in _broken(graph, shape, field, tables)
                ]
            found += [f"{name}: {one}" for one in _needless(graph, shape, field)]
    return found


def unanswered(graph: Graph, derived: Collection[str]) -> list[str]:
    """Derived fields that no function answers, and functions that no field asks for."""
    asked = {
        field.source.key: f"{shape.name}.{field.name}"
        for shape in graph.types.values()
        for field in shape.fields.values()
        if isinstance(field.source, Derived)
    }
    missing = [f"{name}: no function derives “{key}”" for key, name in asked.items() if key not in derived]
    return missing + [f"“{key}” is derived, but no field asks for it" for key in derived if key not in asked]


def _reads(graph: Graph, shape: TypeShape, field: FieldShape) -> Iterator[Column]:
    """The columns that a field is read from."""
    source, own = field.source, shape.table
    if isinstance(source, Sql | Listed) and source.expression is not None:
        yield from ((own, column) for column in columns_in(source.expression))
    elif isinstance(source, Aggregate):
        yield source.table, source.via
        for column in columns_in(source.expression) | columns_in(source.where):
            yield source.table, column
    elif isinstance(source, One | Many | Several | Foremost):
        yield from _links(graph, shape, field)
    else:
        yield from ((own, column) for column in _own(graph, shape, field))


def _own(graph: Graph, shape: TypeShape, field: FieldShape) -> list[str]:
    """The columns of the row itself, those of an embedded object by the names they have in the row."""
    source = field.source
    if isinstance(source, Key):
        return ["id"]
    if isinstance(source, Col) or (isinstance(source, Listed) and source.expression is None):
        return [shape.column_of(field)]
    if isinstance(source, Place):
        return [source.longitude, source.latitude]
    if not isinstance(source, Embedded):
        return []
    inner = graph.types[str(field.target)]
    names = [name for one in inner.fields.values() for name in _own(graph, inner, one)]
    return [source.columns.get(name, source.prefix + name) for name in names]


def _links(graph: Graph, shape: TypeShape, field: FieldShape) -> Iterator[Column]:
    source, target = field.source, graph.types[str(field.target)]
    by, via = getattr(source, "by", None), getattr(source, "via", None)
    order = getattr(source, "order", None) or target.reading.order
    among = getattr(source, "among", None)
    if among is not None:
        yield from ((target.table, column) for column in sorted(columns_in(among)))
    else:
        yield (shape.table, by) if by else (target.table, str(via))
    yield from ((target.table, name.lstrip("-")) for name in order)
    if isinstance(source, Foremost):
        yield from ((target.table, column) for column in columns_in(source.where))


def _missing(columns: Iterator[Column], tables: Tables) -> Iterator[str]:
    for table, column in dict.fromkeys(columns):
        if table not in tables:
            yield f"there is no table {table}"
        elif column not in tables[table]:
            yield f"table {table} has no column {column}"
        elif table not in TABLES:
            yield f"nothing says who may read table {table} (domain/access.py)"


def _broken(graph: Graph, shape: TypeShape, field: FieldShape, tables: Tables) -> Iterator[str]:
    """Why a promised field can be null all the same."""
    source = field.source
    if isinstance(source, Sql) and not source.never_null:
        yield "its expression does not say never_null"
    if isinstance(source, One | Foremost):
        yield "what an edge leads to may not be the viewer's to see"
    if isinstance(source, Derived):
        yield "what is derived may not be known"
    columns = tables.get(shape.table, {})
    for name in _own(graph, shape, field):
        if columns[name] and not (isinstance(source, Embedded) and _may_lack(graph, source, field, name)):
            yield f"column {shape.table}.{name} can be null"


def _may_lack(graph: Graph, source: Embedded, field: FieldShape, column: str) -> bool:
    """Whether an embedded object's own field for a column may be null."""
    inner = graph.types[str(field.target)]
    kind = graph.executable.type_map[inner.name]
    if not isinstance(kind, GraphQLObjectType):
        return False
    return any(
        source.columns.get(one.python_name, source.prefix + one.python_name) == column
        and not str(kind.fields[one.name].type).endswith("!")
        for one in list(inner.fields.values())[1:]
    )


def _needless(graph: Graph, shape: TypeShape, field: FieldShape) -> list[str]:
    """What is wrong with the selection that a derived field's function is given."""
    source = field.source
    if not isinstance(source, Derived) or field.needs is None:
        return []
    document: DocumentNode = parse(f"fragment Needs on {shape.name} {{ {source.needs} }}")
    rules = [rule for rule in specified_rules if rule is not NoUnusedFragmentsRule]
    invalid = [error.message for error in validate(graph.executable, document, rules=rules)]
    return invalid or list(_unfit(graph, shape, field.needs, source))


def _unfit(graph: Graph, shape: TypeShape, needs: SelectionSetNode, source: Derived) -> Iterator[str]:
    for node in needs.selections:
        if not isinstance(node, FieldNode) or node.alias or node.name.value not in shape.fields:
            yield "needs are plain fields"
            continue
        field = shape.fields[node.name.value]
        if isinstance(field.source, Many | Several | Derived):
            yield f"needs lead to single rows, not to {shape.name}.{field.name}"
        allowed = field.source.roles
        if allowed is not None and (source.roles is None or not source.roles <= allowed):
            yield f"some of its roles may not ask for {shape.name}.{field.name}, which it needs"
        if node.selection_set is not None and field.target is not None:
            yield from _unfit(graph, graph.types[field.target], node.selection_set, source)
