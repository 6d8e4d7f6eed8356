"""Relaxations: the cheapest of all, granted they let the visit in, and a minute less does not."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from optimizer.exact import solve_small
from optimizer.joint import place_group
from optimizer.plan import Objective, Plan, Relaxation, Route, Unassigned
from optimizer.problem import Dependency, Planned, Problem, Window
from optimizer.relaxing import least_relaxation
from tests.optimizer.gridded import STEP, best_of, placements
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.problems import HOUR, problem, technician, visit
from tests.optimizer.test_joint import orders_of

MINUTES = STEP // 60


def with_first(given: Problem, **fields: Any) -> Problem:
    """The problem with its first visit changed."""
    return replace(given, visits=(replace(given.visits[0], **fields), *given.visits[1:]))


def without_first(given: Problem) -> Plan:
    """The best plan that leaves the first visit out."""
    closed = with_first(given, forbidden=frozenset({"t0", "t1"}), pin=None)
    answer = solve_small(closed, seconds=20.0)
    assert answer is not None
    return answer.plan


def granted(given: Problem, minutes: int, over: tuple[int, ...], pieces: int) -> Problem:
    """The problem with the first visit's windows, each overtime limit and each van's valves widened."""
    wide = tuple(Window(row.start - 60 * minutes, row.end + 60 * minutes) for row in given.visits[0].windows)
    staff = tuple(
        replace(
            row,
            overtime_limit_seconds=row.overtime_limit_seconds + 60 * more,
            stock=dict(row.stock) | {"valve": row.stock["valve"] + pieces},
        )
        for row, more in zip(given.technicians, over, strict=True)
    )
    return replace(with_first(given, windows=wide), technicians=staff)


def least(given: Problem, plan: Plan, lead: int | None = None) -> int | None:
    """The least price of letting the first visit in, of everything that might give on the grid."""
    policy, start = given.policy, orders_of(given, plan)
    stays = best_of(given, start)
    assert stays is not None
    own = given.visits[0].unassigned_penalty + given.visits[0].customer_value * policy.customer_value_weight
    found: list[int] = []
    for minutes, over, pieces in product(range(0, 5 * MINUTES, MINUTES), _over(), range(3)):
        price = minutes * policy.window_minute_price + sum(over) * policy.overtime_minute_price
        price += pieces * policy.transfer_price
        wide = granted(given, minutes, over, pieces)
        for orders in placements(wide, start, 0):
            if lead is not None and (0, 0) not in orders[lead]:
                continue
            after = best_of(wide, orders)
            if after is not None:
                found.append(price + after[1] - (stays[1] - own))
    return min(found, default=None)


def _over() -> Iterator[tuple[int, int]]:
    yield from ((0, 0), (MINUTES, 0), (0, MINUTES), (2 * MINUTES, 0), (0, 2 * MINUTES))


@pytest.mark.parametrize("seed", range(30))
def test_the_relaxation_is_the_cheapest_of_all(seed: int) -> None:
    given = replace(gridded_problem(seed), depots=())
    given = with_first(given, parts={"valve": 1 + seed % 3} if seed % 2 else {})
    if seed % 3 == 0:
        given = with_first(given, windows=(Window(0, 0), Window(11 * STEP, 11 * STEP)))
    plan = without_first(given)

    found = least_relaxation(given, plan, "v0")

    brute = least(given, plan)
    assert (found is None) <= (brute is None)
    if found is not None and brute is not None:
        assert found.price <= brute
        over = found.overtime_minutes <= 2 * MINUTES and not given.visits[0].crew
        if over and found.window_minutes < 5 * MINUTES and sum(found.parts.values()) < 3:
            assert found.price == brute
            confirm(given, plan, found)
    for place in range(2):
        alone = least_relaxation(given, plan, "v0", f"t{place}")
        assert alone is None or (found is not None and found.price <= alone.price)


def confirm(given: Problem, plan: Plan, found: Relaxation) -> None:
    """With it the visit fits at that price; with a minute less of either it does not, or is dearer."""
    policy, place = given.policy, ("t0", "t1").index(found.technician)
    over = tuple(found.overtime_minutes if place == number else 0 for number in range(2))
    pieces = found.parts.get("valve", 0)
    held = found.window_minutes * policy.window_minute_price
    held += found.overtime_minutes * policy.overtime_minute_price + pieces * policy.transfer_price
    only = with_first(given, unassigned_penalty=10**7, forbidden=frozenset({"t0", "t1"} - {found.technician}))
    base = plan.objective.total - own_penalty(given)

    def added(minutes: int, over: tuple[int, ...], pieces: int) -> int | None:
        placed = place_group(granted(only, minutes, over, pieces), plan, "v0")
        return None if placed is None else placed.objective.total - base

    assert added(found.window_minutes, over, pieces) == found.price - held
    fewer = []
    if found.window_minutes:
        fewer.append((added(found.window_minutes - 1, over, pieces), policy.window_minute_price))
    if found.overtime_minutes:
        less = tuple(max(0, minutes - 1) for minutes in over)
        fewer.append((added(found.window_minutes, less, pieces), policy.overtime_minute_price))
    if pieces:
        fewer.append((added(found.window_minutes, over, pieces - 1), policy.transfer_price))
    for price, saved in fewer:
        assert price is None or price >= found.price - held + saved


def own_penalty(given: Problem) -> int:
    row = given.visits[0]
    return row.unassigned_penalty + row.customer_value * given.policy.customer_value_weight


def alone(**fields: Any) -> Problem:
    """Ada from 0 to 2 hours and one visit that is 600 s away and takes an hour."""
    return problem([technician(shift_end=2 * HOUR)], [visit("a", 1, **fields)])


def empty(given: Problem) -> Plan:
    """Nothing is planned."""
    routes = tuple(Route(row.key) for row in given.technicians)
    return Plan(routes, tuple(Unassigned(row.key) for row in given.visits), Objective(0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (alone(), Relaxation("Ada", 1200)),
        (alone(windows=(Window(0, 0),)), Relaxation("Ada", 1200 + 600, window_minutes=10)),
        # To start at 4,800 s would end at 9,000 s, 30 minutes late: 45 minutes earlier are dearer by 15.
        (alone(windows=(Window(4800, 4800),)), Relaxation("Ada", 1200 + 30 * 60, window_minutes=30)),
        (alone(parts={"valve": 3}), Relaxation("Ada", 1200 + 3 * 3600, parts={"valve": 3})),
        (alone(skills={"gas": 1}), None),
        (alone(tools=frozenset({"crane"})), None),
        (alone(forbidden=frozenset({"Ada"})), None),
        (alone(planned=Planned("Bob", 900), pin="TECHNICIAN"), None),
        (alone(planned=Planned("Ada", 0), pin="TIME"), None),
    ],
)
def test_what_has_to_give_is_counted_to_the_minute(given: Problem, expected: Relaxation | None) -> None:
    assert least_relaxation(given, empty(given), "a") == expected


def test_overtime_gives_where_it_is_cheaper_than_the_window() -> None:
    given = alone(windows=(Window(4800, 4800),))
    policy = replace(given.policy, window_minute_price=300, overtime_weight=2)

    found = least_relaxation(replace(given, policy=policy), empty(given), "a")

    # 30 minutes after the shift: 1,800 s at the overtime's weight, and 30 minutes beyond its limit.
    assert found == Relaxation("Ada", 1200 + 3600 + 30 * 120, overtime_minutes=30)


def test_what_costs_nothing_still_gives_no_more_than_it_must() -> None:
    given = alone(windows=(Window(0, 0),))
    policy = replace(given.policy, window_minute_price=0, overtime_minute_price=0)

    found = least_relaxation(replace(given, policy=policy), empty(given), "a")

    assert found == Relaxation("Ada", 1200, window_minutes=10)


def test_the_asked_for_technician_has_its_own_and_certificates_stay() -> None:
    staff = [
        technician("Ada", shift_end=2 * HOUR),
        technician("Bob", start_location=2, end_location=2, skills={"gas": 1}, certified_until={"gas": 1000}),
    ]
    given = problem(staff, [visit("a", 1, windows=(Window(1200, 1200),), skills={"gas": 1}), visit("c", 2)])

    assert least_relaxation(given, empty(given), "a", "Ada") is None
    found = least_relaxation(given, empty(given), "a", "Bob")
    # By 1,000 s, when the certificate ends: 4 minutes before the window.
    assert found == Relaxation("Bob", 1200 + 4 * 60, window_minutes=4)
    assert least_relaxation(given, empty(given), "a") == found


def test_both_of_a_crew_may_need_overtime() -> None:
    staff = [technician("Ada", shift_end=4000), technician("Bob", shift_end=4300)]
    given = problem(staff, [visit("a", 1, crew=({},))])

    found = least_relaxation(given, empty(given), "a")

    # Both are back at 4,800 s: 13.3 minutes after one shift and 8.3 after the other.
    assert found == Relaxation("Ada", 2400 + 2 * (800 + 500) + (14 + 9) * 120, overtime_minutes=23)


def test_what_waits_for_a_visit_that_is_out_cannot_be_let_in() -> None:
    given = problem(
        [technician()], [visit("a", 1), visit("b", 1)], dependencies=(Dependency(first="b", second="a"),)
    )

    assert least_relaxation(given, empty(given), "a") is None
    assert least_relaxation(given, empty(given), "b") == Relaxation("Ada", 1200)
