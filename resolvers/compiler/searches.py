"""Searches: `search` as SQL: whether a row's text has the words, and which rows an index finds by them."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.errors import BadInput
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.conditions import check_role
from resolvers.compiler.shapes import TypeShape
from resolvers.compiler.writer import Writer

LONGEST = 100
Fetch = Callable[[Bindings], Mapping[str, Any]]


class Search:
    """The words of one connection; `fetch` gives its arguments of a request."""

    def __init__(self, shape: TypeShape, writer: Writer, fetch: Fetch) -> None:
        for name in shape.reading.search:
            check_role(shape, shape.field_of(name), writer)
        self.shape = shape
        self.writer = writer
        self.words = writer.bind("text", lambda bindings: words_of(fetch(bindings)))

    def holds(self, alias: str) -> str:
        """Row by row: every word is in the row's text.

        The planner takes LIKE for so rare that it would read and sort a whole table; about CASE it has no
        opinion, so it walks in the page's order until the page is full.
        """
        patterns = f"(SELECT search_patterns({self.words}))::text[]"
        return f"CASE WHEN {alias}.searched LIKE ALL ({patterns}) THEN TRUE ELSE FALSE END"

    def ways(self, alias: str) -> tuple[str, str]:
        """Two conditions, of which one has all the rows: few by ids that an index finds, many by a walk.

        `search_ids` sees the whole organization; the statement's own scope and the policies narrow it.
        """
        found = self.writer.alias()
        looked_up = f"SELECT search_ids('{self.shape.table}', {self.words}) AS ids"
        self.writer.fill(self.writer.reserve(), f"{found} AS MATERIALIZED ({looked_up})")
        ids = f"(SELECT ids FROM {found})"
        return f"{alias}.id = ANY ({ids}::uuid[])", f"{ids} IS NULL AND {self.holds(alias)}"


def words_of(arguments: Mapping[str, Any]) -> str:
    """What is searched for, with one space between words; blank means everything. Raises BadInput."""
    given = str(arguments.get("search") or "")
    if len(given) > LONGEST:
        raise BadInput(f"A search has at most {LONGEST} characters.")
    # Postgres keeps neither; surrogates come from half an escaped pair in the request's JSON.
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in given):
        raise BadInput("A search is of letters that can be stored.")
    return " ".join(given.split())
