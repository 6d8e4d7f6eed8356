"""Texts: dataclasses to JSON and back by their declared types, equal values to equal bytes."""

import json
import reprlib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

Value = TypeVar("Value")


def write(value: Any) -> str:
    """The value as JSON: sorted keys, no white space."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def read(kind: type[Value], text: str) -> Value:
    """A value of that dataclass; ValueError names the place in the text that does not fit its type."""
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{kind.__name__} is nested too deeply") from error
    found: Value = _value(kind, data, kind.__name__)
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.integer):
        return int(value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, data: Any, where: str) -> Any:
    """The data as a value of that type."""
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record(kind, data, where)
    if origin in {Union, types.UnionType}:
        kind = next(each for each in inside if each is not type(None))
        return None if data is None else _value(kind, data, where)
    if origin is np.ndarray:
        return _array(data, where)
    if origin is tuple:
        rows = _of(list, data, where)
        return tuple(_value(inside[0], row, f"{where}[{place}]") for place, row in enumerate(rows))
    if origin is frozenset:
        return frozenset(_value(inside[0], row, where) for row in _of(list, data, where))
    if origin is Mapping:
        return {key: _value(inside[1], row, f"{where}.{key}") for key, row in _of(dict, data, where).items()}
    return _leaf(kind, data, where)


def _leaf(kind: Any, data: Any, where: str) -> Any:
    if get_origin(kind) is Literal:
        if data not in get_args(kind):
            raise ValueError(f"{where} is {_shown(data)}, known are {', '.join(map(str, get_args(kind)))}")
        return data
    if isinstance(kind, type) and issubclass(kind, Enum):
        known = [each.value for each in kind]
        if data not in known:
            raise ValueError(f"{where} is {_shown(data)}, known are {', '.join(known)}")
        return kind(data)
    return _of(kind, data, where)


def _shown(data: Any) -> str:
    """What was read, cut short: it may be megabytes."""
    return reprlib.repr(data)


def _of(kind: type, data: Any, where: str) -> Any:
    # JSON's true is Python's True, which would pass for the int 1.
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise ValueError(f"{where} is {_shown(data)}, not {kind.__name__}")
    return data


def _record(kind: Any, data: Any, where: str) -> Any:
    hints = _hints(kind)
    row = _of(dict, data, where)
    unknown = sorted(set(row) - set(hints))
    if unknown:
        raise ValueError(f"{where} has the unknown field {unknown[0]}")
    for field in fields(kind):
        if field.name not in row and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{where} lacks the field {field.name}")
    return kind(**{name: _value(hints[name], item, f"{where}.{name}") for name, item in row.items()})


def _array(data: Any, where: str) -> Any:
    """Rows of int seconds, or slices of rows; numpy itself would take "5", 1.5 and true for ints."""
    rows = _rows(data, where)
    if any(isinstance(cell, list) for row in rows for cell in row[:1]):
        rows = [row for part in rows for row in _rows(part, where)]
    strange = sorted({type(cell).__name__ for row in rows for cell in row} - {"int"})
    if strange:
        raise ValueError(f"{where} has a {strange[0]} where int seconds are needed")
    try:
        found = np.array(data, dtype=np.int32)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{where} is not an array of int seconds: {error}") from error
    return found.reshape(0, 0) if found.size == 0 else found


def _rows(data: Any, where: str) -> list[list[Any]]:
    return [_of(list, row, f"{where}[{place}]") for place, row in enumerate(_of(list, data, where))]
