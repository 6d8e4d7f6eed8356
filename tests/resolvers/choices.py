"""Random filters, orders and words to search for, as they stand or as variables; a function of their seed."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    get_named_type,
    parse_value,
    value_from_ast_untyped,
)

from resolvers.compiler.shapes import FieldShape, Graph
from schema.graph import Col, Key, Many, One, Several, Sql

LISTS = frozenset({"in", "notIn"})
SEARCHES = (
    "",
    "heat",
    "o",
    "HELSINKI",
    "tie 1",
    "WO-0000",
    "a e",
    "käs",
    "kas",
    "%",
    "_",
    "'",
    "boiler gasket",
)
WORDS = ("a", "o", "WO-0000", "sa", "x%", "_", "'")
VALUES = {
    "String": '"{word}"',
    "Int": "{number}",
    "Boolean": "{flag}",
    "DateTime": '"2026-11-23T{hour:02}:00:00Z"',
    "Date": '"2026-0{digit}-11"',
    "Duration": '"PT{number}M"',
    "Decimal": '"{number}.5"',
    "Float": "{number}.5",
}


class Choices:
    """What of which rows, as a role may ask; `ids` and `keys` (by root) are real ones to look up by.

    A key of another system is the pair of both. `variables` are those of the operation written last.
    """

    def __init__(
        self, graph: Graph, role: str, *, ids: list[str], seed: int, keys: Mapping[str, Sequence[Any]]
    ) -> None:
        self.graph = graph
        self.role = role
        self.ids = ids
        self.keys = keys
        self.variables: dict[str, Any] = {}
        self.declared: list[str] = []
        self.plans = [one for one in ids if one.startswith("pln")]
        self.random = Random(seed)  # noqa: S311  # tests need repeatable, not secret
        self.aliases = 0
        self.fragments: list[str] = []

    def given(self, kind: str, text: str, *, nullable: bool = False) -> str:
        """A value as it stands, or as a variable: given, left to its default, or null where that may be."""
        dice = self.random.random()
        if dice > 0.3 or "$" in text:
            return text
        name = f"v{len(self.declared)}"
        value = value_from_ast_untyped(parse_value(text))
        if dice < 0.08:
            self.declared.append(f"${name}: {kind} = {text}")
        elif dice < 0.12 and nullable:
            self.declared.append(f"${name}: {kind}" + (f" = {text}" if dice < 0.1 else ""))
            self.variables[name] = None
        else:
            self.declared.append(f"${name}: {kind}")
            self.variables[name] = value
        return f"${name}"

    def _allowed(self, field: FieldShape) -> bool:
        roles = field.source.roles
        return roles is None or self.role in roles

    def choices(self, kind: str) -> list[str]:
        """What of the rows, and in which order."""
        parts = []
        if self.random.random() < 0.4:
            where = self.given(f"{kind}Where", self._where(kind, 0), nullable=True)
            parts.append(f"where: {where}")
        if self.random.random() < 0.4:
            terms = ", ".join(self._order(kind) for _ in range(self.random.choice([1, 1, 2, 3])))
            order = self.given(f"[{kind}Order!]", f"[{terms}]", nullable=True)
            parts.append(f"orderBy: {order}")
        shape = self.graph.types[kind]
        searchable = bool(shape.reading.search) and all(
            self._allowed(shape.field_of(name)) for name in shape.reading.search
        )
        if searchable and self.random.random() < 0.4:
            parts.append(f"search: {self.given('String', self._quoted(), nullable=True)}")
        return parts

    def _quoted(self) -> str:
        return f'"{self.random.choice(SEARCHES)}"'

    def _order(self, kind: str) -> str:
        shape = self.graph.types[kind]
        choices = self.graph.executable.type_map[f"{kind}OrderField"]
        if not isinstance(choices, GraphQLEnumType):
            raise TypeError(kind)
        names = [name for name, value in choices.values.items() if self._allowed(shape.field_of(value.value))]
        nulls = self.random.choice(["", ", nulls: FIRST", ", nulls: LAST"])
        direction = self.random.choice(["ASC", "DESC"])
        return f"{{field: {self.random.choice(names)}, direction: {direction}{nulls}}}"

    def _where(self, kind: str, depth: int) -> str:
        shape = self.graph.types[kind]
        dice = self.random.random()
        if depth < 2 and dice < 0.2:
            word = self.random.choice(["and", "or"])
            return f"{{{word}: [{self._where(kind, depth + 1)}, {self._where(kind, depth + 1)}]}}"
        if depth < 2 and dice < 0.3:
            return f"{{not: {self._where(kind, depth + 1)}}}"
        fields = [field for field in shape.fields.values() if self._allowed(field)]
        edges = [
            field
            for field in fields
            if isinstance(field.source, Many | One | Several) and f"{field.target}Where" in self._types
        ]
        if edges and depth < 2 and dice < 0.55:
            field = self.random.choice(edges)
            inner = self._where(str(field.target), depth + 1)
            if isinstance(field.source, Many | Several):
                return f"{{{field.name}: {{{self.random.choice(['some', 'none', 'every'])}: {inner}}}}}"
            return f"{{{field.name}: {inner}}}"
        leaves = [
            field for field in fields if isinstance(field.source, Col | Sql | Key) and self._literal(field)
        ]
        count = min(len(leaves), self.random.choice([1, 1, 2]))
        chosen = self.random.sample(leaves, k=count)
        return "{" + ", ".join(self._comparison(kind, field) for field in chosen) + "}"

    @property
    def _types(self) -> Mapping[str, Any]:
        return self.graph.executable.type_map

    def _comparators(self, kind: str, field: FieldShape) -> Mapping[str, GraphQLInputField]:
        where = self._types[f"{kind}Where"]
        comparators = get_named_type(where.fields[field.name].type)
        if not isinstance(comparators, GraphQLInputObjectType):
            raise TypeError(field.name)
        return dict(comparators.fields)

    def _comparison(self, kind: str, field: FieldShape) -> str:
        """One comparator, or two: each that the field's filter has."""
        known = self._comparators(kind, field)
        names = self.random.sample(list(known), k=self.random.choice([1, 1, 1, 2]))
        parts = [f"{name}: {self._operand(field, name, known[name])}" for name in names]
        return f"{field.name}: {{{', '.join(parts)}}}"

    def _operand(self, field: FieldShape, name: str, declared: GraphQLInputField) -> str:
        if name in LISTS:
            values = [str(self._literal(field)) for _ in range(self.random.randint(0, 3))]
            return self.given(str(declared.type), f"[{', '.join(values)}]")
        value = self.random.choice(["true", "false"]) if name == "isNull" else str(self._literal(field))
        if name in {"eq", "neq"} and self.random.random() < 0.1:
            return "null"
        return self.given(str(declared.type), value, nullable=name in {"eq", "neq", "isNull"})

    def _literal(self, field: FieldShape) -> str | None:
        if isinstance(field.source, Key):
            own = [one for one in self.ids if one[:3] == field.prefix]
            return f'"{self.random.choice(own)}"' if own else None
        kind = self.graph.executable.type_map[field.leaf]
        if isinstance(kind, GraphQLEnumType):
            return str(self.random.choice(list(kind.values)))
        if field.leaf not in VALUES or field.listed:
            return None
        return VALUES[field.leaf].format(
            word=self.random.choice(WORDS),
            number=self.random.randint(1, 60),
            flag=self.random.choice(["true", "false"]),
            hour=self.random.randint(5, 15),
            digit=self.random.randint(1, 9),
        )
