"""What the probe finds, confirmed by plain insertion on drawn days with the rules that are new."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest

from optimizer.displacement import write_down
from optimizer.plan import Plan, Reason, ReasonCode
from optimizer.problem import Problem, Technician, Visit
from optimizer.reasons import Inquiry
from optimizer.relaxing import least_relaxation
from optimizer.search import solve
from tests.optimizer.gridded import STEP
from tests.optimizer.gridded_problems import gridded_problem
from tests.optimizer.plain import granted, has_room, may_be_sent, price_with, stretched

MINUTES = STEP // 60
BARRED = {ReasonCode.MISSING_SKILL, ReasonCode.CERTIFICATION_EXPIRED, ReasonCode.NOT_ALLOWED}


@dataclass(frozen=True)
class Case:
    """One visit that is not on one technician's route, and the reasons for that."""

    problem: Problem
    technician: Technician
    order: tuple[str, ...]
    visit: Visit
    reasons: tuple[Reason, ...]

    def price(self, order: tuple[str, ...] | None = None) -> int | None:
        return price_with(
            self.problem, self.technician, self.order if order is None else order, self.visit.key
        )


def single(problem: Problem) -> Problem:
    """Without crews, dependencies and depots: one route at a time.

    Who has lunch has no absence: the plain simulation never lets the one lie in the other. Who has an
    absence has no price of hours: the kernels leave no later then.
    """
    visits = tuple(replace(row, crew=()) for row in problem.visits)
    staff = [replace(row, absences=() if row.lunch else row.absences) for row in problem.technicians]
    staff = [replace(row, hourly_price=0, longest_seconds=None) if row.absences else row for row in staff]
    return replace(problem, technicians=tuple(staff), visits=visits, depots=(), dependencies=())


def cases(seed: int, *, visits: int = 6) -> Iterator[Case]:
    given = single(gridded_problem(seed, visits=visits))
    plan = solve(given, seconds=None, iterations=20)
    yield from asked(given, plan)


def asked(given: Problem, plan: Plan) -> Iterator[Case]:
    inquiry = Inquiry.into(given, plan)
    for row in given.visits:
        for technician, route, reasons in zip(
            given.technicians, plan.routes, inquiry.each(row.key), strict=True
        ):
            order = tuple(stop.visit for stop in route.stops)
            if row.key not in order:
                yield Case(given, technician, order, row, reasons)


@pytest.mark.parametrize("seed", range(60))
def test_every_finding_holds_by_plain_insertion(seed: int) -> None:
    for case in cases(seed):
        codes = {reason.code for reason in case.reasons}
        assert codes
        if codes <= BARRED:
            certified = ReasonCode.CERTIFICATION_EXPIRED in codes
            assert certified or not may_be_sent(
                case.problem, case.technician, replace(case.visit, tools=frozenset())
            )
            continue
        assert not codes & BARRED
        fits = codes == {ReasonCode.COSTS_MORE}
        assert (case.price() is not None) == fits
        for reason in case.reasons:
            confirm(case, reason)


def confirm(case: Case, reason: Reason) -> None:
    alone = case.technician.fixed
    if reason.code == ReasonCode.WOULD_DISPLACE:
        confirm_displaced(case, reason)
    if reason.code in {ReasonCode.OFF_SHIFT, ReasonCode.OUTSIDE_WINDOW}:
        assert case.price(alone) is None
    if reason.code == ReasonCode.MISSING_PART:
        assert "tool" in reason.message or not has_room(
            case.problem, replace(case.technician, most_visits=None), [*case.order, case.visit.key]
        )
    if "takes on" in reason.message:
        assert len(case.order) == case.technician.most_visits
    elif "last longer" in reason.message:
        free = replace(case.technician, longest_seconds=None)
        order = case.order if case.price(alone) is not None else alone
        assert price_with(case.problem, free, order, case.visit.key) is not None
    elif reason.code == ReasonCode.NO_ROOM:
        assert case.price(alone) is not None
        confirm_minutes(case, reason.minutes)


def confirm_minutes(case: Case, minutes: int | None) -> None:
    for given, expected in ((minutes, True), ((minutes or 1441) - 1, minutes is None and False)):
        if given is not None:
            wider, later = stretched(case.problem, case.technician, minutes=given)
            found = price_with(wider, later, case.order, case.visit.key) is not None
            assert found == expected


def confirm_displaced(case: Case, reason: Reason) -> None:
    """It makes room, and nothing of lower penalty does."""
    policy, rows = case.problem.policy, {row.key: row for row in case.problem.visits}

    def penalty(key: str) -> tuple[bool, int]:
        row = rows[key]
        value = row.customer_value * policy.customer_value_weight
        return row.pin is not None, row.unassigned_penalty + value

    room = [
        key
        for key in case.order
        if key not in case.technician.fixed
        and case.price(tuple(each for each in case.order if each != key)) is not None
    ]
    least = min(room, key=penalty)
    named = reason.message.split("displace visit ")[1].split()[0]
    assert penalty(named) == penalty(least)
    assert named in room


