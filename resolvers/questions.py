"""Questions: what a query asks, and who else would be answered the same."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from graphql.execution.values import VariableValues

from domain.access import VALUES, touching
from domain.errors import FieldgraphError
from domain.viewers import Viewer
from realtime.touches import Interest
from resolvers.answers import errors_of
from resolvers.charges import Charge
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.shapes import Graph
from resolvers.compiler.statements import Statement
from resolvers.compiler.writer import Prepared
from resolvers.context import Context, viewer_values
from resolvers.documents import Operation
from resolvers.plain import Plain
from resolvers.shared import Question, Ran
from resolvers.splicing import spliced

EVERYTHING = Interest(dict.fromkeys(touching.tables()))
"""What somebody has read who cannot tell what it was."""
MOVING = frozenset({"cursor", "rateLimit"})
"""What Python computes that moves while it is asked: for who asks alone, and as of then."""
SEEN = "SELECT pg_current_snapshot()::text"


@dataclass(eq=False, slots=True)
class Asked:
    """A compiled query as one viewer asks it; `context` is theirs."""

    questions: "Questions"
    statement: Statement
    context: Context
    bindings: Bindings
    parameters: list[object]

    @property
    def key(self) -> Hashable | None:
        """Two with the same are answered the same by the same database: text, values, and the viewer's scope.

        Which rows there are for a viewer follows from their role and from the values that the role's
        predicates name, in the text or in the policies; the person is in it only where the query asks for
        them. None: what is asked for is one viewer's alone.
        """
        statement, viewer = self.statement, self.context.viewer
        if statement.reading.is_personal or moves(statement):
            return None
        varying = statement.varying
        given = tuple(_kept(value) for place, value in enumerate(self.parameters) if place not in varying)
        arguments = tuple(_kept(one.arguments(self.bindings)) for one in statement.derivations)
        scope = tuple((name, getattr(viewer, f"{name}_id")) for name in sorted(statement.reading.told))
        return (
            statement.sql,
            given,
            viewer.role,
            viewer.scopes,
            scope,
            statement.derivations,
            arguments,
        )

    async def read(self) -> tuple[bytes, bytes, int, str]:
        """The data, the errors that follow them, what they cost, and the snapshot that was seen."""
        statement, context, bindings = self.statement, self.context, self.bindings
        reads = context.services.reads
        row, objects, seen = await reads.seen(statement.sql, self.parameters, viewer=context.viewer)
        data = await spliced(row or b"null", statement, bindings, context)
        return data, errors_of(bindings.errors), objects + bindings.derived or 1, seen

    def question(self) -> Question:
        key, statement, context = self.key, self.statement, self.context
        viewer = context.viewer if key is None else scoped(context.viewer, statement)
        variables = self.bindings.variables

        async def run() -> Ran:
            own = replace(context, viewer=viewer, charge=Charge(0))
            asked = await self.questions.asked(statement, variables, own, asker=context)
            data, errors, objects, seen = await asked.read()
            return Ran.of(data, errors, objects=objects, seen=seen)

        is_timed = statement.is_timed or moves(statement)
        return Question(key, viewer.organization_id, interest_of(statement, self.bindings), run, is_timed)


class Questions:
    """Over one graph."""

    def __init__(self, graph: Graph, plain: Plain) -> None:
        self.graph = graph
        self.plain = plain

    async def asked(
        self,
        statement: Statement,
        variables: VariableValues | None,
        context: Context,
        *,
        asker: Context | None = None,
    ) -> Asked:
        """`asker` is who asked first, where the context is only as much of them as the key tells."""
        bindings = bindings_of(context, variables)
        bindings.readers = statement.readers
        if statement.computed or statement.prepared:
            bindings.values = await self._values(statement, bindings, asker or context)
        return Asked(self, statement, context, bindings, statement.parameters(bindings))

    def uncompiled(self, operation: Operation, inputs: Mapping[str, object], context: Context) -> Question:
        """One that goes the plain way is followed by who asks alone, by whatever is touched and a timer."""

        async def run() -> Ran:
            viewer, services = context.viewer, context.services
            (row,) = await services.reads.rows(SEEN, (), viewer=viewer)
            charge = Charge(0)
            body = await self.plain.answer(operation, inputs, replace(context, charge=charge))
            found = orjson.loads(body)
            objects = charge.rows + operation.cost.introspection or 1
            errors = errors_of(found.get("errors", []))
            return Ran.of(orjson.dumps(found["data"]), errors, objects=objects, seen=row[0])

        return Question(None, context.viewer.organization_id, EVERYTHING, run, is_timed=True)

    async def _values(self, statement: Statement, bindings: Bindings, context: Context) -> Mapping[str, Any]:
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
        return values


async def _prepared(root: Prepared, bindings: Bindings, context: Context) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = await root.run(context, root.arguments(bindings))
    except FieldgraphError as error:
        error.response_path = error.response_path or root.path
        raise
    return found


def bindings_of(context: Context, variables: VariableValues | None) -> Bindings:
    services = context.services
    return Bindings(context.viewer, services.clock.now(), services.secret, variables)


def moves(statement: Statement) -> bool:
    """Whether something in it is answered by Python as of now, such as a page of the log."""
    return bool(statement.computed & MOVING or statement.prepared)


def interest_of(statement: Statement, bindings: Bindings) -> Interest:
    """The tables and keys whose rows, if they change, may change the answer."""
    if moves(statement):
        return EVERYTHING
    found: dict[str, frozenset[UUID] | None] = {}
    for table, keys_of in statement.reading.keyed:
        keys = keys_of(bindings)
        found[table] = (found.get(table) or frozenset()) | frozenset(keys if isinstance(keys, list) else ())
    for table in statement.reading.whole:
        for told in touching.told_by(table) or ():
            found[told] = None
    return Interest(found)


def scoped(viewer: Viewer, statement: Statement) -> Viewer:
    """The viewer as far as the key tells them: nothing else can be in an answer that is shared.

    Whose turn at the connections it is stays theirs who asked first.
    """
    others = {f"{name}_id": None for name in VALUES if name not in statement.reading.told}
    return replace(viewer, **others, expires_at=None, seen=None)  # type: ignore[arg-type]  # uuids or None


def _kept(value: Any) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(_kept(one) for one in value)
    if isinstance(value, Mapping):
        return tuple((name, _kept(inner)) for name, inner in sorted(value.items()))
    found: Hashable = value
    return found
