"""Schemas: JSON Schema (2020-12) of Problem and Plan, made from the dataclasses and their docstrings.

`python -m optimizer.schemas` writes both beside this file; a test holds that they are current.
"""

import ast
import inspect
import json
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from optimizer.plan import Plan
from optimizer.problem import Problem

FOLDER = Path(__file__).parent
TIMES = ("start", "end", "earliest", "latest", "arrive", "due", "leave", "available_from")
COUNTS = ("position", "seat", "most_visits", "customer_value", "minutes")
PRICED = ("price", "total", "lateness", "overtime", "changes", "preferences", "labour", "fairness")
UNITS = (("_seconds", "Seconds."), ("_minutes", "Minutes."), ("location", "An index into `travel_seconds`."))
WORDS = {
    "key": "Unique among its like.",
    "technician": "A technician's key.",
    "visit": "A visit's key.",
    "first": "A visit's key.",
    "second": "A visit's key.",
    "depot": "A depot's key.",
    "parts": "Part → pieces.",
}
"""What plain names mean everywhere."""
PRICES = ("_price", "_penalty", "_weight")

Json = dict[str, Any]


def problem_schema() -> Json:
    """What `Problem.from_json` takes."""
    return _schema(Problem)


def plan_schema() -> Json:
    """What `Plan.to_json` gives and `Plan.from_json` takes."""
    return _schema(Plan)


def text(made: Json) -> str:
    """The schema as it is checked in."""
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def _schema(kind: type) -> Json:
    definitions: Json = {}
    rooted = _record(kind, definitions)
    module = inspect.getdoc(sys.modules[kind.__module__]) or ""
    return rooted | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions,
        "title": kind.__name__,
        "description": f"{module}\n\n{inspect.getdoc(kind)}",
    }


def _record(kind: type, definitions: Json) -> Json:
    hints, words = get_type_hints(kind), _words(kind)
    properties = {
        field.name: _property(field, hints[field.name], words.get(field.name, ""), definitions)
        for field in fields(kind)
    }
    needed = [field.name for field in fields(kind) if _is_needed(field)]
    return {
        "type": "object",
        "description": inspect.getdoc(kind),
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }


def _is_needed(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _property(field: "Field[Any]", hint: Any, words: str, definitions: Json) -> Json:
    """One field: its type, its words with the unit, and what it is where it is left out."""
    found = _type(hint, definitions)
    name = field.name
    if _is_number(hint):
        number = _number(name)
        found = {"anyOf": [number, {"type": "null"}]} if type(None) in get_args(hint) else number
    spoken = [words or WORDS.get(name, ""), _unit(name) if _is_number(hint) else ""]
    found["description"] = " ".join(filter(None, spoken)) or f"{name.replace('_', ' ').capitalize()}."
    if not _is_needed(field) and (field.default is None or isinstance(field.default, int | str)):
        found["default"] = field.default
    return found


def _is_number(hint: Any) -> bool:
    return hint is int or (type(None) in get_args(hint) and int in get_args(hint))


def _number(name: str) -> Json:
    """An int; what counts, lasts or has a price by its name is never below zero."""
    if name == "priority":
        return {"type": "integer", "minimum": 1, "maximum": 4}
    lasts = name.endswith(("_seconds", "_minutes", *PRICES, "location")) or name in {*COUNTS, "seconds"}
    return {"type": "integer", "minimum": 0} if lasts else {"type": "integer"}


def _unit(name: str) -> str:
    if name in TIMES or name.endswith(("_start", "_end")):
        return "Seconds since the Problem's origin."
    if name.endswith("_weight"):
        return "In the currency of all prices, for one of what it weighs."
    if name.endswith(PRICES) or name in PRICED:
        return "In the currency of all prices."
    named = (words for suffix, words in UNITS if name.endswith(suffix) or suffix == f"_{name}")
    return next(named, "")


def _type(hint: Any, definitions: Json) -> Json:
    origin, inside = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return _reference(hint, definitions)
    if origin in {Union, types.UnionType}:
        kept = next(each for each in inside if each is not type(None))
        return {"anyOf": [_type(kept, definitions), {"type": "null"}]}
    if origin is np.ndarray:
        cell = {"type": "integer", "minimum": 0, "maximum": int(np.iinfo(np.int32).max)}
        square = {"type": "array", "items": {"type": "array", "items": cell}}
        return {"anyOf": [square, {"type": "array", "items": square}]}
    if origin is tuple:
        return {"type": "array", "items": _type(inside[0], definitions)}
    if origin is frozenset:
        return {"type": "array", "items": _type(inside[0], definitions), "uniqueItems": True}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(inside[1], definitions)}
    return _leaf(hint)


def _leaf(hint: Any) -> Json:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [each.value for each in hint], "description": inspect.getdoc(hint)}
    if hint is int:
        # In lists and mappings: starts, levels and pieces; faults.py knows which may be below zero.
        return {"type": "integer"}
    return {"type": {str: "string", bool: "boolean"}[hint]}


def _reference(kind: Any, definitions: Json) -> Json:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _record(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


@cache
def _words(kind: type) -> Mapping[str, str]:
    """Field → its docstring, the string below it in the source."""
    body = ast.parse(inspect.getsource(sys.modules[kind.__module__])).body
    rows = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    return {
        above.target.id: " ".join(below.value.value.split())
        for above, below in pairwise(rows)
        if isinstance(above, ast.AnnAssign)
        and isinstance(above.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def write_schemas() -> None:
    """Write problem.schema.json and plan.schema.json beside this module."""
    for name, made in (("problem", problem_schema()), ("plan", plan_schema())):
        (FOLDER / f"{name}.schema.json").write_text(text(made), encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
