"""The plain simulation: exact times of each rule, and the same routes as the kernels time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.assembly import assemble
from optimizer.plan import Plan, Route, Stop
from optimizer.problem import Absence, Break, Depot, Planned, Policy, Window
from optimizer.search import solve
from optimizer.simulation import Fetch, Simulation
from optimizer.ways import Ways
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit


def orders(plan: Plan) -> dict[str, list[str]]:
    return {route.technician: [stop.visit for stop in route.stops] for route in plan.routes}


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), technicians=st.integers(1, 4), visits=st.integers(1, 12))
def test_it_times_the_routes_of_the_search_as_the_kernels_do(
    seed: int, technicians: int, visits: int
) -> None:
    day = random_problem(seed, technicians=technicians, visits=visits)
    searched = solve(day, seconds=None, iterations=30, seed=seed)

    again = assemble(day, orders(searched), places_tried=0)

    assert [row.visit for row in again.unassigned] == [row.visit for row in searched.unassigned]
    assert orders(again) == orders(searched)
    # The kernels keep the earliest lunch, not the cheapest: this may be below, never above.
    assert again.objective.total <= searched.objective.total


def test_lunch_lies_between_arrival_and_service_where_that_ends_first() -> None:
    # given a drive of 600 s that ends in the span in which lunch may begin
    ada = technician(lunch=Break(500, 3_000, 900))
    day = problem([ada], [visit(service_seconds=5_000)])

    timed = Simulation(day).time(ada, ["a"])

    assert timed is not None
    assert timed.route == Route("Ada", (Stop("a", 600, 600, 1_500, 6_500),), 600, 600, 7_100, leave=0)
    assert timed.price == 1_200


def test_a_late_lunch_is_taken_where_an_early_one_would_cost_lateness() -> None:
    # given a due time that a lunch before the visit would miss, and a lunch that may wait
    ada = technician(lunch=Break(0, 5_000, 900))
    day = problem([ada], [visit(service_seconds=2_000, due=700, lateness_weight=1)])

    timed = Simulation(day).time(ada, ["a"])

    assert timed is not None
    assert (timed.route.stops[0].start, timed.route.lunch_start, timed.route.end) == (600, None, 3_200)


def test_ways_and_services_wait_for_the_end_of_an_absence() -> None:
    # given an absence that the drive would meet, and one that the service would meet
    ada = technician(absences=(Absence(300, 1_000), Absence(2_000, 2_500)))
    day = problem([ada], [visit(service_seconds=1_000)])

    timed = Simulation(day).time(ada, ["a"])

    assert timed is not None
    # then the drive begins at 1,000, and the service, which would end at 2,600, begins at 2,500
    assert timed.route.stops == (Stop("a", 600, 1_600, 2_500, 3_500),)


def test_a_way_that_crosses_into_a_slower_slice_goes_on_at_its_pace() -> None:
    travel = np.array([[[0, 600], [600, 0]], [[0, 901], [901, 0]]], dtype=np.int32)
    day = problem([technician()], [visit()], travel_seconds=travel, travel_slices=(0, 1_000))
    ways = Ways(day)

    # 200 of 600 s are driven; two thirds of 901 s are left: 601 s, rounded up
    assert ways.arrival(0, 1, leave=800) == 1_601
    assert ways.arrival(0, 1, leave=400) == 1_000
    assert ways.arrival(0, 1, leave=1_000) == 1_901


def test_who_is_paid_by_the_hour_leaves_as_late_as_the_same_end_allows() -> None:
    ada = technician(hourly_price=3_600, shift_price=50)
    day = problem([ada], [visit(windows=(Window(5_000, 9_000),))])

    timed = Simulation(day).time(ada, ["a"])

    assert timed is not None
    assert (timed.route.leave, timed.route.end) == (4_400, 9_200)
    # travel 1,200, out for 4,800 s at one a second, and the shift
    assert timed.price == 1_200 + 4_800 + 50


def test_a_route_that_is_longer_than_allowed_is_none() -> None:
    day = problem([technician(longest_seconds=4_799)], [visit(windows=(Window(5_000, 9_000),))])
    just = problem([technician(longest_seconds=4_800)], [visit(windows=(Window(5_000, 9_000),))])

    assert Simulation(day).time(day.technicians[0], ["a"]) is None
    assert Simulation(just).time(just.technicians[0], ["a"]) is not None


def test_a_depot_stop_is_driven_and_served() -> None:
    depot = Depot(key="shed", location=2, service_seconds=300)
    day = problem([technician()], [visit(), visit("b", 2)], depots=(depot,))
    fetch = Fetch(depot, 0, {"valve": 1}, ())

    timed = Simulation(day).time(day.technicians[0], ["a"], fetch=fetch)

    assert timed is not None
    restock = timed.route.restock
    assert restock is not None
    # out to the depot, back half the way, home: 1,200 + 600 + 600 s of travel
    assert (restock.travel_seconds, restock.arrive, restock.end) == (1_200, 1_200, 1_500)
    assert timed.route.stops == (Stop("a", 600, 2_100, 2_100, 2_100 + HOUR),)
    assert timed.price == 2_400


@pytest.mark.parametrize(("until", "holds"), [(600, True), (599, False)])
def test_a_certificate_must_hold_when_the_visit_starts(until: int, holds: bool) -> None:
    ada = technician(skills={"gas": 1}, certified_until={"gas": until})
    day = problem([ada], [visit(skills={"gas": 1})])

    assert (Simulation(day).time(ada, ["a"]) is not None) == holds


def test_fixed_visits_are_facts_and_what_follows_waits_for_now() -> None:
    # given a visit that began at 1,000 and it is 2,000 now
    ada = technician(fixed=("a",))
    day = problem(
        [ada],
        [visit(planned=Planned("Ada", 1_000), service_seconds=500), visit("b", 2)],
        earliest_start=2_000,
    )

    timed = Simulation(day).time(ada, ["a", "b"])

    assert timed is not None
    assert [(stop.arrive, stop.start) for stop in timed.route.stops] == [(600, 1_000), (2_600, 2_600)]
    assert timed.route.leave == 0


def test_fairness_is_the_square_of_whole_minutes() -> None:
    day = problem([technician()], [visit(service_seconds=659)], policy=Policy(fairness_weight=7_200))

    timed = Simulation(day).time(day.technicians[0], ["a"])

    # 1,859 s are 30 whole minutes: twice the 900 of their square
    assert timed is not None
    assert timed.price == 1_200 + 1_800
