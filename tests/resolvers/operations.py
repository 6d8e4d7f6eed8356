"""Random operations over our own graph: nested, aliased, filtered, paged; a function of their seed."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    get_named_type,
    parse,
    parse_value,
    validate,
    value_from_ast_untyped,
)

from resolvers import limits
from resolvers.compiler.shapes import FieldShape, Graph
from resolvers.documents import MOST_TOKENS
from resolvers.refusals import Refusal
from schema.graph import All, AnyNode, AnyNodes, ById, ByKey, Col, Key, Many, One, Several, Sql
from schema.values import Aggregate, Derived, Foremost

DEEPEST = 5
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


class Operations:
    """Writes operations that a role may ask; `ids` and `keys` (by root) are real ones to look up by.

    `variables` are those of the operation written last.
    """

    def __init__(
        self, graph: Graph, role: str, *, ids: list[str], seed: int, keys: Mapping[str, Sequence[str]]
    ) -> None:
        self.graph = graph
        self.role = role
        self.ids = ids
        self.keys = keys
        self.variables: dict[str, Any] = {}
        self.declared: list[str] = []
        self.random = Random(seed)  # noqa: S311  # tests need repeatable, not secret
        self.aliases = 0
        self.fragments: list[str] = []

    def query(self) -> str:
        """One operation within the limits."""
        while True:
            text = self._query()
            try:
                limits.check(parse(text))
            except Refusal:
                continue
            if len(text.split()) < MOST_TOKENS // 3 and not self._conflicts(text):
                return text

    def _conflicts(self, text: str) -> bool:
        """Whether two things are asked for under one name, which happens where fragments meet."""
        errors = validate(self.graph.executable, parse(text))
        return bool(errors) and all("conflict" in error.message for error in errors)

    def _query(self) -> str:
        self.aliases, self.fragments, self.variables, self.declared = 0, [], {}, []
        roots = [
            field
            for field in self.graph.roots.values()
            if self._allowed(field)
            and field.name != "cursor"
            and not (isinstance(field.source, ByKey) and not self.keys.get(field.name))
        ]
        chosen = self.random.sample(roots, k=self.random.randint(1, 2))
        body = " ".join(self._root(field) for field in chosen)
        if self.random.random() < 0.1:
            body = f"__typename ... on Query {{ {body} }}"
        head = f"({', '.join(self.declared)})" if self.declared else ""
        return f"query Generated{head} {{ {body} }} {' '.join(self.fragments)}"

    def paged(self) -> tuple[str, list[str]]:
        """A connection at the root, or of each row of one, to be turned by $first, $after, $last, $before."""
        self.variables, self.declared = {}, []
        roots = [
            one for one in self.graph.roots.values() if isinstance(one.source, All) and self._allowed(one)
        ]
        field = self.random.choice(roots)
        edges = [
            one
            for one in self.graph.types[str(field.target)].fields.values()
            if isinstance(one.source, Many) and self._allowed(one)
        ]
        if not edges or self.random.random() < 0.5:
            body, path = self._turned(field), [field.name]
        else:
            edge = self.random.choice(edges)
            body = f"{field.name}(first: 40) {{ nodes {{ id {self._turned(edge)} }} }}"
            path = [field.name, "nodes", edge.name]
        turning = ["$first: Int", "$after: String", "$last: Int", "$before: String"]
        return f"query Paged({', '.join([*turning, *self.declared])}) {{ {body} }}", path

    def _turned(self, field: FieldShape) -> str:
        page = ["first: $first", "after: $after", "last: $last", "before: $before"]
        arguments = ", ".join([*page, *self.choices(str(field.target))])
        info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
        return f"{field.name}({arguments}) {{ totalCount {info} edges {{ cursor node {{ __typename }} }} }}"

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

    def _alias(self, text: str) -> str:
        if self.aliases < 20 and self.random.random() < 0.15:
            self.aliases += 1
            return f"a{self.aliases}: {text}"
        return text

    def _root(self, field: FieldShape) -> str:
        if isinstance(field.source, All):
            return self._connection(field, 0)
        if isinstance(field.source, AnyNodes):
            names = self.random.sample(self.ids, k=3)
            kinds = sorted({self.graph.prefixes[one[:3]] for one in names})
            stated = [kind for kind in kinds if "state" in self.graph.types[kind].fields]
            inner = " ".join(  # one `state` in a list: two of them are of different types
                f"... on {kind} {'{ version }' if kind in stated[1:] else self._object(kind, 1)}"
                for kind in kinds
            )
            listed = self.given("[ID!]!", "[" + ", ".join(f'"{one}"' for one in names) + "]")
            return self._alias(f"nodes(ids: {listed}) {{ __typename id {inner} }}")
        if isinstance(field.source, ByKey):
            wanted = self.given("String!", f'"{self.random.choice(self.keys[field.name])}"')
            argument = f"({field.source.argument}: {wanted})"
            return self._alias(f"{field.name}{argument} {self._object(str(field.target), 1)}")
        if isinstance(field.source, ById | AnyNode):
            own = [one for one in self.ids if self.graph.prefixes[one[:3]] == field.target]
            name = self.random.choice(own or self.ids)
            wanted = self.given("ID!", f'"{name}"')
            argument = f"(id: {wanted})"
            if isinstance(field.source, AnyNode):
                kind = self.graph.prefixes[name[:3]]
                inner = f"... on {kind} {self._object(kind, 1)}"
                if self.random.random() < 0.5:  # through a fragment on the interface
                    name = f"N{len(self.fragments)}"
                    self.fragments.append(f"fragment {name} on Node {{ id ... {{ same: id {inner} }} }}")
                    return self._alias(f"node{argument} {{ ...{name} __typename ...{name} }}")
                return self._alias(f"node{argument} {{ id __typename {inner} }}")
            return self._alias(f"{field.name}{argument} {self._object(str(field.target), 1)}")
        return self._alias(f"{field.name} {self._object(str(field.target), 1)}")

    def _object(self, kind: str, depth: int) -> str:
        shape = self.graph.types[kind]
        fields = [field for field in shape.fields.values() if self._allowed(field)]
        leaves = [field for field in fields if field.target is None]
        edges = [field for field in fields if field.target is not None]
        chosen = self.random.sample(leaves, k=min(len(leaves), self.random.randint(1, 4))) if leaves else []
        parts = [self._alias(field.name) for field in chosen]
        if self.random.random() < 0.2:
            parts.append("__typename")
        values = [field for field in fields if isinstance(field.source, Aggregate | Derived | Foremost)]
        value = self.random.choice(values) if values and self.random.random() < 0.4 else None
        if value is not None and value.target is None and value not in chosen:
            parts.append(self._alias(value.name))
        if value is not None and value.target is not None and depth < DEEPEST:
            edges.remove(value)
            parts.append(self._edge(value, depth))
        if depth < DEEPEST:
            count = min(len(edges), self.random.randint(0, 3 - depth // 2))
            parts += [self._edge(field, depth) for field in self.random.sample(edges, k=count)]
            connections = [field for field in edges if isinstance(field.source, Many)]
            if connections and depth < 3 and self.random.random() < 0.15:  # the same one twice
                chosen_one = self.random.choice(connections)
                for _ in range(2):
                    self.aliases += 1
                    parts.append(f"b{self.aliases}: {self._plain_connection(chosen_one, depth + 1)}")
        parts = parts or ["__typename"]
        return self._wrapped(kind, parts)

    def _wrapped(self, kind: str, parts: list[str]) -> str:
        dice = self.random.random()
        if dice < 0.1:
            name = f"F{len(self.fragments)}{kind}"
            self.fragments.append(f"fragment {name} on {kind} {{ {' '.join(parts)} }}")
            if self.random.random() < 0.3:  # a fragment in a fragment
                outer = f"{name}Outer"
                self.fragments.append(f"fragment {outer} on {kind} {{ __typename ...{name} }}")
                return f"{{ ...{outer} ...{name} {self._flag()} }}"
            return f"{{ ...{name} }}"
        if dice < 0.2:
            if self.random.random() < 0.3 and "Node" in self.graph.types[kind].interfaces:
                return f"{{ ... on Node {self._flag()} {{ id __typename }} {' '.join(parts)} }}"
            return f"{{ __typename ... on {kind} {self._flag()} {{ {' '.join(parts)} }} }}"
        return f"{{ {' '.join(parts)} }}"

    def _flag(self) -> str:
        directive, value = self.random.choice(["include", "skip"]), self.random.choice(["true", "false"])
        return f"@{directive}(if: {self.given('Boolean!', value)})"

    def _edge(self, field: FieldShape, depth: int) -> str:
        if isinstance(field.source, Many):
            return self._connection(field, depth)
        day = '(day: "2026-11-23")' if field.name == "routeSummary" and self.random.random() < 0.5 else ""
        text = self._alias(f"{field.name}{day} {self._object(str(field.target), depth + 1)}")
        if not day and self.random.random() < 0.1:  # asked for twice, to be merged
            text += f" {field.name} {{ __typename }}"
        return text

    def _connection(self, field: FieldShape, depth: int) -> str:
        return self._alias(self._plain_connection(field, depth))

    def _plain_connection(self, field: FieldShape, depth: int) -> str:
        parts = []
        if self.random.random() < 0.7:
            parts.append(f"nodes {self._object(str(field.target), depth + 1)}")
        if self.random.random() < 0.4:
            parts.append(f"edges {{ cursor node {self._object(str(field.target), depth + 1)} }}")
        if self.random.random() < 0.3:
            parts.append("totalCount")
        if self.random.random() < 0.3:
            parts.append("pageInfo { hasNextPage hasPreviousPage startCursor endCursor }")
        parts = parts or ["totalCount __typename"]
        head = f"{field.name}{self.arguments(field, depth)}"
        again = f" {head} {{ totalCount nodes {{ __typename }} }}" if self.random.random() < 0.05 else ""
        return f"{head} {{ {' '.join(parts)} }}{again}"

    def arguments(self, field: FieldShape, depth: int) -> str:
        """The size of a page, and often a filter and an order."""
        size = str(self.random.randint(1, 6 if depth else 12))
        side = self.random.choice(["first", "last"])
        parts = [f"{side}: {self.given('Int', size)}", *self.choices(str(field.target))]
        return f"({', '.join(parts)})"

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
