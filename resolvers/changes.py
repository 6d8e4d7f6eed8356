"""Changes: a mutation field is one unit of work, one transaction; its payload is read inside it."""

import asyncio
import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from graphql import FieldNode
from graphql.execution.values import VariableValues
from sqlalchemy.exc import DBAPIError
from strawberry.types.arguments import convert_argument

from domain import ids
from domain.errors import FieldgraphError, Refused, TooSlow
from domain.unit_of_work import UnitOfWork
from resolvers.answers import masked, refused, response, user_errors
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import FieldShape, Graph
from resolvers.compiler.statements import Compiler, Statement
from resolvers.context import Context
from resolvers.documents import Operation
from resolvers.reads import in_time
from resolvers.refusals import Refusal
from resolvers.splicing import spliced
from schema.query_costs import CHANGE
from schema.verbs import Verb


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One field of a mutation, ready to run."""

    key: str
    field: FieldShape
    verb: Verb
    arguments: Mapping[str, Any]
    payload: Statement
    idempotency_key: str | None


class Changes:
    """Runs mutations field after field; each commits or rolls back by itself."""

    def __init__(self, graph: Graph, compiler: Compiler) -> None:
        self.graph = graph
        self.compiler = compiler

    async def answer(
        self, operation: Operation, variables: VariableValues, context: Context, *, key: str | None
    ) -> tuple[Sequence[bytes], int]:
        """The response up to its last brace, and what it cost.

        Raises Refusal before anything runs when any field cannot be answered at all.
        """
        cost = 0
        data: dict[str, bytes] = {}
        errors: list[dict[str, object]] = []
        for step in self._steps(operation, variables, context, key):
            if isinstance(step, str):
                data[step] = b'"Mutation"'
                continue
            cost += CHANGE
            try:
                found, bindings, objects = await self._again(step, variables, context)
                # After the commit: what Python derives takes its time, and holds up nobody then.
                data[step.key] = await spliced(found, step.payload, bindings, context)
                errors += [{**one, "path": [step.key, *one["path"]]} for one in bindings.errors]
                cost += objects + bindings.derived
            except FieldgraphError as error:
                context.charge.spent |= isinstance(error, TooSlow)
                failure = refused(error).errors[0]
                return response(None, [{**failure, "path": [step.key, *error.response_path]}]), cost
            except Exception as error:  # noqa: BLE001  # a bug: masked and logged with its id
                return response(None, [{**masked(error), "path": [step.key]}]), cost
        return response(data, errors), cost or 1

    def _steps(
        self, operation: Operation, variables: VariableValues, context: Context, key: str | None
    ) -> list[Step | str]:
        """In the document's order; a plain key asks for `__typename`."""
        selections = Selections(self.graph.executable, operation.fragments, variables)
        fields = selections.fields("Mutation", [operation.node.selection_set])
        if key is not None and len(fields) > 1:
            raise Refusal.of("BAD_REQUEST", "An Idempotency-Key goes with one mutation field.")
        return [
            name if nodes[0].name.value == "__typename" else self._step(name, nodes, selections, context, key)
            for name, nodes in fields.items()
        ]

    def _step(
        self, name: str, nodes: list[FieldNode], selections: Selections, context: Context, key: str | None
    ) -> Step:
        kind = self.graph.executable.mutation_type
        if kind is None:
            raise Refusal.of("BAD_REQUEST", "There are no mutations.")
        declared = kind.fields[nodes[0].name.value]
        field = self.graph.mutations[nodes[0].name.value]
        if not isinstance(field.source, Verb):
            raise TypeError(f"{field.name} has no verb")
        try:
            payload = self.compiler.record(
                str(field.target),
                context.viewer.role,
                selections,
                [node.selection_set for node in nodes],
                is_limited=context.viewer.is_limited,
            )
        except NotCompilable as error:
            raise Refusal.of("BAD_USER_INPUT", f"This payload cannot be answered: {error.reason}.") from error
        except FieldgraphError as error:
            error.response_path = (name, *error.response_path)
            raise
        arguments = Bindings.of(selections.variables).arguments(declared, nodes[0])
        return Step(
            name, field, field.source, arguments, payload, selections.idempotency_key(nodes[0]) or key
        )

    async def _again(
        self, step: Step, variables: VariableValues, context: Context
    ) -> tuple[bytes, Bindings, int]:
        """The whole field once more when the database chose it to give way to another transaction."""
        for pause in PAUSES:
            try:
                return await self._run(step, variables, context)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in GIVES_WAY:
                    raise
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311  # spreads the tries
        return await self._run(step, variables, context)

    async def _run(
        self, step: Step, variables: VariableValues, context: Context
    ) -> tuple[bytes, Bindings, int]:
        """The payload, what it was read by, and how many objects are in it."""
        given = convert_argument(
            step.arguments["input"],
            step.verb.given,
            scalar_registry=self.graph.scalars,
            config=self.graph.config,
        )
        work = context.work()
        try:
            async with work:
                values = await self._perform(step, given, work, context)
                await work.flush()
                bindings = self._bindings(values, variables, context)
                found, objects = await self._payload(step, bindings, work)
                return found, bindings, objects
        except Refused as error:
            return await self._refusal(step, given, error, variables, context)
        finally:
            if work.xid is not None:
                context.services.hub.committed()

    async def _perform(self, step: Step, given: Any, work: UnitOfWork, context: Context) -> Mapping[str, Any]:
        """The verb, or the stored answer of the same key; a refusal is stored with its key too."""
        if step.idempotency_key is None:
            return await _called(step, work, given, context)
        row, answered = await work.replay(
            step.idempotency_key, {"field": step.field.name, "input": step.arguments["input"]}
        )
        if answered and row.answer is not None:
            return row.answer
        savepoint = await work.session.begin_nested()
        try:
            values = await _called(step, work, given, context)
            await work.flush()
        except Refused as error:
            await savepoint.rollback()
            work.forget()
            values = self._refused_values(step, given, error)
        kept = {name: value for name, value in values.items() if name not in SECRETS}
        row.answer = orjson.loads(orjson.dumps(kept, default=str))  # asyncpg's uuids are a class of their own
        return values

    async def _payload(self, step: Step, bindings: Bindings, work: UnitOfWork) -> tuple[bytes, int]:
        connection = await work.connection()
        # As text: SQLAlchemy's own codec on this connection would parse the JSON.
        sql = f"SELECT payload.j::text, payload.n FROM ({step.payload.sql}) AS payload(j, n)"
        async with in_time():
            found, objects = await connection.fetchrow(sql, *step.payload.parameters(bindings))
        return found.encode(), objects

    async def _refusal(
        self, step: Step, given: Any, error: Refused, variables: VariableValues, context: Context
    ) -> tuple[bytes, Bindings, int]:
        bindings = self._bindings(self._refused_values(step, given, error), variables, context)
        parameters = step.payload.parameters(bindings)
        found, objects = await context.services.reads.counted(
            step.payload.sql, parameters, viewer=context.viewer
        )
        return found or b"null", bindings, objects

    def _refused_values(self, step: Step, given: Any, error: Refused) -> dict[str, Any]:
        """Why not, and what the input named, as it stands."""
        values: dict[str, Any] = {"user_errors": user_errors(error)}
        if error.code != "NOT_FOUND":
            for column in self.graph.types[str(step.field.target)].columns:
                named = getattr(given, column.removesuffix("_id"), None)
                if column.endswith("_id") and isinstance(named, str):
                    values[column] = ids.split(named)[1]
        return values

    def _bindings(self, values: Mapping[str, Any], variables: VariableValues, context: Context) -> Bindings:
        services = context.services
        return Bindings(context.viewer, services.clock.now(), services.secret, variables, values)


PAUSES = (0.02, 0.05, 0.1)
"""Seconds before each of three more tries."""
GIVES_WAY = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock."""
SECRETS = frozenset({"token", "url"})
"""Shown once: never stored with an idempotency key, so a replay answers them with null."""


async def _called(step: Step, work: UnitOfWork, given: Any, context: Context) -> Mapping[str, Any]:
    values: Mapping[str, Any] = await step.verb.run(work, given, context)
    return values
