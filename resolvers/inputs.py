"""Inputs: what the fields of an input say about columns, apart from what they leave out."""

from collections.abc import Mapping
from typing import Any

from strawberry import UNSET


def told(given: object, *columns: str) -> dict[str, Any]:
    """By column, the fields that were given, null included; an absent one says nothing."""
    values: Mapping[str, Any] = vars(given)
    return {column: values[column] for column in columns if values[column] is not UNSET}


def stated(given: object, *columns: str) -> dict[str, Any]:
    """By column, the fields of something new that were given; null leaves it to the default."""
    return {column: value for column, value in told(given, *columns).items() if value is not None}
