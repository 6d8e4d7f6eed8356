"""What reasons say: each one by hand, to the word and the minute."""

from typing import Any

import pytest

from optimizer.plan import Reason, ReasonCode, Relaxation
from optimizer.problem import Absence, Dependency, Depot, Planned, Policy, Problem, Window
from optimizer.reasons import Inquiry, explain, explain_pair
from optimizer.search import solve
from tests.optimizer.problems import HOUR, problem, technician, visit


def told(given: Problem, key: str = "a", who: str = "Ada") -> tuple[Reason, ...]:
    """Why the visit is not with the technician in a plan of a short search."""
    plan = solve(given, seconds=None, iterations=30)
    reasons = explain_pair(given, plan, key, who)
    summary = explain(given, plan, key)
    by_search = {row.visit: row.reasons for row in plan.unassigned}
    assert by_search.get(key, summary) == summary
    return reasons


def alone(row: dict[str, Any], **fields: Any) -> Problem:
    """Ada and one visit that is 600 s away and takes an hour."""
    return problem([technician(**row)], [visit("a", 1, **fields)])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            alone({}, tools=frozenset({"crane"})),
            Reason(ReasonCode.MISSING_PART, "The van of Ada lacks the tool crane.", "Ada"),
        ),
        (
            alone({"absences": (Absence(0, 80 * HOUR),)}),
            Reason(ReasonCode.OFF_SHIFT, "Ada is absent when it could be served.", "Ada"),
        ),
        (
            alone({"most_visits": 0}),
            Reason(ReasonCode.NO_ROOM, "Ada takes on 0 visits at most, and has them.", "Ada"),
        ),
        (
            alone({"longest_seconds": HOUR}),
            Reason(ReasonCode.NO_ROOM, "With it the route of Ada would last longer than it may.", "Ada"),
        ),
        (
            alone({"skills": {"gas": 1}, "certified_until": {"gas": -600}}, skills={"gas": 1}),
            Reason(
                ReasonCode.CERTIFICATION_EXPIRED,
                "The certification of Ada for gas ends 10 minutes too early.",
                "Ada",
                10,
            ),
        ),
        (
            alone({}, planned=Planned("Eve", 0), pin="TECHNICIAN"),
            Reason(ReasonCode.NOT_ALLOWED, "Visit a is pinned to another technician.", "Ada"),
        ),
        (
            alone({}, windows=(Window(0, 0),)),
            Reason(
                ReasonCode.OUTSIDE_WINDOW,
                "Even alone Ada would miss the window by 10 minutes. It would fit if the visit started"
                " 10 minutes outside its windows, at a price of 1800.",
                "Ada",
                10,
                Relaxation("Ada", 1800, window_minutes=10),
            ),
        ),
        (
            alone({"shift_end": 4000}),
            Reason(
                ReasonCode.OFF_SHIFT,
                "Even alone it misses the shift of Ada by 14 minutes. It would fit if the route ended"
                " 14 minutes after its limit, at a price of 4480.",
                "Ada",
                14,
                # 1,200 s of travel, 800 s of overtime at its weight of 2, and 14 minutes beyond the limit.
                Relaxation("Ada", 1200 + 1600 + 14 * 120, overtime_minutes=14),
            ),
        ),
    ],
)
def test_each_rule_has_its_own_sentence(given: Problem, expected: Reason) -> None:
    assert told(given) == (expected,)


def test_a_hard_territory_rule_is_named() -> None:
    policy = Policy(outside_territory_price=None)
    given = problem([technician(territories=frozenset({"south"}))], [visit("a", territory="north")])

    reasons = told(Problem(**{**fields_of(given), "policy": policy}))

    assert [reason.code for reason in reasons] == [ReasonCode.NOT_ALLOWED]
    text = "Visit a lies in territory north, outside those of this technician."
    assert reasons[0].message == text


def fields_of(given: Problem) -> dict[str, Any]:
    names = ("technicians", "visits", "travel_seconds", "policy", "depots", "dependencies")
    return {name: getattr(given, name) for name in names}


def test_a_missing_part_names_the_nearest_stock_and_what_bringing_it_costs() -> None:
    staff = [
        technician("Ada"),
        technician("Bob", start_location=3, stock={"valve": 5}, shift_end=10),
        technician("Cid", start_location=2, stock={"valve": 1}, shift_end=10),
    ]
    given = problem(staff, [visit("a", 1, parts={"valve": 2}), visit("far", 3, windows=(Window(0, 0),))])

    (reason,) = told(given)

    assert reason == Reason(
        ReasonCode.MISSING_PART,
        "The van of Ada lacks 2 of valve. The nearest valve is in the van of Bob, 20 minutes from the visit."
        " It would fit if 2 of valve were brought, at a price of 8400.",
        "Ada",
        None,
        Relaxation("Ada", 1200 + 2 * 3600, parts={"valve": 2}),
    )


