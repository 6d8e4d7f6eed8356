"""Lists: how many items a list that is given may have, and how deep an input may be nested."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    get_named_type,
)

from resolvers.refusals import Refusal

MOST_ITEMS = 250
DEEPEST = 60
"""Objects and lists within each other; filters are refused sooner, with their path (compiler/conditions)."""


def check_value(kind: Any, value: object, place: str, depth: int = 0) -> None:
    """Raises Refusal, naming the place, for a variable's value; of another kind it is not judged here."""
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        if isinstance(value, Sequence) and not isinstance(value, str):
            _refuse(len(value), depth, place)
            if may_hold_lists(kind.of_type):
                for number, one in enumerate(value):
                    check_value(kind.of_type, one, f"{place}.{number}", depth + 1)
        elif may_hold_lists(kind.of_type):
            check_value(kind.of_type, value, place, depth + 1)
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, Mapping):
        _refuse(0, depth, place)
        for name, one in value.items():
            field = kind.fields.get(name)
            if field is not None and isinstance(one, Mapping | Sequence) and not isinstance(one, str):
                check_value(field.type, one, f"{place}.{name}", depth + 1)


def check_literal(kind: Any, node: ValueNode, place: str, depth: int = 0) -> None:
    """Raises Refusal, naming the place, for what is written in the document."""
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        if isinstance(node, ListValueNode):
            _refuse(len(node.values), depth, place)
            for number, one in enumerate(node.values):
                check_literal(kind.of_type, one, f"{place}.{number}", depth + 1)
        else:
            check_literal(kind.of_type, node, place, depth + 1)
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        _refuse(0, depth, place)
        for given in node.fields:
            field = kind.fields.get(given.name.value)
            if field is not None:
                check_literal(field.type, given.value, f"{place}.{given.name.value}", depth + 1)


def may_hold_lists(kind: Any) -> bool:
    """Whether there is anything to look for in a value of this type."""
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList) or isinstance(get_named_type(kind), GraphQLInputObjectType)


def _refuse(items: int, depth: int, place: str) -> None:
    message = ""
    if items > MOST_ITEMS:
        message = f"“{place}” has {items} items; at most {MOST_ITEMS} are allowed."
    elif depth > DEEPEST:
        message = f"“{place[:200]}” is nested too deeply: at most {DEEPEST} levels are allowed."
    if message:
        raise Refusal([{"message": message, "extensions": {"code": "BAD_USER_INPUT", "input": place}}])
