"""Writer: the statement while it is being written: its common table expressions and its parameters."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import GraphQLOutputType

from domain import access, scopes
from domain.errors import FieldgraphError
from domain.viewers import Role
from resolvers.compiler.bindings import Binder, Bindings
from resolvers.compiler.shapes import TypeShape

if TYPE_CHECKING:
    from resolvers.compiler.overlays import Overlay
    from resolvers.compiler.values import Totals

HISTORY = "audit"
"""The table of all that was changed, whose rows tell of the others."""


SILENT = frozenset({"audit", "audit_value", "credential_use", "position_current", "tracking_link"})
"""Tables that may be written without an event: of positions only those that a visit waits for are told, of
links only that they end; the audit writes for each row, and so for those, too."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a derived object: its key in the answer, its name there; None is `__typename`.

    Of an object embedded in it, `parts` are its own, and `name` is that without which it is null.
    """

    key: str
    name: str | None
    kind: GraphQLOutputType | None
    parts: "tuple[Part, ...]" = ()


def _none(_bindings: Bindings) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Derivation:
    """A derived field as it was asked for: whose function answers it, and how its answer is written."""

    key: str
    kind: GraphQLOutputType
    parts: tuple[Part, ...]
    arguments: Callable[[Bindings], Mapping[str, Any]] = _none
    plan: Callable[[Bindings], str] | None = None
    """Below asOf: the plan over whose schedule it is asked for."""
    path: tuple[str, ...] = ()
    """Where in the response it stands, without the places in lists."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A root whose record Python answers before the statement runs: under which name, and by what."""

    name: str
    run: Callable[..., Any]
    arguments: Callable[[Bindings], Mapping[str, Any]]
    path: tuple[str, ...]


@dataclass
class Rows:
    """The rows of one level: a common table expression, or a sub-select where nothing below refers to it."""

    shape: TypeShape
    alias: str
    used: set[str] = field(default_factory=set)
    joins: list[str] = field(default_factory=list)
    referred: bool = False
    within: str = ""
    """What holds for the rows of the page: one more is read, to know whether there are any."""
    totals: "dict[tuple[str, str, str], Totals]" = field(default_factory=dict)

    def col(self, name: str) -> str:
        self.used.add(name)
        return f"{self.alias}.{name}"

    def refer(self, name: str) -> str:
        """The column, for a level below, which reads this one by its name."""
        self.referred = True
        return self.col(name)

    def keys(self, name: str, *conditions: str) -> str:
        """The column's values in the rows that are answered, for a level below."""
        where = " AND ".join(one for one in (self.within, *conditions) if one)
        return f"SELECT {self.refer(name)} AS k FROM {self.alias}{f' WHERE {where}' if where else ''}"

    def json(self, columns: str, writer: "Writer") -> str:
        """Each row's object, made beside the row: as a sub-select of its own it would cost a tenth more."""
        alias = writer.alias()
        self.joins.append(f"CROSS JOIN LATERAL (SELECT {columns}) {alias}")
        return f"row_to_json({alias})"

    def expression(self, template: str, writer: "Writer") -> str:
        """An `sql` field's text over these rows."""
        self.used.update(re.findall(r"\{t\}\.(\w+)", template))
        return writer.expression(template, self.alias)

    def columns(self, alias: str) -> str:
        return ", ".join(f"{alias}.{name}" for name in sorted(self.used)) or "1 AS nothing"


@dataclass(frozen=True, slots=True)
class View:
    """Some of a level's columns under the names of an embedded object."""

    rows: Rows
    prefix: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def col(self, name: str) -> str:
        return self.rows.col(self.columns.get(name, self.prefix + name))

    def inner(self, prefix: str, columns: Mapping[str, str]) -> "View":
        renamed = {name: self.columns.get(column, self.prefix + column) for name, column in columns.items()}
        return View(self.rows, self.prefix + prefix, renamed)


