"""Broken bonds: rules of facts, crews, dependent visits and of the plan as a whole, each broken once."""

from dataclasses import replace
from typing import Any

from optimizer.plan import Plan, Stop, Unassigned
from optimizer.problem import Dependency, Planned, Problem
from tests.optimizer.plans import ALONE, LEFT_OUT, A, Case, one, plan, route, stop
from tests.optimizer.problems import problem, technician, visit


def fixed_head() -> Case:
    given = problem([technician(fixed=("a",))], [visit(planned=Planned("Ada", 600)), visit("b")])
    right = plan(route("Ada", A, stop("b", 0, 4200)))
    return given, right, plan(route("Ada", stop("b", 600, 600), stop("a", 0, 4200)))


def fixed_is_left_out() -> Case:
    return one({"fixed": ("a",)}, planned=Planned("Ada", 600)), ALONE, LEFT_OUT


def fixed_is_given_away() -> Case:
    given = problem([technician(fixed=("a",)), technician("Bob")], [visit(planned=Planned("Ada", 600))])
    return given, ALONE, plan(route("Bob", A))


def begun_is_moved() -> Case:
    given = replace(one({"fixed": ("a",)}, planned=Planned("Ada", 600)), earliest_start=700)
    return given, ALONE, plan(route("Ada", stop("a", 600, 600, 601)))


def dispatched_is_hurried() -> Case:
    given = one({"fixed": ("a",)}, planned=Planned("Ada", 700))
    return given, plan(route("Ada", stop("a", 600, 600, 700))), ALONE


def after_a_fact() -> Case:
    given = problem([technician(fixed=("a",))], [visit(planned=Planned("Ada", 600)), visit("b")])
    return given, plan(route("Ada", A, stop("b", 0, 4200))), plan(route("Ada", A, stop("b", 0, 4199)))


def crewed(*crew: dict[str, int]) -> Problem:
    rows = [technician(skills={"gas": 2}), technician("Bob", skills={"gas": 1}), technician("Cem")]
    return problem(rows, [visit(skills={"gas": 2}, crew=crew)])


def together(**fields: Any) -> Plan:
    """Ada leads, Bob is with her."""
    return plan(route("Ada", A), route("Bob", replace(A, seat=1, **fields)), route("Cem"))


def crew_is_incomplete() -> Case:
    return crewed({"gas": 1}), together(), ALONE


def crew_has_a_seat_too_many() -> Case:
    right = together()
    return (
        crewed({"gas": 1}),
        right,
        replace(right, routes=(*right.routes[:2], route("Cem", replace(A, seat=2)))),
    )


def crew_shares_a_seat() -> Case:
    right = together()
    return (
        crewed({}, {}),
        plan(*right.routes[:2], route("Cem", replace(A, seat=2))),
        plan(*right.routes[:2], route("Cem", replace(A, seat=1))),
    )


def crew_lacks_a_skill() -> Case:
    return crewed({"gas": 1}), together(), plan(route("Ada", A), route("Cem", replace(A, seat=1)))


def crew_is_one_person_twice() -> Case:
    given = replace(crewed({}), visits=(visit(crew=({},), service_seconds=0),))
    lead = stop("a", 600, 600, end=600)
    right = plan(route("Ada", lead), route("Bob", replace(lead, seat=1)))
    return given, right, plan(route("Ada", lead, Stop("a", 0, 600, 600, 600, 1)))


def crew_does_not_start_together() -> Case:
    return crewed({"gas": 1}), together(), together(start=601, end=4201)


def crew_has_a_forbidden_member() -> Case:
    given = crewed({})
    given = replace(given, visits=(replace(given.visits[0], forbidden=frozenset({"Cem"})),))
    return given, together(), plan(route("Ada", A), route("Cem", replace(A, seat=1)))


def seat_without_a_crew() -> Case:
    return one(), ALONE, plan(route("Ada", replace(A, seat=1)))


def dependent(**fields: Any) -> Problem:
    given = problem([technician(), technician("Bob")], [visit("a"), visit("b")])
    return replace(given, dependencies=(Dependency(first="a", second="b", **fields),), day_starts=(0, 5000))


def pair(start: int) -> Plan:
    """Ada serves a until 4,200, Bob b from then on."""
    return plan(route("Ada", A), route("Bob", stop("b", 600, start)))


def gap_is_too_short() -> Case:
    return dependent(gap_seconds=100), pair(4300), pair(4299)


def gap_is_too_long() -> Case:
    return dependent(longest_gap_seconds=100), pair(4300), pair(4301)


def another_day() -> Case:
    return dependent(same_day=True), pair(4999), pair(5000)


def first_is_left_out() -> Case:
    only = plan(route("Ada"), route("Bob", stop("b", 600, 600)), out=("a",))
    return dependent(), plan(route("Ada", A), out=("b",)), only


def visit_twice() -> Case:
    given = problem([technician(), technician("Bob")], [visit()])
    return given, ALONE, plan(route("Ada", A), route("Bob", A))


def visit_in_and_out() -> Case:
    return one(), ALONE, replace(ALONE, unassigned=(Unassigned("a"),))


def visit_out_twice() -> Case:
    return one(), LEFT_OUT, plan(route("Ada"), out=("a", "a"))


def visit_nowhere() -> Case:
    return one(), LEFT_OUT, plan(route("Ada"))


def visit_of_another_problem() -> Case:
    return one(), ALONE, plan(route("Ada", A, stop("z", 0, 4200)))


def stranger() -> Case:
    return one(), ALONE, plan(route("Eve", A))


def two_routes() -> Case:
    return one(), ALONE, plan(route("Ada", A), route("Ada"))
