"""Streams: a subscription's items, each answered by the compiled read of what was asked for."""

import hashlib
from collections.abc import AsyncGenerator, Hashable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLUnionType, VariableNode, Visitor, get_named_type, visit
from graphql.execution.values import VariableValues

from domain.errors import FieldgraphError, Unauthenticated
from domain.viewers import Viewer
from realtime.cohorts import Cohorts
from realtime.members import Direct
from resolvers.answers import errors_of, refused
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.selections import NotCompilable, Selections
from resolvers.compiler.shapes import FieldShape, Graph
from resolvers.compiler.statements import Compiler, Statement
from resolvers.context import Context
from resolvers.documents import Operation
from resolvers.flights import Flights
from resolvers.following import Follower
from resolvers.kept import Kept
from resolvers.refusals import Refusal
from resolvers.splicing import spliced
from schema.verbs import Item, Stream

AFTER = "after"
MOST_SCRIPT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """How one subscription is answered for viewers of one role: a statement for each kind of item."""

    key: str
    source: Stream
    statements: Mapping[str, Statement]
    asked: frozenset[str]
    """The fields of any of its items."""
    resumes: frozenset[str]
    """The variables that say nothing but where to go on."""
    is_personal: bool
    """Whether what is read depends on who somebody is, beside how far they see."""

    def size(self) -> int:
        return 1_000 + sum(one.size() for one in self.statements.values())


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription of one viewer."""

    operation: Operation
    given: Mapping[str, object]
    variables: VariableValues
    context: Context
    direct: Direct | None = None


class Streams:
    """Runs subscriptions. No connection is held between two items."""

    def __init__(self, graph: Graph, compiler: Compiler) -> None:
        self.graph = graph
        self.compiler = compiler
        self.cohorts = Cohorts()
        self.flights = Flights()
        self.scripts: Kept[Hashable, Script] = Kept(MOST_SCRIPT_BYTES)

    async def items(self, asked: Subscribed, shape: Hashable) -> AsyncGenerator[bytes]:
        """Each item as a whole result that was not written at once; each after the first takes a point.

        `shape` is what of the variables decides the statements. Raises Refusal before the first,
        Unauthenticated when revoked.
        """
        key = ""
        try:
            script = self._script(asked, shape)
            key = script.key
            arguments = self._arguments(asked)
            feed = await script.source.run(asked.context, arguments)
            telling = Telling(script, asked, self.flights)
            follower = Follower(asked.context, feed, telling, cohorts=self.cohorts, direct=asked.direct)
            found = follower.items(arguments.get(AFTER), key=telling.shared_by())
            async with aclosing(found) as items:
                async for item in items:
                    yield item
        except NotCompilable as error:
            raise Refusal.of("BAD_USER_INPUT", f"This item cannot be answered: {error.reason}.") from error
        except Unauthenticated:
            raise
        except FieldgraphError as error:
            error.response_path = (key, *error.response_path)
            raise refused(error) from error

    def _arguments(self, asked: Subscribed) -> dict[str, Any]:
        name, _, nodes = self._field(asked)
        kind = self.graph.executable.subscription_type
        if kind is None:
            raise Refusal.of("BAD_REQUEST", "There are no subscriptions.")
        return Bindings.of(asked.variables).arguments(kind.fields[name.name], nodes[0])

    def _field(self, asked: Subscribed) -> tuple[FieldShape, str, list[Any]]:
        selections = Selections(self.graph.executable, asked.operation.fragments, asked.variables)
        fields = selections.fields("Subscription", [asked.operation.node.selection_set])
        key, nodes = next(iter(fields.items()))
        field = self.graph.subscriptions.get(nodes[0].name.value)
        if field is None or not isinstance(field.source, Stream) or len(fields) != 1:
            raise Refusal.of("BAD_REQUEST", "A subscription asks for one field.")
        return field, key, nodes

    def _script(self, asked: Subscribed, shape: Hashable) -> Script:
        viewer = asked.context.viewer
        kept_by = (asked.operation, viewer.role, viewer.is_limited, shape)
        found = self.scripts.get(kept_by)
        if found is None:
            found = self._written(asked)
            self.scripts.put(kept_by, found, size=found.size() + asked.operation.size)
        return found

    def _written(self, asked: Subscribed) -> Script:
        field, key, nodes = self._field(asked)
        declared = self.graph.executable.subscription_type
        union = get_named_type(declared.fields[field.name].type) if declared else None
        if not isinstance(union, GraphQLUnionType) or not isinstance(field.source, Stream):
            raise TypeError(f"{field.name} does not tell one of several items")
        selections = Selections(self.graph.executable, asked.operation.fragments, asked.variables)
        viewer = asked.context.viewer
        statements = {
            kind.name: self.compiler.record(
                kind.name,
                viewer.role,
                selections,
                [node.selection_set for node in nodes],
                is_limited=viewer.is_limited,
            )
            for kind in union.types
        }
        return Script(
            key,
            field.source,
            statements,
            asked=_asked(selections, nodes, statements),
            resumes=_only_resuming(asked.operation, nodes),
            is_personal=any(one.reading.is_personal or "app_user" in one.sql for one in statements.values()),
        )


class Telling:
    """Makes items into bytes, for one viewer and all who see the same."""

    def __init__(self, script: Script, asked: Subscribed, flights: Flights) -> None:
        self._script = script
        self._asked = asked
        self._flights = flights
        self._prefix = b'{"data":{' + orjson.dumps(script.key) + b":"

    def shared_by(self) -> Hashable:
        """What two must have in common to be told the same bytes: the question, and how far they see."""
        script, asked = self._script, self._asked
        said = {name: value for name, value in asked.given.items() if name not in script.resumes}
        told = orjson.dumps(said, option=orjson.OPT_SORT_KEYS, default=str)
        return asked.operation, hashlib.sha256(told).digest(), *reach_of(asked.context.viewer, script)

    def asked(self) -> frozenset[str]:
        return self._script.asked

    async def first(self, item: Item) -> tuple[bytes, int]:
        """A first item as a response without its last brace, and what it costs."""
        plan, bindings = self._bound(item)
        return await self._read(plan, bindings, plan.parameters(bindings))

    async def further(self, item: Item) -> bytes:
        """An item that others may be told, too, at this moment or in the next: whoever else was told of it.

        What is kept was read after the fact of which it tells, which the cursor names, and facts that follow
        are told with what they have changed.
        """
        plan, bindings = self._bound(item)
        parameters = plan.parameters(bindings)
        reach = reach_of(self._asked.context.viewer, self._script)
        asked = hashlib.sha256(repr(parameters).encode()).digest()
        key = (self._script, item.kind, item.values["cursor"], asked, reach)

        async def read() -> bytes:
            return (await self._read(plan, bindings, parameters))[0]

        return await self._flights.get(key, read)

    def _bound(self, item: Item) -> tuple[Statement, Bindings]:
        context, services = self._asked.context, self._asked.context.services
        now, variables = services.clock.now(), self._asked.variables
        bindings = Bindings(context.viewer, now, services.secret, variables, item.values)
        return self._script.statements[item.kind], bindings

    async def _read(
        self, plan: Statement, bindings: Bindings, parameters: Sequence[object]
    ) -> tuple[bytes, int]:
        context = self._asked.context
        found, objects = await context.services.reads.counted(plan.sql, parameters, viewer=context.viewer)
        data = await spliced(found or b"null", plan, bindings, context)
        key = self._script.key
        errors = [{**one, "path": [key, *one["path"]]} for one in bindings.errors]
        return self._prefix + data + b"}" + errors_of(errors), 1 + objects + bindings.derived


def reach_of(viewer: Viewer, script: Script) -> tuple[object, ...]:
    """How far a viewer sees: who reach as far share their bytes."""
    own = (viewer.subject, *viewer.grounds) if script.is_personal else ()
    bound = (viewer.customer_id, viewer.technician_id, viewer.visit_id)
    return (viewer.organization_id, viewer.role, viewer.scopes, *bound, own)


def _asked(selections: Selections, nodes: list[Any], kinds: Iterable[str]) -> frozenset[str]:
    sets = [node.selection_set for node in nodes]
    return frozenset(
        found[0].name.value for kind in kinds for found in selections.fields(kind, sets).values()
    )


def _only_resuming(operation: Operation, nodes: list[Any]) -> frozenset[str]:
    """The variables that are the root's `after` and nothing else."""
    used: list[str] = []

    class Uses(Visitor):
        def enter_variable(self, node: VariableNode, *_others: object) -> None:
            used.append(node.name.value)

    visit(operation.node.selection_set, Uses())
    for fragment in operation.fragments.values():
        visit(fragment, Uses())
    named = {
        one.value.name.value
        for node in nodes
        for one in node.arguments or ()
        if one.name.value == AFTER and isinstance(one.value, VariableNode)
    }
    return frozenset(name for name in named if used.count(name) == len(nodes))
