"""Random operations over our own graph: nested, aliased, filtered, paged; a function of their seed."""

from graphql import (
    parse,
    validate,
)

from resolvers.compiler.shapes import FieldShape
from resolvers.limits import MOST_COST, Limits
from resolvers.refusals import Refusal
from resolvers.validation import MOST_TOKENS
from schema.availability import Nearest
from schema.federation import AnyEntities
from schema.graph import (
    All,
    AnyNode,
    AnyNodes,
    AsOf,
    ByExternalId,
    ById,
    ByKey,
    Many,
    OneOf,
)
from schema.values import Aggregate, Derived, Foremost
from tests.resolvers.choices import Choices

DEEPEST = 5
SAID_ELSEWHERE = {"cursor", "rateLimit", "_service"}
"""The first two move while they are asked twice, the third is the same long text for everybody."""


class Operations(Choices):
    """Writes operations that a role may ask."""

    def query(self) -> str:
        """One operation within the limits."""
        limits = Limits(self.graph.executable)
        while True:
            text = self._query()
            try:
                (cost,) = limits.check(parse(text)).values()
            except Refusal:
                continue
            if cost.evaluated(self.variables).requested > MOST_COST:
                continue
            if len(text.split()) < MOST_TOKENS // 3 and not self._conflicts(text):
                return text

    def _conflicts(self, text: str) -> bool:
        """Whether two things are asked for under one name, which happens where fragments meet."""
        errors = validate(self.graph.executable, parse(text))
        return bool(errors) and all("conflict" in error.message for error in errors)

    def _query(self) -> str:
        self.aliases, self.fragments, self.variables, self.declared = 0, [], {}, []
        body = self._roots(ahead=True)
        if self.random.random() < 0.1:
            body = f"__typename ... on Query {{ {body} }}"
        head = f"({', '.join(self.declared)})" if self.declared else ""
        return f"query Generated{head} {{ {body} }} {' '.join(self.fragments)}"

    def _roots(self, *, ahead: bool = False) -> str:
        """One or two roots, and often asOf beside them, but not inside of it."""
        roots = [
            field
            for field in self.graph.roots.values()
            if self._allowed(field)
            and field.name not in SAID_ELSEWHERE
            and not (isinstance(field.source, ByKey | ByExternalId) and not self.keys.get(field.name))
        ]
        overlaid = [field for field in roots if isinstance(field.source, AsOf)]
        roots = [field for field in roots if field not in overlaid]
        chosen = self.random.sample(roots, k=self.random.randint(1, 2))
        if ahead and self.plans and self.random.random() < 0.4:
            chosen += overlaid
        return " ".join(self._root(field) for field in chosen)

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

    def _alias(self, text: str) -> str:
        if self.aliases < 20 and self.random.random() < 0.15:
            self.aliases += 1
            return f"a{self.aliases}: {text}"
        return text

    def _several(self, field: FieldShape) -> str:
        """`nodes` or `_entities` of several types."""
        names = self.random.sample(self.ids, k=3)
        kinds = sorted({self.graph.prefixes[one[:3]] for one in names})
        stated = [kind for kind in kinds if "state" in self.graph.types[kind].fields]
        inner = " ".join(  # one `state` in a list: two of them are of different types
            f"... on {kind} {'{ version }' if kind in stated[1:] else self._object(kind, 1)}"
            for kind in kinds
        )
        if isinstance(field.source, AnyEntities):
            listed = ", ".join(
                f'{{__typename: "{self.graph.prefixes[one[:3]]}", id: "{one}"}}' for one in names
            )
            given = self.given("[_Any!]!", f"[{listed}]")
            return self._alias(
                f"_entities(representations: {given}) {{ __typename ... on Node {{ id }} {inner} }}"
            )
        listed = self.given("[ID!]!", "[" + ", ".join(f'"{one}"' for one in names) + "]")
        return self._alias(f"nodes(ids: {listed}) {{ __typename id {inner} }}")

    def _root(self, field: FieldShape) -> str:
        if isinstance(field.source, All):
            return self._connection(field, 0)
        if isinstance(field.source, AsOf):
            plan = self.given("ID!", f'"{self.random.choice(self.plans)}"')
            return self._alias(f"{field.name}(plan: {plan}) {{ {self._roots()} }}")
        if isinstance(field.source, Nearest):
            return self._nearest(field)
        if isinstance(field.source, ByExternalId):
            system, key = self.random.choice(self.keys[field.name])
            wanted = self.given("String!", f'"{key}"')
            found = self._object(str(field.target), 1)
            return self._alias(f'{field.name}(system: "{system}", key: {wanted}) {found}')
        if isinstance(field.source, AnyNodes | AnyEntities):
            return self._several(field)
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

    def _nearest(self, field: FieldShape) -> str:
        """Of some part, near a site or not, and now and then of what is no part."""
        part, site = (self._id_of(kind) for kind in ("prt", "sit"))
        given = [f"part: {self.given('ID!', part)}"]
        if self.random.random() < 0.8:
            given.append(f"nearSite: {self.given('ID', site)}")
        if self.random.random() < 0.5:
            given.append(f"first: {self.given('Int', str(self.random.randint(1, 5)))}")
        return self._alias(f"{field.name}({', '.join(given)}) {self._object(str(field.target), 1)}")

    def _id_of(self, prefix: str) -> str:
        own = [one for one in self.ids if one[:3] == prefix]
        return f'"{self.random.choice(own)}"'

    def _object(self, kind: str, depth: int) -> str:
        shape = self.graph.types[kind]
        fields = [field for field in shape.fields.values() if self._allowed(field)]
        edges = [field for field in fields if field.target is not None or isinstance(field.source, OneOf)]
        leaves = [field for field in fields if field not in edges]
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
        if isinstance(field.source, OneOf):
            known = [name for name in field.source.tables if name in self.graph.tables]
            kind = self.graph.tables[self.random.choice(known)]
            inner = self._object(kind, depth + 1)
            return self._alias(f"{field.name} {{ id __typename ... on {kind} {inner} }}")
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