def test_a_depot_that_cannot_be_reached_in_time_still_is_the_nearest_stock() -> None:
    given = problem(
        [technician(shift_end=5000)],
        [visit("a", 1, parts={"valve": 1}), visit("far", 9, windows=(Window(0, 0),))],
        depots=(Depot(key="hub", location=9, stock={"valve": 4}),),
    )

    (reason,) = told(given)

    assert reason.message.startswith(
        "The van of Ada lacks 1 of valve, and a stop at a depot for it does not fit."
        " The nearest valve is at depot hub, 80 minutes from the visit."
    )
    assert reason.relaxation == Relaxation("Ada", 1200 + 3600, parts={"valve": 1})


def test_a_crew_says_which_seat_is_missing() -> None:
    staff = [technician("Ada", skills={"gas": 1}), technician("Bob")]
    given = problem(staff, [visit("a", 1, skills={"gas": 1}, crew=({"power": 2},))])

    assert told(given) == (
        Reason(
            ReasonCode.MISSING_SKILL,
            "Ada could lead it, but nobody is there for seat 1, who needs power at level 2.",
            "Ada",
        ),
    )
    assert [reason.code for reason in told(given, who="Bob")] == [ReasonCode.MISSING_SKILL]


def test_a_crew_whose_members_are_never_free_together_is_told_so() -> None:
    staff = [
        technician("Ada", skills={"gas": 1}, shift_end=2 * HOUR),
        technician("Bob", shift_start=3 * HOUR, shift_end=6 * HOUR),
    ]
    given = problem(staff, [visit("a", 1, skills={"gas": 1}, crew=({},))])

    text = "Ada could lead it, but no start was found at which all seats are taken."
    assert told(given) == (Reason(ReasonCode.NO_ROOM, text, "Ada"),)
    text = "Bob could take seat 1 of its crew, but no start was found at which all seats are taken."
    assert told(given, who="Bob") == (Reason(ReasonCode.NO_ROOM, text, "Bob"),)


def test_a_crew_that_fits_costs_what_all_of_its_members_cost() -> None:
    staff = [technician(key, start_location=place, end_location=place) for place, key in enumerate("ABC")]
    given = problem(staff, [visit("a", 1, crew=({},), unassigned_penalty=600), visit("far", 2)])

    # The nearest two drive 0 and 1,200 s, and with C instead of A it is the same.
    assert [reason.minutes for reason in told(given, who="A")] == [10]
    assert [reason.minutes for reason in told(given, who="C")] == [10]


def test_who_stands_in_a_crew_is_named_when_it_would_be_displaced() -> None:
    staff = [technician(key, shift_end=5000) for key in ("Ada", "Bob")]
    crew = visit("crew", 1, crew=({},), unassigned_penalty=90_000)
    given = problem(staff, [crew, visit("a", 1, unassigned_penalty=10)])

    for who in ("Ada", "Bob"):
        displaces, no_room = told(given, who=who)
        assert displaces.message == (
            f"With {who} it would displace visit crew of priority 3 (this one has priority 3)."
        )
        assert (no_room.code, no_room.minutes) == (ReasonCode.NO_ROOM, 57)


def test_a_visit_waits_for_the_one_before_it() -> None:
    given = problem(
        [technician("Ada"), technician("Bob")],
        [visit("first", skills={"gas": 1}), visit("a")],
        dependencies=(Dependency(first="first", second="a"),),
    )

    reason = Reason(ReasonCode.WAITS_FOR, "Visit a waits for visit first, which is left out.")
    assert told(given) == (reason,)
    assert explain(given, solve(given, seconds=None, iterations=5), "a") == (reason,)


def test_a_visit_that_cannot_follow_in_time_is_told_so() -> None:
    given = problem(
        [technician("Ada", shift_end=5000), technician("Bob", shift_end=5000, skills={"gas": 1})],
        [visit("first", skills={"gas": 1}), visit("a")],
        dependencies=(Dependency(first="first", second="a"),),
    )

    (reason,) = told(given)

    text = "Ada cannot be there in time after or before what it depends on."
    assert (reason.code, reason.message.startswith(text)) == (ReasonCode.WAITS_FOR, True)
    # It may start at 4,200 s at the earliest and then ends at 8,400 s: 57 minutes after the shift.
    assert reason.relaxation == Relaxation("Ada", 1200 + 2 * 3400 + 57 * 120, overtime_minutes=57)


def test_asking_changes_nothing() -> None:
    given = problem(
        [technician("Ada"), technician("Bob", stock={"valve": 1})],
        [visit("a", parts={"valve": 1}), visit("b", 2), visit("c", crew=({},)), visit("d")],
        depots=(Depot(key="hub", location=2),),
        dependencies=(Dependency(first="b", second="d"),),
    )
    plan = solve(given, seconds=None, iterations=30)
    inquiry = Inquiry.into(given, plan)
    state, work = inquiry.words.state, inquiry.words.encoded.model.work
    before = [each.copy() for each in (*state, work)]
    first = [inquiry.each(row.key) for row in given.visits]

    again = [inquiry.each(row.key) for row in given.visits]

    assert first == again
    lengths = state.totals[:, 0]
    assert (state.totals == before[2]).all()
    assert (state.owner == before[4]).all()
    assert (state.supply == before[3]).all()
    assert (work == before[5]).all()
    for place, length in enumerate(lengths.tolist()):
        assert (state.stops[place, :length] == before[0][place, :length]).all()
