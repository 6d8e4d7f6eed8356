"""Objects: one level of an operation as SQL, from its rows to the JSON that its parent takes in."""

from collections.abc import Iterable, Mapping

from graphql import FieldNode, GraphQLField, GraphQLObjectType, VariableNode, get_named_type, is_list_type
from graphql import get_nullable_type as nullable_type

from domain.errors import Forbidden
from resolvers.compiler import orders
from resolvers.compiler.bindings import Bindings, arguments_of
from resolvers.compiler.conditions import Conditions
from resolvers.compiler.pages import MOST, Pager
from resolvers.compiler.records import chosen, records
from resolvers.compiler.searches import Search
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.compiler.unions import one_of
from resolvers.compiler.values import Values
from resolvers.compiler.writer import Rows, View, Writer
from schema.chosen import Chosen
from schema.graph import Col, Embedded, Key, Listed, Many, One, OneOf, Place, Records, Several, Sql

FEW = 3
"""Where a parent has up to so many rows, all parents' are read together: a seventh less for a list."""
Fields = Mapping[str, list[FieldNode]]
LIST_TYPES = {"Int": "integer", "Float": "double precision", "Boolean": "boolean"}


def quoted(name: str) -> str:
    return f'"{name}"'


def as_object(columns: str) -> str:
    """JSON of one row; an object with no field is `{}`."""
    return f"(SELECT row_to_json(o) FROM (SELECT {columns}) o)"


