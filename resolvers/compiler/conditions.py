"""Conditions: a `where` input as SQL over one level of rows."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLEnumType

from domain import ids
from domain.errors import BadInput, Forbidden
from resolvers.compiler.bindings import Bindings, at
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.compiler.writer import Writer
from schema.graph import Key, Many, One, Several, Sql

Path = tuple[str | int, ...]
Fetch = Callable[[Bindings], Any]
COMPARISONS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
DEEPEST = 10
SQL_TYPES = {
    "Boolean": "boolean",
    "Int": "bigint",
    "Float": "double precision",
    "DateTime": "timestamptz",
}
"""What an `sql` field gives, by its GraphQL type; anything else is text."""


class Conditions:
    """Writes conditions; `fetch` gives the whole `where` of a request, paths lead to its values."""

    def __init__(self, graph: Graph, writer: Writer, fetch: Fetch) -> None:
        self.graph = graph
        self.writer = writer
        self.fetch = fetch

    def write(self, shape: TypeShape, where: Mapping[str, Any], alias: str, path: Path = ()) -> str:
        """SQL that holds for the wanted rows. Raises Forbidden for a field that the role may not ask for."""
        if len(path) > 3 * DEEPEST:
            raise BadInput("The filter is nested too deeply.")
        parts = []
        for name, value in where.items():
            if value is None:
                continue
            if name in {"and", "or"}:
                inner = [self.write(shape, one, alias, (*path, name, n)) for n, one in enumerate(value)]
                parts.append(f"({f' {name.upper()} '.join(inner)})" if inner else str(name == "and").upper())
            elif name == "not":
                parts.append(f"(NOT coalesce({self.write(shape, value, alias, (*path, name))}, FALSE))")
            else:
                parts.append(self._field(shape, shape.fields[name], value, alias, (*path, name)))
        return f"({' AND '.join(parts)})" if parts else "TRUE"

    def _field(
        self, shape: TypeShape, field: FieldShape, value: Mapping[str, Any], alias: str, path: Path
    ) -> str:
        check_role(shape, field, self.writer)
        if isinstance(field.source, One):
            return self._one(field, value, alias, path)
        if isinstance(field.source, Many | Several):
            return self._many(field, value, alias, path)
        expression, sql_type = self._expression(shape, field, alias)
        parts = [
            self._compare(field, (expression, sql_type), comparator, operand, (*path, comparator))
            for comparator, operand in value.items()
        ]
        return f"({' AND '.join(parts)})" if parts else "TRUE"

    def _one(self, field: FieldShape, value: Mapping[str, Any], alias: str, path: Path) -> str:
        source, target = field.source, self.graph.types[str(field.target)]
        inner = self.writer.alias()
        by, via = getattr(source, "by", None), getattr(source, "via", None)
        link = f"{inner}.id = {alias}.{by}" if by else f"{inner}.{via} = {alias}.id"
        return self._exists(target, inner, link, self.write(target, value, inner, path))

    def _many(self, field: FieldShape, value: Mapping[str, Any], alias: str, path: Path) -> str:
        target, parts = self.graph.types[str(field.target)], []
        via = getattr(field.source, "via", "")
        for quantifier, where in value.items():
            if where is None:
                continue
            inner = self.writer.alias()
            condition = self.write(target, where, inner, (*path, quantifier))
            if quantifier == "every":
                condition = f"NOT coalesce({condition}, FALSE)"
            link = f"{inner}.{via} = {alias}.id"
            found = self._exists(target, inner, link, condition, getattr(field.source, "among", None))
            parts.append(found if quantifier == "some" else f"NOT {found}")
        return f"({' AND '.join(parts)})" if parts else "TRUE"

    def _exists(
        self, target: TypeShape, inner: str, link: str, condition: str, among: str | None = None
    ) -> str:
        scope = self.writer.scope(target.table, inner)
        source = self.writer.source(target.table, among)
        return f"EXISTS (SELECT 1 FROM {source} {inner} WHERE {scope} AND {link} AND {condition})"

    def _expression(self, shape: TypeShape, field: FieldShape, alias: str) -> tuple[str, str]:
        if isinstance(field.source, Key):
            return f"{alias}.id", "uuid"
        if isinstance(field.source, Sql):
            sql_type = SQL_TYPES.get(field.leaf, "text")
            return f"({self.writer.expression(field.source.expression, alias)})", sql_type
        name = shape.column_of(field)
        return f"{alias}.{name}", shape.columns[name].sql_type

    def _compare(
        self, field: FieldShape, expression: tuple[str, str], comparator: str, operand: object, path: Path
    ) -> str:
        text, sql_type = expression
        if comparator == "isNull" or (operand is None and comparator in {"eq", "neq"}):
            empty = operand if comparator == "isNull" else comparator == "eq"
            if empty is None:
                return "TRUE"
            return f"{text} IS {'' if empty else 'NOT '}NULL"
        if operand is None:
            raise BadInput(f"{comparator} needs a value.")
        if comparator in {"in", "notIn"}:
            place = self.writer.bind(f"{sql_type}[]", self._values(field, path))
            if comparator == "in":
                return f"{text} = ANY({place})"
            return f"({text} IS NULL OR NOT {text} = ANY({place}))"  # as with neq, no value is another one
        if comparator in {"contains", "startsWith"}:
            place = self.writer.bind("text", self._pattern(comparator, path))
            return f"{text} ILIKE {place}"
        kind = self.graph.executable.type_map[field.leaf]
        if comparator == "neq" and isinstance(kind, GraphQLEnumType):
            # No index serves IS DISTINCT FROM; all other words are found by one.
            place = self.writer.bind("text[]", self._other_words(field, kind, path))
            return f"({text} = ANY({place}) OR {text} IS NULL)"
        place = self.writer.bind(sql_type, self._value(field, path))
        if comparator == "neq":
            return f"{text} IS DISTINCT FROM {place}"
        return f"{text} {COMPARISONS.get(comparator, '=')} {place}"

    def _value(self, field: FieldShape, path: Path) -> Fetch:
        fetch = self.fetch

        def value(bindings: Bindings) -> object:
            return self._native(field, at(fetch(bindings), path))

        return value

    def _other_words(self, field: FieldShape, kind: GraphQLEnumType, path: Path) -> Fetch:
        words = [self._native(field, word.value) for word in kind.values.values()]
        value = self._value(field, path)

        def others(bindings: Bindings) -> object:
            named = value(bindings)
            return [word for word in words if word != named]

        return others

    def _values(self, field: FieldShape, path: Path) -> Fetch:
        fetch = self.fetch

        def values(bindings: Bindings) -> object:
            return [self._native(field, one) for one in at(fetch(bindings), path)]

        return values

    def _pattern(self, comparator: str, path: Path) -> Fetch:
        fetch = self.fetch

        def pattern(bindings: Bindings) -> object:
            text = str(at(fetch(bindings), path))
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            return f"%{escaped}%" if comparator == "contains" else f"{escaped}%"

        return pattern

    def _native(self, field: FieldShape, value: Any) -> Any:
        if isinstance(field.source, Key):
            return ids.decode(str(field.prefix), str(value))
        return str(value) if field.leaf == "String" else getattr(value, "value", value)


def check_role(shape: TypeShape, field: FieldShape, writer: Writer) -> None:
    """Field scope holds for filters and orders too: what may not be read may not be asked about."""
    roles = field.source.roles
    if roles is not None and writer.role not in roles:
        raise Forbidden(f"{shape.name}.{field.name} is not for {writer.role}.")
