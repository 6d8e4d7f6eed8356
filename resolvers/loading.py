"""Loading: the plain way's rows and pages, gathered per turn of the loop and read by one statement each."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from resolvers.compiler.bindings import Bindings
from resolvers.compiler.conditions import Conditions
from resolvers.compiler.overlays import Overlay
from resolvers.compiler.pages import Page, Pager
from resolvers.compiler.shapes import Graph, TypeShape
from resolvers.compiler.writer import Writer
from resolvers.context import Context
from schema.graph import (
    Sql,
)

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
    plan_id: UUID | None = None
    """Below asOf: over this plan's schedule."""
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
        return Request(self.graph, self.context, plan_id)

    def writer(self) -> Writer:
        writer = Writer(self.context.viewer.role)
        if self.plan_id is not None:
            writer.overlay = Overlay(writer, lambda _bindings: self.plan_id)
        return writer

    def bindings(self) -> Bindings:
        services = self.context.services
        return Bindings(self.context.viewer, services.clock.now(), services.secret)

    async def rows(self, sql: str, writer: Writer) -> list[dict[str, Any]]:
        bindings = self.bindings()
        parameters = [binder(bindings) for binder in writer.binders]
        found = await self.context.services.reads.rows(
            writer.statement(sql), parameters, viewer=self.context.viewer
        )
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
            writer = self.writer()
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
        writer = self.writer()
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
            writer = self.writer()
            place = writer.bind("uuid[]", lambda _bindings: keys)
            order = ", ".join(f"x.{name}" for name in (*shape.reading.order, "id"))
            select = f"SELECT {self.select(shape, writer, 'x')} FROM {writer.source(shape.table)} x"
            found = await self.rows(f"{select} WHERE x.{via} = ANY({place}) ORDER BY {order}", writer)
            return {
                one: [PlainRow(shape, row, request=self) for row in found if row[via] == one] for one in keys
            }

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
        writer = self.writer()
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
        source = writer.source(target.table)
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
        writer = self.writer()
        where = asked.where(self.graph, writer, target)
        if not asked.via:
            found = await self.rows(
                f"SELECT NULL AS k, count(*) AS n FROM {writer.source(target.table)} x WHERE {where}", writer
            )
        else:
            place = writer.bind("uuid[]", lambda _bindings: keys)
            link = f"x.{asked.via} = ANY({place})"
            counted = f"SELECT x.{asked.via} AS k, count(*) AS n FROM {writer.source(target.table)} x"
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
