"""Bindings: what a compiled statement is given when it runs, fetched anew from each request."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)
from graphql.execution.values import VariableValues, get_argument_values

from domain.errors import BadInput
from domain.viewers import Role, Viewer

Reader = Callable[[VariableValues | None], dict[str, Any]]
Readers = dict[int, Reader]
"""By a field's node, for variables of one shape."""


@dataclass
class Bindings:
    """One execution: who asks, with which variables, at which business time; a record's own values."""

    viewer: Viewer
    now: datetime
    secret: bytes
    variables: VariableValues | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    readers: Readers = field(default_factory=dict)
    marker: str = ""
    """What marks the places of derived fields in this answer; empty while it has none."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    """What could not be derived; the fields are null then."""
    derived: int = 0
    """How many values were derived in the answer."""
    _arguments: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, variables: VariableValues | None) -> Self:
        """Only the variables: what a statement's shape is decided by, before anybody runs it."""
        nobody = Viewer(organization_id=UUID(int=0), role=Role.TRACKING, subject="")
        return cls(nobody, datetime.min.replace(tzinfo=UTC), b"", variables)

    def arguments(self, declared: GraphQLField, node: FieldNode) -> dict[str, Any]:
        """The coerced arguments of a field. Raises BadInput."""
        key = id(node)
        found = self._arguments.get(key)
        if found is None:
            reader = self.readers.get(key)
            if reader is None:
                found = _coerced(declared, node, self.variables)
                self.readers[key] = _reader(declared, node, found, variables=self.variables)
            else:
                found = reader(self.variables)
            self._arguments[key] = found
        return found

    def nonce(self) -> str:
        """The marker: random, and new for each execution, so that no text of a client's can hold it."""
        self.marker = self.marker or secrets.token_hex(16)
        return self.marker


def _coerced(declared: GraphQLField, node: FieldNode, variables: VariableValues | None) -> dict[str, Any]:
    try:
        return get_argument_values(declared, node, variables)
    except GraphQLError as error:
        raise BadInput(error.message) from error


def _reader(
    declared: GraphQLField, node: FieldNode, found: dict[str, Any], *, variables: VariableValues | None
) -> Reader:
    """Literals stay what they are, a variable is looked up; only one inside a literal needs it all again."""
    names: dict[str, str] = {}
    given = variables.coerced if variables else {}
    for argument in node.arguments or ():
        value = argument.value
        if isinstance(value, VariableNode):
            if value.name.value in given:
                name = argument.name.value
                names[declared.args[name].out_name or name] = value.name.value
        elif _has_variable(value):
            return lambda variables: _coerced(declared, node, variables)
    if not names:
        return lambda _variables: found
    fixed = {name: value for name, value in found.items() if name not in names}  # nobody's values are kept

    def read(variables: VariableValues | None) -> dict[str, Any]:
        given = variables.coerced if variables else {}
        return {**fixed, **{name: given[variable] for name, variable in names.items()}}

    return read


def _has_variable(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(_has_variable(one) for one in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_has_variable(one.value) for one in value.fields)
    return isinstance(value, VariableNode)


def arguments_of(declared: GraphQLField, node: FieldNode) -> Callable[[Bindings], dict[str, Any]]:
    """The coerced arguments of a field, of whichever request there is."""
    return lambda bindings: bindings.arguments(declared, node)


Binder = Callable[[Bindings], object]
"""Gives the value of one parameter of a statement."""


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """What lies at a path of keys and indexes."""
    for part in path:
        value = value[part]
    return value
