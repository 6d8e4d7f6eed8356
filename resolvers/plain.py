"""The plain way: graphql-core's execution with batched loaders, from the same declarations.

Slower, and independent in how it puts an answer together: a differential test compares it with the compiled
way. Rows come under row-level security alone, without the compiled reads' own predicates.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from inspect import isawaitable
from typing import Any
from uuid import UUID

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLUnionType,
    SelectionSetNode,
    execute,
    get_named_type,
)

from domain import ids
from domain.errors import BadInput, FieldgraphError, TooSlow
from resolvers.answers import masked
from resolvers.compiler.availability import places
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from resolvers.compiler.statements import PLAN, represented, split_all
from resolvers.context import Context, viewer_values
from resolvers.documents import Operation
from resolvers.loading import Asked, PlainRow, Request
from resolvers.refusals import Refusal
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
    Col,
    Computed,
    Embedded,
    Key,
    Listed,
    Many,
    One,
    OneOf,
    Place,
    Records,
    Several,
    Sql,
)
from schema.scalars import format_instant
from schema.values import Aggregate, Derived, Foremost
from schema.verbs import Answered

ROOTS = (
    All
    | Answered
    | AnyEntities
    | AnyNode
    | AnyNodes
    | AsOf
    | ByExternalId
    | ById
    | ByKey
    | Computed
    | Nearest
)


class Plain:
    """Executes queries that do not compile, and every query that a test wants answered twice."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        for kind in graph.executable.type_map.values():
            if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
                kind.resolve_type = _type_name
            if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
                continue
            shape = graph.types.get(kind.name)
            kind.is_type_of = None  # rows say their type; strawberry's check knows only its own instances
            fields = graph.roots if kind is graph.executable.query_type else (shape.fields if shape else {})
            for name, declared in kind.fields.items():
                declared.resolve = _resolver(fields[name]) if name in fields else _item

    async def answer(self, operation: Operation, inputs: Mapping[str, object], context: Context) -> bytes:
        """The whole response. Raises Refusal for bad input: a list's places are left out of the path."""
        result = execute(
            self.graph.executable,
            operation.document,
            context_value=Request(self.graph, context),
            variable_values=dict(inputs),
            operation_name=operation.name,
        )
        found = await result if isinstance(result, Awaitable) else result
        for error in found.errors or ():
            cause = error.original_error
            if isinstance(cause, FieldgraphError):
                context.charge.spent |= isinstance(cause, TooSlow)
                raise Refusal([_told(error, cause.code, str(cause))])
            if cause is None or isinstance(cause, GraphQLError):
                raise Refusal([_told(error, "BAD_USER_INPUT", error.message)])
        body: dict[str, Any] = {"data": canonical(found.data)}
        if found.errors:
            body["errors"] = [
                {**masked(error.original_error or error), "path": error.path} for error in found.errors
            ]
        return orjson.dumps(body)


def _type_name(row: PlainRow, _info: object, _kind: object) -> str:
    return row.shape.name


def _request(source: object) -> Request | None:
    """The execution below asOf, for what was read by it."""
    if isinstance(source, PlainRow):
        return source.request
    return source if isinstance(source, Request) else None


