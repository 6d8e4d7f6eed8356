"""Splicing: the values that Python derives, written into an answer that is not parsed for it.

Postgres leaves a marker at the place of each derived field: `["<nonce><number>", {inputs}, "<nonce>"]`. The
nonce is random and new for each execution, so no text in the data can look like one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
)

from domain.errors import FieldgraphError, TooSlow
from resolvers.answers import masked, refused
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.statements import Statement
from resolvers.compiler.writer import Derivation, Part
from resolvers.context import Context
from resolvers.plain import canonical


async def spliced(body: bytes, plan: Statement, bindings: Bindings, context: Context) -> bytes:
    """An answer with its derived fields filled in; the very same bytes where it has none.

    What cannot be derived is null, and told in `bindings.errors`.
    """
    if not bindings.marker:
        return body
    pieces = body.split(bindings.marker.encode())
    bindings.derived = len(pieces) // 2
    by_key: dict[tuple[str, str | None], list[bytes]] = {}
    for piece in dict.fromkeys(pieces[1::2]):  # the same inputs are asked for once
        derivation = plan.derivations[_number(piece)]
        as_of = derivation.plan(bindings) if derivation.plan else None
        by_key.setdefault((derivation.key, as_of), []).append(piece)
    written: dict[bytes, bytes] = {}
    for (key, as_of), asked in by_key.items():
        over = replace(context, plan_id=UUID(as_of)) if as_of else context
        derivations = [plan.derivations[_number(piece)] for piece in asked]
        inputs = [
            {**_needed(piece), "arguments": derivation.arguments(bindings)}
            for piece, derivation in zip(asked, derivations, strict=True)
        ]
        try:
            found = await over.derive(key, inputs)
        except Exception as error:  # noqa: BLE001  # a field that may be null is no reason to lose the rest
            context.charge.spent |= isinstance(error, TooSlow)
            found = [None] * len(inputs)
            failure = refused(error).errors[0] if isinstance(error, FieldgraphError) else masked(error)
            bindings.errors += [{**failure, "path": list(path)} for path in _paths(derivations)]
        for piece, derivation, value in zip(asked, derivations, found, strict=True):
            written[piece] = orjson.dumps(_json(derivation.kind, value, derivation.parts))
    return _joined(pieces[0::2], [written[piece] for piece in pieces[1::2]])


def _paths(derivations: Iterable[Derivation]) -> Iterable[tuple[str, ...]]:
    return dict.fromkeys(derivation.path for derivation in derivations)


def _number(piece: bytes) -> int:
    """The derivation's number in what stands between two nonces: `0", {…}, "`."""
    return int(piece[: piece.index(b'"')])


def _needed(piece: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(piece[piece.index(b"{") : piece.rindex(b"}") + 1])
    return found


def _joined(outside: Sequence[bytes], written: Sequence[bytes]) -> bytes:
    """What stood around the markers, without their brackets and quotes, and the answers between."""
    parts = [outside[0].removesuffix(b'["') if written else outside[0]]
    for value, after in zip(written, outside[1:], strict=True):
        parts += (value, after.removeprefix(b'"]').removesuffix(b'["'))
    return b"".join(parts)


def _json(kind: GraphQLOutputType, value: Any, parts: Sequence[Part]) -> Any:
    """A value as GraphQL completes it. Raises TypeError for a null where one cannot be."""
    if isinstance(kind, GraphQLNonNull):
        found = _json(kind.of_type, value, parts)
        if found is None:
            raise TypeError(f"a derived {kind} is null")
        return found
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        return [_json(kind.of_type, one, parts) for one in value]
    if isinstance(kind, GraphQLObjectType):
        return {part.key: kind.name if part.kind is None else _part(part.kind, value, part) for part in parts}
    if not isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        raise TypeError(f"{kind} cannot be derived")
    return canonical(kind.serialize(value))


def _part(kind: GraphQLOutputType, value: Any, part: Part) -> Any:
    """A field of a derived object; what is embedded in it is made of the object's own values."""
    found = value.get(part.name)
    return _json(kind, value if part.parts and found is not None else found, part.parts)
