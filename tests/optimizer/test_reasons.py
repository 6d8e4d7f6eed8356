"""Reasons: each one confirmed by exhaustive insertion."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.plan import Plan, Reason, ReasonCode
from optimizer.problem import Planned, Problem, Technician, Visit, Window
from optimizer.reasons import explain, explain_pair
from optimizer.search import solve
from tests.optimizer.exhaustive import simulate
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code.value for reason in reasons]


def solved(given: Problem) -> Plan:
    return solve(given, seconds=None, iterations=30)


def fits(problem: Problem, technician: Technician, *, order: list[str], key: str) -> bool:
    places = range(len(technician.fixed), len(order) + 1)
    return any(
        simulate(problem, technician, [*order[:place], key, *order[place:]]) is not None for place in places
    )


def stretched(problem: Problem, technician: Technician, *, minutes: int) -> tuple[Problem, Technician]:
    seconds = 60 * minutes
    visits = tuple(_stretch(visit, seconds) for visit in problem.visits)
    return replace(problem, visits=visits), replace(technician, shift_end=technician.shift_end + seconds)


def _stretch(visit: Visit, seconds: int) -> Visit:
    windows = tuple(Window(window.start, window.end + seconds) for window in visit.windows)
    if visit.pin in {"TIME", "BOTH"} and visit.planned is not None:
        # A pinned start is a window of one moment, and stretches like one.
        start = visit.planned.start
        return replace(visit, windows=(Window(start, start + seconds),), pin=None)
    return replace(visit, windows=windows)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_reason_holds_by_exhaustive_insertion(seed: int) -> None:
    given = random_problem(seed, technicians=3, visits=9)
    plan = solve(given, seconds=None, iterations=20)
    rows = {row.key: row for row in given.visits}

    for left_out in plan.unassigned:
        for route, who in zip(plan.routes, given.technicians, strict=True):
            order = [stop.visit for stop in route.stops]
            for reason in explain_pair(given, plan, left_out.visit, who.key):
                _confirm(given, who, order=order, visit=rows[left_out.visit], reason=reason)


def _confirm(
    given: Problem, technician: Technician, *, order: list[str], visit: Visit, reason: Reason
) -> None:
    fixed = list(technician.fixed)
    here = fits(given, technician, order=order, key=visit.key)
    assert here == (reason.code == ReasonCode.COSTS_MORE)
    if reason.code == ReasonCode.WOULD_DISPLACE:
        movable = [key for key in order if key not in fixed]
        assert any(
            fits(given, technician, order=[key for key in order if key != other], key=visit.key)
            for other in movable
        )
    if reason.code in {ReasonCode.OFF_SHIFT, ReasonCode.OUTSIDE_WINDOW}:
        assert not fits(given, technician, order=fixed, key=visit.key)
    if reason.code == ReasonCode.NO_ROOM:
        assert fits(given, technician, order=fixed, key=visit.key)
        if reason.minutes is not None:
            for minutes, expected in ((reason.minutes, True), (reason.minutes - 1, False)):
                wider, later = stretched(given, technician, minutes=minutes)
                assert fits(wider, later, order=order, key=visit.key) == expected


def test_a_missing_and_an_expired_skill_are_told_apart() -> None:
    given = problem(
        [
            technician("Ada", skills={"gas": 1}),
            technician("Bob", expired_skills=frozenset({"gas"})),
            technician("Cid"),
        ],
        [visit("a", skills={"gas": 2})],
    )
    plan = solved(given)

    assert codes(explain(given, plan, "a")) == ["CERTIFICATION_EXPIRED", "MISSING_SKILL"]
    assert explain_pair(given, plan, "a", "Ada") == (
        Reason(ReasonCode.MISSING_SKILL, "Ada lacks skill gas at level 2 (has level 1).", "Ada"),
    )
    assert codes(explain_pair(given, plan, "a", "Bob")) == ["CERTIFICATION_EXPIRED"]
    assert plan.unassigned[0].reasons == explain(given, plan, "a")


def test_no_room_says_by_how_many_minutes_and_what_would_go() -> None:
    # Two hours of work fill the shift; the third visit, next door, is an hour too much.
    given = problem(
        [technician(shift_end=2 * HOUR + 1200)],
        [visit("a", unassigned_penalty=9000), visit("b", priority=2), visit("c", unassigned_penalty=8000)],
    )
    plan = solved(given)

    reasons = explain_pair(given, plan, "c", "Ada")

    assert codes(reasons) == ["WOULD_DISPLACE", "NO_ROOM"]
    assert "displace visit a of priority 3" in reasons[0].message
    assert reasons[1].minutes == 60


def test_shift_window_part_and_prohibition_have_their_own_reasons() -> None:
    given = problem(
        [technician("Ada", shift_end=HOUR), technician("Bob", shift_start=HOUR, stock={"valve": 1})],
        [
            visit("a", windows=(Window(0, 1200),), parts={"valve": 1}),
            visit("b", service_seconds=9 * HOUR),
            visit("c", planned=Planned("Eve", 0), pin="TECHNICIAN"),
        ],
    )
    plan = solved(given)

    assert codes(explain_pair(given, plan, "a", "Ada")) == ["MISSING_PART"]
    assert codes(explain_pair(given, plan, "a", "Bob")) == ["OFF_SHIFT"]
    assert explain_pair(given, plan, "b", "Bob")[0].minutes == 140
    assert codes(explain(given, plan, "c")) == ["NOT_ALLOWED"]


def test_a_window_that_cannot_be_reached_is_told_in_minutes() -> None:
    given = problem([technician()], [visit("a", 3, windows=(Window(0, 1500),))])

    reasons = explain(given, solved(given), "a")

    assert (codes(reasons), reasons[0].minutes) == (["OUTSIDE_WINDOW"], 5)


def test_what_fits_costs_more_than_what_was_chosen() -> None:
    given = problem(
        [technician("Ada"), technician("Bob", start_location=2, end_location=2)],
        [visit("a", 2), visit("b", 1, unassigned_penalty=100, windows=(Window(0, 900),))],
    )
    plan = solved(given)

    assert explain_pair(given, plan, "a", "Bob") == ()
    assert explain_pair(given, plan, "a", "Ada")[0].minutes == 40
    assert codes(explain(given, plan, "b")) == ["COSTS_MORE"]
