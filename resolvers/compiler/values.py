"""Values: aggregates, foremost rows and the inputs of derived fields, as parts of one statement."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType, get_named_type

from resolvers.compiler.bindings import Bindings, arguments_of
from resolvers.compiler.conditions import check_role
from resolvers.compiler.selections import NotCompilable
from resolvers.compiler.shapes import FieldShape, TypeShape
from resolvers.compiler.writer import Derivation, Part, Rows, View, Writer
from schema.graph import Embedded
from schema.values import Aggregate, Derived, Foremost

if TYPE_CHECKING:
    from resolvers.compiler.objects import Objects


@dataclass(slots=True)
class Totals:
    """Aggregates of one level over the same rows of another table: they are read once."""

    place: int
    alias: str
    expressions: list[str] = field(default_factory=list)


class Values:
    """Writes the fields whose value lies in other rows, or is Python's to compute."""

    def __init__(self, objects: "Objects") -> None:
        self.objects = objects
        self.writer: Writer = objects.writer

    def write(self, shape: TypeShape, field: FieldShape, nodes: list[FieldNode], view: View) -> str:
        source = field.source
        if isinstance(source, Aggregate):
            return self.objects.column(field, self._aggregate(source, view.rows))
        if isinstance(source, Foremost):
            return self._foremost(field, source, nodes, view.rows)
        if isinstance(source, Derived):
            return self._derived(shape, field, nodes, view)
        raise NotCompilable(type(source).__name__)

    def _aggregate(self, source: Aggregate, parent: Rows) -> str:
        """Grouped by the parent's key in one expression; several over the same rows share it."""
        known = (source.table, source.via, source.where)
        totals = parent.totals.get(known)
        if totals is None:
            totals = parent.totals[known] = Totals(self.writer.reserve(), self.writer.alias())
            parent.joins.append(f"LEFT JOIN {totals.alias} ON {totals.alias}.k = {parent.refer('id')}")
        expression = self.writer.expression(source.expression, "x")
        if expression not in totals.expressions:
            totals.expressions.append(expression)
            self.writer.fill(totals.place, self._grouped(source, totals, parent))
        return f"coalesce({totals.alias}.v{totals.expressions.index(expression)}, 0)"

    def _grouped(self, source: Aggregate, totals: Totals, parent: Rows) -> str:
        values = ", ".join(f"{text} AS v{n}" for n, text in enumerate(totals.expressions))
        keys = f"x.{source.via} = ANY(ARRAY({parent.keys('id')}))"
        rows = f"{self.writer.scope(source.table, 'x')} AND {keys} AND {self._condition(source.where)}"
        table = self.writer.source(source.table)
        select = f"SELECT x.{source.via} AS k, {values} FROM {table} x WHERE {rows} GROUP BY 1"
        return f"{totals.alias} AS MATERIALIZED ({select})"

    def _foremost(self, field: FieldShape, source: Foremost, nodes: list[FieldNode], parent: Rows) -> str:
        """One row of each parent: for 250 parents DISTINCT ON took 4 ms, LATERAL with LIMIT 1 took 8."""
        shape = self.objects.graph.types[str(field.target)]
        child, place = self.objects.rows(shape), self.writer.reserve()
        result = self.writer.alias()
        columns = self.objects.selected(shape, self.objects.selections.below(shape.name, nodes), View(child))
        key = child.col(source.via)
        keys = f"x.{source.via} = ANY(ARRAY({parent.keys('id')}))"
        table = self.writer.source(shape.table)
        rows = f"{self.writer.scope(shape.table, 'x')} AND {keys} AND {self._condition(source.where)}"
        origin = (
            f"(SELECT DISTINCT ON (x.{source.via}) {child.columns('x')} FROM {table} x WHERE {rows}"
            f" ORDER BY x.{source.via}, {order_of(source, 'x')})"
        )
        if child.referred:
            self.writer.fill(place, f"{child.alias} AS MATERIALIZED {origin}")
        source_rows = child.alias if child.referred else f"{origin} {child.alias}"
        self.writer.fill(
            self.writer.reserve(),
            f"{result} AS MATERIALIZED (SELECT {key} AS k, {columns} AS j"
            f" FROM {source_rows} {' '.join(child.joins)})",
        )
        self.writer.tally(result)
        parent.joins.append(f"LEFT JOIN {result} ON {result}.k = {parent.col('id')}")
        return f"{result}.j"

    def _derived(self, shape: TypeShape, field: FieldShape, nodes: list[FieldNode], view: View) -> str:
        """A marker in the answer: its number and the inputs between two nonces that no client can know."""
        needs = self.objects.selections.fields(shape.name, [field.needs])
        told = len(self.writer.tallies)
        inputs = self.objects.selected(shape, needs, view)
        del self.writer.tallies[told:]  # in the derived field's own cost, which splicing counts
        number = len(self.writer.derivations)
        self.writer.derivations.append(self._derivation(shape, field, nodes))
        nonce = self.writer.vary("text", Bindings.nonce, name="nonce")
        return f"json_build_array({nonce} || '{number}', {inputs}, {nonce})"

    def _derivation(self, shape: TypeShape, field: FieldShape, nodes: list[FieldNode]) -> Derivation:
        parent = self.objects.graph.executable.type_map[shape.name]
        if not isinstance(parent, GraphQLObjectType) or not isinstance(field.source, Derived):
            raise NotCompilable(shape.name)
        declared = parent.fields[field.name]
        kind = declared.type
        overlay = self.writer.overlay
        self.writer.is_timed |= field.source.volatile
        self.writer.is_personal |= field.source.personal
        self.writer.derived.update(field.source.reads)
        return Derivation(
            field.source.key,
            kind,
            self._parts(kind, nodes, Embedded()),
            arguments_of(declared, nodes[0]),
            plan=overlay.bound_to if overlay else None,
            path=self.writer.path,
        )

    def _parts(self, kind: GraphQLOutputType, nodes: list[FieldNode], source: Embedded) -> tuple[Part, ...]:
        """What is asked for of an object; `source` says by which names its values are known."""
        named, parts = get_named_type(kind), []
        if not isinstance(named, GraphQLObjectType):
            return ()
        target = self.objects.graph.types[named.name]
        for key, asked in self.objects.selections.below(named.name, nodes).items():
            name = asked[0].name.value
            if name == "__typename":
                parts.append(Part(key, None, None))
                continue
            inner, declared = target.fields[name], named.fields[name].type
            check_role(target, inner, self.writer)
            if isinstance(inner.source, Embedded):
                first = next(iter(self.objects.graph.types[str(inner.target)].fields.values()))
                known, below = known_as(inner.source, first), self._parts(declared, asked, inner.source)
            else:
                known, below = known_as(source, inner), ()
            parts.append(Part(key, known, declared, below))
        return tuple(parts)

    def _condition(self, where: str) -> str:
        return f"({self.writer.expression(where, 'x')})"


def order_of(source: Foremost, alias: str) -> str:
    """The order in which the foremost row is first; without a value a row is never foremost before others."""
    terms = []
    for name in source.order:
        direction = "DESC" if name.startswith("-") else "ASC"
        terms.append(f"{alias}.{name.lstrip('-')} {direction} NULLS LAST")
    return ", ".join([*terms, f"{alias}.id"])


def known_as(source: Embedded, field: FieldShape) -> str:
    """The name by which the value of an embedded object's field is known."""
    return source.columns.get(field.python_name, source.prefix + field.python_name)


def columns_in(template: str) -> set[str]:
    """The columns of the row `{t}` that an expression names."""
    return set(re.findall(r"\{t\}\.(\w+)", template))