class Objects:
    """Writes the objects of one operation into one statement."""

    def __init__(self, graph: Graph, writer: Writer, selections: Selections) -> None:
        self.graph = graph
        self.writer = writer
        self.selections = selections

    def rows(self, shape: TypeShape) -> Rows:
        return Rows(shape, self.writer.alias())

    def columns(self, shape: TypeShape, fields: Fields, view: View) -> str:
        """The select list of an object: one column a response key."""
        parts = []
        for key, nodes in fields.items():
            with self.writer.at(key):
                parts.append(f"{self._field(shape, nodes, view)} AS {quoted(key)}")
        return ", ".join(parts)

    def selected(self, shape: TypeShape, fields: Fields, view: View) -> str:
        """JSON of what is asked for of a row."""
        return as_object(self.columns(shape, fields, view))

    def _field(self, shape: TypeShape, nodes: list[FieldNode], view: View) -> str:
        name = nodes[0].name.value
        if name == "__typename":
            return f"'{shape.name}'::text"
        field = shape.fields.get(name)
        if field is None:
            raise NotCompilable(f"{shape.name}.{name}")
        roles = field.source.roles
        if roles is not None and self.writer.role not in roles:
            raise Forbidden(f"{shape.name}.{name} is not for {self.writer.role}.")
        return self._value(shape, field, nodes, view)

    def _value(self, shape: TypeShape, field: FieldShape, nodes: list[FieldNode], view: View) -> str:
        source = field.source
        if isinstance(source, Key):
            return f"'{shape.reading.prefix}1_' || {view.col('id')}::text"
        if isinstance(source, Col):
            return self.column(field, view.col(source.name or field.python_name))
        if isinstance(source, Sql):
            return view.rows.expression(source.expression, self.writer)
        if isinstance(source, Place):
            longitude, latitude = view.col(source.longitude), view.col(source.latitude)
            point = as_object(f"'Point'::text AS type, ARRAY[{longitude}, {latitude}] AS coordinates")
            return f"CASE WHEN {longitude} IS NOT NULL THEN {point} END"
        if isinstance(source, Embedded):
            return self._embedded(field, source, nodes, view)
        if isinstance(source, Listed):
            made = source.expression and view.rows.expression(source.expression, self.writer)
            return self._listed(field, made or view.col(source.name or field.python_name), nodes)
        if isinstance(source, Chosen | One | OneOf | Records):
            return self._one(field, source, nodes, view.rows)
        if isinstance(source, Several):
            return self._several(field, source, nodes, view.rows)
        if isinstance(source, Many):
            return self._many(shape, field, source, nodes, view.rows)
        return Values(self).write(shape, field, nodes, view)

    def column(self, field: FieldShape, text: str) -> str:
        if field.leaf == "Decimal":
            return f"{text}::text"
        if field.leaf == "Duration":
            return f"'PT' || {text} || 'S'"
        return text

    def _embedded(self, field: FieldShape, source: Embedded, nodes: list[FieldNode], view: View) -> str:
        shape = self.graph.types[str(field.target)]
        inner = view.inner(source.prefix, source.columns)
        columns = self.columns(shape, self.selections.below(shape.name, nodes), inner)
        first = next(iter(shape.fields.values()))
        names = [first.python_name]
        if isinstance(first.source, Place):
            names = [first.source.longitude]
        return f"CASE WHEN {inner.col(names[0])} IS NOT NULL THEN {as_object(columns)} END"

    def _listed(self, field: FieldShape, text: str, nodes: list[FieldNode]) -> str:
        shape, alias = self.graph.types[str(field.target)], self.writer.alias()
        kind = self.graph.executable.type_map[shape.name]
        if not isinstance(kind, GraphQLObjectType):
            raise NotCompilable(shape.name)
        columns = ", ".join(
            f"{quoted(one.python_name)} {_list_type(kind.fields[one.name])}" for one in shape.fields.values()
        )
        rows = Rows(shape, alias)
        selected = self.columns(shape, self.selections.below(shape.name, nodes), View(rows))
        items = (
            f"SELECT json_agg({as_object(selected)}) FROM jsonb_to_recordset({text}) AS {alias}({columns})"
        )
        return f"coalesce(({items}), '[]'::json)"

    def _one(
        self, field: FieldShape, source: Chosen | One | OneOf | Records, nodes: list[FieldNode], parent: Rows
    ) -> str:
        if isinstance(source, Chosen):
            return chosen(self, field, source, nodes=nodes, parent=parent)
        if isinstance(source, OneOf):
            return one_of(self, source, nodes, parent)
        if isinstance(source, Records):
            return records(self, field, source, nodes=nodes, parent=parent)
        shape = self.graph.types[str(field.target)]
        child, place, result = self.rows(shape), self.writer.reserve(), self.writer.alias()
        columns = self.columns(shape, self.selections.below(shape.name, nodes), View(child))
        local, remote = (source.by, "id") if source.by else ("id", str(source.via))
        key = child.col(remote)
        wanted = f"x.{remote} = ANY(ARRAY({parent.keys(str(local))}))"
        table = self.writer.source(shape.table)
        select = f"FROM {table} x WHERE {self.writer.scope(shape.table, 'x')} AND {wanted}"
        origin = self.origin(child, place, select)
        self.writer.fill(
            self.writer.reserve(),
            f"{result} AS MATERIALIZED (SELECT {key} AS k, {child.json(columns, self.writer)} AS j"
            f" FROM {origin} {' '.join(child.joins)})",
        )
        self.writer.tally(result)
        parent.joins.append(f"LEFT JOIN {result} ON {result}.k = {parent.col(str(local))}")
        return f"{result}.j"

    def _several(self, field: FieldShape, source: Several, nodes: list[FieldNode], parent: Rows) -> str:
        shape = self.graph.types[str(field.target)]
        child, place, result = self.rows(shape), self.writer.reserve(), self.writer.alias()
        columns = self.columns(shape, self.selections.below(shape.name, nodes), View(child))
        key = child.col(source.via)
        order = ", ".join(f"{child.col(name)}" for name in (*shape.reading.order, "id"))
        wanted = f"x.{source.via} = ANY(ARRAY({parent.keys('id')}))"
        table = self.writer.source(shape.table)
        select = f"FROM {table} x WHERE {self.writer.scope(shape.table, 'x')} AND {wanted}"
        origin = self.origin(child, place, select)
        listed = child.json(columns, self.writer)
        self.writer.fill(
            self.writer.reserve(),
            f"{result} AS MATERIALIZED (SELECT {key} AS k,"
            f" json_agg({listed} ORDER BY {order}) AS j, count(*)::integer AS n"
            f" FROM {origin} {' '.join(child.joins)} GROUP BY 1)",
        )
        self.writer.tally(result, "sum(n)")
        parent.joins.append(f"LEFT JOIN {result} ON {result}.k = {parent.col('id')}")
        return f"coalesce({result}.j, '[]'::json)"

    def origin(self, rows: Rows, place: int, select: str) -> str:
        """Where a level is read from: named when a level below refers to it, inline otherwise."""
        text = f"(SELECT {rows.columns('x')} {select})"
        if not rows.referred:
            return f"{text} {rows.alias}"
        self.writer.fill(place, f"{rows.alias} AS MATERIALIZED {text}")
        return rows.alias

    def _many(
        self, shape: TypeShape, field: FieldShape, source: Many, nodes: list[FieldNode], parent: Rows
    ) -> str:
        kind = self.graph.executable.type_map[shape.name]
        if not isinstance(kind, GraphQLObjectType):
            raise NotCompilable(shape.name)
        declared = kind.fields[field.name]
        connection = ConnectionWriter(self, field, declared, nodes, order=source.order)
        return connection.nested(parent, source.via)