def _item(source: Any, info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
    return source.get(info.field_name) if isinstance(source, Mapping) else None


def _resolver(declared: FieldShape) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        request: Request = _request(source) or info.context
        if isinstance(declared.source, ROOTS):
            return _root(request, declared, info, arguments)
        return _field(request, source, declared, info, arguments)

    return resolve


def _field(  # a dispatch over closed kinds
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
    if isinstance(source, Aggregate | Derived | Foremost | Listed | OneOf | Records):
        return _elsewhere(request, row, declared, info, arguments)
    target = request.graph.types[str(declared.target)]
    if isinstance(source, One):
        key = row.get(source.by or "id")
        return None if key is None else request.by(target, source.via or "id", key)
    if isinstance(source, Several):
        return request.several(target, source.via, row.get("id"))
    if isinstance(source, Many):
        order = source.order or target.reading.order
        asked = Asked(source.via, order, arguments, _counts(info), source.among)
        return request.page(target, asked, row.get("id"))
    raise TypeError(f"{type(source).__name__} belongs to records, which queries never answer")


def _embedded(shape: TypeShape, row: PlainRow, source: Embedded) -> PlainRow | None:
    renamed = {name: row.columns.get(column, row.prefix + column) for name, column in source.columns.items()}
    inner = PlainRow(shape, row.values, row.prefix + source.prefix, renamed, row.request)
    first = next(iter(shape.fields.values()))
    name = first.source.longitude if isinstance(first.source, Place) else first.python_name
    return None if inner.get(name) is None else inner


def _elsewhere(
    request: Request,
    row: PlainRow,
    declared: FieldShape,
    info: GraphQLResolveInfo[Any],
    arguments: Mapping[str, Any],
) -> Awaitable[Any] | list[PlainRow] | None:
    source = declared.source
    if isinstance(source, Listed):
        target = request.graph.types[str(declared.target)]
        made = declared.name if source.expression is not None else source.name or declared.python_name
        return [PlainRow(target, one) for one in _leaf(row.values[made])]
    if isinstance(source, Records):
        target = request.graph.types[str(declared.target)]
        return [PlainRow(target, one) for one in row.get(source.name or declared.python_name)]
    if isinstance(source, OneOf):
        kind = request.graph.tables.get(row.get(source.type))
        return None if kind is None else request.by(request.graph.types[kind], "id", row.get(source.by))
    if isinstance(source, Aggregate):
        return request.aggregate(source, row.get("id"))
    if isinstance(source, Foremost):
        return request.foremost(request.graph.types[str(declared.target)], source, row.get("id"))
    return _derived(request, row, declared, info, arguments)


async def _derived(
    request: Request,
    row: PlainRow,
    declared: FieldShape,
    info: GraphQLResolveInfo[Any],
    arguments: Mapping[str, Any],
) -> Any:
    key = getattr(declared.source, "key", "")
    found = await request.derived(key, await _needed(request, row, declared.needs, info), arguments)
    if declared.target is None or found is None:
        return found
    target = request.graph.types[declared.target]
    return [PlainRow(target, one) for one in found] if declared.listed else PlainRow(target, found)


async def _needed(
    request: Request, row: PlainRow, needs: SelectionSetNode | None, info: GraphQLResolveInfo[Any]
) -> dict[str, Any]:
    """What a derived field's function is given, as Postgres writes it."""
    found: dict[str, Any] = {}
    for node in needs.selections if needs else ():
        if not isinstance(node, FieldNode):
            raise TypeError("needs are plain fields")
        field = row.shape.fields[node.name.value]
        value = _field(request, row, field, info, {})
        value = await value if isawaitable(value) else value
        if isinstance(value, PlainRow):
            found[field.name] = await _needed(request, value, node.selection_set, info)
        else:
            serialize: Any = getattr(info.schema.type_map[field.leaf], "serialize", None)
            found[field.name] = None if value is None else canonical(serialize(value))
    return found


async def _root(
    request: Request, declared: FieldShape, info: GraphQLResolveInfo[Any], arguments: Mapping[str, Any]
) -> Any:
    source, graph = declared.source, request.graph
    if isinstance(source, Computed):
        return await _computed(request, declared, source.key)
    if isinstance(source, Answered):
        return PlainRow(graph.types[str(declared.target)], await source.run(request.context, arguments))
    if isinstance(source, All):
        target = graph.types[str(declared.target)]
        return await request.page(target, Asked(None, target.reading.order, arguments, _counts(info)), None)
    if isinstance(source, ByKey):
        return await request.by(graph.types[str(declared.target)], source.column, arguments[source.argument])
    if isinstance(source, ByExternalId):
        return await request.known(graph.types[str(declared.target)], arguments["system"], arguments["key"])
    if isinstance(source, Nearest):
        writer = request.context.writer()
        sql = places(writer, lambda _bindings: arguments, scoped=False)
        shape = graph.types[str(declared.target)]
        return [PlainRow(shape, row, request=request) for row in await request.rows(sql, writer)]
    if isinstance(source, AsOf):
        return await _as_of(request, ids.decode(PLAN, str(arguments["plan"])))
    if isinstance(source, AnyNodes | AnyEntities):
        found = (
            split_all(arguments["ids"])
            if isinstance(source, AnyNodes)
            else represented(graph, arguments["representations"])
        )
        return [await _node(request, graph.prefixes.get(prefix), key) for prefix, key in found]
    prefix, key = ids.split(str(arguments["id"]))
    wanted = graph.prefixes.get(prefix)
    return await _node(
        request, wanted if isinstance(source, AnyNode) or wanted == declared.target else None, key
    )


async def _computed(request: Request, declared: FieldShape, key: str) -> Any:
    if key == "cursor":
        return await request.context.cursor()
    values = {
        "viewer": lambda: viewer_values(request.context.viewer),
        "service": lambda: {"sdl": request.graph.subgraph},
        "rateLimit": request.context.charge.rate_limit,
    }
    return PlainRow(request.graph.types[str(declared.target)], values[key]())


async def _as_of(request: Request, plan_id: UUID) -> Request | None:
    """What the fields below read by."""
    if request.context.plan_id is not None:
        raise BadInput("asOf is not to be asked for inside of asOf.")
    found = await request.by(request.graph.types[request.graph.prefixes[PLAN]], "id", plan_id)
    return None if found is None else request.as_of(plan_id)


async def _node(request: Request, kind: str | None, key: UUID) -> PlainRow | None:
    return None if kind is None else await request.by(request.graph.types[kind], "id", key)


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


def _told(error: GraphQLError, code: str, message: str) -> dict[str, object]:
    """As the compiled way tells it, which knows the path before there are any rows."""
    told: dict[str, object] = {"message": message, "extensions": {"code": code}}
    path = [key for key in error.path or () if isinstance(key, str)]
    return {**told, "path": path} if path else told
