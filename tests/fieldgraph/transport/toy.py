"""A small real executor over a small strawberry schema: the doors cannot tell it from the house's own."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

import orjson
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    execute,
    parse,
    subscribe,
    validate,
)
from graphql.execution.values import get_variable_values

from domain.errors import Unauthenticated
from domain.viewers import Viewer
from realtime.members import Direct
from resolvers.documents import DocumentRef
from resolvers.refusals import Refusal


class ToyOperation(NamedTuple):
    kind: Literal["query", "mutation", "subscription"]
    name: str | None
    document: DocumentNode
    node: OperationDefinitionNode
    document_id: str | None = None

    @property
    def is_streamed(self) -> bool:
        """A query of this name has several results, as one that is kept up to date will have."""
        return self.kind == "subscription" or self.name == "Live"


@dataclass
class Ledger:
    """What the executor saw, and which of its streams are open."""

    opened: int = 0
    closed: int = 0
    waiting: int = 0
    cancelled: int = 0
    touches: int = 0
    idempotency_keys: list[str | None] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Context:
    viewer: Viewer
    ledger: Ledger


Info = strawberry.Info[Context, None]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def whoami(self, info: Info) -> str:
        return info.context.viewer.subject

    @strawberry.field
    def big(self, size: int) -> str:
        return "x" * size

    @strawberry.field
    async def patient(self, info: Info) -> str:
        info.context.ledger.waiting += 1
        try:
            await info.context.ledger.release.wait()
        except asyncio.CancelledError:
            info.context.ledger.cancelled += 1
            raise
        return "released"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self, info: Info) -> int:
        info.context.ledger.touches += 1
        return info.context.ledger.touches


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def forever(self, info: Info) -> AsyncGenerator[str, None]:
        ledger = info.context.ledger
        ledger.opened += 1
        try:
            yield "first"
            await ledger.release.wait()
            yield "second"
            await asyncio.Event().wait()
        finally:
            ledger.closed += 1

    @strawberry.subscription
    async def flood(self, info: Info, size: int) -> AsyncGenerator[str, None]:
        ledger = info.context.ledger
        ledger.opened += 1
        try:
            while True:
                yield "x" * size
        finally:
            ledger.closed += 1


TRUSTED = {
    "hello": "query Hello($name: String) { hello(name: $name) }",
    "several": "query A { hello } query B { whoami }",
    "touch": "mutation { touch }",
    "count": "subscription Count($to: Int!) { count(to: $to) }",
}
DECLARED = strawberry.Schema(Query, Mutation, Subscription)._schema


class ToyExecutor:
    def __init__(self) -> None:
        self.ledger = Ledger()

    async def prepare(self, ref: DocumentRef, operation_name: str | None, *, viewer: Viewer) -> ToyOperation:
        del viewer
        query = ref.query if ref.query is not None else TRUSTED.get(ref.document_id or ref.digest or "")
        if query is None:
            raise Refusal.of("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        try:
            document = parse(query)
        except GraphQLSyntaxError as error:
            raise Refusal.of("GRAPHQL_PARSE_FAILED", error.message) from error
        if errors := validate(DECLARED, document):
            raise Refusal.of("GRAPHQL_VALIDATION_FAILED", errors[0].message)
        nodes = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        named = {node.name.value if node.name else None: node for node in nodes}
        if operation_name is None and len(nodes) == 1:
            node = nodes[0]
        elif operation_name is not None and operation_name in named:
            node = named[operation_name]
        else:
            raise Refusal.of("BAD_REQUEST", "Which operation?")
        name = node.name.value if node.name else None
        trusted = ref.document_id if ref.document_id in TRUSTED else None
        return ToyOperation(node.operation.value, name, document, node, trusted)

    async def answer(
        self,
        operation: ToyOperation,
        variables: Mapping[str, object],
        *,
        viewer: Viewer,
        idempotency_key: str | None = None,
    ) -> bytes:
        self._check(operation, variables)
        self.ledger.idempotency_keys.append(idempotency_key)
        if operation.name == "Explode":
            raise RuntimeError("the secret detail")
        if operation.name == "Forbidden":
            raise Refusal.of("FORBIDDEN", "Not for you")
        if operation.name == "TooMuch":
            said = {"code": "RATE_LIMITED", "retryAfterSeconds": 1.2}
            raise Refusal([{"message": "Too much", "extensions": said}])
        result = execute(
            DECLARED,
            operation.document,
            context_value=Context(viewer, self.ledger),
            variable_values=dict(variables),
            operation_name=operation.name,
        )
        settled = await result if inspect.isawaitable(result) else result
        return orjson.dumps(settled.formatted)

    async def stream(
        self,
        operation: ToyOperation,
        variables: Mapping[str, object],
        *,
        viewer: Viewer,
        direct: Direct | None = None,
    ) -> AsyncIterator[bytes]:
        del direct  # nothing here is told to many
        self._check(operation, variables)
        if operation.kind == "query":
            for _ in range(2):
                yield await self.answer(operation, variables, viewer=viewer)
            return
        result = subscribe(
            DECLARED,
            operation.document,
            context_value=Context(viewer, self.ledger),
            variable_values=dict(variables),
            operation_name=operation.name,
        )
        settled = await result if inspect.isawaitable(result) else result
        source = cast("AsyncGenerator[ExecutionResult, None]", settled)
        try:
            async for item in source:
                yield orjson.dumps(item.formatted)
                if operation.name == "Explode":
                    raise RuntimeError("the secret detail")
                if operation.name == "Revoked":
                    raise Unauthenticated("The token was revoked")
        finally:
            await source.aclose()

    def _check(self, operation: ToyOperation, variables: Mapping[str, object]) -> None:
        definitions = operation.node.variable_definitions or ()
        values = get_variable_values(DECLARED, definitions, dict(variables))
        if isinstance(values, list):
            raise Refusal.of("BAD_USER_INPUT", values[0].message)