def _list_type(declared: GraphQLField) -> str:
    leaf = LIST_TYPES.get(get_named_type(declared.type).name, "text")
    return f"{leaf}[]" if is_list_type(nullable_type(declared.type)) else leaf


class ConnectionWriter:
    """Writes one connection: its page, its edges, its count."""

    def __init__(
        self,
        objects: Objects,
        field: FieldShape,
        declared: GraphQLField,
        nodes: list[FieldNode],
        *,
        order: tuple[str, ...] | None,
    ) -> None:
        self.objects = objects
        self.writer = objects.writer
        self.shape = objects.graph.types[str(field.target)]
        self.table = self.writer.source(self.shape.table, getattr(field.source, "among", None))
        self.fetch = arguments_of(declared, nodes[0])
        self.fields = objects.selections.below(get_named_type(declared.type).name, nodes)
        usual = orders.usual(objects.graph, self.shape, order or self.shape.reading.order, self.writer.role)
        self.pager = Pager(self.shape, self.writer, fetch=self.fetch, usual=usual)
        self.arguments = self.fetch(Bindings.of(objects.selections.variables))
        # What is filtered is planned for its values: a known size would make the generic plan look cheap.
        self.filtered = bool(self.arguments.get("where") or self.arguments.get("search"))
        self.known = not self.filtered and not _varies(nodes[0])
        self.page = self.pager.page(self.arguments, known=self.known)
        asked = self.arguments.get("search") is not None
        self.search = Search(self.shape, self.writer, self.fetch) if asked else None
        self.few = isinstance(field.source, Many) and (field.source.expect or FEW + 1) <= FEW
        self.child = objects.rows(self.shape)
        self.child.within = f"{self.child.alias}.rn <= {self.page.limit}"
        self.aggregates: list[str] = []
        self.group = "a"

    def condition(self, alias: str) -> str:
        """Scope and filter, without the page's bounds."""
        where = self.arguments.get("where")
        scope = self.writer.scope(self.shape.table, alias)
        if not where:
            return scope
        fetch = self.fetch  # the statement is kept, this writer with its first request's values is not
        conditions = Conditions(self.objects.graph, self.writer, lambda bindings: fetch(bindings)["where"])
        return f"{scope} AND {conditions.write(self.shape, where, alias)}"

    def root(self) -> str:
        """A connection at the root of the operation."""
        ways = self.search.ways("x") if self.search else ("TRUE",)
        place = self.writer.reserve()
        body = self._body("n0.n")
        self.child.referred = True  # by its tally
        self.writer.tallies.append(f"least((SELECT count(*) FROM {self.child.alias}), {self.page.limit})")
        source = f"FROM {self.table} x WHERE {self.condition('x')}"
        bounds = self.pager.bounds(self.page, "x")
        pages = [self._page(f"{source} AND {way} AND {bounds}") for way in ways]
        origin = self._named(place, f"({' UNION ALL '.join(f'({page})' for page in pages)})")
        text = f"FROM (SELECT {', '.join(self.aggregates)} FROM {origin} {' '.join(self.child.joins)}) a"
        if self._counts():
            totals = [f"(SELECT count(*) {source} AND {way})" for way in ways]
            text += f" CROSS JOIN (SELECT {' + '.join(totals)} AS n) n0"
        return f"(SELECT row_to_json(o) FROM (SELECT {body} {text}) o)"

    def nested(self, parent: Rows, via: str) -> str:
        """A connection of each row of the level above."""
        place, result = self.writer.reserve(), self.writer.alias()
        count = self.writer.alias()
        self.group = result
        body = self._body(f"coalesce({count}.n, 0)")
        condition = f"{self.condition('x')} AND {self.search.holds('x') if self.search else 'TRUE'}"
        source = f"FROM {self.table} x WHERE {condition} AND {self.pager.bounds(self.page, 'x')}"
        pages = self._together if self.few else self._one_by_one
        origin = self._named(place, f"({pages(source, parent, via)})")
        self.writer.fill(
            self.writer.reserve(),
            f"{result} AS MATERIALIZED (SELECT {self.child.alias}.k AS k, {', '.join(self.aggregates)}"
            f" FROM {origin} {' '.join(self.child.joins)} GROUP BY 1)",
        )
        # The greatest number of a row is how many there are, one more than the page where more follow.
        self.writer.tally(result, f"sum(least(a0, {self.page.limit})::integer)")
        parent.joins.append(f"LEFT JOIN {result} ON {result}.k = {parent.col('id')}")
        if self._counts():
            inner = f"x.{via} = ANY(ARRAY({parent.keys('id')}))"
            self.writer.fill(
                self.writer.reserve(),
                f"{count} AS MATERIALIZED (SELECT x.{via} AS k, count(*) AS n FROM {self.table} x"
                f" WHERE {condition} AND {inner} GROUP BY 1)",
            )
            parent.joins.append(f"LEFT JOIN {count} ON {count}.k = {parent.col('id')}")
        return parent.json(body, self.writer)

    def _one_by_one(self, source: str, parent: Rows, via: str) -> str:
        """A look-up for each parent, which ends with its page, however many rows there are."""
        keys = f"({parent.keys('id')}) p"
        return (
            f"SELECT p.k, y.* FROM {keys} CROSS JOIN LATERAL ({self._page(f'{source} AND x.{via} = p.k')}) y"
        )

    def _together(self, source: str, parent: Rows, via: str) -> str:
        """All parents' rows at once, numbered by parent: for those that have a few each."""
        wanted = f"x.{via} = ANY(ARRAY({parent.keys('id')}))"
        number = f"row_number() OVER (PARTITION BY x.{via} ORDER BY {self.page.order('x')}) AS rn"
        rows = f"SELECT x.{via} AS k, {self.child.columns('x')}, {number} {source} AND {wanted}"
        return f"SELECT * FROM ({rows}) z WHERE z.rn <= {self.page.limit} + 1"

    def _counts(self) -> bool:
        return any(nodes[0].name.value == "totalCount" for nodes in self.fields.values())

    def _page(self, select: str) -> str:
        order = self.page.order("x")
        columns = self.child.columns("x")
        text = f"SELECT {columns}, row_number() OVER (ORDER BY {order}) AS rn {select} ORDER BY {order} LIMIT"
        if self.filtered or self.known:
            return f"{text} {self.page.limit} + 1"
        # A generic plan takes a parameter for a tenth of the table and would never be chosen for its cost.
        return f"SELECT z.* FROM ({text} {MOST + 1}) z LIMIT {self.page.limit} + 1"

    def _named(self, place: int, text: str) -> str:
        if not self.child.referred:
            return f"{text} {self.child.alias}"
        self.writer.fill(place, f"{self.child.alias} AS MATERIALIZED {text}")
        return self.child.alias

    def _body(self, total: str) -> str:
        """The connection's own fields over the aggregates `a`."""
        parts = []
        self._aggregate(f"max({self.child.alias}.rn)")
        for key, nodes in self.fields.items():
            with self.writer.at(key):
                parts.append(f"{self._part(nodes, total)} AS {quoted(key)}")
        return ", ".join(parts)

    def _part(self, nodes: list[FieldNode], total: str) -> str:
        name = nodes[0].name.value
        if name == "__typename":
            return f"'{self.shape.name}Connection'::text"
        if name == "totalCount":
            return total
        if name == "pageInfo":
            return self._page_info(nodes)
        columns = self._node(nodes) if name == "nodes" else self._edge(nodes)
        listed = self._aggregate(self._in_order(f"json_agg({self.child.json(columns, self.writer)} "))
        return f"coalesce({listed}, '[]'::json)"

    def _node(self, nodes: Iterable[FieldNode]) -> str:
        fields = self.objects.selections.below(self.shape.name, nodes)
        return self.objects.columns(self.shape, fields, View(self.child))

    def _edge(self, nodes: Iterable[FieldNode]) -> str:
        parts = []
        for key, inner in self.objects.selections.below(f"{self.shape.name}Edge", nodes).items():
            name = inner[0].name.value
            if name == "cursor":
                text = self._cursor()
            elif name == "node":
                with self.writer.at(key):
                    text = as_object(self._node(inner))
            else:
                text = f"'{self.shape.name}Edge'::text"
            parts.append(f"{text} AS {quoted(key)}")
        return ", ".join(parts)

    def _cursor(self) -> str:
        return self.pager.cursor(self.page, self.child.col)

    def _page_info(self, nodes: Iterable[FieldNode]) -> str:
        more = f"coalesce({self.group}.a0, 0) > {self.page.limit}"
        parts = []
        for key, inner in self.objects.selections.below("PageInfo", nodes).items():
            name = inner[0].name.value
            if name == "hasNextPage":
                text = str(self.page.before).upper() if self.page.backward else more
            elif name == "hasPreviousPage":
                text = more if self.page.backward else str(self.page.after).upper()
            elif name == "__typename":
                text = "'PageInfo'::text"
            else:
                text = self._end(last=name == "endCursor")
            parts.append(f"{text} AS {quoted(key)}")
        return as_object(", ".join(parts))

    def _end(self, *, last: bool) -> str:
        direction = "DESC" if last != self.page.backward else "ASC"
        text = f"(array_agg({self._cursor()} ORDER BY {self.child.alias}.rn {direction})"
        return self._aggregate(f"{text} FILTER (WHERE {self.child.alias}.rn <= {self.page.limit}))[1]")

    def _in_order(self, text: str) -> str:
        order = f"ORDER BY {self.child.alias}.rn{' DESC' if self.page.backward else ''}"
        return f"{text}{order}) FILTER (WHERE {self.child.alias}.rn <= {self.page.limit})"

    def _aggregate(self, text: str) -> str:
        self.aggregates.append(f"{text} AS a{len(self.aggregates)}")
        return f"{self.group}.a{len(self.aggregates) - 1}"


def _varies(node: FieldNode) -> bool:
    """Whether the size of the page is a variable's to say."""
    return any(
        isinstance(argument.value, VariableNode) and argument.name.value in {"first", "last"}
        for argument in node.arguments or ()
    )
