"""Values: fields that follow from other rows, counted, summed or foremost, and those that Python derives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from domain.viewers import Role
from schema.graph import KEY, GraphField, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Source):
    """One number over the rows of `table` whose column `via` is this row's id; 0 where there are none.

    `expression` is the aggregate over a row `{t}`, `where` what holds for the rows it takes in.
    """

    table: str
    via: str
    expression: str
    where: str = "TRUE"

    @property
    def volatile(self) -> bool:
        """Whether it changes by time alone."""
        return "{now}" in self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class Foremost(Source):
    """An edge to the first, in an order, of the rows whose `via` is this row's id; null without any."""

    via: str
    order: tuple[str, ...]
    where: str = "TRUE"

    @property
    def volatile(self) -> bool:
        """Whether it changes by time alone."""
        return "{now}" in self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Source):
    """A value that the function registered for `key` computes for all rows of an operation at once.

    `needs` is a selection on the field's own type, such as `site { location }`: what the function is given.
    `reads` are the tables that the function reads by itself. `personal`: the value is for who asks alone.
    """

    key: str
    needs: str
    reads: tuple[str, ...] = ()
    volatile: bool = False
    personal: bool = False


def counted(description: str, *, via: str, where: str = "TRUE", roles: tuple[Role, ...] | None = None) -> Any:
    """How many rows point here: `via` is their `table.column`, `where` a condition on such a row `{t}`."""
    return _aggregate("count(*)", description, via=via, where=where, roles=roles)


def summed(
    expression: str,
    description: str,
    *,
    via: str,
    where: str = "TRUE",
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """The sum of an expression over the rows `{t}` that point here by `via` (`table.column`); 0 over none."""
    return _aggregate(f"sum({expression})", description, via=via, where=where, roles=roles)


def foremost(
    description: str,
    *,
    via: str,
    order: tuple[str, ...],
    where: str = "TRUE",
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """An edge to the latest or next of many rows: the first in `order` (“-” turns it, nulls stand last)."""
    source = Foremost(via=via, order=order, where=where, roles=_roles(roles))
    return _declare(source, description)


def derived(
    key: str,
    description: str,
    *,
    needs: str,
    reads: tuple[str, ...] = (),
    arguments: Mapping[str, tuple[Any, str]] | None = None,
    volatile: bool = False,
    personal: bool = False,
    roles: tuple[Role, ...] | None = None,
) -> Any:
    """What SQL cannot answer; a function of resolvers/derived.py does, from what `needs` selects.

    `arguments`: name → its type and its description; they are given to the function as `arguments`. Every
    table that the function reads stands in `reads`: whoever follows the value hears of no other.
    """
    source = Derived(
        key=key, needs=needs, reads=reads, volatile=volatile, personal=personal, roles=_roles(roles)
    )
    field = _declare(source, description)
    field.arguments = [
        StrawberryArgument(
            python_name=name,
            graphql_name=None,
            type_annotation=StrawberryAnnotation(kind),
            description=words,
        )
        for name, (kind, words) in (arguments or {}).items()
    ]
    return field


def _aggregate(
    expression: str, description: str, *, via: str, where: str, roles: tuple[Role, ...] | None
) -> Any:
    table, column = via.split(".")
    source = Aggregate(table=table, via=column, expression=expression, where=where, roles=_roles(roles))
    return _declare(source, description)


def _declare(source: Source, description: str) -> GraphField:
    return GraphField(description=description, metadata={KEY: source}, default=None)


def _roles(roles: tuple[Role, ...] | None) -> frozenset[Role] | None:
    return None if roles is None else frozenset(roles)