@pytest.mark.parametrize("seed", range(60))
def test_a_relaxation_lets_the_visit_in_at_its_price_and_a_minute_less_does_not(seed: int) -> None:
    for case in cases(seed):
        for reason in case.reasons:
            if reason.relaxation is not None:
                confirm_relaxation(case, reason)


def confirm_relaxation(case: Case, reason: Reason) -> None:
    found, policy = reason.relaxation, case.problem.policy
    assert found is not None
    assert found.technician == case.technician.key
    prices = (policy.window_minute_price, policy.overtime_minute_price, policy.transfer_price)
    gives = (found.window_minutes, found.overtime_minutes, found.parts.get("valve", 0))
    assert any(gives)

    def added(gives: tuple[int, int, int]) -> int | None:
        problem, technician = granted(case.problem, case.technician, case.visit.key, gives=gives)
        price = price_with(problem, technician, case.order, case.visit.key)
        held = sum(amount * each for amount, each in zip(gives, prices, strict=True))
        return None if price is None else price + held

    with_lunch = case.technician.lunch is not None
    exact = added(gives)
    # Of two ways to lunch the kernels keep the earlier, which may be dearer by some lateness.
    assert exact == found.price or (with_lunch and exact is not None and exact < found.price)
    for place, amount in enumerate(gives):
        if amount:
            fewer = added((gives[0] - (place == 0), gives[1] - (place == 1), gives[2] - (place == 2)))
            assert fewer is None or fewer >= found.price or with_lunch
    assert f"at a price of {found.price}" in reason.message


@pytest.mark.parametrize("seed", range(24))
def test_no_relaxation_is_cheaper_on_the_grid(seed: int) -> None:
    """Where no time is off the grid, nor is the cheapest of all relaxations."""
    for case in cases(seed, visits=4):
        reason = case.reasons[-1]
        if reason.code in {ReasonCode.COSTS_MORE, *BARRED} or "takes on" in reason.message:
            continue
        if case.visit.tools - case.technician.tools:
            assert reason.relaxation is None
            continue
        least = cheapest_on_grid(case)
        found = None if reason.relaxation is None else reason.relaxation.price
        if case.technician.lunch is None or found is None:
            assert found == least
        else:
            assert least is not None
            assert least <= found


def cheapest_on_grid(case: Case) -> int | None:
    policy = case.problem.policy
    need = Counter[str]()
    for row in case.problem.visits:
        if row.key in {*case.order, case.visit.key}:
            need.update(row.parts)
    pieces = max(0, need["valve"] - case.technician.stock["valve"]) if case.visit.parts else 0
    widths = range(0, 12 * MINUTES, MINUTES) if case.visit.windows and case.visit.pin is None else (0,)
    best: int | None = None
    for window, overtime in product(widths, range(0, 12 * MINUTES, MINUTES)):
        held = window * policy.window_minute_price + overtime * policy.overtime_minute_price
        held += pieces * policy.transfer_price
        if best is not None and held >= best + 5 * STEP:
            continue
        problem, technician = granted(
            case.problem, case.technician, case.visit.key, gives=(window, overtime, pieces)
        )
        price = price_with(problem, technician, case.order, case.visit.key)
        if price is not None and (best is None or price + held < best):
            best = price + held
    return best


@pytest.mark.parametrize("seed", range(20))
def test_the_kernels_are_never_cheaper_than_the_exact_partner(seed: int) -> None:
    """And as cheap where waiting on purpose cannot help and lunch is no choice."""
    given = single(gridded_problem(seed, visits=4))
    staff = tuple(replace(row, hourly_price=0, longest_seconds=None) for row in given.technicians)
    given = replace(given, technicians=staff, policy=replace(given.policy, change_start_price=0))
    plan = solve(given, seconds=None, iterations=20)
    for case in asked(given, plan):
        relaxation = case.reasons[-1].relaxation
        if relaxation is None or any(case.visit.key == row.visit for row in plan.routes[0].stops):
            continue
        exact = least_relaxation(given, plan, case.visit.key, case.technician.key)
        assert exact is not None
        assert relaxation.price >= exact.price
        if case.technician.lunch is None and case.visit.key in {row.visit for row in plan.unassigned}:
            assert relaxation == exact


@pytest.mark.parametrize("seed", range(40))
def test_asking_about_days_with_everything_changes_nothing(seed: int) -> None:
    """Crews, dependencies and depots: what the search says at its end is what an inquiry says, twice."""
    given = gridded_problem(seed, visits=6)
    plan = solve(given, seconds=None, iterations=20)
    inquiry = Inquiry.into(given, plan)
    encoded, state = inquiry.words.encoded, inquiry.words.state
    routes = [row.tobytes() for row in write_down(state, 1)]
    before = [each.copy() for each in (state.totals, state.owner, state.supply, encoded.model.work)]

    found = {row.key: inquiry.summary(row.key) for row in given.visits}

    assert [row.tobytes() for row in write_down(state, 1)] == routes
    after = (state.totals, state.owner, state.supply, encoded.model.work)
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    assert found == {row.key: inquiry.summary(row.key) for row in given.visits}
    assert all(found[row.visit] == row.reasons for row in plan.unassigned)
