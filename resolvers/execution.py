"""Execution: an accepted operation of one viewer becomes bytes: compiled, or the plain way."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from enum import Enum
from typing import Any

from graphql.execution.values import VariableValues
from strawberry import Schema

from domain.errors import FieldgraphError
from domain.viewers import Role, Viewer
from resolvers.answers import refused
from resolvers.changes import Changes
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import Graph
from resolvers.compiler.statements import Compiler, Statement
from resolvers.context import Context, Services, viewer_values
from resolvers.documents import Documents, Operation
from resolvers.kept import Kept
from resolvers.permissions import check_roles
from resolvers.plain import Plain
from resolvers.splicing import spliced
from resolvers.streams import Streams

GLOBAL_ID = re.compile(r"[a-z]{3}\d_")
MOST_PLAN_BYTES = 32 * 1024 * 1024


class Executor:
    """Answers operations over one schema; `uncompiled` counts, by reason, those that went the plain way."""

    def __init__(self, whole: Schema, services: Services) -> None:
        self.graph = Graph(whole)
        self.compiler = Compiler(self.graph)
        self.services = services
        self.documents = Documents(self.graph.executable)
        self.plain = Plain(self.graph)
        self.changes = Changes(self.graph, self.compiler)
        self.streams = Streams(self.graph, self.compiler)
        self.plans: Kept[tuple[Operation, Role, Any], Statement] = Kept(MOST_PLAN_BYTES)
        self.uncompiled: Counter[str] = Counter()

    def prepare(self, query: str, operation_name: str | None) -> Operation:
        """Raises Refusal for what does not parse, validate, keep the limits, or name one operation."""
        return self.documents.operation(query, operation_name)

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
            coerced = operation.variables.coerce(variables)
            check_roles(self.graph, operation, viewer.role)
            context = Context(viewer, self.services)
            if operation.kind == "mutation":
                return await self.changes.answer(operation, coerced, context, key=idempotency_key)
            return await self._query(operation, coerced, variables, context)
        except FieldgraphError as error:
            raise refused(error) from error

    async def stream(
        self, operation: Operation, variables: Mapping[str, object], *, viewer: Viewer
    ) -> AsyncIterator[bytes]:
        """A subscription's results, each whole. Closing the iterator ends it."""
        try:
            coerced = operation.variables.coerce(variables)
            check_roles(self.graph, operation, viewer.role)
        except FieldgraphError as error:
            raise refused(error) from error
        context = Context(viewer, self.services)
        async for item in self.streams.items(operation, coerced, context):
            yield item

    async def _query(
        self, operation: Operation, variables: VariableValues, inputs: Mapping[str, object], context: Context
    ) -> bytes:
        try:
            statement = self._compiled(operation, variables, context.viewer)
        except NotCompilable as error:
            self.uncompiled[error.reason] += 1
            return await self.plain.answer(operation, inputs, context)
        bindings = self.bindings(context, variables)
        bindings.readers = statement.readers
        values: dict[str, Any] = {}
        if "viewer" in statement.computed:
            values["viewer"] = viewer_values(context.viewer)
        if "service" in statement.computed:
            values["service"] = {"sdl": self.graph.subgraph}
        if "cursor" in statement.computed:
            values["cursor"] = await context.cursor()
        bindings.values = values
        row = await self.services.reads.value(
            statement.sql, statement.parameters(bindings), viewer=context.viewer
        )
        return b'{"data":' + await spliced(row or b"null", statement, bindings, context) + b"}"

    def bindings(self, context: Context, variables: VariableValues) -> Bindings:
        services = self.services
        return Bindings(context.viewer, services.clock.now(), services.secret, variables)

    def _compiled(self, operation: Operation, variables: VariableValues, viewer: Viewer) -> Statement:
        key = (operation, viewer.role, shape_of(variables.coerced))
        found = self.plans.get(key)
        if found is None:
            selections = Selections(self.graph.executable, operation.fragments, variables)
            found = self.compiler.query(viewer.role, selections, operation.node.selection_set)
            self.plans.put(key, found, size=found.size())
        return found


def shape_of(value: Any) -> Any:
    """What of the variables decides the statement: which are given, words, switches, types of ids."""
    if isinstance(value, dict):
        if "__typename" in value:
            return ("entity", str(value["__typename"]))
        return tuple((name, shape_of(inner)) for name, inner in sorted(value.items()))
    if isinstance(value, list):
        if value and all(isinstance(one, dict) and "__typename" in one for one in value):
            return ("entities", *sorted({str(one["__typename"]) for one in value}))
        if any(isinstance(one, dict) for one in value):
            return tuple(shape_of(one) for one in value)
        prefixes = {one[:4] for one in value if isinstance(one, str) and GLOBAL_ID.match(one)}
        return ("list", *sorted(prefixes))
    if value is None or isinstance(value, bool | Enum):
        return value
    if isinstance(value, str) and GLOBAL_ID.match(value):
        return value[:4]
    return "value"
