"""Chosen: a list of rows by the ids that a record names, such as what a subscription starts with."""

from dataclasses import dataclass
from typing import Any

from schema.graph import KEY, GraphField, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen(Source):
    """A plain list of the rows whose ids stand in a record's column `by` (uuid[]), in the order of their ids.

    What the viewer may not see is left out. `expect` is their usual number (for cost).
    """

    by: str
    expect: int


def chosen(description: str, *, by: str, expect: int) -> Any:
    """An edge of a record to the rows that it names."""
    source = Chosen(by=by, expect=expect)
    return GraphField(description=description, metadata={KEY: source}, default=None)
