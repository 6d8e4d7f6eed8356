"""The plain way: graphql-core's execution with batched loaders, from the same declarations.

Slower, and independent in how it puts an answer together: a differential test compares it with the compiled
way. Rows come under row-level security alone, without the compiled reads' own predicates.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from graphql import (
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    execute,
    get_named_type,
)

from domain import ids
from domain.errors import FieldgraphError
from resolvers.answers import masked
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.conditions import Conditions
from resolvers.compiler.pages import Page, Pager
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.compiler.writer import Writer
from resolvers.context import Context, viewer_values
from resolvers.documents import Operation
from schema.graph import (
    All,
    AnyNode,
    ById,
    ByKey,
    Col,
    Computed,
    Embedded,
    Key,
    Many,
    One,
    Place,
    Several,
    Sql,
)
from schema.scalars import format_instant

Load = Callable[[list[Any]], Awaitable[dict[Any, Any]]]


@dataclass(frozen=True, slots=True)
class PlainRow:
    """A row, or an object within one: the columns of its level, and how its fields are named there."""

    shape: TypeShape
    values: Mapping[str, Any]
    prefix: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self.values.get(self.columns.get(name, self.prefix + name))


@dataclass
class Request:
    """One execution: its loaders gather what is asked for in one turn of the loop."""

    graph: Graph
    context: Context
    batches: dict[Hashable, tuple[dict[Any, None], "asyncio.Future[dict[Any, Any]]"]] = field(
        default_factory=dict
    )
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def load(self, name: Hashable, key: Any, load: Load) -> Any:
        """One of many keys that are asked for together."""
        if name not in self.batches:
            self.batches[name] = ({}, asyncio.get_running_loop().create_future())
            task = asyncio.create_task(self._flush(name, load))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        keys, answer = self.batches[name]
        keys[key] = None
        return (await answer).get(key)

    async def _flush(self, name: Hashable, load: Load) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        keys, answer = self.batches.pop(name)
        try:
            found = await load(list(keys))
        except Exception as error:  # noqa: BLE001  # handed to everybody who waits
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():  # whoever waited may have been cancelled
                answer.set_result(found)

    def bindings(self) -> Bindings:
        services = self.context.services
        return Bindings(self.context.viewer, services.clock.now(), services.secret)

    async def rows(self, sql: str, writer: Writer) -> list[dict[str, Any]]:
        bindings = self.bindings()
        parameters = [binder(bindings) for binder in writer.binders]
        found = await self.context.services.reads.rows(sql, parameters, viewer=self.context.viewer)
        return [dict(row) for row in found]

    def select(self, shape: TypeShape, writer: Writer, alias: str) -> str:
        """Every column of a row, and its `sql` fields under their names."""
        parts = [f"{alias}.*"]
        for one in shape.fields.values():
            if isinstance(one.source, Sql):
                text = writer.expression(one.source.expression, alias)
                parts.append(f'{text} AS "{one.name}"')
        return ", ".join(parts)

    async def by(self, shape: TypeShape, column: str, key: Any) -> PlainRow | None:
        """The one row whose column is the key."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            writer = Writer(self.context.viewer.role)
            kind = shape.columns[column].sql_type
            place = writer.bind(f"{kind}[]", lambda _bindings: keys)
            select = self.select(shape, writer, "x")
            found = await self.rows(
                f"SELECT {select} FROM {shape.table} x WHERE x.{column} = ANY({place})", writer
            )
            return {row[column]: PlainRow(shape, row) for row in found}

        row: PlainRow | None = await self.load((shape.name, column), key, load)
        return row

    async def several(self, shape: TypeShape, via: str, key: Any) -> list[PlainRow]:
        """All rows that refer to the key, in their own order."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            writer = Writer(self.context.viewer.role)
            place = writer.bind("uuid[]", lambda _bindings: keys)
            order = ", ".join(f"x.{name}" for name in (*shape.reading.order, "id"))
            select = f"SELECT {self.select(shape, writer, 'x')} FROM {shape.table} x"
            found = await self.rows(f"{select} WHERE x.{via} = ANY({place}) ORDER BY {order}", writer)
            return {one: [PlainRow(shape, row) for row in found if row[via] == one] for one in keys}

        rows: list[PlainRow] = await self.load((shape.name, via, "several"), key, load)
        return rows

    async def page(self, target: TypeShape, asked: "Asked", parent: Any) -> Any:
        """One parent's page of a connection; `parent` is None at the root."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            return await self._pages(target, asked, keys)

        name = (
            target.name,
            asked.via,
            orjson.dumps(asked.arguments, default=str, option=orjson.OPT_SORT_KEYS),
        )
        found = await self.load((*name, asked.counted), parent, load)
        return found or asked.empty()

    async def _pages(self, target: TypeShape, asked: "Asked", keys: list[Any]) -> dict[Any, Any]:
        writer = Writer(self.context.viewer.role)
        pager = Pager(target, writer, fetch=lambda _bindings: asked.arguments, usual=asked.order)
        page = pager.page(asked.arguments)
        where = asked.where(self.graph, writer, target)
        link, origin = "", ""
        if asked.via:
            origin = (
                f"unnest({writer.bind('uuid[]', lambda _bindings: keys)}) AS p(parent_key) CROSS JOIN LATERAL"
            )
            link = f" AND x.{asked.via} = p.parent_key"
        cursor = pager.cursor(page, lambda name: f"x.{name}")
        select = f'{self.select(target, writer, "x")}, {cursor} AS "cursor:"'
        page_sql = (
            f"SELECT {select} FROM {target.table} x WHERE {where}{link} AND {pager.bounds(page, 'x')}"
            f" ORDER BY {page.order('x')} LIMIT {page.limit} + 1"
        )
        found = await self.rows(f"SELECT * FROM {origin} ({page_sql}) y", writer)
        totals = await self._totals(target, asked, keys) if asked.counted else {}
        size = next(
            n for n in (asked.arguments.get("first"), asked.arguments.get("last"), 25) if n is not None
        )
        pages: dict[Any, list[dict[str, Any]]] = {key: [] for key in keys}
        for row in found:
            pages[row.get("parent_key")].append(row)
        return {key: _connection(target, rows, page, size, totals.get(key, 0)) for key, rows in pages.items()}

    async def _totals(self, target: TypeShape, asked: "Asked", keys: list[Any]) -> dict[Any, int]:
        writer = Writer(self.context.viewer.role)
        where = asked.where(self.graph, writer, target)
        if not asked.via:
            found = await self.rows(
                f"SELECT NULL AS k, count(*) AS n FROM {target.table} x WHERE {where}", writer
            )
        else:
            place = writer.bind("uuid[]", lambda _bindings: keys)
            link = f"x.{asked.via} = ANY({place})"
            counted = f"SELECT x.{asked.via} AS k, count(*) AS n FROM {target.table} x"
            sql = f"{counted} WHERE {where} AND {link} GROUP BY 1"
            found = await self.rows(sql, writer)
        return {row["k"]: row["n"] for row in found}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one connection field asks: its arguments, its link to the parent, whether it counts."""

    via: str | None
    order: tuple[str, ...]
    arguments: Mapping[str, Any]
    counted: bool

    def where(self, graph: Graph, writer: Writer, target: TypeShape) -> str:
        wanted = self.arguments.get("where")
        if not wanted:
            return "TRUE"
        return Conditions(graph, writer, lambda _bindings: wanted).write(target, wanted, "x")

    def empty(self) -> dict[str, Any]:
        info = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        backward = self.arguments.get("last") is not None
        info["hasNextPage"] = backward and self.arguments.get("before") is not None
        info["hasPreviousPage"] = not backward and self.arguments.get("after") is not None
        return {"edges": [], "nodes": [], "pageInfo": info, "totalCount": 0}


def _connection(
    shape: TypeShape, rows: list[dict[str, Any]], page: Page, size: int, total: int
) -> dict[str, Any]:
    more, kept = len(rows) > size, rows[:size]
    if page.backward:
        kept.reverse()
    nodes = [PlainRow(shape, row) for row in kept]
    info = {
        "hasNextPage": page.before if page.backward else more,
        "hasPreviousPage": more if page.backward else page.after,
        "startCursor": kept[0]["cursor:"] if kept else None,
        "endCursor": kept[-1]["cursor:"] if kept else None,
    }
    edges = [{"node": node, "cursor": row["cursor:"]} for node, row in zip(nodes, kept, strict=True)]
    return {"edges": edges, "nodes": nodes, "pageInfo": info, "totalCount": total}


class Plain:
    """Executes queries that do not compile, and every query that a test wants answered twice."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        for kind in graph.executable.type_map.values():
            if isinstance(kind, GraphQLInterfaceType):
                kind.resolve_type = _type_name
            if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
                continue
            shape = graph.types.get(kind.name)
            kind.is_type_of = None  # rows say their type; strawberry's check knows only its own instances
            fields = graph.roots if kind is graph.executable.query_type else (shape.fields if shape else {})
            for name, declared in kind.fields.items():
                declared.resolve = _resolver(fields[name]) if name in fields else _item

    async def answer(self, operation: Operation, inputs: Mapping[str, object], context: Context) -> bytes:
        """The whole response, `errors` included."""
        result = execute(
            self.graph.executable,
            operation.document,
            context_value=Request(self.graph, context),
            variable_values=dict(inputs),
            operation_name=operation.name,
        )
        found = await result if isinstance(result, Awaitable) else result
        body: dict[str, Any] = {"data": canonical(found.data)}
        if found.errors:
            body["errors"] = [_told(error) for error in found.errors]
        return orjson.dumps(body)


