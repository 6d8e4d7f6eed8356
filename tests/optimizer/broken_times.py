"""Broken times: rules of one technician's day and of whom a visit may be given to, each broken once."""

from dataclasses import replace

import numpy as np

from optimizer.plan import Route
from optimizer.problem import Absence, Break, Planned, Policy, Window
from tests.optimizer.plans import ALONE, LEFT_OUT, A, Case, one, plan, route, stop
from tests.optimizer.problems import HOUR, problem, technician, visit


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
