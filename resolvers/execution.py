"""Execution: an accepted operation of one viewer becomes bytes: compiled, or the plain way."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import get_directive_values
from graphql.execution.values import VariableValues
from strawberry import Schema

from domain import ids
from domain.errors import FieldgraphError, TooSlow, Unauthenticated
from domain.viewers import Role, Viewer
from realtime.members import Direct
from realtime.touches import Interest
from resolvers import notes
from resolvers.answers import refused
from resolvers.changes import Changes
from resolvers.charges import FAILED, Charge, charged
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import Graph
from resolvers.compiler.statements import Compiler, Statement
from resolvers.context import Context, Services
from resolvers.documents import DocumentRef, Documents, Operation, Policy
from resolvers.kept import Kept
from resolvers.live import Live
from resolvers.permissions import check_roles
from resolvers.plain import Plain
from resolvers.questions import Questions
from resolvers.scoping import check_scopes
from resolvers.shared import HEAD, Freshness, Question, Shared
from resolvers.streams import Streams, Subscribed

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
        self.questions = Questions(self.graph, self.plain)
        self.shares = True
        """Whether ordinary queries share answers."""
        self.shared = Shared(Freshness(self._untouched, lambda: services.hub.doubts))
        self.live = Live(services.hub, self.shared)

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
            return await self._run(operation, variables, viewer, idempotency_key)
        except FieldgraphError as error:
            raise refused(error) from error

    async def _run(
        self, operation: Operation, variables: Mapping[str, object], viewer: Viewer, key: str | None
    ) -> bytes:
        coerced, charge = await self._let_in(operation, variables, viewer)
        context = Context(viewer, self.services, charge=charge)
        body: Sequence[bytes | memoryview]
        actual = FAILED
        try:
            if operation.kind == "mutation":
                payload, objects = await self.changes.answer(operation, coerced, context, key=key)
                body, braces = payload, sum(part.count(b"{") for part in payload)
            else:
                body, objects, braces = await self._query(operation, coerced, variables, context)
            actual = charge.measured(objects, braces)
        except TooSlow:
            charge.spent = True
            raise
        finally:
            actual = charge.settle(actual)
        return b"".join((*body, charge.told(actual), b"}"))

    async def _let_in(
        self, operation: Operation, variables: Mapping[str, object], viewer: Viewer
    ) -> tuple[VariableValues, Charge]:
        """Raises what is refused before any of it runs."""
        coerced = operation.variables.coerce(variables)
        check_roles(self.graph, operation, viewer.role)
        check_scopes(self.graph, operation, coerced, viewer)
        points = operation.cost.evaluated(coerced.coerced)
        buckets = self.services.buckets
        return coerced, await charged(buckets, viewer, points, trusted=operation.trusted)

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

        A stream is charged what one item may cost, and a point for each that follows. Where that is not
        there, a subscription ends as RATE_LIMITED, and the client goes on from its cursor; a live query is
        told later.
        """
        way = self._live if operation.is_live else self._items
        async with aclosing(way(operation, variables, viewer, direct)) as items:
            async for item in items:
                yield item

    async def _items(
        self, operation: Operation, variables: Mapping[str, object], viewer: Viewer, direct: Direct | None
    ) -> AsyncGenerator[bytes, None]:
        try:
            coerced, charge = await self._let_in(operation, variables, viewer)
        except FieldgraphError as error:
            raise refused(error) from error
        context = Context(viewer, self.services, charge=charge)
        try:
            asked = Subscribed(operation, variables, coerced, context, direct)
            async with aclosing(self.streams.items(asked, self._shape(operation, coerced))) as items:
                async for item in items:
                    yield item
        finally:
            charge.settle(charge.requested)

    async def _live(
        self, operation: Operation, variables: Mapping[str, object], viewer: Viewer, direct: Direct | None
    ) -> AsyncGenerator[bytes, None]:
        try:
            coerced, charge = await self._let_in(operation, variables, viewer)
            context = Context(viewer, self.services, charge=charge)
            try:
                question = await self._question(operation, coerced, variables, context)
                patched = self._is_patched(operation, coerced)
                results = self.live.results(question, context, patched=patched, direct=direct)
                async with aclosing(results) as found:
                    async for result in found:
                        yield result
            finally:
                charge.ended()
        except Unauthenticated:
            raise
        except FieldgraphError as error:
            raise refused(error) from error

    def _is_patched(self, operation: Operation, variables: VariableValues) -> bool:
        """Whether a live query is told what has changed, and not the whole result again."""
        declared = self.graph.executable.get_directive("live")
        given = declared and get_directive_values(declared, operation.node, variables)
        return bool(given and given["patch"])

    async def _question(
        self,
        operation: Operation,
        variables: VariableValues,
        inputs: Mapping[str, object],
        context: Context,
    ) -> Question:
        """What a live query follows. One that is not compiled is followed alone, by whatever is touched."""
        try:
            statement = self._compiled(operation, variables, context.viewer)
        except NotCompilable as error:
            self._note_plain(error)
            return self.questions.uncompiled(operation, inputs, context)
        return (await self.questions.asked(statement, variables, context)).question()

    async def _query(
        self, operation: Operation, variables: VariableValues, inputs: Mapping[str, object], context: Context
    ) -> tuple[Sequence[bytes | memoryview], int, int]:
        """The response up to its last brace, what it cost, and how many braces open in it."""
        try:
            statement = self._compiled(operation, variables, context.viewer)
        except NotCompilable as error:
            self._note_plain(error)
            return await self._plainly(operation, inputs, context)
        asked = await self.questions.asked(statement, variables, context)
        key = asked.key if self.shares and not statement.is_timed else None
        answer = None if key is None else self.shared.found(key, asked.question)
        if answer is not None:
            ran = await self.shared.fresh(answer)
            return (ran.body,), ran.objects, ran.braces
        data, errors, objects, _ = await asked.read()
        return (HEAD, data, errors), objects, data.count(b"{")

    def _note_plain(self, error: NotCompilable) -> None:
        self.uncompiled[error.reason] += 1
        note = notes.CURRENT.get()
        if note is not None:
            note.is_compiled = False

    async def _plainly(
        self, operation: Operation, inputs: Mapping[str, object], context: Context
    ) -> tuple[Sequence[bytes], int, int]:
        """What was not compiled costs the rows that it read, and what it asked of the schema itself."""
        body = await self.plain.answer(operation, inputs, context)
        return (body[:-1],), context.charge.rows + operation.cost.introspection or 1, body.count(b"{")

    async def _untouched(
        self,
        organization_id: UUID,
        interest: Interest,
        seen: str,
        is_watched: bool,
    ) -> bool:
        services = self.services
        below = services.hub.told_below if is_watched else 0
        return await services.log.untouched(organization_id, interest, seen, below=below)

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
