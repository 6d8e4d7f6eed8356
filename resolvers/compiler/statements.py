"""Statements: a whole operation, or one object of it, as one SQL statement."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import FieldNode, GraphQLField, SelectionSetNode

from domain import ids
from domain.errors import BadInput, FieldgraphError
from domain.viewers import Role
from resolvers.compiler.availability import places
from resolvers.compiler.bindings import Binder, Bindings, Readers
from resolvers.compiler.objects import ConnectionWriter, Fields, Objects, quoted
from resolvers.compiler.overlays import Overlay
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.compiler.writer import Derivation, Prepared, Rows, View, Writer
from schema.availability import Nearest
from schema.federation import AnyEntities
from schema.graph import All, AnyNode, AnyNodes, AsOf, ByExternalId, ById, ByKey, Computed, Source
from schema.verbs import Answered

NULL = "NULL::json"
MOST_NODES = 250
PLAN = "pln"
SINGLE = AnyNode | AsOf | ById | ByExternalId | ByKey
"""Roots that answer one row, or none."""
Keys = list[tuple[str, UUID]]
"""Prefixes and keys of global ids."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL that answers one JSON value and the number of objects in it; what its parameters are fetched by."""

    sql: str
    binders: tuple[Binder, ...]
    computed: frozenset[str] = frozenset()
    """Keys of the values that Python gives, by `Bindings.values`."""
    paths: tuple[tuple[str, ...], ...] = ()
    """For each parameter, the field of the response that it belongs to."""
    derivations: tuple[Derivation, ...] = ()
    """The derived fields, by the number in their markers (resolvers/splicing.py)."""
    readers: Readers = field(default_factory=dict)
    """How the arguments of its fields are read, kept from one request to the next."""
    is_timed: bool = False
    """Whether its answer may change without an event."""
    prepared: tuple[Prepared, ...] = ()
    """What Python answers of it, by `Bindings.values`."""

    def size(self) -> int:
        """About how many bytes it takes; measured: 0.5 to 1.2 times this."""
        return 1_000 + len(self.sql) + 1_000 * len(self.binders)

    def parameters(self, bindings: Bindings) -> list[object]:
        """Raises BadInput, with the path of the field, for a value that is not good."""
        found: list[object] = []
        try:
            found.extend(binder(bindings) for binder in self.binders)
        except FieldgraphError as error:
            error.response_path = self.paths[len(found)] if self.paths else ()
            raise
        return found


