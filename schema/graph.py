"""The graph's declarations: what a type reads, one line a field, one line an edge.

A type says its table once; every field says where its value comes from. The compiled reads, the plain way,
the filters and the orders are all made from these lines: resolvers/compiler, resolvers/plain, schema/filters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import strawberry
from strawberry.types.field import StrawberryField

from domain.rows import Table
from domain.viewers import Role
from schema.enums import ENUMS

Kind = TypeVar("Kind")
KEY = "graph"
WORDS = frozenset(kind.__name__ for kind in ENUMS)
"""The closed sets of words: declared before any type that shows one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a field's value comes from. `roles` may ask for it; None means everybody who sees the row.

    `scope` is what a machine's key needs for it (domain/scopes.py); None: what the rows it leads to need.
    """

    roles: frozenset[Role] | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Source):
    """The row's global id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Col(Source):
    """A column, named like the field unless `name` says otherwise."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql(Source):
    """An expression over the row `{t}`; `{now}` is the Clock's time. `volatile`: it changes by time alone.

    `never_null` says that whoever wrote it has made sure: without it the field cannot be promised (`!`).
    """

    expression: str
    volatile: bool = False
    never_null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Source):
    """A GeoJSON point from two columns."""

    longitude: str
    latitude: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded(Source):
    """An object made of the row's own columns; null where the column of its first field is null.

    A field of the object is the column `prefix` + its name, or what `columns` says.
    """

    prefix: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class One(Source):
    """Another row: whose id is this row's `by`, or whose `via` is this row's id."""

    by: str | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Source):
    """A row of one of several tables: column `type` has the table's name, column `by` the row's id."""

    type: str
    by: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Many(Source):
    """A connection to the rows whose `via` is this row's id; `expect` is their usual number (for cost).

    `among` is where `via` is no column of the target's table: its rows, each as often as an edge leads to it,
    with their `via`, as SQL over the table as `{t}`.
    """

    via: str
    among: str | None = None
    order: tuple[str, ...] | None = None
    expect: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Several(Source):
    """A plain list of the rows whose `via` is this row's id: for the few that are always wanted whole.

    `expect` is their usual number (for cost).
    """

    via: str
    expect: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class All(Source):
    """A root connection to every row of a type that the viewer may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ById(Source):
    """A root field: the row with the id of the field's argument `id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKey(Source):
    """A root field: the row whose `column` equals the field's only argument."""

    column: str
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByExternalId(Source):
    """A root field: the row that another system knows by the field's arguments `system` and `key`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf(Source):
    """A root field: all roots once more, over the schedule as the plan `plan` would leave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyNode(Source):
    """The root field `node`: the row of whatever type the id is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyNodes(Source):
    """The root field `nodes`: the rows of the given ids in their order, of whatever types, null per miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Source):
    """A list of small objects kept as JSON in a column of a record, such as userErrors.

    Of a row it is what an `expression` over it makes, as jsonb.
    """

    name: str | None = None
    expression: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records(Source):
    """A list of records kept as JSON in a column of a record; unlike small objects they have edges."""

    name: str | None = None
    expect: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed(Source):
    """A root field whose value Python has before the statement runs; `key` names the function."""

    key: str


class GraphField(StrawberryField):
    """A field that says its source in its metadata; how it is answered is the executor's matter."""

    @property
    def source(self) -> Source:
        found = self.metadata[KEY]
        if not isinstance(found, Source):
            raise TypeError(f"{self.python_name} has no source")
        return found


def _declare(
    source: Source, description: str, *, name: str | None = None, deprecated: str | None = None
) -> Any:
    return GraphField(
        graphql_name=name,
        description=description,
        deprecation_reason=deprecated,
        metadata={KEY: source},
        default=None,
    )


def _roles(roles: frozenset[Role] | tuple[Role, ...] | None) -> frozenset[Role] | None:
    return None if roles is None else frozenset(roles)


def column(
    description: str,
    *,
    of: str | None = None,
    roles: tuple[Role, ...] | None = None,
    scope: str | None = None,
    deprecated: str | None = None,
) -> Any:
    """A column of the type's table; `scope` is what a machine's key needs beside that of the row."""
    return _declare(Col(name=of, roles=_roles(roles), scope=scope), description, deprecated=deprecated)


