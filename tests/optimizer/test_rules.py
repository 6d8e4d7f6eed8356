"""Each hard rule broken on purpose: judge and validator catch it alike, each alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.judge import violations
from optimizer.plan import Objective, Plan, Restock, Route, Stop, Unassigned
from optimizer.problem import Absence, Break, Dependency, Depot, Planned, Policy, Problem, Window
from optimizer.validator import validate
from tests.optimizer.problems import HOUR, problem, technician, visit

NOTHING = Objective(0, 0, 0, 0, 0, 0)
Case = tuple[Problem, Plan, Plan]
"""A problem, a plan that keeps every rule, and one that breaks one."""


def stop(key: str, travel: int, arrive: int, start: int | None = None, **fields: Any) -> Stop:
    """An hour of service at once, unless it is said otherwise."""
    begins = arrive if start is None else start
    row = {"end": begins + HOUR, "seat": 0} | fields
    return Stop(key, travel, arrive, begins, row["end"], row["seat"])


def route(key: str = "Ada", *stops: Stop, **fields: Any) -> Route:
    """A route that leaves for its first stop and goes 600 s home, unless it is said otherwise."""
    if not stops:
        return Route(key)
    row: dict[str, Any] = {"leave": stops[0].arrive - stops[0].travel_seconds, "return_travel_seconds": 600}
    row |= fields
    row.setdefault("end", stops[-1].end + row["return_travel_seconds"])
    return Route(key, stops, **row)


def plan(*routes: Route, out: tuple[str, ...] = ()) -> Plan:
    return Plan(routes, tuple(Unassigned(key) for key in out), NOTHING)


A = stop("a", 600, 600)
ALONE = plan(route("Ada", A))
LEFT_OUT = plan(route("Ada"), out=("a",))


def one(fields: dict[str, Any] | None = None, **more: Any) -> Problem:
    """Ada and visit a, 600 s away; `fields` are the technician's, the others the visit's."""
    return problem([technician(**fields or {})], [visit(**more)])


def skill_level() -> Case:
    given = problem(
        [technician(skills={"gas": 2}), technician("Bob", skills={"gas": 1})], [visit(skills={"gas": 2})]
    )
    return given, ALONE, plan(route("Bob", A))


def skill_missing() -> Case:
    given = problem([technician(skills={"gas": 0}), technician("Bob")], [visit(skills={"gas": 0})])
    return given, ALONE, plan(route("Bob", A))


def certificate_at_the_start() -> Case:
    given = one({"skills": {"gas": 1}, "certified_until": {"gas": 600}}, skills={"gas": 1})
    return given, ALONE, plan(route("Ada", stop("a", 600, 601)))


def shift_start() -> Case:
    return one({"shift_start": 100}), plan(route("Ada", stop("a", 600, 700))), ALONE


def available_from() -> Case:
    return one({"available_from": 100}), plan(route("Ada", stop("a", 600, 700))), ALONE


def now() -> Case:
    return replace(one(), earliest_start=100), plan(route("Ada", stop("a", 600, 700))), ALONE


def overtime_limit() -> Case:
    given = one({"shift_end": 4800, "overtime_limit_seconds": 100})
    return given, plan(route("Ada", stop("a", 600, 700))), plan(route("Ada", stop("a", 600, 701)))


def longest_seconds() -> Case:
    given = one({"longest_seconds": 4800})
    return (
        given,
        plan(route("Ada", stop("a", 600, 900), leave=300)),
        plan(route("Ada", stop("a", 600, 901), leave=300)),
    )


def most_visits() -> Case:
    given = problem([technician(most_visits=1)], [visit("a"), visit("b")])
    both = plan(route("Ada", A, stop("b", 0, 4200)))
    return given, plan(route("Ada", A), out=("b",)), both


def absence_meets_service() -> Case:
    given = one({"absences": (Absence(4100, 4200),)})
    return given, plan(route("Ada", stop("a", 600, 600, 4200))), ALONE


def absence_meets_way() -> Case:
    given = one({"absences": (Absence(100, 200),)})
    return given, plan(route("Ada", stop("a", 600, 800))), plan(route("Ada", stop("a", 600, 799)))


def absence_meets_return() -> Case:
    given = one({"absences": (Absence(4200, 4300),)})
    return given, plan(route("Ada", A, end=4900)), ALONE


def absence_meets_restock() -> Case:
    given = replace(supplied(), technicians=(technician(absences=(Absence(700, 800),)),))
    taken = Restock("hub", 0, 600, 600, 1100, {"valve": 1})
    first = stop("a", 600, 1700)
    return given, plan(route("Ada", first, restock=taken, leave=0)), fetched()


def lunch_owed() -> Case:
    given = one({"lunch": Break(HOUR, 4500, 600)})
    return given, plan(route("Ada", A, lunch_start=4200, end=5400)), ALONE


def lunch_late() -> Case:
    given = one({"lunch": Break(HOUR, 4500, 600)})
    late = plan(route("Ada", A, lunch_start=4501, end=5701))
    return given, plan(route("Ada", A, lunch_start=4500, end=5700)), late


def lunch_early() -> Case:
    given = one({"lunch": Break(100, 4500, 600)})
    first = stop("a", 600, 1300)
    return given, plan(route("Ada", first, lunch_start=100)), plan(route("Ada", first, lunch_start=99))


def lunch_before_the_shift() -> Case:
    given = one({"lunch": Break(0, 4500, 600), "shift_start": 100})
    first = stop("a", 600, 1300)
    return given, plan(route("Ada", first, lunch_start=100)), plan(route("Ada", first, lunch_start=99))


def lunch_meets_way() -> Case:
    given = one({"lunch": Break(0, 4500, 600)})
    right = plan(route("Ada", stop("a", 600, 1200), lunch_start=0, leave=0))
    return given, right, plan(route("Ada", stop("a", 600, 1199), lunch_start=0, leave=0))


def lunch_meets_service() -> Case:
    given = one({"lunch": Break(0, 4500, 600)})
    right = plan(route("Ada", stop("a", 600, 600, 1200), lunch_start=600))
    return given, right, plan(route("Ada", stop("a", 600, 600, 1199), lunch_start=600))


def lunch_meets_return() -> Case:
    given = one({"lunch": Break(0, 4500, 600)})
    return (
        given,
        plan(route("Ada", A, lunch_start=4200, end=5400)),
        plan(route("Ada", A, lunch_start=4200, end=5399)),
    )


def window_between_two() -> Case:
    given = one(windows=(Window(0, 700), Window(900, 1000)))
    return given, plan(route("Ada", stop("a", 600, 600, 900))), plan(route("Ada", stop("a", 600, 600, 800)))


def window_is_over() -> Case:
    given = one(windows=(Window(0, 600),))
    return given, ALONE, plan(route("Ada", stop("a", 600, 600, 601)))


def forbidden() -> Case:
    given = problem([technician(), technician("Bob")], [visit(forbidden=frozenset({"Bob", "Eve"}))])
    return given, ALONE, plan(route("Bob", A))


def territory() -> Case:
    given = problem(
        [technician(territories=frozenset({"north"})), technician("Bob", territories=frozenset({"south"}))],
        [visit(territory="north")],
        policy=Policy(outside_territory_price=None),
    )
    return given, ALONE, plan(route("Bob", A))


def pinned_technician() -> Case:
    given = problem([technician(), technician("Bob")], [visit(planned=Planned("Ada", 0), pin="TECHNICIAN")])
    return given, ALONE, plan(route("Bob", A))


def pinned_time() -> Case:
    given = one(planned=Planned("Eve", 700), pin="TIME", windows=(Window(0, 600),))
    return given, plan(route("Ada", stop("a", 600, 600, 700))), ALONE


def pinned_both() -> Case:
    given = problem([technician(), technician("Bob")], [visit(planned=Planned("Ada", 600), pin="BOTH")])
    return given, ALONE, plan(route("Bob", A))


def van_stock() -> Case:
    given = problem(
        [technician(stock={"valve": 1})], [visit(parts={"valve": 1}), visit("b", parts={"valve": 1})]
    )
    both = plan(route("Ada", A, stop("b", 0, 4200)))
    return given, plan(route("Ada", A), out=("b",)), both


def facts_use_parts_up() -> Case:
    given = problem(
        [technician(stock={"valve": 1}, fixed=("a",))],
        [visit(parts={"valve": 1}, planned=Planned("Ada", 600)), visit("b", parts={"valve": 1})],
    )
    both = plan(route("Ada", A, stop("b", 0, 4200)))
    return given, plan(route("Ada", A), out=("b",)), both


def tool() -> Case:
    given = problem(
        [technician(tools=frozenset({"pump"})), technician("Bob")], [visit(tools=frozenset({"pump"}))]
    )
    return given, ALONE, plan(route("Bob", A))


def supplied(**fields: Any) -> Problem:
    """A visit that needs a valve and a pump, which only the hub has, 600 s from everywhere."""
    row: dict[str, Any] = {
        "stock": {"valve": 1},
        "service_seconds": 300,
        "tools": frozenset({"pump"}),
    } | fields
    given = one(parts={"valve": 1})
    return replace(
        given,
        travel_seconds=np.array([[0, 600, 600], [600, 0, 600], [600, 600, 0]], np.int32),
        depots=(Depot(key="hub", location=2, **row),),
    )


def fetched(taken: Restock | None = None, first: Stop | None = None, **fields: Any) -> Plan:
    """Ada takes the valve at the hub, then serves a."""
    restock = Restock("hub", 0, 600, 600, 900, {"valve": 1}) if taken is None else taken
    return plan(
        route("Ada", stop("a", 600, 1500) if first is None else first, restock=restock, leave=0, **fields)
    )


def restocked(**fields: Any) -> Plan:
    """The same with a stop at the hub that is not quite so."""
    return fetched(replace(Restock("hub", 0, 600, 600, 900, {"valve": 1}), **fields))


def unknown_depot() -> Case:
    return supplied(), fetched(), restocked(depot="pub")


def restock_is_too_short() -> Case:
    return supplied(), fetched(), restocked(end=899)


def restock_is_no_time_travel() -> Case:
    return supplied(), fetched(), fetched(first=stop("a", 600, 1499))


def way_to_the_depot() -> Case:
    return supplied(), fetched(), restocked(travel_seconds=599)


def depot_stock_is_shared() -> Case:
    given = supplied()
    given = replace(
        given,
        technicians=(*given.technicians, technician("Bob")),
        visits=(*given.visits, visit("b", parts={"valve": 1})),
    )
    taken = Restock("hub", 0, 600, 600, 900, {"valve": 1})
    ada = route("Ada", stop("a", 600, 1500), restock=taken, leave=0)
    bob = route("Bob", stop("b", 600, 1500), restock=taken, leave=0)
    return given, plan(ada, out=("b",)), plan(ada, bob)


def restock_comes_too_late() -> Case:
    given = supplied()
    given = replace(
        given, visits=(*given.visits, visit("b", parts={"valve": 1})), depots=(Depot(key="hub", location=2),)
    )
    both = (stop("a", 600, 1200), stop("b", 0, 4800))
    taken = Restock("hub", 0, 600, 600, 600, {"valve": 2})
    right = plan(route("Ada", *both, restock=taken, leave=0))
    then = Restock("hub", 1, 600, 4800, 4800, {"valve": 1})
    return given, right, plan(route("Ada", stop("a", 600, 600), stop("b", 600, 5400), restock=then, leave=0))


def takes_more_than_it_needs() -> Case:
    return supplied(stock=None), fetched(), restocked(parts={"valve": 2})


def takes_fewer_than_none() -> Case:
    return supplied(), fetched(), restocked(parts={"valve": 1, "pipe": -1})


def restock_stands_nowhere() -> Case:
    return supplied(), fetched(), restocked(position=1)


def tool_from_the_depot() -> Case:
    given = supplied()
    given = replace(given, visits=(visit(parts={"valve": 1}, tools=frozenset({"pump"})),))
    return given, restocked(tools=("pump",)), fetched()


def depot_has_no_such_tool() -> Case:
    given = supplied(tools=frozenset({"pump"}))
    wants = replace(given, visits=(visit(parts={"valve": 1}, tools=frozenset({"saw"})),))
    return (
        replace(wants, depots=(replace(given.depots[0], tools=None),)),
        restocked(tools=("saw",)),
        fetched(),
    )


def takes_a_tool_for_nothing() -> Case:
    return supplied(), fetched(), restocked(tools=("pump",))


def overlap() -> Case:
    given = problem([technician()], [visit("a"), visit("b")])
    return given, plan(route("Ada", A, stop("b", 0, 4200))), plan(route("Ada", A, stop("b", 0, 4199)))


def starts_before_it_arrives() -> Case:
    return one(), ALONE, plan(route("Ada", stop("a", 600, 700, 699)))


def service_is_cut_short() -> Case:
    return one(), ALONE, plan(route("Ada", stop("a", 600, 600, end=4199)))


def way_is_cut_short() -> Case:
    return one(), ALONE, plan(route("Ada", stop("a", 599, 600), leave=0))


def return_is_cut_short() -> Case:
    return one(), ALONE, plan(route("Ada", A, return_travel_seconds=599))


def ends_before_it_can() -> Case:
    return one(), ALONE, plan(route("Ada", A, end=4799))


def never_ends() -> Case:
    return one(), ALONE, plan(route("Ada", A, end=None))


def leaves_after_the_way_begins() -> Case:
    return (
        one(),
        plan(route("Ada", stop("a", 600, 700), leave=50)),
        plan(route("Ada", stop("a", 600, 700), leave=101)),
    )


def leaves_before_the_shift() -> Case:
    return one(), ALONE, plan(route("Ada", A, leave=-1))


def leaves_without_a_stop() -> Case:
    return one(), LEFT_OUT, plan(Route("Ada", leave=0), out=("a",))


def slices() -> Case:
    """600 s until 300, then 1,200 s: half a way is left at 300, which takes 600 s there."""
    given = replace(
        one(),
        travel_seconds=np.array([[[0, 600], [600, 0]], [[0, 1200], [1200, 0]]], np.int32),
        travel_slices=(0, 300),
    )
    right = route("Ada", stop("a", 900, 900), return_travel_seconds=1200)
    return given, plan(right), plan(route("Ada", stop("a", 600, 600), return_travel_seconds=1200))


def slices_round_up() -> Case:
    """100 of 300 s are driven at 100; of the next slice's 50 s two thirds are left, 34 s."""
    given = replace(
        one(),
        travel_seconds=np.array([[[0, 300], [300, 0]], [[0, 50], [50, 0]]], np.int32),
        travel_slices=(0, 100),
    )
    right = route("Ada", stop("a", 134, 134), return_travel_seconds=50)
    return given, plan(right), plan(route("Ada", stop("a", 133, 133), return_travel_seconds=50))


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


