"""Shapes: the graph as the compiler sees it, gathered once from the executable schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    parse,
)
from graphql import get_nullable_type as nullable_type
from sqlalchemy.dialects import postgresql
from strawberry import Schema

from domain.rows import Table
from resolvers import federation
from schema.graph import GraphField, Reading, Source, reading_of
from schema.values import Derived

DEFINITION = "strawberry-definition"


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column: its SQL type, and whether it can be null."""

    sql_type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field that says its source. `leaf` names its GraphQL type; `target` the object it leads to.

    `prefix` is that of the type's ids; `needs` is what a derived field's function is given.
    """

    name: str
    python_name: str
    source: Source
    leaf: str
    target: str | None
    listed: bool
    prefix: str | None
    needs: SelectionSetNode | None = None


@dataclass(frozen=True, slots=True)
class TypeShape:
    """An object type that says what it is read from."""

    name: str
    reading: Reading
    fields: Mapping[str, FieldShape]
    columns: Mapping[str, ColumnShape]
    interfaces: frozenset[str]

    @property
    def table(self) -> str:
        if self.reading.table is None:
            raise TypeError(f"{self.name} is not read from a table")
        return str(self.reading.table.__tablename__)

    def field_of(self, python_name: str) -> FieldShape:
        return next(field for field in self.fields.values() if field.python_name == python_name)

    def column_of(self, field: FieldShape) -> str:
        """The column behind a plain field."""
        name: str | None = getattr(field.source, "name", None)
        return name or field.python_name


class Graph:
    """Every type that says its source, by its GraphQL name, and by the prefix of its ids."""

    def __init__(self, whole: Schema) -> None:
        self.executable = executable = executable_of(whole)
        self.config = whole.config
        self.scalars = whole.schema_converter.scalar_registry
        self.types: dict[str, TypeShape] = {}
        self.prefixes: dict[str, str] = {}
        self.tables: dict[str, str] = {}
        for kind in executable.type_map.values():
            shape = _type_shape(kind)
            if shape is not None:
                self.types[shape.name] = shape
                if shape.reading.prefix:
                    self.prefixes[shape.reading.prefix] = shape.name
                    self.tables[shape.table] = shape.name
        self.roots = _fields(executable.query_type) if executable.query_type else {}
        self.mutations = _fields(executable.mutation_type) if executable.mutation_type else {}
        self.subscriptions = _fields(executable.subscription_type) if executable.subscription_type else {}

    @cached_property
    def subgraph(self) -> str:
        """The SDL that a gateway reads; it takes a while, so it is made when it is first asked for."""
        return federation.subgraph(self.executable, self.prefixes.values())


def executable_of(whole: Schema) -> GraphQLSchema:
    """What graphql-core executes."""
    return whole._schema  # noqa: SLF001  # strawberry has no public way to it


def _type_shape(kind: GraphQLNamedType) -> TypeShape | None:
    definition = (kind.extensions or {}).get(DEFINITION)
    origin = getattr(definition, "origin", None)
    reading = reading_of(origin) if isinstance(origin, type) else None
    if reading is None or not isinstance(kind, GraphQLObjectType):
        return None
    interfaces = frozenset(interface.name for interface in kind.interfaces)
    return TypeShape(kind.name, reading, _fields(kind, reading.prefix), _columns(reading), interfaces)


def _fields(kind: GraphQLObjectType, prefix: str | None = None) -> dict[str, FieldShape]:
    shapes = {}
    for name, field in kind.fields.items():
        declared: Any = (field.extensions or {}).get(DEFINITION)
        if isinstance(declared, GraphField):
            shapes[name] = _field(name, declared, field.type, prefix=prefix)
    return shapes


def _field(name: str, declared: GraphField, kind: Any, *, prefix: str | None) -> FieldShape:
    named = get_named_type(kind)
    target = None
    if isinstance(named, GraphQLObjectType):
        target = named.name
        if "nodes" in named.fields and "pageInfo" in named.fields:
            target = get_named_type(named.fields["nodes"].type).name
    return FieldShape(
        name=name,
        python_name=declared.python_name,
        source=declared.source,
        leaf=named.name,
        target=target,
        listed=is_list_type(nullable_type(kind)),
        prefix=prefix,
        needs=_needs(declared.source),
    )


def _needs(source: Source) -> SelectionSetNode | None:
    """Parsed once, because arguments are kept by node."""
    if not isinstance(source, Derived):
        return None
    definition = parse(f"{{ {source.needs} }}", no_location=True).definitions[0]
    return definition.selection_set if isinstance(definition, OperationDefinitionNode) else None


def _columns(reading: Reading) -> dict[str, ColumnShape]:
    if reading.table is None:
        return {name: ColumnShape(sql_type, nullable=True) for name, sql_type in reading.values.items()}
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are untyped
    return {
        column.name: ColumnShape(column.type.compile(dialect), bool(column.nullable))
        for column in _table(reading.table).columns
    }


def _table(table: type[Table]) -> Any:
    return table.__table__  # type: ignore[attr-defined]  # made by SQLModel's metaclass
