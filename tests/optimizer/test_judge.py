"""The judge: each rule broken by hand is named, each price added up by hand."""

from dataclasses import replace
from typing import Any

import pytest

from optimizer.judge import score, violations
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Break, Planned, Policy, Problem, Window
from tests.optimizer import broken_supplies
from tests.optimizer.plans import ALONE, LEFT_OUT, A, plan, route, stop
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


def one_priced(policy: Policy, *, ada: dict[str, Any] | None = None, **fields: Any) -> Objective:
    """What the plan costs in which Ada drives 600 s to an hour at `a` and 600 s home, leaving at 0."""
    return score(problem([technician(**ada or {})], [visit(**fields)], policy=policy), ALONE)


FREE = Policy(travel_weight=0, overtime_weight=0)


def test_hours_are_paid_to_the_second_and_rounded_down_and_the_shift_once() -> None:
    # 4,800 s at 100 an hour are 133.33.
    assert one_priced(FREE, ada={"hourly_price": 100, "shift_price": 7}).labour == 140
    late = replace(ALONE, routes=(replace(ALONE.routes[0], end=4859),))
    paid = problem([technician(hourly_price=100)], [visit()], policy=FREE)
    assert (score(paid, late).labour, score(paid, late).total) == (134, 134)


def test_a_route_without_stops_is_not_paid_for() -> None:
    given = problem([technician(hourly_price=100, shift_price=7)], [visit(unassigned_penalty=5)], policy=FREE)

    assert score(given, LEFT_OUT) == Objective(5, 0, 0, 0, 5, 0)


def test_fairness_squares_the_whole_minutes_of_travel_and_service() -> None:
    # 80 minutes: 9 x 6,400 / 3,600.
    assert one_priced(replace(FREE, fairness_weight=9)).fairness == 16
    # 80 minutes and 59 seconds are 80 minutes.
    assert one_priced(replace(FREE, fairness_weight=1)).fairness == 1
    longer = problem([technician()], [visit(service_seconds=3659)], policy=replace(FREE, fairness_weight=9))
    assert score(longer, plan(route("Ada", stop("a", 600, 600, end=4259)))).fairness == 16


def test_the_stop_at_a_depot_is_travel_and_work() -> None:
    given = replace(broken_supplies.supplied(), policy=replace(FREE, travel_weight=3, fairness_weight=36))

    found = score(given, broken_supplies.fetched())

    # 600 s to the hub, 600 s on, 600 s home; 300 s at the hub and 3,600 s at a: 95 minutes.
    assert (found.travel_seconds, found.fairness, found.total) == (1800, 90, 5490)


def test_who_is_not_preferred_and_where_they_do_not_belong_costs_once_each() -> None:
    policy = replace(FREE, not_preferred_price=30, outside_territory_price=400)
    others: dict[str, Any] = {"preferred": frozenset({"Bob"}), "territory": "north"}
    ours: dict[str, Any] = {"preferred": frozenset({"Bob", "Ada"}), "territory": "north"}

    assert one_priced(policy, **others).preferences == 430
    assert one_priced(policy, **ours, ada={"territories": frozenset({"north"})}).preferences == 0
    assert one_priced(policy).preferences == 0


def test_a_visit_left_out_costs_its_penalty_and_its_customer() -> None:
    given = problem(
        [technician()],
        [visit(unassigned_penalty=1000, customer_value=7)],
        policy=Policy(customer_value_weight=11),
    )

    assert score(given, LEFT_OUT).unassigned_penalty == 1077


def test_a_crew_is_late_changed_and_not_preferred_once_but_each_drives_and_is_paid() -> None:
    policy = Policy(change_technician_price=50, not_preferred_price=30, change_start_price=9)
    given = problem(
        [technician(shift_price=1), technician("Bob", shift_price=2)],
        [
            visit(
                crew=({},),
                due=500,
                lateness_weight=2,
                planned=Planned("Cem", 5000),
                preferred=frozenset({"Cem"}),
            )
        ],
        policy=policy,
    )
    both = plan(route("Ada", A), route("Bob", replace(A, seat=1)))

    assert score(given, both) == Objective(
        total=2400 + 200 + 59 + 30 + 3,
        travel_seconds=2400,
        lateness=200,
        overtime=0,
        unassigned_penalty=0,
        changes=59,
        preferences=30,
        labour=3,
        fairness=0,
    )


def test_a_plan_that_does_not_say_when_it_leaves_leaves_with_its_first_way() -> None:
    given = problem([technician(hourly_price=3600)], [visit()], policy=FREE)
    silent = plan(route("Ada", stop("a", 600, 700), leave=None))

    assert score(given, silent).labour == 4800
    assert score(given, plan(route("Ada", stop("a", 600, 700), leave=0))).labour == 4900