RULES: tuple[Callable[[], Case], ...] = (
    skill_level,
    skill_missing,
    certificate_at_the_start,
    shift_start,
    available_from,
    now,
    overtime_limit,
    longest_seconds,
    most_visits,
    absence_meets_service,
    absence_meets_way,
    absence_meets_return,
    absence_meets_restock,
    lunch_owed,
    lunch_late,
    lunch_early,
    lunch_before_the_shift,
    lunch_meets_way,
    lunch_meets_service,
    lunch_meets_return,
    window_between_two,
    window_is_over,
    forbidden,
    territory,
    pinned_technician,
    pinned_time,
    pinned_both,
    van_stock,
    facts_use_parts_up,
    tool,
    unknown_depot,
    restock_is_too_short,
    restock_is_no_time_travel,
    way_to_the_depot,
    depot_stock_is_shared,
    restock_comes_too_late,
    takes_more_than_it_needs,
    takes_fewer_than_none,
    restock_stands_nowhere,
    tool_from_the_depot,
    depot_has_no_such_tool,
    takes_a_tool_for_nothing,
    overlap,
    starts_before_it_arrives,
    service_is_cut_short,
    way_is_cut_short,
    return_is_cut_short,
    ends_before_it_can,
    never_ends,
    leaves_after_the_way_begins,
    leaves_before_the_shift,
    leaves_without_a_stop,
    slices,
    slices_round_up,
    fixed_head,
    fixed_is_left_out,
    fixed_is_given_away,
    begun_is_moved,
    dispatched_is_hurried,
    after_a_fact,
    crew_is_incomplete,
    crew_has_a_seat_too_many,
    crew_shares_a_seat,
    crew_lacks_a_skill,
    crew_is_one_person_twice,
    crew_does_not_start_together,
    crew_has_a_forbidden_member,
    seat_without_a_crew,
    gap_is_too_short,
    gap_is_too_long,
    another_day,
    first_is_left_out,
    visit_twice,
    visit_in_and_out,
    visit_out_twice,
    visit_nowhere,
    visit_of_another_problem,
    stranger,
    two_routes,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_that_is_broken_is_caught_by_judge_and_validator_alike(rule: Callable[[], Case]) -> None:
    given, right, wrong = rule()
    given.check()

    assert list(violations(given, right)) == []
    assert validate(given, right) == ()
    assert list(violations(given, wrong)) != []
    assert validate(given, wrong) != ()
