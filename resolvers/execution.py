"""Execution: an accepted operation of one viewer becomes bytes: compiled, or the plain way."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from enum import Enum
from typing import Any

from graphql.execution.values import VariableValues
from strawberry import Schema

from domain import ids
from domain.errors import FieldgraphError, TooSlow, Unauthenticated
from domain.viewers import Role, Viewer
from realtime.members import Direct
from resolvers import live, notes
from resolvers.answers import errors_of, refused
from resolvers.changes import Changes
from resolvers.charges import FAILED, Charge, charged
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import Graph
from resolvers.compiler.statements import Compiler, Statement
from resolvers.compiler.writer import Prepared
from resolvers.context import Context, Services, viewer_values
from resolvers.documents import DocumentRef, Documents, Operation, Policy
from resolvers.kept import Kept
from resolvers.live import Result
from resolvers.permissions import check_roles
from resolvers.plain import Plain
from resolvers.scoping import check_scopes
from resolvers.splicing import spliced
from resolvers.streams import Asked, Streams

MOST_PLAN_BYTES = 32 * 1024 * 1024


class Executor:
    """Answers operations over one schema; `uncompiled` counts, by reason, those that went the plain way."""

    def __init__(self, whole: Schema, services: Services, policy: Policy | None = None) -> None:
        self.graph = Graph(whole)
        self.compiler = Compiler(self.graph)
        self.services = services
        self.documents = Documents(self.graph.executable, policy)
        self.plain = Plain(self.graph)
        self.changes = Changes(self.graph, self.compiler)
        self.streams = Streams(self.graph, self.compiler)
        self.plans: Kept[tuple[Operation, Role, bool, Any], Statement] = Kept(MOST_PLAN_BYTES)
        self.uncompiled: Counter[str] = Counter()

    async def prepare(self, ref: DocumentRef, operation_name: str | None, *, viewer: Viewer) -> Operation:
        """Raises Refusal for what does not parse, validate, keep the limits, or name one operation.

        A document that is known is answered without a suspension.
        """
        organization_id = viewer.organization_id
        return await self.documents.operation(ref, operation_name, organization_id=organization_id)

    async def answer(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        *,
        viewer: Viewer,
        idempotency_key: str | None = None,
    ) -> bytes:
        """The whole JSON response. Raises Refusal for an error of the request itself."""
        try:
            return (await self._run(operation, variables, viewer, idempotency_key)).whole()
        except FieldgraphError as error:
            raise refused(error) from error

    async def _run(
        self, operation: Operation, variables: Mapping[str, object], viewer: Viewer, key: str | None = None
    ) -> Result:
        coerced = operation.variables.coerce(variables)
        check_roles(self.graph, operation, viewer.role)
        check_scopes(self.graph, operation, coerced, viewer)
        charge = await self._charged(operation, coerced, viewer)
        context = Context(viewer, self.services, charge=charge)
        actual = FAILED
        try:
            if operation.kind == "mutation":
                body, actual = await self.changes.answer(operation, coerced, context, key=key)
            else:
                body, actual = await self._query(operation, coerced, variables, context)
            actual = charge.measured(actual, body)
        except TooSlow:
            charge.spent = True
            raise
        finally:
            actual = charge.settle(actual)
        return Result(tuple(body), charge.told(actual))

    async def _charged(self, operation: Operation, variables: VariableValues, viewer: Viewer) -> Charge:
        points = operation.cost.evaluated(variables.coerced)
        return await charged(self.services.buckets, viewer, points, trusted=operation.trusted)

    async def stream(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        *,
        viewer: Viewer,
        direct: Direct | None = None,
    ) -> AsyncIterator[bytes]:
        """A subscription's or a live query's results, each whole. Closing the iterator ends it.

        What many are told at once goes through `direct`, where it takes it, and not out of the iterator.

        A subscription is charged what one item may cost, and a point for each that follows: where that is not
        there, it ends as RATE_LIMITED, and the client goes on from its cursor. A live query is charged for
        each run, as a query is.
        """
        if operation.is_live:
            async with aclosing(self._live(operation, variables, viewer)) as found:
                async for result in found:
                    yield result
            return
        try:
            coerced = operation.variables.coerce(variables)
            check_roles(self.graph, operation, viewer.role)
            check_scopes(self.graph, operation, coerced, viewer)
            charge = await self._charged(operation, coerced, viewer)
        except FieldgraphError as error:
            raise refused(error) from error
        context = Context(viewer, self.services, charge=charge)
        try:
            asked = Asked(operation, variables, coerced, context, direct)
            async with aclosing(self.streams.items(asked, self._shape(operation, coerced))) as items:
                async for item in items:
                    yield item
        finally:
            charge.settle(charge.requested)

    async def _live(
        self, operation: Operation, variables: Mapping[str, object], viewer: Viewer
    ) -> AsyncGenerator[bytes, None]:
        found = live.results(
            self.services.hub,
            viewer,
            lambda: self._run(operation, variables, viewer),
            is_timed=lambda: self._is_timed(operation, variables, viewer),
        )
        try:
            async with aclosing(found):
                async for result in found:
                    yield result
        except Unauthenticated:
            raise
        except FieldgraphError as error:
            raise refused(error) from error

    def _is_timed(self, operation: Operation, variables: Mapping[str, object], viewer: Viewer) -> bool:
        """Whether its result may change without an event, as that of the plain way is taken to."""
        try:
            return self._compiled(operation, operation.variables.coerce(variables), viewer).is_timed
        except NotCompilable:
            return True

    async def _query(
        self, operation: Operation, variables: VariableValues, inputs: Mapping[str, object], context: Context
    ) -> tuple[Sequence[bytes], int]:
        """The response up to its last brace, and what it cost."""
        try:
            statement = self._compiled(operation, variables, context.viewer)
        except NotCompilable as error:
            self.uncompiled[error.reason] += 1
            note = notes.CURRENT.get()
            if note is not None:
                note.is_compiled = False
            return await self._plainly(operation, inputs, context)
        bindings = self.bindings(context, variables)
        bindings.readers = statement.readers
        values: dict[str, Any] = {}
        if "viewer" in statement.computed:
            values["viewer"] = viewer_values(context.viewer)
        if "service" in statement.computed:
            values["service"] = {"sdl": self.graph.subgraph}
        if "cursor" in statement.computed:
            values["cursor"] = await context.cursor()
        if "rateLimit" in statement.computed:
            values["rateLimit"] = context.charge.rate_limit()
        for one in statement.prepared:
            values[one.name] = await _prepared(one, bindings, context)
        bindings.values = values
        row, objects = await self.services.reads.counted(
            statement.sql, statement.parameters(bindings), viewer=context.viewer
        )
        data = await spliced(row or b"null", statement, bindings, context)
        parts = (b'{"data":', data, errors_of(bindings.errors))
        return parts, objects + bindings.derived or 1

    async def _plainly(
        self, operation: Operation, inputs: Mapping[str, object], context: Context
    ) -> tuple[Sequence[bytes], int]:
        """What was not compiled costs the rows that it read, and what it asked of the schema itself."""
        body = await self.plain.answer(operation, inputs, context)
        return (body[:-1],), context.charge.rows + operation.cost.introspection or 1

    def bindings(self, context: Context, variables: VariableValues) -> Bindings:
        services = self.services
        return Bindings(context.viewer, services.clock.now(), services.secret, variables)

    def _compiled(self, operation: Operation, variables: VariableValues, viewer: Viewer) -> Statement:
        key = (operation, viewer.role, viewer.is_limited, self._shape(operation, variables))
        found = self.plans.get(key)
        if found is None:
            selections = Selections(self.graph.executable, operation.fragments, variables)
            found = self.compiler.query(
                viewer.role, selections, operation.node.selection_set, is_limited=viewer.is_limited
            )
            # The key holds on to the operation, even when its document has been dropped.
            self.plans.put(key, found, size=found.size() + operation.size)
        return found

    def _shape(self, operation: Operation, variables: VariableValues) -> tuple[Any, ...]:
        """What of the variables decides the statement, and no text that a client made up."""
        free = operation.variables.free
        return tuple(
            (name, self._types_in(value) if name in free else shape_of(value))
            for name, value in variables.coerced.items()
        )

    def _types_in(self, value: object) -> tuple[str, ...]:
        """The types that representations ask for; one that is none of ours is refused when it is read."""
        every = value if isinstance(value, list) else [value]
        names = {str(one.get("__typename")) for one in every if isinstance(one, dict)}
        return tuple(sorted(names & self.graph.types.keys()))


async def _prepared(root: Prepared, bindings: Bindings, context: Context) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = await root.run(context, root.arguments(bindings))
    except FieldgraphError as error:
        error.response_path = error.response_path or root.path
        raise
    return found


def shape_of(value: Any) -> Any:
    """Which values are given; words, switches and the types of ids as they are."""
    if isinstance(value, dict):
        return tuple((name, shape_of(inner)) for name, inner in sorted(value.items()))
    if isinstance(value, list):
        if any(isinstance(one, dict) for one in value):
            return tuple(shape_of(one) for one in value)
        return (
            "list",
            *sorted({one[:4] for one in value if isinstance(one, str) and ids.PATTERN.match(one)}),
        )
    if value is None or isinstance(value, bool | Enum):
        return value
    if isinstance(value, str) and ids.PATTERN.match(value):
        return value[:4]
    return "value"
