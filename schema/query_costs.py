"""Costs: what a field costs, from the same declaration as its source, and how the SDL says so.

An object costs 1 and a scalar nothing; a connection costs its page, what it is made of (edges, nodes) nothing
more; an object made of its parent's own row costs nothing. Where a field differs from these rules of thumb,
`@cost` says it in the SDL (GRAPHQL.md, “cost”).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    get_named_type,
    is_composite_type,
)

from schema.availability import USUAL as NEAREST
from schema.availability import Nearest
from schema.chosen import Chosen
from schema.federation import AnyEntities
from schema.graph import All, AnyNodes, Embedded, GraphField, Listed, Many, Records, Several, Source
from schema.values import Derived
from schema.verbs import Answered, Verb

PAGE = 25
"""A connection's size where nobody says it."""
CHANGE = 10
"""What a mutation costs beside its payload: a transaction, its checks, its events."""
ENDS = ("first", "last")
DEFINITION = "strawberry-definition"

COST = GraphQLDirective(
    "cost",
    [DirectiveLocation.FIELD_DEFINITION],
    {
        "weight": GraphQLArgument(
            GraphQLNonNull(GraphQLInt), default_value=1, description="Of one object, or one value."
        ),
        "size": GraphQLArgument(
            GraphQLInt, description="How many are counted where no argument says; those that are expected."
        ),
        "sizedBy": GraphQLArgument(
            GraphQLList(GraphQLNonNull(GraphQLString)),
            description="The arguments that say how many: a number, or a list as long as that.",
        ),
    },
    description=(
        "What a field costs: weight, times how many, plus as many times what is asked for below. Without it"
        " an object costs 1, a scalar nothing, and what a connection is made of nothing more."
    ),
)


@dataclass(frozen=True, slots=True)
class Price:
    """What one field costs, as `@cost` says it."""

    weight: int = 1
    size: int | None = None
    sized_by: tuple[str, ...] = ()

    def words(self) -> str:
        """The directive."""
        said: list[str] = [f"weight: {self.weight}"]
        if self.size is not None:
            said.append(f"size: {self.size}")
        if self.sized_by:
            names = ", ".join(f'"{name}"' for name in self.sized_by)
            said.append(f"sizedBy: [{names}]")
        return f"@cost({', '.join(said)})"


Prices = Mapping[tuple[str, str], Price]
"""By type and field; a field that is not there costs nothing."""
OBJECT = Price()


def prices(executable: GraphQLSchema) -> dict[tuple[str, str], Price]:
    """Every field that costs something."""
    return {(kind, name): price for kind, name, price in _priced(executable) if price.weight}


def declared(executable: GraphQLSchema) -> dict[tuple[str, str], Price]:
    """The fields whose cost does not follow from the rules of thumb: those that `@cost` is on."""
    found = {}
    for kind, name, price in _priced(executable):
        named = get_named_type(executable.type_map[kind].fields[name].type)  # type: ignore[attr-defined]  # an object type
        usual = OBJECT if is_composite_type(named) else Price(0)
        if price != usual:
            found[kind, name] = price
    return found


def _priced(executable: GraphQLSchema) -> Iterator[tuple[str, str, Price]]:
    for kind in executable.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                source = source_of(field)
                if source is not None:
                    yield kind.name, name, _price(source, field)


def source_of(field: GraphQLField) -> Source | None:
    """What a field of the executable schema was declared with; a connection's own fields have none."""
    found: Any = (field.extensions or {}).get(DEFINITION)
    return found.source if isinstance(found, GraphField) else None


SIZES = {
    All: Price(1, PAGE, ENDS),
    AnyNodes: Price(1, None, ("ids",)),
    AnyEntities: Price(1, None, ("representations",)),
    Nearest: Price(1, NEAREST, ("first",)),
}


def _price(source: Source, field: GraphQLField) -> Price:  # a dispatch over closed kinds
    if type(source) in SIZES:
        return SIZES[type(source)]
    if isinstance(source, Many):
        return Price(1, source.expect or PAGE, ENDS)
    if isinstance(source, Answered):
        return Price(1, PAGE, ENDS)
    if isinstance(source, Records):
        return Price(1, source.expect if source.expect > 1 else None)
    if isinstance(source, Chosen | Several):
        return Price(1, source.expect)
    if isinstance(source, Verb):
        return Price(CHANGE)
    if isinstance(source, Embedded | Listed):
        return Price(0)
    if isinstance(source, Derived):
        return OBJECT
    return OBJECT if is_composite_type(get_named_type(field.type)) else Price(0)


KIND = re.compile(r"type (\w+)")
STARTS = re.compile(r"  (\w+)(\(|: )")


def annotated(sdl: str, executable: GraphQLSchema) -> str:
    """Printed types with `@cost` behind the fields that it is on."""
    known, lines = declared(executable), []
    kind = name = ""
    quotes = False
    for line in sdl.splitlines():
        text = line
        marks = line.count('"""')
        if not quotes and not marks:
            if found := KIND.match(line):
                kind = found[1]
            elif line == "}":
                kind = ""
            starts = STARTS.match(line)
            name = starts[1] if starts else name
            ends = (starts is not None and ": " in line and not line.endswith("(")) or line.startswith("  ):")
            price = known.get((kind, name)) if ends else None
            text = f"{line} {price.words()}" if price else line
        quotes = quotes != (marks % 2 == 1)
        lines.append(text)
    return "\n".join(lines)
