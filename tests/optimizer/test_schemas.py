"""The JSON Schemas: current, in words, true of every text, and false of what the reader refuses."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import schemas
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.search import solve
from tests.optimizer.drawn import Drawn
from tests.optimizer.problems import problem, random_problem, technician, visit

PROBLEM = jsonschema_rs.Draft202012Validator(schemas.problem_schema())
PLAN = jsonschema_rs.Draft202012Validator(schemas.plan_schema())


@pytest.mark.parametrize("name", ["problem", "plan"])
def test_the_checked_in_schema_is_current(name: str) -> None:
    made = {"problem": schemas.problem_schema, "plan": schemas.plan_schema}[name]()

    checked_in = (schemas.FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")

    assert checked_in == schemas.text(made), "write them again: python -m optimizer.schemas"


def properties(made: Any) -> Iterator[tuple[str, Any]]:
    for row in (made, *made["$defs"].values()):
        yield from row["properties"].items()


def test_every_field_is_described_and_every_time_has_its_unit() -> None:
    rows = [*properties(schemas.problem_schema()), *properties(schemas.plan_schema())]

    assert [name for name, row in rows if not row["description"]] == []
    units = {name: row["description"] for name, row in rows}
    assert units["longest_seconds"].endswith("None: no limit. Seconds.")
    assert units["arrive"] == "Seconds since the Problem's origin."
    assert units["hourly_price"].endswith("rounded down. In the currency of all prices.")
    assert units["location"] == "An index into `travel_seconds`."


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_drawn_problems_and_plans_are_by_their_schemas(seed: int) -> None:
    drawn = Drawn(seed)

    PROBLEM.validate(json.loads(drawn.problem.to_json()))
    PLAN.validate(json.loads(drawn.plan.to_json()))


def test_what_the_search_takes_and_gives_is_by_the_schemas() -> None:
    given = random_problem(3, technicians=2, visits=6)

    PROBLEM.validate(json.loads(given.to_json()))
    PLAN.validate(json.loads(solve(given, seconds=None, iterations=5).to_json()))


def smallest() -> dict[str, Any]:
    """A problem's text with nothing in it that need not be there."""
    ada = {"key": "Ada", "start_location": 0, "end_location": 0, "shift_start": 0, "shift_end": 28_800}
    return {
        "technicians": [ada],
        "visits": [{"key": "a", "location": 1, "service_seconds": 3600}],
        "travel_seconds": [[0, 600], [600, 0]],
    }


def test_what_may_be_left_out_is_what_it_is_in_the_dataclass() -> None:
    PROBLEM.validate(smallest())

    read = Problem.from_json(json.dumps(smallest()))

    assert read.to_json() == problem([technician()], [visit()]).to_json()


BROKEN: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("visits", 0, "priority"), "high", "Problem.visits[0].priority is 'high', not int"),
    (("visits", 0, "pin"), "DAY", "Problem.visits[0].pin is 'DAY', known are TECHNICIAN, TIME, BOTH"),
    (("visits", 0, "colour"), "red", "Problem.visits[0] has the unknown field colour"),
    (("visits", 0, "crew"), [{"gas": "2"}], "Problem.visits[0].crew[0].gas is '2', not int"),
    (("visits", 0, "windows"), [{"start": 1}], "Problem.visits[0].windows[0] lacks the field end"),
    (("visits", 0), "a", "Problem.visits[0] is 'a', not dict"),
    (("technicians", 0, "shift_end"), None, "Problem.technicians[0].shift_end is None, not int"),
    (("technicians", 0, "absences"), {}, "Problem.technicians[0].absences is {}, not list"),
    (("technicians", 0, "lunch"), [1, 2, 3], "Problem.technicians[0].lunch is [1, 2, 3], not dict"),
    (("policy",), None, "Problem.policy is None, not dict"),
    (("dependencies",), [{"first": "a", "second": 2}], "Problem.dependencies[0].second is 2, not str"),
    (("depots",), [{"key": "hub", "location": True}], "Problem.depots[0].location is True, not int"),
    (("travel_slices",), ["0"], "Problem.travel_slices[0] is '0', not int"),
    (("travel_seconds",), [[0, 1.5]], "Problem.travel_seconds has a float where int seconds are needed"),
    (("travel_seconds",), [[0, "5"]], "Problem.travel_seconds has a str where int seconds are needed"),
    (("travel_seconds",), [[[0], [True]]], "Problem.travel_seconds has a bool where int seconds are needed"),
    (("travel_seconds",), [[0], 5], "Problem.travel_seconds[1] is 5, not list"),
    (("travel_seconds",), [[1 << 31]], "Problem.travel_seconds is not an array of int seconds"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), BROKEN)
def test_a_broken_text_is_refused_by_schema_and_reader_alike(
    path: tuple[str | int, ...], value: Any, sentence: str
) -> None:
    text: Any = smallest()
    inside = text
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value

    assert not PROBLEM.is_valid(text)
    with pytest.raises(ValueError, match=r"^Problem") as caught:
        Problem.from_json(json.dumps(text))
    assert str(caught.value).startswith(sentence)


def test_a_broken_plan_is_refused_by_schema_and_reader_alike() -> None:
    text = json.loads(Drawn(1).plan.to_json())
    text["unassigned"] = [{"visit": "a", "reasons": [{"code": "BORED", "message": "no"}]}]

    assert not PLAN.is_valid(text)
    with pytest.raises(
        ValueError, match=r"Plan.unassigned\[0\].reasons\[0\].code is 'BORED', known are MISS"
    ):
        Plan.from_json(json.dumps(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"visits":' * 100_000,
        "[]",
        "null",
        "1" * 5000,
        "NaN",
        '{"technicians": [], "visits": [], "travel_seconds": ' + "[" * 90 + "]" * 90 + "}",
        '{"technicians": [], "visits": [], "travel_seconds": [[1' + "0" * 4000 + "]]}",
        '{"technicians": [], "visits": [], "travel_seconds": [[NaN]]}',
        '{"technicians": [], "visits": [], "travel_seconds": [[[1], [2, 3]]]}',
    ],
)
def test_a_text_that_is_too_deep_too_large_or_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        Problem.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["key", "start", "visit", "gas"]), inner),
)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(schemas.problem_schema()["properties"])), value=JSON)
def test_no_json_however_wild_is_anything_but_read_and_checked_or_a_value_error(
    name: str, value: Any
) -> None:
    text = json.dumps(smallest() | {name: value})

    # What is read must be malformed in words or be written again as it was read.
    with suppress(ValueError):
        read = Problem.from_json(text)
        read.check()
        assert Problem.from_json(read.to_json()).to_json() == read.to_json()
