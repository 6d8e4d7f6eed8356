"""Patches: what makes one JSON value of another, as RFC 6902 says it, short for what a graph answers.

Objects are compared key by key. A list of objects that have an `id`, or a `node` that has one, is compared by
those: a row that comes, goes or moves is one operation, whatever stands behind it.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

MOST_STEPS = 1_000
"""Where more rows of one list come, go or move it is written anew."""


def between(old: Any, new: Any) -> bytes | None:
    """The operations as a JSON array; None where writing the new value anew is no longer."""
    before, after = orjson.dumps(old), orjson.dumps(new)
    if before == after:
        return b"[]"
    steps = _steps(old, new, "")
    if steps is None:
        return None
    found = b"[" + b",".join(steps) + b"]"
    return found if len(found) < len(after) else None


def _steps(old: Any, new: Any, path: str) -> list[bytes] | None:
    """The operations below a path between two values that differ; None where only a replacement helps."""
    if isinstance(old, dict) and isinstance(new, dict):
        return _of_objects(old, new, path)
    if isinstance(old, list) and isinstance(new, list):
        keys, wanted = _keys(old), _keys(new)
        if keys is not None and wanted is not None:
            return _of_rows(dict(zip(keys, old, strict=True)), dict(zip(wanted, new, strict=True)), path)
        return _of_values(old, new, path)
    return None


def _of_objects(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> list[bytes]:
    steps = [_remove(f"{path}/{_escaped(name)}") for name in old if name not in new]
    for name, value in new.items():
        inner = f"{path}/{_escaped(name)}"
        steps += _changed(old[name], value, inner) if name in old else [_add(inner, orjson.dumps(value))]
    return steps


def _changed(old: Any, new: Any, path: str) -> list[bytes]:
    """What is shorter: the operations within the value, or the value."""
    after = orjson.dumps(new)
    if orjson.dumps(old) == after:
        return []
    steps = _steps(old, new, path)
    whole = b'{"op":"replace","path":%b,"value":%b}' % (orjson.dumps(path), after)
    if steps is None or sum(map(len, steps)) > len(whole):
        return [whole]
    return steps


def _keys(values: Sequence[Any]) -> list[str] | None:
    """By what each object of a list is known; None where some are not, or where two are one."""
    found = [_key(value) for value in values]
    known = [key for key in found if key is not None]
    return known if len(set(known)) == len(values) else None


def _key(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    key = value.get("id")
    node = value.get("node")
    if key is None and isinstance(node, dict):
        key = node.get("id")
    return key if isinstance(key, str) else None


def _of_rows(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> list[bytes] | None:
    """Rows by their keys: those that are gone, from the end; then each where it belongs, from the front."""
    keys = list(old)
    gone = [n for n, key in enumerate(keys) if key not in new]
    steps = [_remove(f"{path}/{n}") for n in reversed(gone)]
    keys = [key for key in keys if key in new]
    staying = _staying(keys, list(new))
    if len(gone) + len(new) - len(staying) > MOST_STEPS:
        return None
    before: str | None = None
    for key, value in new.items():
        if key not in staying:
            came = keys.index(key) if key in old else None
            if came is not None:
                del keys[came]
            place = 0 if before is None else keys.index(before) + 1
            keys.insert(place, key)
            if came is None:
                steps.append(_add(f"{path}/{place}", orjson.dumps(value)))
            elif came != place:
                steps.append(_move(f"{path}/{came}", f"{path}/{place}"))
        before = key
    for n, (key, value) in enumerate(new.items()):
        if key in old:
            steps += _changed(old[key], value, f"{path}/{n}")
    return steps


def _staying(keys: Sequence[str], wanted: Sequence[str]) -> frozenset[str]:
    """The longest part of what is left whose order is that which is wanted: all others move."""
    places = {key: n for n, key in enumerate(wanted)}
    ends: list[int] = []
    """The least place in which a run of each length ends, and the key it ends with."""
    last: list[str] = []
    previous: dict[str, str | None] = {}
    for key in keys:
        length = bisect_left(ends, places[key])
        previous[key] = last[length - 1] if length else None
        ends[length : length + 1] = [places[key]]
        last[length : length + 1] = [key]
    found, key_of = [], last[-1] if last else None
    while key_of is not None:
        found.append(key_of)
        key_of = previous[key_of]
    return frozenset(found)


def _of_values(old: Sequence[Any], new: Sequence[Any], path: str) -> list[bytes]:
    """Values without keys, by their places: what both begin and end with stays."""
    was, becomes = [orjson.dumps(one) for one in old], [orjson.dumps(one) for one in new]
    both = min(len(was), len(becomes))
    front = next((n for n in range(both) if was[n] != becomes[n]), both)
    rest = both - front
    back = next((n for n in range(rest) if was[-1 - n] != becomes[-1 - n]), rest)
    shared = both - back
    steps: list[bytes] = []
    for n in range(front, shared):
        steps += _changed(old[n], new[n], f"{path}/{n}")
    steps += [_remove(f"{path}/{n}") for n in reversed(range(shared, len(old) - back))]
    steps += [_add(f"{path}/{n}", becomes[n]) for n in range(shared, len(new) - back)]
    return steps


def _remove(path: str) -> bytes:
    return b'{"op":"remove","path":%b}' % orjson.dumps(path)


def _add(path: str, value: bytes) -> bytes:
    return b'{"op":"add","path":%b,"value":%b}' % (orjson.dumps(path), value)


def _move(path: str, onto: str) -> bytes:
    return b'{"op":"move","from":%b,"path":%b}' % (orjson.dumps(path), orjson.dumps(onto))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
