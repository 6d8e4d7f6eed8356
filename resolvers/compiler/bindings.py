"""Bindings: what a compiled statement is given when it runs, fetched anew from each request."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from graphql import FieldNode, GraphQLError, GraphQLField
from graphql.execution.values import VariableValues, get_argument_values

from domain.errors import BadInput
from domain.viewers import Role, Viewer


@dataclass
class Bindings:
    """One execution: who asks, with which variables, at which business time; a record's own values."""

    viewer: Viewer
    now: datetime
    secret: bytes
    variables: VariableValues | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    marker: str = ""
    """What marks the places of derived fields in this answer; empty while it has none."""
    _arguments: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, variables: VariableValues | None) -> Self:
        """Only the variables: what a statement's shape is decided by, before anybody runs it."""
        nobody = Viewer(organization_id=UUID(int=0), role=Role.TRACKING, subject="")
        return cls(nobody, datetime.min.replace(tzinfo=UTC), b"", variables)

    def arguments(self, declared: GraphQLField, node: FieldNode) -> dict[str, Any]:
        """The coerced arguments of a field. Raises BadInput."""
        found = self._arguments.get(id(node))
        if found is None:
            try:
                found = get_argument_values(declared, node, self.variables)
            except GraphQLError as error:
                raise BadInput(error.message) from error
            self._arguments[id(node)] = found
        return found

    def nonce(self) -> str:
        """The marker: random, and new for each execution, so that no text of a client's can hold it."""
        self.marker = self.marker or secrets.token_hex(16)
        return self.marker


Binder = Callable[[Bindings], object]
"""Gives the value of one parameter of a statement."""


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """What lies at a path of keys and indexes."""
    for part in path:
        value = value[part]
    return value