class Compiler:
    """Compiles for one graph, by the role, whether scopes limit it, and the variables' shape."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def query(
        self, role: Role, selections: Selections, selection_set: SelectionSetNode, *, is_limited: bool
    ) -> Statement:
        """A whole query. Raises NotCompilable, Forbidden or BadInput."""
        writer = Writer(role, is_limited=is_limited)
        objects = Objects(self.graph, writer, selections)
        computed: set[str] = set()
        parts = self._roots(objects, selections.fields("Query", [selection_set]), computed)
        told = writer.tallied()
        # OFFSET 0 keeps a root from being worked out twice: for the answer, and for whether it is there.
        # Where nobody asks for that it would only be one more copy of a large answer.
        fence = " OFFSET 0" if "(r." in told else ""
        sql = writer.statement(f"SELECT row_to_json(r), {told} FROM (SELECT {parts}{fence}) r")
        return _statement(sql, writer, frozenset(computed))

    def _roots(self, objects: Objects, fields: Fields, computed: set[str]) -> str:
        """The select list of Query: at the root, and below asOf."""
        parts = []
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == "__typename":
                parts.append(f"'Query'::text AS {quoted(key)}")
                continue
            field = self.graph.roots.get(name)
            if field is None:
                raise NotCompilable(name)
            if isinstance(field.source, Computed):
                computed.add(field.source.key)
            with objects.writer.at(key):
                if isinstance(field.source, AsOf):
                    text = self._as_of(objects, field, nodes, computed)
                else:
                    text = self._root(objects, field, nodes)
            parts.append(f"{text} AS {quoted(key)}")
            if isinstance(field.source, SINGLE) and not objects.writer.overlay:
                objects.writer.tallies.append(f"(r.{quoted(key)} IS NOT NULL)::integer")
        return ", ".join(parts)

    def record(
        self,
        kind: str,
        role: Role,
        selections: Selections,
        sets: Iterable[SelectionSetNode | None],
        *,
        is_limited: bool,
    ) -> Statement:
        """One record, whose values Python has, with all that is asked for below it."""
        writer = Writer(role, is_limited=is_limited)
        objects = Objects(self.graph, writer, selections)
        shape = self.graph.types[kind]
        text = self._record(objects, shape, selections.fields(kind, sets), name=None)
        return _statement(writer.statement(f"SELECT {text}, {writer.tallied()}"), writer)

    def _root(self, objects: Objects, field: FieldShape, nodes: list[FieldNode]) -> str:
        source, query = field.source, self.graph.executable.query_type
        declared = query.fields[field.name] if query else None
        if declared is None:
            raise NotCompilable(field.name)
        if isinstance(source, All):
            return ConnectionWriter(objects, field, declared, nodes, order=None).root()
        if isinstance(source, Answered | Computed):
            return self._known(objects, field, declared, nodes)
        arguments = Bindings.of(objects.selections.variables).arguments(declared, nodes[0])
        if isinstance(source, ByKey | ByExternalId):
            keyed = self._keyed(objects, field, declared, nodes[0])
            return self._single(objects, str(field.target), nodes, keyed)
        if isinstance(source, AnyNodes | AnyEntities):
            return self._nodes(objects, nodes, self._wanted(source, declared, nodes[0]))
        if isinstance(source, Nearest):
            return self._nearest(objects, field, declared, nodes)
        if not isinstance(source, ById | AnyNode):
            raise NotCompilable(type(source).__name__)
        prefix, _ = ids.split(str(arguments["id"]))
        wanted = self.graph.prefixes.get(prefix)
        if wanted is None or (isinstance(source, ById) and wanted != field.target):
            return NULL

        def key_of(bindings: Bindings) -> object:
            return ids.split(str(bindings.arguments(declared, nodes[0])["id"]))[1]

        return self._single(objects, wanted, nodes, f"x.id = {objects.writer.bind('uuid', key_of)}")

    def _nodes(self, objects: Objects, nodes: list[FieldNode], fetch: Callable[[Bindings], Keys]) -> str:
        """Each type that is asked for is read once; the whole is put in the order of the ids."""
        writer = objects.writer
        wanted = {prefix for prefix, _ in fetch(Bindings.of(objects.selections.variables))}
        place = writer.bind("uuid[]", lambda bindings: [key for _, key in fetch(bindings)])
        branches = [f"SELECT NULL::uuid AS k, {NULL} AS j WHERE FALSE"]
        for prefix in sorted(wanted & self.graph.prefixes.keys()):
            shape = self.graph.types[self.graph.prefixes[prefix]]
            rows, reserved = objects.rows(shape), writer.reserve()
            columns = objects.columns(shape, objects.selections.below(shape.name, nodes), View(rows))
            own = writer.bind("uuid[]", _keys_of(fetch, prefix))
            key, scope = rows.col("id"), writer.scope(shape.table, "x")
            source = writer.source(shape.table)
            text = f"(SELECT {rows.columns('x')} FROM {source} x WHERE {scope} AND x.id = ANY({own}))"
            rows.referred = True  # by its tally
            writer.tally(rows.alias)
            branches.append(self._read(objects, rows, reserved, text, columns, key=f"{key} AS k, "))
        found = " UNION ALL ".join(branches)
        listed = f"unnest({place}) WITH ORDINALITY AS w(id, n) LEFT JOIN ({found}) f ON f.k = w.id"
        return f"(SELECT coalesce(json_agg(f.j ORDER BY w.n), '[]'::json) FROM {listed})"

    def _nearest(
        self, objects: Objects, field: FieldShape, declared: GraphQLField, nodes: list[FieldNode]
    ) -> str:
        """Records that are found by what is asked, in their own order."""
        shape, writer = self.graph.types[str(field.target)], objects.writer
        rows, place = objects.rows(shape), writer.reserve()
        found = places(writer, lambda bindings: bindings.arguments(declared, nodes[0]))
        columns = objects.columns(shape, objects.selections.below(shape.name, nodes), View(rows))
        rows.referred = True  # by its tally
        writer.tally(rows.alias)
        text = f"(SELECT {rows.columns('x')}, x.n FROM ({found}) x)"
        read = self._read(objects, rows, place, text, columns, key=f"{rows.alias}.n AS n, ")
        return f"(SELECT coalesce(json_agg(f.j ORDER BY f.n), '[]'::json) FROM ({read}) f)"

    def _as_of(self, objects: Objects, field: FieldShape, nodes: list[FieldNode], computed: set[str]) -> str:
        """All roots over a plan's schedule; null where the plan is not to be seen."""
        writer, query = objects.writer, self.graph.executable.query_type
        if writer.overlay is not None or query is None:
            raise BadInput("asOf is not to be asked for inside of asOf.")
        declared = query.fields[field.name]

        def plan(bindings: Bindings) -> UUID:
            return ids.decode(PLAN, str(bindings.arguments(declared, nodes[0])["plan"]))

        plan(Bindings.of(objects.selections.variables))
        writer.overlay = overlay = Overlay(writer, plan)
        try:
            parts = self._roots(objects, objects.selections.below("Query", nodes), computed)
        finally:
            writer.overlay = None
        exists = f"SELECT 1 FROM plan x WHERE {writer.scope('plan', 'x')} AND x.id = {overlay.place()}"
        return f"(SELECT row_to_json(o) FROM (SELECT {parts}) o WHERE EXISTS ({exists}))"

    def _keyed(self, objects: Objects, field: FieldShape, declared: GraphQLField, node: FieldNode) -> str:
        """The condition of a root that finds its row by something else than its id."""
        source, writer = field.source, objects.writer

        def place(name: str) -> str:
            return writer.bind("text", lambda bindings: bindings.arguments(declared, node)[name])

        if isinstance(source, ByKey):
            return f"x.{source.column} = {place(source.argument)}"
        table, scope = self.graph.types[str(field.target)].table, writer.scope("external_id", "e")
        found = f"e.system = {place('system')} AND e.entity_type = '{table}' AND e.key = {place('key')}"
        return f"x.id = (SELECT e.entity_id FROM external_id e WHERE {scope} AND {found})"

    def _wanted(self, source: Source, declared: GraphQLField, node: FieldNode) -> Callable[[Bindings], Keys]:
        """What a root that answers several rows is given."""

        def wanted(bindings: Bindings) -> Keys:
            arguments = bindings.arguments(declared, node)
            if isinstance(source, AnyNodes):
                return split_all(arguments["ids"])
            return represented(self.graph, arguments["representations"])

        return wanted

    def _single(self, objects: Objects, kind: str, nodes: list[FieldNode], condition: str) -> str:
        shape = self.graph.types[kind]
        rows, place = objects.rows(shape), objects.writer.reserve()
        columns = objects.columns(shape, objects.selections.below(kind, nodes), View(rows))
        source, scope = objects.writer.source(shape.table), objects.writer.scope(shape.table, "x")
        text = f"(SELECT {rows.columns('x')} FROM {source} x WHERE {scope} AND {condition})"
        read = self._read(objects, rows, place, text, columns)
        if objects.writer.overlay is None:
            return f"({read})"
        result = objects.writer.alias()  # the outermost level, which counts, sees nothing below asOf
        objects.writer.fill(objects.writer.reserve(), f"{result} AS MATERIALIZED ({read})")
        objects.writer.tally(result)
        return f"(SELECT j FROM {result})"

    def _read(
        self, objects: Objects, rows: Rows, place: int, text: str, columns: str, *, key: str = ""
    ) -> str:
        origin = f"{text} {rows.alias}"
        if rows.referred:
            objects.writer.fill(place, f"{rows.alias} AS MATERIALIZED {text}")
            origin = rows.alias
        return f"SELECT {key}{rows.json(columns, objects.writer)} AS j FROM {origin} {' '.join(rows.joins)}"

    def _known(
        self, objects: Objects, field: FieldShape, declared: GraphQLField, nodes: list[FieldNode]
    ) -> str:
        """What Python has before the statement runs."""
        source = field.source
        if isinstance(source, Answered):
            return self._answered(objects, field, (source, declared), nodes)
        return self._computed(objects, field, getattr(source, "key", ""), nodes)

    def _computed(self, objects: Objects, field: FieldShape, key: str, nodes: list[FieldNode]) -> str:
        if field.target is None:
            return objects.writer.bind("text", lambda bindings: bindings.values[key])
        shape = self.graph.types[field.target]
        objects.writer.tallies.append("1")
        return self._record(objects, shape, objects.selections.below(shape.name, nodes), name=key)

    def _answered(
        self,
        objects: Objects,
        field: FieldShape,
        asked: tuple[Answered, GraphQLField],
        nodes: list[FieldNode],
    ) -> str:
        """A record that Python names the values of, by the field's arguments."""
        (source, declared), writer = asked, objects.writer

        def arguments(bindings: Bindings) -> Mapping[str, Any]:
            return bindings.arguments(declared, nodes[0])

        name = f"answered {'.'.join(writer.path)}"
        writer.prepared.append(Prepared(name, source.run, arguments, writer.path))
        writer.tallies.append("1")
        shape = self.graph.types[str(field.target)]
        return self._record(objects, shape, objects.selections.below(shape.name, nodes), name=name)

    def _record(
        self, objects: Objects, shape: TypeShape, fields: Mapping[str, list[FieldNode]], *, name: str | None
    ) -> str:
        rows, place = objects.rows(shape), objects.writer.reserve()
        columns = objects.columns(shape, fields, View(rows))
        values = []
        for column in sorted(rows.used):
            sql_type = shape.reading.values[column]
            binder = _json(name, column) if sql_type == "jsonb" else _value(name, column)
            values.append(f"{objects.writer.bind(sql_type, binder)} AS {column}")
        text = f"(SELECT {', '.join(values) or '1 AS nothing'})"
        return f"({self._read(objects, rows, place, text, columns)})"


