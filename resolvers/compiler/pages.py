"""Pages: the order of a connection, its keyset cursors, and the limits of one page."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import BadInput
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.conditions import check_role
from resolvers.compiler.searches import words_of
from resolvers.compiler.shapes import TypeShape
from resolvers.compiler.writer import Writer

MOST = 250
USUAL = 25
MAC_LETTERS = 24


@dataclass(frozen=True, slots=True)
class Term:
    """One column of an order."""

    column: str
    sql_type: str
    nullable: bool
    descending: bool
    nulls_first: bool

    def turned(self) -> "Term":
        return Term(self.column, self.sql_type, self.nullable, not self.descending, not self.nulls_first)

    def sql(self, alias: str) -> str:
        direction = "DESC" if self.descending else "ASC"
        usual = self.nulls_first == self.descending
        nulls = "" if usual or not self.nullable else f" NULLS {'FIRST' if self.nulls_first else 'LAST'}"
        return f"{alias}.{self.column} {direction}{nulls}"

    def beyond(self, alias: str, place: str) -> str:
        """The rows behind a value, in this order."""
        column = f"{alias}.{self.column}"
        plain = f"{column} {'<' if self.descending else '>'} {place}"
        if not self.nullable:
            return plain
        if self.nulls_first:
            return f"({plain} OR ({place} IS NULL AND {column} IS NOT NULL))"
        return f"({plain} OR ({column} IS NULL AND {place} IS NOT NULL))"

    def same(self, alias: str, place: str) -> str:
        return f"{alias}.{self.column} {'IS NOT DISTINCT FROM' if self.nullable else '='} {place}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of one connection: how many, from which end, in which order."""

    terms: tuple[Term, ...]
    backward: bool
    after: bool
    before: bool
    limit: str
    """The page's size: a number, or the parameter that holds it."""

    def running(self) -> tuple[Term, ...]:
        """The order in which rows are read: turned round for a page from the end."""
        return tuple(term.turned() for term in self.terms) if self.backward else self.terms

    def order(self, alias: str) -> str:
        return ", ".join(term.sql(alias) for term in self.running())


Fetch = Callable[[Bindings], Mapping[str, Any]]


