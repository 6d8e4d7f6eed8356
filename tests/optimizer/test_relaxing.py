"""Relaxations: the cheapest of all, granted they let the visit in, and a minute less does not."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from optimizer.exact import solve_small
from optimizer.joint import place_group
from optimizer.plan import Plan, Relaxation
from optimizer.problem import Problem, Window
from optimizer.relaxing import least_relaxation
from tests.optimizer.gridded import STEP, best_of, placements
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.test_joint import orders_of

MINUTES = STEP // 60


def with_first(given: Problem, **fields: object) -> Problem:
    """The problem with its first visit changed."""
    return replace(given, visits=(replace(given.visits[0], **fields), *given.visits[1:]))  # type: ignore[arg-type]


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
