"""Manifests of trusted documents: files that a client's build writes, each document by its id."""

from pathlib import Path
from typing import Any

import orjson

APOLLO = "apollo-persisted-query-manifest"


class Unreadable(ValueError):
    """The file is no manifest; the message says which file and why."""


def read(file: Path) -> dict[str, str]:
    """The texts by id, of one of two shapes.

    {id: text} is what relay-compiler and graphql-codegen write; {format, version, operations: [{id, body,
    name, type}]} is Apollo's.
    """
    try:
        content = orjson.loads(file.read_bytes())
    except OSError as error:
        raise Unreadable(f"The manifest {file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"The manifest {file} is not JSON: {error}") from error
    if type(content) is not dict:
        raise Unreadable(f"The manifest {file} is not a JSON object")
    found = _apollo(file, content) if type(content.get("operations")) is list else content
    for key, text in found.items():
        if type(text) is not str or not key:
            raise Unreadable(f"The manifest {file} does not give a text for the id “{key}”")
    return found


def _apollo(file: Path, content: dict[str, Any]) -> dict[str, Any]:
    if content.get("format") != APOLLO or content.get("version") != 1:
        raise Unreadable(f"The manifest {file} is not of the format {APOLLO}, version 1")
    found: dict[str, Any] = {}
    for entry in content["operations"]:
        key = entry.get("id") if type(entry) is dict else None
        if type(key) is not str or found.setdefault(key, entry.get("body")) != entry.get("body"):
            raise Unreadable(f"The manifest {file} has an operation without an id of its own: {entry}")
    return found