class Pager:
    """Writes pages of one connection; `fetch` gives its arguments of a request."""

    def __init__(self, shape: TypeShape, writer: Writer, *, fetch: Fetch, usual: Sequence[str]) -> None:
        self.shape = shape
        self.writer = writer
        self.fetch = fetch
        self.usual = usual
        self.overlay = writer.overlay
        self.terms: tuple[Term, ...] = ()

    def page(self, arguments: Mapping[str, Any], *, known: bool = False) -> Page:
        """Raises BadInput for sizes outside 1 to 250, or both ends at once. `known`: by no variable."""
        first, last = arguments.get("first"), arguments.get("last")
        if first is not None and last is not None:
            raise BadInput("Give first or last, not both.")
        self.terms = self._terms(arguments.get("orderBy"))
        return Page(
            terms=self.terms,
            backward=last is not None,
            after=arguments.get("after") is not None,
            before=arguments.get("before") is not None,
            limit=str(_size(arguments)) if known else self.writer.bind("integer", self._bound),
        )

    def _bound(self, bindings: Bindings) -> int:
        return _size(self.fetch(bindings))

    def _terms(self, order: Sequence[Mapping[str, Any]] | None) -> tuple[Term, ...]:
        terms = (
            [self._chosen(choice) for choice in order] if order else [self._term(name) for name in self.usual]
        )
        if not any(term.column == "id" for term in terms):
            terms.append(self._term("-id" if terms and terms[-1].descending else "id"))
        return tuple(terms)

    def _term(self, text: str) -> Term:
        name, descending = text.lstrip("-"), text.startswith("-")
        column = self.shape.columns[name]
        return Term(name, column.sql_type, column.nullable, descending, nulls_first=descending)

    def _chosen(self, choice: Mapping[str, Any]) -> Term:
        field = self.shape.field_of(choice["field"].value)
        check_role(self.shape, field, self.writer)
        name = self.shape.column_of(field)
        column, descending = self.shape.columns[name], str(choice["direction"]) == "DESC"
        nulls = choice.get("nulls")
        nulls_first = descending if nulls is None else str(nulls) == "FIRST"
        return Term(name, column.sql_type, column.nullable, descending, nulls_first)

    def bounds(self, page: Page, alias: str) -> str:
        """Only what lies behind `after` and in front of `before`."""
        parts = []
        if page.after:
            parts.append(self._behind(page.terms, alias, "after"))
        if page.before:
            parts.append(self._behind(tuple(term.turned() for term in page.terms), alias, "before"))
        return " AND ".join(parts) or "TRUE"

    def _behind(self, terms: tuple[Term, ...], alias: str, side: str) -> str:
        places = [self._place(terms, side, n) for n in range(len(terms))]
        text = "FALSE"
        for term, place in reversed(list(zip(terms, places, strict=True))):
            text = f"({term.beyond(alias, place)} OR ({term.same(alias, place)} AND {text}))"
        first = terms[0]
        if first.nullable:
            return text
        # What an index can use: the whole is a disjunction.
        return f"({alias}.{first.column} {'<=' if first.descending else '>='} {places[0]} AND {text})"

    def _place(self, terms: tuple[Term, ...], side: str, n: int) -> str:
        def value(bindings: Bindings) -> str | None:
            return self._opened(bindings, side, len(terms))[n]

        return self.writer.bind("text", value) + f"::{terms[n].sql_type}"

    def _opened(self, bindings: Bindings, side: str, terms: int) -> list[str | None]:
        """The values in a cursor. Raises BadInput when it is not one of this order and filter."""
        payload, _, seal = str(self.fetch(bindings)[side]).partition(".")
        try:
            padded = payload.translate(str.maketrans("-_", "+/")) + "=" * (-len(payload) % 4)
            plain = base64.b64decode(padded, validate=True)
        except ValueError:
            raise BadInput(f"“{side}” is not a cursor of this connection.") from None
        # Nothing is read in it before it is known to be ours.
        if not hmac.compare_digest(seal.encode(), self._seal(bindings, plain).encode()):
            raise BadInput(f"“{side}” is not a cursor of this order and filter.")
        values = json.loads(plain)
        if len(values) != terms:
            raise BadInput(f"“{side}” is not a cursor of this order and filter.")
        return [None if value is None else str(value) for value in values]

    def _key(self, bindings: Bindings) -> bytes:
        """What seals a cursor: our secret, type, order, filter, words searched for, below asOf the plan."""
        arguments = self.fetch(bindings)
        order = [(term.column, term.descending, term.nulls_first) for term in self.terms]
        terms: list[Any] = [self.shape.name, arguments.get("where"), order]
        terms.append(words_of(arguments))
        if self.overlay is not None:
            terms.append(self.overlay.bound_to(bindings))
        bound = json.dumps(terms, default=str, sort_keys=True)
        return hashlib.sha256(bindings.secret + b"\0" + bound.encode()).digest()

    def _seal(self, bindings: Bindings, payload: bytes) -> str:
        return hashlib.sha256(self._key(bindings) + payload).hexdigest()[:MAC_LETTERS]

    def cursor(self, page: Page, column: Callable[[str], str]) -> str:
        """A row's cursor, made by Postgres: its values as JSON, and their seal."""
        values = ", ".join(f"{column(term.column)}::text" for term in page.terms)
        payload = f"convert_to(array_to_json(ARRAY[{values}])::text, 'UTF8')"
        encoded = f"translate(encode({payload}, 'base64'), E'+/=\\n', '-_')"
        key = self.writer.bind("bytea", self._key)
        return f"{encoded} || '.' || left(encode(sha256({key} || {payload}), 'hex'), {MAC_LETTERS})"


def _size(arguments: Mapping[str, Any]) -> int:
    first, last = arguments.get("first"), arguments.get("last")
    size = next((given for given in (first, last) if given is not None), USUAL)
    if not 1 <= size <= MOST:
        raise BadInput(f"A page holds 1 to {MOST} rows.")
    return int(size)
