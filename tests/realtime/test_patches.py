"""Patches: applied to the old value they give the new one exactly, and a row is one operation."""

import random
from typing import Any

import jsonpatch
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime import patches

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | st.text('ab~/"é', max_size=3)
NAMES = st.sampled_from(["a", "b", "id", "node", "x/y", "x~y", "", "0"])
KEYS = st.sampled_from([f"k{n}" for n in range(8)])
ROWS = st.lists(KEYS, unique=True, max_size=8)


def rows(values: Any) -> Any:
    def row(key: str) -> Any:
        plain = st.fixed_dictionaries({"id": st.just(key), "name": values})
        return plain | st.fixed_dictionaries({"cursor": values, "node": plain})

    return ROWS.flatmap(lambda keys: st.tuples(*map(row, keys)).map(list))


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4) | rows(inner),
    max_leaves=20,
)


def applied(old: Any, found: bytes) -> Any:
    return jsonpatch.apply_patch(orjson.loads(orjson.dumps(old)), orjson.loads(found))


def same(one: Any, other: Any) -> bool:
    """As JSON, where true is not 1."""
    option = orjson.OPT_SORT_KEYS
    return orjson.dumps(one, option=option) == orjson.dumps(other, option=option)


@settings(max_examples=400, deadline=None)
@given(VALUES, VALUES)
def test_the_new_value_comes_of_the_old(old: Any, new: Any) -> None:
    found = patches.between(old, new)
    if found is not None:
        assert same(applied(old, found), new)
        assert len(found) < max(3, len(orjson.dumps(new)))


@settings(max_examples=400, deadline=None)
@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_rows_come_go_and_move(before: list[str], after: list[str], chance: random.Random) -> None:
    def row(key: str) -> dict[str, Any]:
        return {"id": key, "name": chance.choice("xy"), "padding": "-" * 300}

    old = {"rows": [row(key) for key in before], "n": 1}
    new = {"rows": [row(key) for key in after], "n": 1}
    found = patches.between(old, new)
    if found is not None:
        assert same(applied(old, found), new)
        operations = orjson.loads(found)
        kinds = [one["op"] for one in operations]
        assert kinds.count("add") == len(set(after) - set(before)) or "replace" in kinds


def board(number: int = 500) -> dict[str, Any]:
    return {"visits": {"totalCount": number, "edges": [edge(n) for n in range(number)]}}


def edge(n: int) -> dict[str, Any]:
    visit = {
        "id": f"vis1_{n:08}",
        "state": "SCHEDULED",
        "planned": {"start": f"2026-11-23T{n % 24:02}:00:00Z", "end": None},
        "site": {"id": f"sit1_{n % 90}", "name": f"Site {n % 90}", "timeZone": "Europe/Helsinki"},
        "assignments": [{"id": f"asg1_{n}", "technician": {"id": f"tec1_{n % 40}", "name": f"T {n % 40}"}}],
    }
    return {"cursor": f"c{n}", "node": visit}


def test_a_row_that_comes_is_one_operation() -> None:
    old, new = board(), board()
    new["visits"]["edges"].insert(200, edge(9_000))
    new["visits"]["totalCount"] = 501
    found = orjson.loads(patches.between(old, new) or b"")
    assert found == [
        {"op": "replace", "path": "/visits/totalCount", "value": 501},
        {"op": "add", "path": "/visits/edges/200", "value": edge(9_000)},
    ]


def test_a_row_that_goes_is_one_operation() -> None:
    old, new = board(), board()
    del new["visits"]["edges"][200]
    found = orjson.loads(patches.between(old, new) or b"")
    assert found == [{"op": "remove", "path": "/visits/edges/200"}]


@pytest.mark.parametrize(("came", "place"), [(0, 499), (499, 0), (200, 300)])
def test_a_row_that_moves_is_one_operation(came: int, place: int) -> None:
    old, new = board(), board()
    new["visits"]["edges"].insert(place, new["visits"]["edges"].pop(came))
    found = orjson.loads(patches.between(old, new) or b"")
    assert found == [{"op": "move", "from": f"/visits/edges/{came}", "path": f"/visits/edges/{place}"}]


def test_what_changes_within_a_row_is_told_by_its_field() -> None:
    old, new = board(), board()
    new["visits"]["edges"][7]["node"]["state"] = "DISPATCHED"
    found = orjson.loads(patches.between(old, new) or b"")
    assert found == [{"op": "replace", "path": "/visits/edges/7/node/state", "value": "DISPATCHED"}]


def test_true_is_not_one() -> None:
    old, new = {"padding": "-" * 100, "a": 1}, {"padding": "-" * 100, "a": True}
    assert orjson.loads(patches.between(old, new) or b"") == [{"op": "replace", "path": "/a", "value": True}]


def test_what_is_no_shorter_is_written_anew() -> None:
    assert patches.between({"a": 1}, {"a": 2}) is None
    assert patches.between({"a": 1}, {"a": 1}) == b"[]"
    old, new = board(20), board(20)
    for one in new["visits"]["edges"]:
        one["node"] = dict.fromkeys(one["node"])
    assert patches.between(old, new) is None