def _statement(sql: str, writer: Writer, computed: frozenset[str] = frozenset()) -> Statement:
    return Statement(
        sql,
        tuple(writer.binders),
        computed,
        tuple(writer.paths),
        tuple(writer.derivations),
        is_timed=writer.is_timed,
        prepared=tuple(writer.prepared),
    )


def split_all(names: Iterable[str]) -> Keys:
    """Prefixes and keys of global ids. Raises BadInput for a malformed one, or for too many."""
    found = [ids.split(str(name)) for name in names]
    if len(found) > MOST_NODES:
        raise BadInput(f"At most {MOST_NODES} ids at once.")
    return found


def represented(graph: Graph, representations: Iterable[object]) -> Keys:
    """Prefixes and keys of what a gateway asks for. Raises BadInput for what represents no entity."""
    found = []
    for one in representations:
        kind = one.get("__typename") if isinstance(one, Mapping) else None
        shape = graph.types.get(kind) if isinstance(kind, str) else None
        if shape is None or shape.reading.prefix is None:
            raise BadInput("A representation has the __typename of a type with an id.")
        key = one.get("id") if isinstance(one, Mapping) else None
        if not isinstance(key, str):
            raise BadInput(f"A representation of {shape.name} has its id.")
        found.append((shape.reading.prefix, ids.decode(shape.reading.prefix, key)))
    if len(found) > MOST_NODES:
        raise BadInput(f"At most {MOST_NODES} representations at once.")
    return found


def _keys_of(fetch: Callable[[Bindings], Keys], prefix: str) -> Binder:
    return lambda bindings: [key for one, key in fetch(bindings) if one == prefix]


def _value(name: str | None, column: str) -> Binder:
    def value(bindings: Bindings) -> Any:
        values = bindings.values if name is None else bindings.values[name]
        return values.get(column)

    return value


def _json(name: str | None, column: str) -> Binder:
    get = _value(name, column)

    def value(bindings: Bindings) -> str | None:
        found = get(bindings)
        return None if found is None else json.dumps(found, default=str)

    return value
