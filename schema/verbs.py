"""Verbs, streams, answers: how a field of a root says what runs it and who may."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from domain.viewers import Role
from schema.graph import KEY, GraphField, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb(Source):
    """A mutation: `run(work, given, context)` calls one verb and names the payload's values."""

    run: Callable[..., Any]
    given: type


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Source):
    """A subscription: `run(context, arguments)` answers what it tells, a Feed (resolvers/following.py)."""

    run: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Source):
    """A root of Query: `run(context, arguments)` names the values of its record, before anything is read."""

    run: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a stream: its GraphQL type and the values of its record."""

    kind: str
    values: Mapping[str, Any]
    is_last: bool = False
    """Whether nothing can follow it."""


def verb(
    run: Callable[..., Any], given: type, description: str, *, roles: tuple[Role, ...], scope: str = ""
) -> Any:
    """A field of Mutation; without a `scope` no machine's key may ask for it."""
    field = _field(Verb(run=run, given=given, roles=frozenset(roles), scope=scope), description)
    field.arguments = [_argument("input", given, "What is wanted.")]
    return field


def stream(
    run: Callable[..., Any],
    description: str,
    *,
    roles: tuple[Role, ...],
    arguments: Mapping[str, tuple[Any, str]],
    scope: str = "",
) -> Any:
    """A field of Subscription. `arguments`: name → its type and its description; `scope` as of `verb`."""
    return _asked(Stream(run=run, roles=frozenset(roles), scope=scope), description, arguments)


def answer(
    run: Callable[..., Any],
    description: str,
    *,
    roles: tuple[Role, ...],
    arguments: Mapping[str, tuple[Any, str]],
    scope: str = "",
) -> Any:
    """A field of Query whose record Python has; the rest as of `stream`."""
    return _asked(Answered(run=run, roles=frozenset(roles), scope=scope), description, arguments)


def _asked(source: Source, description: str, arguments: Mapping[str, tuple[Any, str]]) -> GraphField:
    field = _field(source, description)
    field.arguments = [_argument(name, kind, words) for name, (kind, words) in arguments.items()]
    return field


def _field(source: Source, description: str) -> GraphField:
    return GraphField(description=description, metadata={KEY: source}, default=None)


def _argument(name: str, kind: Any, description: str) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        description=description,
    )
