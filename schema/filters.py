"""Filters and orders: the inputs of every connection, made from the same lines as the types."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Optional, cast

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryOptional, StrawberryType
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

from schema import availability
from schema.availability import Nearest
from schema.federation import AnyEntities, entities
from schema.graph import (
    All,
    AnyNode,
    AnyNodes,
    AsOf,
    ByExternalId,
    ById,
    ByKey,
    Col,
    GraphField,
    Key,
    Many,
    One,
    Reading,
    Several,
    Source,
    Sql,
    reading_of,
)
from schema.scalars import Duration, Representation
from schema.values import Aggregate
from schema.words import described


class OrderDirection(StrEnum):
    """Which way round."""

    ASC = "ASC"
    DESC = "DESC"


class NullsOrder(StrEnum):
    """Where rows without a value stand."""

    FIRST = "FIRST"
    LAST = "LAST"


EQUALITY = ("eq", "neq", "in", "not_in", "is_null")
ORDERED = (*EQUALITY, "lt", "lte", "gt", "gte")
TEXTUAL = (*ORDERED, "contains", "starts_with")
COMPARABLE: dict[object, tuple[str, tuple[str, ...]]] = {
    strawberry.ID: ("ID", EQUALITY),
    str: ("String", TEXTUAL),
    int: ("Int", ORDERED),
    float: ("Float", ORDERED),
    bool: ("Boolean", ("eq", "neq", "is_null")),
    datetime: ("DateTime", ORDERED),
    date: ("Date", ORDERED),
    Decimal: ("Decimal", ORDERED),
    Duration: ("Duration", ORDERED),
}
SENTENCES = {
    "eq": "Equal to; null means: has no value.",
    "neq": "Not equal to; null means: has a value.",
    "in": "One of.",
    "not_in": "None of; a row without a value is none of them.",
    "is_null": "Whether it has no value.",
    "lt": "Less than.",
    "lte": "At most.",
    "gt": "More than.",
    "gte": "At least.",
    "contains": "Contains this text, upper or lower case alike; `search` is quicker where there is one.",
    "starts_with": "Begins with this text, upper or lower case alike.",
}


class Filters:
    """Makes the inputs of all connections that can be reached from some types.

    The made classes live in a module of their own name in `sys.modules`' sense: this one, where strawberry
    looks up the names by which they refer to each other.
    """

    def __init__(self) -> None:
        self.made: dict[str, type] = {}
        self.visited: set[type] = set()
        self.names = vars(sys.modules[__name__])
        described(strawberry.enum(OrderDirection, description=OrderDirection.__doc__))
        described(strawberry.enum(NullsOrder, description=NullsOrder.__doc__))

    def complete(self, kinds: Iterable[type]) -> None:
        """Give every connection of these types, and of all they lead to, its arguments."""
        waiting = list(kinds)
        while waiting:
            kind = waiting.pop()
            if kind in self.visited:
                continue
            self.visited.add(kind)
            for field in fields_of(kind):
                target = target_of(field)
                if isinstance(target, type):
                    waiting.append(target)
                if isinstance(field.source, Many | All) and isinstance(target, type):
                    field.arguments = self._arguments(target)
                elif isinstance(field.source, ById | AnyNode):
                    field.arguments = [_argument("id", strawberry.ID, "The global id.")]
                elif isinstance(field.source, AnyNodes):
                    field.arguments = [_argument("ids", list[strawberry.ID], "The global ids, at most 250.")]
                elif isinstance(field.source, ByKey):
                    field.arguments = [_argument(field.source.argument, str, "The key, exactly.")]
                elif isinstance(field.source, ByExternalId | AsOf | AnyEntities | Nearest):
                    field.arguments = _arguments_of(field.source)
        self._complete_entities(kinds)

    def _complete_entities(self, kinds: Iterable[type]) -> None:
        """Only now it is known what types there are."""
        for kind in kinds:
            for field in fields_of(kind):
                if isinstance(field.source, AnyEntities):
                    keyed = [one for one in self.visited if (reading_of(one) or Reading()).prefix]
                    field.type_annotation = StrawberryAnnotation(entities(keyed))

    def _arguments(self, target: type) -> list[StrawberryArgument]:
        where, order = self.where(target), self.order(target)
        return [
            _argument("first", Optional[int], "How many from the start of the page, 1 to 250; 25 if unsaid."),
            _argument("after", Optional[str], "Only what follows this cursor."),
            _argument("last", Optional[int], "How many from the end of the page, 1 to 250."),
            _argument("before", Optional[str], "Only what comes before this cursor."),
            _argument("where", Optional[where], "Only rows for which this holds."),
            _argument("order_by", Optional[list.__class_getitem__(order)], "In this order; ties by id."),
            *_search(target),
        ]

    def where(self, kind: type) -> type:
        """`VisitWhere`: one comparator a field, one filter an edge, and / or / not."""
        name = f"{kind.__name__}Where"
        if name in self.made:
            return self.made[name]
        made = self.made[name] = type(name, (), {"__module__": __name__})
        self.names[name] = made
        annotations: dict[str, Any] = {}
        for field in fields_of(kind):
            comparator = self._comparator(field)
            if comparator is not None:
                annotations[field.python_name] = comparator
        for word in ("and", "or"):
            annotations[f"{word}_"] = f"list[{name}] | None"
        annotations["not_"] = f"{name} | None"
        _fill(
            made,
            annotations,
            {"and_": "All of these hold.", "or_": "One of these holds.", "not_": "This does not hold."},
        )
        self.made[name] = strawberry.input(made, description=f"Which rows of {kind.__name__}.")
        return self.made[name]

    def _comparator(self, field: GraphField) -> str | None:
        target = target_of(field)
        if isinstance(field.source, One) and isinstance(target, type):
            return f"{self.where(target).__name__} | None"
        if isinstance(field.source, Many | Several) and isinstance(target, type):
            return f"{self._list_where(target).__name__} | None"
        if not isinstance(field.source, Col | Sql | Key):
            return None
        made = self._leaf(leaf_of(field))
        return f"{made.__name__} | None" if made else None

    def _list_where(self, kind: type) -> type:
        name = f"{kind.__name__}ListWhere"
        if name not in self.made:
            made = self.made[name] = type(name, (), {"__module__": __name__})
            self.names[name] = made
            where = self.where(kind).__name__
            _fill(
                made,
                dict.fromkeys(("some", "none", "every"), f"{where} | None"),
                {"some": "At least one row.", "none": "No row.", "every": "Every row."},
            )
            self.made[name] = strawberry.input(
                made, description=f"What holds for related rows of {kind.__name__}."
            )
        return self.made[name]

    def _leaf(self, leaf: object) -> type | None:
        if isinstance(leaf, StrawberryEnumDefinition):
            return self._filter(leaf.name, leaf.wrapped_cls, EQUALITY)
        if leaf in COMPARABLE:
            name, comparators = COMPARABLE[leaf]
            return self._filter(name, leaf, comparators)
        return None

    def _filter(self, word: str, leaf: Any, comparators: tuple[str, ...]) -> type:
        name = f"{word}Filter"
        if name not in self.made:
            made = type(name, (), {"__module__": __name__})
            self.names[name] = made
            annotations: dict[str, Any] = {}
            for comparator in comparators:
                listed = comparator in {"in", "not_in"}
                kind = bool if comparator == "is_null" else (list[leaf] if listed else leaf)
                annotations[comparator + "_" if comparator == "in" else comparator] = Optional[kind]
            _fill(made, annotations, {"in_": SENTENCES["in"], **SENTENCES})
            self.made[name] = strawberry.input(made, description=f"What holds for a {word}.")
        return self.made[name]

    def order(self, kind: type) -> type:
        """`VisitOrder`: a field, a direction, where nulls stand."""
        name = f"{kind.__name__}Order"
        if name in self.made:
            return self.made[name]
        fields = {
            field.python_name.upper(): field.python_name for field in fields_of(kind) if sortable(field)
        }
        words = Enum(f"{name}Field", fields, module=__name__)  # type: ignore[misc]  # members known at run time only
        choices = strawberry.enum(cast("type[Enum]", words), description=f"By what to order {kind.__name__}.")
        described(choices, {one.python_name.upper(): str(one.description) for one in fields_of(kind)})
        made = type(name, (), {"__module__": __name__})
        self.names[name], self.names[f"{name}Field"] = made, choices
        made.__annotations__ = {
            "field": choices,
            "direction": OrderDirection,
            "nulls": Optional[NullsOrder],
        }
        for word, field in {
            "field": strawberry.field(description="By what."),
            "direction": strawberry.field(default=OrderDirection.ASC, description="Which way round."),
            "nulls": strawberry.field(default=None, description="Null: last when ascending, else first."),
        }.items():
            setattr(made, word, field)
        self.made[name] = strawberry.input(made, description=f"An order of {kind.__name__}.")
        return self.made[name]


def _fill(made: type, annotations: dict[str, Any], sentences: dict[str, str]) -> None:
    made.__annotations__ = annotations
    for name in annotations:
        field = strawberry.field(
            name=name.rstrip("_") if name.endswith("_") else None,
            default=UNSET,
            description=sentences.get(name, f"What holds for {name.replace('_', ' ')}."),
        )
        setattr(made, name, field)


def _search(target: type) -> list[StrawberryArgument]:
    reading = reading_of(target)
    if reading is None or not reading.search:
        return []
    *others, last = (name.replace("_", " ") for name in reading.search)
    places = f"{', '.join(others)} or {last}" if others else last
    text = (
        f"Only rows that have every one of these words, or part of a word, in {places}: in any order, upper"
        " or lower case and accents alike, typing errors not forgiven. At most 100 characters; blank: every"
        " row. The rows keep the connection's order."
    )
    return [_argument("search", Optional[str], text)]


def _arguments_of(source: Source) -> list[StrawberryArgument]:
    if isinstance(source, ByExternalId):
        return [
            _argument("system", str, "The other system, such as salesforce."),
            _argument("key", str, "The key there, exactly."),
        ]
    if isinstance(source, AsOf):
        return [_argument("plan", strawberry.ID, "The plan's global id.")]
    if isinstance(source, Nearest):
        return availability.arguments()
    if isinstance(source, AnyEntities):
        return [_argument("representations", list[Representation], "What is asked for, at most 250.")]
    return []


def _argument(name: str, kind: Any, description: str) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        description=description,
    )


def fields_of(kind: type) -> Iterator[GraphField]:
    """The fields of a type that say their source."""
    definition = getattr(kind, "__strawberry_definition__", None)
    for field in definition.fields if definition else ():
        if isinstance(field, GraphField):
            yield field


def leaf_of(field: GraphField) -> object:
    """The type of a field without its optional wrapping."""
    kind: Any = field.type
    return kind.of_type if isinstance(kind, StrawberryOptional) else kind


def target_of(field: GraphField) -> object:
    """The type an edge leads to, or an object lives in; None for a leaf."""
    if isinstance(field.source, Source) and not isinstance(field.source, Col | Sql | Key | Aggregate):
        kind: Any = leaf_of(field)
        while isinstance(kind, StrawberryType) and hasattr(kind, "of_type"):
            kind = kind.of_type
        definition = getattr(kind, "__strawberry_definition__", None)
        if definition is not None and definition.type_var_map:
            kind = definition.type_var_map["Kind"]
        if isinstance(kind, LazyType):
            kind = kind.resolve_type()
        return kind
    return None


def sortable(field: GraphField) -> bool:
    """Whether rows can be put in order by this field: a column of an ordered kind."""
    leaf = leaf_of(field)
    return isinstance(field.source, Col) and (
        leaf in COMPARABLE or isinstance(leaf, StrawberryEnumDefinition)
    )
