"""The judge: each rule broken by hand is named, each price added up by hand."""

from dataclasses import replace

import pytest

from optimizer.judge import score, violations
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Break, Planned, Policy, Problem, Window
from tests.optimizer.problems import HOUR, problem, technician, visit

NOTHING = Objective(0, 0, 0, 0, 0, 0)


def given() -> Problem:
    return problem(
        [
            technician(
                lunch=Break(HOUR, 2 * HOUR, 1800), skills={"gas": 2}, stock={"valve": 1}, shift_end=12_000
            )
        ],
        [
            visit(
                "a",
                skills={"gas": 2},
                parts={"valve": 1},
                windows=(Window(0, 900),),
                due=500,
                lateness_weight=3,
            ),
            visit("b", planned=Planned("Bob", 0), unassigned_penalty=700),
        ],
        policy=Policy(change_technician_price=50, change_start_price=7, overtime_weight=2),
    )


def planned(**fields: object) -> Plan:
    route = Route("Ada", (Stop("a", 600, 600, 600, 4200),), 4200, 600, 6600)
    return Plan((replace(route, **fields),), (Unassigned("b"),), NOTHING)  # type: ignore[arg-type]  # by name


def test_a_plan_is_scored_by_its_own_times() -> None:
    assert score(given(), planned()) == Objective(
        total=1200 + 300 + 700,
        travel_seconds=1200,
        lateness=300,
        overtime=0,
        unassigned_penalty=700,
        changes=0,
    )


def test_overtime_and_changes_are_priced() -> None:
    problem = replace(given(), technicians=(replace(given().technicians[0], overtime_limit_seconds=HOUR),))
    stops = (Stop("a", 600, 600, 600, 4200), Stop("b", 0, 4200, 6000, 9600))
    plan = Plan((Route("Ada", stops, 4200, 600, 12_500),), (), NOTHING)

    assert score(problem, plan) == Objective(
        total=1200 + 300 + 1000 + 57,
        travel_seconds=1200,
        lateness=300,
        overtime=1000,
        unassigned_penalty=0,
        changes=57,
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"stops": (Stop("a", 600, 600, 901, 4501),), "end": 7000}, "outside every window"),
        ({"stops": (Stop("a", 500, 600, 600, 4200),)}, "takes 600 s, the plan says 500"),
        ({"stops": (Stop("a", 600, 599, 600, 4200),)}, "starts at -1, before 0"),
        ({"stops": (Stop("a", 600, 601, 600, 4200),)}, "before the arrival"),
        ({"stops": (Stop("a", 600, 600, 600, 4100),)}, "served 3500 s instead of 3600"),
        ({"lunch_start": None, "end": 7300}, "no lunch"),
        ({"lunch_start": 3900}, "meets travel or service"),
        ({"lunch_start": 7201, "end": 20_000}, "lunch starts at 7201"),
        ({"end": 4700}, "cannot end at 4700"),
        ({"end": 12_001}, "the limit is 12000"),
        ({"return_travel_seconds": 0}, "the return takes 600"),
        ({"technician": "Eve"}, "no technician of the problem"),
        ({"stops": (), "return_travel_seconds": 0}, "neither assigned nor unassigned"),
    ],
)
def test_each_broken_rule_is_named(fields: dict[str, object], sentence: str) -> None:
    assert list(violations(given(), planned())) == []

    broken = planned(**fields)

    assert any(sentence in fault for fault in violations(given(), broken))
    with pytest.raises(ValueError, match=r"\w+"):
        score(given(), broken)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"skills": {"gas": 3}}, "needs skill gas at level 3, the technician has 2"),
        ({"parts": {"valve": 2}}, "need 2 of part valve, the van has 1"),
        ({"forbidden": frozenset({"Ada"})}, "forbidden"),
        ({"planned": Planned("Bob", 600), "pin": "TECHNICIAN"}, "pinned to technician Bob"),
        ({"planned": Planned("Ada", 700), "pin": "TIME"}, "pinned to the start 700"),
    ],
)
def test_each_rule_between_two_is_named(change: dict[str, object], sentence: str) -> None:
    problem = given()
    first, second = problem.visits
    harder = replace(problem, visits=(replace(first, **change), second))  # type: ignore[arg-type]  # by name

    assert any(sentence in fault for fault in violations(harder, planned()))


def test_a_fixed_visit_must_stay_at_the_head() -> None:
    problem = given()
    fixed = replace(problem, technicians=(replace(problem.technicians[0], fixed=("b",)),))

    assert any("must begin with the fixed visits ('b',)" in fault for fault in violations(fixed, planned()))
    assert any(
        "started or dispatched by Ada and is not there" in fault for fault in violations(fixed, planned())
    )
