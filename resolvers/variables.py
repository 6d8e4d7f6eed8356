"""Variables: a request's values, coerced by the definitions of its operation, which are looked up once."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from graphql import (
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_value

from resolvers import filters, lists
from resolvers.refusals import Refusal

MOST_ERRORS = 10
FREE = frozenset({"_Any", "JSON"})
NONE = VariableValues({}, {})


class Variables:
    """The variables of one operation."""

    def __init__(self, executable: GraphQLSchema, node: OperationDefinitionNode) -> None:
        self.executable = executable
        self.definitions = node.variable_definitions or ()

    @cached_property
    def free(self) -> frozenset[str]:
        """The variables that may hold anything, such as representations: no type bounds their words."""
        return frozenset(
            one.name
            for one in self._signatures
            if isinstance(named := get_named_type(one.type), GraphQLScalarType) and named.name in FREE
        )

    def coerce(self, given: Mapping[str, object]) -> VariableValues:
        """The values as the graph's types have them. Raises Refusal, naming each that is wrong or long."""
        if not self.definitions:
            return NONE
        for name, kind in self._lists:
            if name in given:
                lists.check_value(kind, given[name], f"${name}")
                # Each object of a filter is coerced by the 30 fields of its type: too much is refused before.
                filters.refuse(filters.of_value(kind, given[name]))
        return self._plainly(given) or self._thoroughly(given)

    @cached_property
    def _lists(self) -> tuple[tuple[str, object], ...]:
        """The variables whose values may hold lists, with their types."""
        return tuple((one.name, one.type) for one in self._signatures if lists.may_hold_lists(one.type))

    def _thoroughly(self, given: Mapping[str, object]) -> VariableValues:
        found = get_variable_values(
            self.executable, self.definitions, dict(given), max_errors=MOST_ERRORS, hide_suggestions=True
        )
        if isinstance(found, list):
            raise Refusal(
                [{"message": error.message, "extensions": {"code": "BAD_USER_INPUT"}} for error in found]
            )
        return found

    @cached_property
    def _signatures(self) -> tuple[GraphQLVariableSignature, ...]:
        found = (get_variable_signature(self.executable, node) for node in self.definitions)
        return tuple(one for one in found if isinstance(one, GraphQLVariableSignature))

    def _plainly(self, given: Mapping[str, object]) -> VariableValues | None:
        """The usual case, in which all is there and right; None leaves the rest to graphql-core.

        That one looks every signature up again for each request, which costs more than the coercion.
        """
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature in self._signatures:
            name = signature.name
            value = given.get(name, Undefined)
            if value is Undefined:
                if signature.default is not None or is_non_null_type(signature.type):
                    return None
                sources[name] = VariableValueSource(signature)
                continue
            sources[name] = VariableValueSource(signature, value)
            found = coerce_input_value(value, signature.type)
            if found is Undefined:
                return None
            coerced[name] = found
        return VariableValues(sources, coerced)
