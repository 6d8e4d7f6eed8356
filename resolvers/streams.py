"""Streams: a subscription's items, each answered by the compiled read of what was asked for."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from graphql.execution.values import VariableValues

from domain.errors import FieldgraphError, Unauthenticated
from resolvers.answers import errors_of, refused
from resolvers.charges import UNCHARGED
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import Graph
from resolvers.compiler.statements import Compiler, Statement
from resolvers.context import Context
from resolvers.documents import Operation
from resolvers.following import follow
from resolvers.refusals import Refusal
from resolvers.splicing import spliced
from schema.verbs import Item, Stream


class Streams:
    """Runs subscriptions. No connection is held between two items."""

    def __init__(self, graph: Graph, compiler: Compiler) -> None:
        self.graph = graph
        self.compiler = compiler

    async def items(
        self, operation: Operation, variables: VariableValues, context: Context
    ) -> AsyncGenerator[bytes]:
        """Each item as a whole result; the first says what it cost, each other takes a point.

        Raises Refusal before the first, Unauthenticated when revoked.
        """
        selections = Selections(self.graph.executable, operation.fragments, variables)
        fields = selections.fields("Subscription", [operation.node.selection_set])
        key, nodes = next(iter(fields.items()))
        kind = self.graph.executable.subscription_type
        field = self.graph.subscriptions.get(nodes[0].name.value)
        if kind is None or field is None or not isinstance(field.source, Stream) or len(fields) != 1:
            raise Refusal.of("BAD_REQUEST", "A subscription asks for one field.")
        bindings = Bindings.of(variables)
        sets = [node.selection_set for node in nodes]
        prefix = b'{"data":{' + orjson.dumps(key) + b":"
        plans: dict[str, Statement] = {}
        charge = context.charge
        try:
            arguments = bindings.arguments(kind.fields[field.name], nodes[0])
            feed = await field.source.run(context, arguments)
            async with aclosing(follow(context, feed, arguments.get("after"))) as items:
                async for item in items:
                    if charge is UNCHARGED:
                        await context.charge.another()
                    if item.kind not in plans:
                        plans[item.kind] = self.compiler.record(
                            item.kind,
                            context.viewer.role,
                            selections,
                            sets,
                            is_limited=context.viewer.is_limited,
                        )
                    data, cost, errors = await _answer(plans[item.kind], item, variables, context)
                    told = [{**one, "path": [key, *one["path"]]} for one in errors]
                    yield prefix + data + b"}" + errors_of(told) + charge.told(cost) + b"}"
                    charge = UNCHARGED
        except NotCompilable as error:
            raise Refusal.of("BAD_USER_INPUT", f"This item cannot be answered: {error.reason}.") from error
        except Unauthenticated:
            raise
        except FieldgraphError as error:
            error.response_path = (key, *error.response_path)
            raise refused(error) from error


async def _answer(
    plan: Statement, item: Item, variables: VariableValues, context: Context
) -> tuple[bytes, int, list[dict[str, Any]]]:
    """An item, what it costs, and what could not be derived."""
    services = context.services
    bindings = Bindings(context.viewer, services.clock.now(), services.secret, variables, item.values)
    found, objects = await services.reads.counted(plan.sql, plan.parameters(bindings), viewer=context.viewer)
    data = await spliced(found or b"null", plan, bindings, context)
    return data, 1 + objects + bindings.derived, bindings.errors
