"""Random operations over our own graph: nested, aliased, filtered, paged; a function of their seed."""

from random import Random

from graphql import GraphQLEnumType

from resolvers.compiler.shapes import FieldShape, Graph
from schema.federation import AnyEntities
from schema.graph import All, AnyNode, AnyNodes, AsOf, ByExternalId, ById, ByKey, Col, Many, OneOf, Sql

DEEPEST = 4
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

SAID_ELSEWHERE = {"cursor", "_service"}
"""The one moves while it is asked twice, the other is the same long text for everybody."""


class Operations:
    """Writes operations that a role may ask; `ids` and `keys` (system, key) are real ones to look up by."""

    def __init__(
        self, graph: Graph, role: str, *, ids: list[str], keys: list[tuple[str, str]], seed: int
    ) -> None:
        self.graph = graph
        self.role = role
        self.ids = ids
        self.keys = keys
        self.plans = [one for one in ids if one.startswith("pln")]
        self.random = Random(seed)  # noqa: S311  # tests need repeatable, not secret
        self.aliases = 0
        self.fragments: list[str] = []

    def query(self) -> str:
        """One operation within the limits."""
        self.aliases, self.fragments = 0, []
        return f"query {{ {self._roots(ahead=True)} }} {' '.join(self.fragments)}"

    def _roots(self, *, ahead: bool = False) -> str:
        """One or two roots, and often asOf beside them, but not inside of it."""
        roots = [
            field
            for field in self.graph.roots.values()
            if self._allowed(field)
            and field.name not in SAID_ELSEWHERE
            and not isinstance(field.source, ByKey)
        ]
        overlaid = [field for field in roots if isinstance(field.source, AsOf)]
        roots = [field for field in roots if field not in overlaid]
        chosen = self.random.sample(roots, k=self.random.randint(1, 2))
        if ahead and self.random.random() < 0.4:
            chosen += overlaid
        return " ".join(self._root(field) for field in chosen)

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
        if isinstance(field.source, AsOf):
            return self._alias(
                f'{field.name}(plan: "{self.random.choice(self.plans)}") {{ {self._roots()} }}'
            )
        if isinstance(field.source, ByExternalId):
            system, key = self.random.choice(self.keys)
            found = self._object(str(field.target), 1)
            return self._alias(f'{field.name}(system: "{system}", key: "{key}") {found}')
        if isinstance(field.source, AnyNodes | AnyEntities):
            names = self.random.sample(self.ids, k=3)
            # Of one type only: fields of two types under one key may have types that do not agree.
            kind = self.graph.prefixes[names[0][:3]]
            inner = f"... on {kind} {self._object(kind, 1)}"
            listed = ", ".join(f'"{one}"' for one in names)
            if isinstance(field.source, AnyEntities):
                listed = ", ".join(
                    f'{{__typename: "{self.graph.prefixes[one[:3]]}", id: "{one}"}}' for one in names
                )
                return self._alias(
                    f"_entities(representations: [{listed}]) {{ __typename ... on Node {{ id }} {inner} }}"
                )
            return self._alias(f"nodes(ids: [{listed}]) {{ __typename id {inner} }}")
        if isinstance(field.source, ById | AnyNode):
            name = self.random.choice(self.ids)
            argument = f'(id: "{name}")'
            if isinstance(field.source, AnyNode):
                kind = self.graph.prefixes[name[:3]]
                return self._alias(
                    f"node{argument} {{ id __typename ... on {kind} {self._object(kind, 1)} }}"
                )
            return self._alias(f"{field.name}{argument} {self._object(str(field.target), 1)}")
        return self._alias(f"{field.name} {self._object(str(field.target), 1)}")

    def _object(self, kind: str, depth: int) -> str:
        shape = self.graph.types[kind]
        fields = [field for field in shape.fields.values() if self._allowed(field)]
        edges = [field for field in fields if field.target is not None or isinstance(field.source, OneOf)]
        leaves = [field for field in fields if field not in edges]
        chosen = self.random.sample(leaves, k=min(len(leaves), self.random.randint(1, 4))) if leaves else []
        parts = [self._alias(field.name) for field in chosen]
        if self.random.random() < 0.2:
            parts.append("__typename")
        if depth < DEEPEST:
            count = min(len(edges), self.random.randint(0, 3 - depth // 2))
            parts += [self._edge(field, depth) for field in self.random.sample(edges, k=count)]
        parts = parts or ["__typename"]
        return self._wrapped(kind, parts)

    def _wrapped(self, kind: str, parts: list[str]) -> str:
        dice = self.random.random()
        if dice < 0.1:
            name = f"F{len(self.fragments)}{kind}"
            self.fragments.append(f"fragment {name} on {kind} {{ {' '.join(parts)} }}")
            return f"{{ ...{name} }}"
        if dice < 0.2:
            flag = self.random.choice(["@include(if: true)", "@skip(if: false)", "@include(if: false)"])
            return f"{{ __typename ... on {kind} {flag} {{ {' '.join(parts)} }} }}"
        return f"{{ {' '.join(parts)} }}"

    def _edge(self, field: FieldShape, depth: int) -> str:
        if isinstance(field.source, Many):
            return self._connection(field, depth)
        if isinstance(field.source, OneOf):
            kind = self.graph.tables[self.random.choice(field.source.tables)]
            inner = self._object(kind, depth + 1)
            return self._alias(f"{field.name} {{ id __typename ... on {kind} {inner} }}")
        return self._alias(f"{field.name} {self._object(str(field.target), depth + 1)}")

    def _connection(self, field: FieldShape, depth: int) -> str:
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
        return self._alias(f"{field.name}{self._arguments(field, depth)} {{ {' '.join(parts)} }}")

    def _arguments(self, field: FieldShape, depth: int) -> str:
        size = self.random.randint(1, 6 if depth else 12)
        parts = [f"{self.random.choice(['first', 'last'])}: {size}"]
        if self.random.random() < 0.4:
            parts.append(f"where: {self._where(str(field.target), 0)}")
        if self.random.random() < 0.4:
            parts.append(f"orderBy: [{self._order(str(field.target))}]")
        return f"({', '.join(parts)})"

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
        edges = [field for field in fields if type(field.source).__name__ in {"Many", "One"}]
        if edges and depth < 2 and dice < 0.55:
            field = self.random.choice(edges)
            inner = self._where(str(field.target), depth + 1)
            if isinstance(field.source, Many):
                return f"{{{field.name}: {{{self.random.choice(['some', 'none', 'every'])}: {inner}}}}}"
            return f"{{{field.name}: {inner}}}"
        leaves = [field for field in fields if isinstance(field.source, Col | Sql) and self._literal(field)]
        return f"{{{self._comparison(self.random.choice(leaves))}}}" if leaves else "{}"

    def _comparison(self, field: FieldShape) -> str:
        value = self._literal(field)
        comparators = ["eq", "neq"]
        if field.leaf in {"String", "Int", "DateTime", "Date", "Duration", "Decimal", "Float"}:
            comparators += ["lt", "gte"]
        if field.leaf == "String":
            comparators += ["contains", "startsWith"]
        comparator = self.random.choice([*comparators, "isNull"])
        return f"{field.name}: {{{comparator}: {'true' if comparator == 'isNull' else value}}}"

    def _literal(self, field: FieldShape) -> str | None:
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