class Writer:
    """Collects the parts of one statement for one role, maybe of a key that is limited to some scopes."""

    def __init__(self, role: Role, *, is_limited: bool) -> None:
        self.role = role
        self.is_limited = is_limited
        self.binders: list[Binder] = []
        self.path: tuple[str, ...] = ()
        """Where in the response what is being written stands, and where each parameter did."""
        self.paths: list[tuple[str, ...]] = []
        self.derivations: list[Derivation] = []
        self.prepared: list[Prepared] = []
        self.is_timed = False
        """Whether its answer may change without an event: by time alone, or with what is written silently."""
        self.tallies: list[str] = []
        """What each level counts of its own rows: added up beside the answer (resolvers/query_costs.py)."""
        self.overlay: Overlay | None = None
        self._places: dict[str, str] = {}
        self._expressions: list[str] = []
        self._serial = 0

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """While a field is written: what is wrong with it is told with its path."""
        above, self.path = self.path, (*self.path, key)
        try:
            yield
        except FieldgraphError as error:
            error.response_path = error.response_path or self.path
            raise
        finally:
            self.path = above

    def tally(self, rows: str, number: str = "count(*)") -> None:
        """Counts a level that is an expression of the statement's own; its rows are read there anyway."""
        self.tallies.append(f"(SELECT coalesce({number}, 0) FROM {rows})")

    def tallied(self) -> str:
        """How many objects the answer is made of."""
        return " + ".join(self.tallies) or "0"

    def alias(self) -> str:
        self._serial += 1
        return f"t{self._serial}"

    def reserve(self) -> int:
        """A place among the expressions, to be filled once it is known which columns are needed."""
        self._expressions.append("")
        return len(self._expressions) - 1

    def fill(self, place: int, text: str) -> None:
        self._expressions[place] = text

    def bind(self, sql_type: str, binder: Binder, *, name: str | None = None) -> str:
        """A parameter; one with a name is bound once however often it is used."""
        if name is not None and name in self._places:
            return self._places[name]
        self.binders.append(binder)
        self.paths.append(self.path)
        place = f"${len(self.binders)}::{sql_type}"
        if name is not None:
            self._places[name] = place
        return place

    def now(self) -> str:
        self.is_timed = True
        return self.bind("timestamptz", lambda bindings: bindings.now, name="now")

    def expression(self, template: str, alias: str) -> str:
        """An `sql` field's text; the time is bound only where it is asked for."""
        self.is_timed |= any(table in template for table in SILENT)
        return template.format(t=alias, now=self.now() if "{now}" in template else "")

    def source(self, table: str, among: str | None = None) -> str:
        """What a table is read from: itself, below asOf as the plan would leave it, or what an edge says."""
        if among is not None:
            text = f"({among.format(t='e')})"
        else:
            text = self.overlay.source(table) if self.overlay else table
        return self._readable(text) if table == HISTORY and self.is_limited else text

    def _readable(self, history: str) -> str:
        """History holds values of every area: a key reads of it what it may read of the tables themselves."""

        def tables(bindings: Bindings) -> list[str]:
            return scopes.tables(bindings.viewer.scopes)

        place = self.bind("text[]", tables, name="viewer.tables")
        return f"(SELECT h.* FROM {history} h WHERE h.entity_type = ANY({place}))"

    def scope(self, table: str, alias: str) -> str:
        """The viewer's rows of a table: the same predicate that row-level security holds."""
        self.is_timed |= table in SILENT
        return access.predicate(self.role, table, alias, self._viewer)

    def _viewer(self, name: str) -> str:
        def value(bindings: Bindings) -> object:
            return getattr(bindings.viewer, f"{name}_id")

        return self.bind("uuid", value, name=f"viewer.{name}")

    def statement(self, select: str) -> str:
        expressions = [text for text in self._expressions if text]
        return f"WITH {', '.join(expressions)} {select}" if expressions else select