def sql(
    expression: str,
    description: str,
    *,
    volatile: bool = False,
    never_null: bool = False,
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """An SQL expression over the row `{t}`."""
    source = Sql(expression=expression, volatile=volatile, never_null=never_null, roles=_roles(roles))
    return _declare(source, description)


def point(longitude: str, latitude: str, description: str, *, roles: tuple[Role, ...] | None = None) -> Any:
    """A GeoJSON point of two columns."""
    return _declare(Place(longitude=longitude, latitude=latitude, roles=_roles(roles)), description)


def embedded(
    description: str,
    *,
    prefix: str = "",
    columns: Mapping[str, str] | None = None,
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """An object of the row's own columns, such as a window or a sum of money."""
    return _declare(Embedded(prefix=prefix, columns=columns or {}, roles=_roles(roles)), description)


def one(
    description: str,
    *,
    by: str | None = None,
    via: str | None = None,
    name: str | None = None,
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """An edge to one row; null where there is none or the viewer may not see it."""
    return _declare(One(by=by, via=via, roles=_roles(roles)), description, name=name)


def one_of(
    description: str, *, type: str, by: str, tables: tuple[str, ...], roles: tuple[Role, ...] | None = None
) -> Any:
    """An edge to a row of one of several tables, as an interface or union that all their types belong to."""
    return _declare(OneOf(type=type, by=by, tables=tables, roles=_roles(roles)), description)


def many(
    description: str,
    *,
    via: str,
    among: str | None = None,
    order: tuple[str, ...] | None = None,
    expect: int | None = None,
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """An edge to many rows, as a connection."""
    source = Many(via=via, among=among, order=order, expect=expect, roles=_roles(roles))
    return _declare(source, description)


def several(description: str, *, via: str, expect: int = 3, roles: tuple[Role, ...] | None = None) -> Any:
    """An edge to a handful of rows, as a list in the target's own order."""
    return _declare(Several(via=via, expect=expect, roles=_roles(roles)), description)


def listed(description: str, *, of: str | None = None, expression: str | None = None) -> Any:
    """A list of small objects in a record, or made of a row `{t}` by an expression."""
    return _declare(Listed(name=of, expression=expression), description)


def records(description: str, *, of: str | None = None, expect: int = 25) -> Any:
    """A list of records in a record, each with its edges; `expect` is their usual number (for cost)."""
    return _declare(Records(name=of, expect=expect), description)


def root(source: Source, description: str, *, name: str | None = None) -> Any:
    """A field of Query."""
    return _declare(source, description, name=name)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a type is read from: a table, or a record's values (column → SQL type), or its parent's row."""

    table: type[Table] | None = None
    prefix: str | None = None
    order: tuple[str, ...] = ("id",)
    values: Mapping[str, str] = field(default_factory=dict)
    search: tuple[str, ...] = ()
    """The fields in whose text `search` looks for words; as the table's `searched` says."""


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    reading: ClassVar[Reading]
    id: strawberry.ID = _declare(Key(), "The global id: opaque, stable, unique over all types.")


def node(
    table: type[Table],
    *,
    prefix: str,
    description: str,
    order: tuple[str, ...] = ("id",),
    search: tuple[str, ...] = (),
) -> Callable[[type[Kind]], type[Kind]]:
    """A type read from a table. `order` is its default, by columns; a leading “-” turns one round.

    Connections of a type with `search` take that argument: the fields in whose text words are looked for.
    """
    return _typed(Reading(table=table, prefix=prefix, order=order, search=search), description)


def row(
    table: type[Table], *, description: str, order: tuple[str, ...] = ("id",)
) -> Callable[[type[Kind]], type[Kind]]:
    """A type read from a table that has no id of its own in the graph."""
    return _typed(Reading(table=table, order=order), description)


def value(description: str) -> Callable[[type[Kind]], type[Kind]]:
    """A small object that lives in its parent's row."""
    return _typed(Reading(), description)


def record(description: str, **values: str) -> Callable[[type[Kind]], type[Kind]]:
    """A type whose values Python has: a payload or a stream's item; its edges are read as ever.

    `values` are its columns with their SQL types.
    """
    return _typed(Reading(values=values), description)


def _typed(reading: Reading, description: str) -> Callable[[type[Kind]], type[Kind]]:
    def declare(kind: type[Kind]) -> type[Kind]:
        kind.reading = reading  # type: ignore[attr-defined]  # what `reading_of` reads
        return strawberry.type(kind, description=description)

    return declare


def reading_of(kind: type) -> Reading | None:
    """What a type is read from; None for one that declares nothing."""
    found = kind.__dict__.get("reading")
    return found if isinstance(found, Reading) else None


@strawberry.type(description="Where a page of a connection lies in the whole.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows after this page.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge.")


@strawberry.type(description="One row of a connection, and where it stands.")
class Edge(Generic[Kind]):
    cursor: str = strawberry.field(description="Where this edge stands, for `after` and `before`.")
    node: Kind = strawberry.field(description="The row.")


@strawberry.type(description="A page of rows; pages by keyset, so that it is stable while rows come and go.")
class Connection(Generic[Kind]):
    edges: list[Edge[Kind]] = strawberry.field(description="The rows of this page with their cursors.")
    nodes: list[Kind] = strawberry.field(description="The rows of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")
    total_count: int = strawberry.field(
        description="How many rows there are on all pages; counted on request."
    )
