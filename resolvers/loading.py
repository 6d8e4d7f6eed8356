"""Loading: the plain way's rows and pages, gathered per turn of the loop and read by one statement each."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson

from resolvers.compiler import orders
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.conditions import Conditions
from resolvers.compiler.pages import Page, Pager
from resolvers.compiler.searches import Search
from resolvers.compiler.shapes import Graph, TypeShape
from resolvers.compiler.values import order_of
from resolvers.compiler.writer import Writer
from resolvers.context import Context
from schema.graph import Listed, Sql
from schema.values import Aggregate, Foremost

Load = Callable[[list[Any]], Awaitable[dict[Any, Any]]]


@dataclass(frozen=True, slots=True)
class PlainRow:
    """A row, or an object within one: the columns of its level, and how its fields are named there."""

    shape: TypeShape
    values: Mapping[str, Any]
    prefix: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    request: "Request | None" = None
    """The execution below asOf that it was read by; the operation's own otherwise."""

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

    def as_of(self, plan_id: UUID) -> "Request":
        """The same, over a plan's schedule."""
        return Request(self.graph, replace(self.context, plan_id=plan_id))

    def bindings(self) -> Bindings:
        services = self.context.services
        return Bindings(self.context.viewer, services.clock.now(), services.secret)

    async def rows(self, sql: str, writer: Writer) -> list[dict[str, Any]]:
        bindings = self.bindings()
        parameters = [binder(bindings) for binder in writer.binders]
        found = await self.context.services.reads.rows(
            writer.statement(sql), parameters, viewer=self.context.viewer
        )
        self.context.charge.rows += len(found)
        return [dict(row) for row in found]

    def select(self, shape: TypeShape, writer: Writer, alias: str) -> str:
        """Every column of a row, and what expressions make of it under the fields' names."""
        parts = [f"{alias}.*"]
        for one in shape.fields.values():
            if isinstance(one.source, Sql | Listed) and one.source.expression is not None:
                text = writer.expression(one.source.expression, alias)
                parts.append(f'{text} AS "{one.name}"')
        return ", ".join(parts)

    async def by(self, shape: TypeShape, column: str, key: Any) -> PlainRow | None:
        """The one row whose column is the key."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            writer = self.context.writer()
            kind = shape.columns[column].sql_type
            place = writer.bind(f"{kind}[]", lambda _bindings: keys)
            select = self.select(shape, writer, "x")
            found = await self.rows(
                f"SELECT {select} FROM {writer.source(shape.table)} x WHERE x.{column} = ANY({place})", writer
            )
            return {row[column]: PlainRow(shape, row, request=self) for row in found}

        row: PlainRow | None = await self.load((shape.name, column), key, load)
        return row

    async def known(self, shape: TypeShape, system: str, key: str) -> PlainRow | None:
        """The row that another system knows by a key."""
        writer = self.context.writer()
        of_system = writer.bind("text", lambda _bindings: system)
        of_key = writer.bind("text", lambda _bindings: key)
        found = await self.rows(
            f"SELECT entity_id FROM external_id WHERE system = {of_system} AND key = {of_key}"
            f" AND entity_type = '{shape.table}'",
            writer,
        )
        return await self.by(shape, "id", found[0]["entity_id"]) if found else None

    async def several(self, shape: TypeShape, via: str, key: Any) -> list[PlainRow]:
        """All rows that refer to the key, in their own order."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            writer = self.context.writer()
            place = writer.bind("uuid[]", lambda _bindings: keys)
            order = ", ".join(f"x.{name}" for name in (*shape.reading.order, "id"))
            select = f"SELECT {self.select(shape, writer, 'x')} FROM {writer.source(shape.table)} x"
            found = await self.rows(f"{select} WHERE x.{via} = ANY({place}) ORDER BY {order}", writer)
            return {
                one: [PlainRow(shape, row, request=self) for row in found if row[via] == one] for one in keys
            }

        rows: list[PlainRow] = await self.load((shape.name, via, "several"), key, load)
        return rows

    async def aggregate(self, source: Aggregate, key: Any) -> Any:
        """One number over the rows that refer to the key; 0 over none."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            writer = self.context.writer()
            place = writer.bind("uuid[]", lambda _bindings: keys)
            value, where = (writer.expression(text, "x") for text in (source.expression, source.where))
            table = writer.source(source.table)
            rows = f"FROM {table} x WHERE x.{source.via} = ANY({place}) AND ({where}) GROUP BY 1"
            found = await self.rows(f"SELECT x.{source.via} AS k, {value} AS v {rows}", writer)
            return {row["k"]: row["v"] for row in found}

        found = await self.load((source.table, source.via, source.expression, source.where), key, load)
        return 0 if found is None else found

    async def foremost(self, shape: TypeShape, source: Foremost, key: Any) -> PlainRow | None:
        """The first, in the source's order, of the rows that refer to the key."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            writer = self.context.writer()
            place = writer.bind("uuid[]", lambda _bindings: keys)
            select, where = self.select(shape, writer, "x"), writer.expression(source.where, "x")
            table = writer.source(shape.table)
            first = (
                f"SELECT {select} FROM {table} x WHERE x.{source.via} = p.k AND ({where})"
                f" ORDER BY {order_of(source, 'x')} LIMIT 1"
            )
            found = await self.rows(
                f"SELECT y.* FROM unnest({place}) AS p(k) CROSS JOIN LATERAL ({first}) y", writer
            )
            return {row[source.via]: PlainRow(shape, row, request=self) for row in found}

        row: PlainRow | None = await self.load((shape.name, source), key, load)
        return row

    async def derived(self, key: str, inputs: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
        """One row's answer of a derived field; its function is called once for all that wait."""

        async def load(keys: list[Any]) -> dict[Any, Any]:
            rows = [{**orjson.loads(needed), "arguments": dict(given)} for needed, given in keys]
            return dict(zip(keys, await self.context.derive(key, rows), strict=True))

        asked = (orjson.dumps(inputs), tuple(arguments.items()))
        return await self.load(("derived", key), asked, load)

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
        writer = self.context.writer()
        usual = orders.usual(self.graph, target, asked.order, writer.role)
        pager = Pager(target, writer, fetch=lambda _bindings: asked.arguments, usual=usual)
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
        source = writer.source(target.table, asked.among)
        page_sql = (
            f"SELECT {select} FROM {source} x WHERE {where}{link} AND {pager.bounds(page, 'x')}"
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
        return {
            key: _connection(
                [PlainRow(target, row, request=self) for row in rows], page, size, totals.get(key, 0)
            )
            for key, rows in pages.items()
        }

    async def _totals(self, target: TypeShape, asked: "Asked", keys: list[Any]) -> dict[Any, int]:
        writer = self.context.writer()
        where = asked.where(self.graph, writer, target)
        if not asked.via:
            found = await self.rows(
                f"SELECT NULL AS k, count(*) AS n FROM {writer.source(target.table)} x WHERE {where}", writer
            )
        else:
            place = writer.bind("uuid[]", lambda _bindings: keys)
            link = f"x.{asked.via} = ANY({place})"
            source = writer.source(target.table, asked.among)
            counted = f"SELECT x.{asked.via} AS k, count(*) AS n FROM {source} x"
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
    among: str | None = None

    def where(self, graph: Graph, writer: Writer, target: TypeShape) -> str:
        wanted, text = self.arguments.get("where"), "TRUE"
        if wanted:
            text = Conditions(graph, writer, lambda _bindings: wanted).write(target, wanted, "x")
        if self.arguments.get("search") is None:
            return text
        return f"{text} AND {Search(target, writer, lambda _bindings: self.arguments).holds('x')}"

    def empty(self) -> dict[str, Any]:
        info = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        backward = self.arguments.get("last") is not None
        info["hasNextPage"] = backward and self.arguments.get("before") is not None
        info["hasPreviousPage"] = not backward and self.arguments.get("after") is not None
        return {"edges": [], "nodes": [], "pageInfo": info, "totalCount": 0}


def _connection(rows: list[PlainRow], page: Page, size: int, total: int) -> dict[str, Any]:
    more, kept = len(rows) > size, rows[:size]
    if page.backward:
        kept.reverse()
    cursors = [row.values["cursor:"] for row in kept]
    info = {
        "hasNextPage": page.before if page.backward else more,
        "hasPreviousPage": more if page.backward else page.after,
        "startCursor": cursors[0] if kept else None,
        "endCursor": cursors[-1] if kept else None,
    }
    edges = [{"node": node, "cursor": cursor} for node, cursor in zip(kept, cursors, strict=True)]
    return {"edges": edges, "nodes": kept, "pageInfo": info, "totalCount": total}
