"""Generated operations: schemathesis' own over our contract, with values that get past the first check."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import graphql
import schemathesis
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    print_ast,
    visit,
)
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes

CONTRACT = Path(__file__).parents[2] / "schema" / "schema.graphql"
REAL_IDS = 0.8
"""Of the ids, this share is of rows that are there; others are malformed, absent or of another type."""
SAMPLE = 5


def literal(value: object) -> graphql.ValueNode:
    """A JSON value as GraphQL writes it."""
    if isinstance(value, dict):
        pairs = [
            graphql.ObjectFieldNode(name=graphql.NameNode(value=name), value=literal(inner))
            for name, inner in value.items()
        ]
        return graphql.ObjectValueNode(fields=tuple(pairs))
    if isinstance(value, list):
        return graphql.ListValueNode(values=tuple(literal(inner) for inner in value))
    if value is None:
        return graphql.NullValueNode()
    if isinstance(value, bool):
        return graphql.BooleanValueNode(value=value)
    if isinstance(value, int):
        return graphql.IntValueNode(value=str(value))
    if isinstance(value, float):
        return graphql.FloatValueNode(value=repr(value))
    return graphql.StringValueNode(value=str(value))


texts = st.text(max_size=40)
days = st.one_of(st.dates(date(2026, 9, 1), date(2027, 3, 1)), st.dates(date(1900, 1, 1), date(2199, 12, 31)))
instants = st.one_of(
    st.datetimes(datetime(2026, 11, 20), datetime(2026, 12, 5)),  # noqa: DTZ001  # a zone is added
    st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001  # a zone is added
)
moments = instants.map(lambda at: at.replace(tzinfo=UTC).isoformat())
lengths = st.one_of(
    st.integers(0, 600).map(lambda minutes: f"PT{minutes}M"),
    st.sampled_from(["PT0S", "P1D", "P3660D", "P4000D", "PT1H30M", "P", "-PT1M"]),
)
decimals = st.one_of(
    st.decimals(0, 10_000, places=2).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["0", "-1", "1e15", "0.00001", "999999999999999", "1E-15", "NaN"]),
)
degrees = st.one_of(st.floats(24, 26), st.floats(59, 61), st.floats(-180, 180), st.floats(width=32))
pairs = st.lists(degrees.filter(lambda number: abs(number) < 1e308), min_size=2, max_size=2)
points = pairs.map(lambda at: {"type": "Point", "coordinates": at})
rings = st.lists(pairs, min_size=0, max_size=6).map(lambda ring: ring + ring[:1])
polygons = st.lists(rings, max_size=3).map(lambda all_: {"type": "Polygon", "coordinates": all_})
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.just("a"), inner)),
    max_leaves=5,
)
absent = st.sampled_from(["cus", "vis", "wor", "tec", "org", "xxx"]).map(
    lambda prefix: f"{prefix}1_018f0000-0000-7000-8000-000000000000"
)
zones = st.sampled_from(["Europe/Helsinki", "UTC", "America/St_Johns", "Mars/Base", "../../etc/passwd"])
entities = absent.map(lambda it: {"__typename": "Customer", "id": it})
SCALARS = {
    "ID": st.one_of(absent, texts).map(nodes.String),
    "Int": st.one_of(st.integers(0, 30), st.integers(-(2**31), 2**31 - 1)).map(nodes.Int),
    "Cursor": texts.map(nodes.String),
    "Date": st.one_of(days.map(str), texts).map(nodes.String),
    "DateTime": st.one_of(moments, moments, texts).map(nodes.String),
    "Decimal": decimals.map(nodes.String),
    "Duration": lengths.map(nodes.String),
    "JSON": anything.map(literal),
    "Point": st.one_of(points, points, anything).map(literal),
    "Polygon": st.one_of(polygons, polygons, anything).map(literal),
    "TimeZone": st.one_of(zones, texts).map(nodes.String),
    "_Any": st.one_of(entities, anything).map(literal),
}  # fmt: skip


def operations() -> list[Any]:
    """Schemathesis' operations: one for each field of Query and Mutation."""
    for name, strategy in SCALARS.items():
        schemathesis.graphql.scalar(name, strategy)
    loaded = schemathesis.graphql.from_path(CONTRACT)
    return [found.ok() for found in loaded.get_all_operations() if isinstance(found, Ok)]


def samples(executable: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """For each connection at the root, the type that it holds and a document that asks for a few ids."""
    for name, field in executable.query_type.fields.items() if executable.query_type else ():
        kind = get_named_type(field.type)
        if not isinstance(kind, GraphQLObjectType) or not kind.name.endswith("Connection"):
            continue
        node = get_named_type(kind.fields["nodes"].type)
        required = any(graphql.is_required_argument(argument) for argument in field.args.values())
        if isinstance(node, GraphQLObjectType) and "id" in node.fields and not required:
            yield node.name, f"{{ found: {name}(first: {SAMPLE}) {{ nodes {{ id }} }} }}"


class RealIds(Visitor):
    """Puts ids of rows that are there where an id is asked for: of the type that its name tells."""

    def __init__(self, known: Mapping[str, Sequence[str]], information: TypeInfo, field: str) -> None:
        super().__init__()
        self._known = known
        self._information = information
        self._field = field.lower()
        self._names: list[str] = []

    def enter_argument(self, node: graphql.ArgumentNode, *_: object) -> None:
        self._names.append(node.name.value)

    def leave_argument(self, *_: object) -> None:
        self._names.pop()

    def enter_object_field(self, node: graphql.ObjectFieldNode, *_: object) -> None:
        self._names.append(node.name.value)

    def leave_object_field(self, *_: object) -> None:
        self._names.pop()

    def enter_string_value(self, node: StringValueNode, *_: object) -> StringValueNode | None:
        asked = self._information.get_input_type()
        if asked is None or get_named_type(asked).name != "ID":
            return None
        chance = random.Random(node.value + self._field + str(self._names))  # noqa: S311  # no secret
        if chance.random() > REAL_IDS:
            return None
        return StringValueNode(value=chance.choice(self._of(self._names[-1] if self._names else "")))

    def _of(self, name: str) -> Sequence[str]:
        """The ids of the type with the longest name that the argument's name, or the field's, holds."""
        for said in (name.lower(), self._field):
            fitting = [kind for kind in self._known if kind.lower() in said]
            if fitting:
                return self._known[max(fitting, key=len)]
        return [one for some in self._known.values() for one in some]


def with_real_ids(
    text: str, known: Mapping[str, Sequence[str]], executable: GraphQLSchema, field: str
) -> str:
    information = TypeInfo(executable)
    visitor = TypeInfoVisitor(information, RealIds(known, information, field))
    return print_ast(visit(parse(text), visitor))