def _type_name(row: PlainRow, _info: object, _kind: object) -> str:
    return row.shape.name


def _item(source: Any, info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
    return source.get(info.field_name) if isinstance(source, Mapping) else None


def _resolver(declared: FieldShape) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        request: Request = info.context
        if isinstance(declared.source, All | AnyNode | ById | ByKey | Computed):
            return _root(request, declared, info, arguments)
        return _field(request, source, declared, info, arguments)

    return resolve


def _field(
    request: Request,
    row: PlainRow,
    declared: FieldShape,
    info: GraphQLResolveInfo[Any],
    arguments: Mapping[str, Any],
) -> Any:
    source = declared.source
    if isinstance(source, Key):
        return ids.encode(str(row.shape.reading.prefix), row.get("id"))
    if isinstance(source, Col):
        return _leaf(row.get(source.name or declared.python_name))
    if isinstance(source, Sql):
        return _leaf(row.values[declared.name])
    if isinstance(source, Place):
        longitude, latitude = row.get(source.longitude), row.get(source.latitude)
        return None if longitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
    if isinstance(source, Embedded):
        return _embedded(request.graph.types[str(declared.target)], row, source)
    target = request.graph.types[str(declared.target)]
    if isinstance(source, One):
        key = row.get(source.by or "id")
        return None if key is None else request.by(target, source.via or "id", key)
    if isinstance(source, Several):
        return request.several(target, source.via, row.get("id"))
    if isinstance(source, Many):
        asked = Asked(source.via, source.order or target.reading.order, arguments, _counts(info))
        return request.page(target, asked, row.get("id"))
    raise TypeError(f"{type(source).__name__} belongs to records, which queries never answer")


def _embedded(shape: TypeShape, row: PlainRow, source: Embedded) -> PlainRow | None:
    renamed = {name: row.columns.get(column, row.prefix + column) for name, column in source.columns.items()}
    inner = PlainRow(shape, row.values, row.prefix + source.prefix, renamed)
    first = next(iter(shape.fields.values()))
    name = first.source.longitude if isinstance(first.source, Place) else first.python_name
    return None if inner.get(name) is None else inner


async def _root(
    request: Request, declared: FieldShape, info: GraphQLResolveInfo[Any], arguments: Mapping[str, Any]
) -> Any:
    source, graph = declared.source, request.graph
    if isinstance(source, Computed):
        if source.key == "cursor":
            return await request.context.cursor()
        return PlainRow(graph.types[str(declared.target)], viewer_values(request.context.viewer))
    if isinstance(source, All):
        target = graph.types[str(declared.target)]
        return await request.page(target, Asked(None, target.reading.order, arguments, _counts(info)), None)
    if isinstance(source, ByKey):
        return await request.by(graph.types[str(declared.target)], source.column, arguments[source.argument])
    prefix, key = ids.split(str(arguments["id"]))
    wanted = graph.prefixes.get(prefix)
    if wanted is None or (isinstance(source, ById) and wanted != declared.target):
        return None
    return await request.by(graph.types[wanted], "id", key)


def _counts(info: GraphQLResolveInfo[Any]) -> bool:
    """Whether the count may be asked for; counting too often is only slow."""
    kind = get_named_type(info.return_type)
    return isinstance(kind, GraphQLObjectType) and any(
        selection.name.value == "totalCount"
        for node in info.field_nodes
        for selection in (node.selection_set.selections if node.selection_set else ())
        if hasattr(selection, "name") and selection.name is not None
    )


def _leaf(value: Any) -> Any:
    if isinstance(value, bytes):
        return orjson.loads(value)
    return value


def canonical(value: Any) -> Any:
    """As Postgres writes it: whole doubles without a fraction."""
    if isinstance(value, dict):
        return {key: canonical(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, datetime):
        return format_instant(value)
    return (
        value.isoformat()
        if isinstance(value, date)
        else (str(value) if isinstance(value, Decimal) else value)
    )


def _told(error: GraphQLError) -> dict[str, Any]:
    path = {"path": error.path} if error.path else {}
    original = error.original_error
    if isinstance(original, FieldgraphError):
        return {"message": str(original), "extensions": {"code": original.code}, **path}
    return {**(masked(original) if original else {"message": error.message}), **path}
