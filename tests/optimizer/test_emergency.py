"""Emergencies: one more visit in a held plan, at its best place or by making room, never at a loss."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer import loading
from optimizer.emergency import Held, Move, Spot, insert, warm_up
from optimizer.judge import score
from optimizer.plan import Plan
from optimizer.problem import Dependency, Depot, Planned, Problem, Technician, Visit, Window
from optimizer.search import solve
from optimizer.state import LENGTH, TOTAL
from optimizer.validator import validate
from tests.optimizer.exhaustive import simulate
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit

SEEDS = st.integers(0, 10**6)
Orders = dict[str, list[str]]


def short_day(*keys: str, **fields: Any) -> list[Technician]:
    """Technicians with room for two visits of an hour, and their ways."""
    return [technician(key, shift_end=2 * HOUR + 1200, **fields) for key in keys]


def urgent(key: str = "emergency", **fields: Any) -> Visit:
    return visit(key, 1, **{"priority": 1, "unassigned_penalty": 120_000} | fields)


def planned(given: Problem, **orders: str) -> Plan:
    """The plan in which technicians serve these visits, as `a b`, and nobody else any."""
    others = [
        row.key for row in given.visits if not any(row.key in order.split() for order in orders.values())
    ]
    without = replace(given, visits=tuple(row for row in given.visits if row.key not in others))
    with_pins = replace(
        without,
        visits=tuple(
            replace(row, planned=Planned(who, 0), pin="TECHNICIAN")
            for row in without.visits
            for who, order in orders.items()
            if row.key in order.split()
        ),
    )
    return solve(with_pins, seconds=None, iterations=50)


def taken(held: Held) -> list[list[str]]:
    rows = zip(held.state.stops.tolist(), held.state.totals[:, LENGTH].tolist(), strict=True)
    return [[held.encoded.problem.visits[place].key for place in row[:length]] for row, length in rows]


def crowded(seed: int) -> tuple[Problem, Plan]:
    """A day on which much is left out, with an emergency that came after its plan."""
    day = random_problem(seed, technicians=4, visits=24)
    plan = solve(day, seconds=None, iterations=30, seed=seed)
    draw = np.random.default_rng(seed)
    row = urgent(
        service_seconds=int(draw.integers(2, 12)) * 600,
        windows=(Window(4 * HOUR, 7 * HOUR),) if draw.random() < 0.5 else (),
        skills={"gas": 1} if draw.random() < 0.5 else {},
    )
    return replace(day, visits=(*day.visits, row)), plan


def total(given: Problem, plan: Plan) -> int:
    """What the plan costs with everything else left out."""
    there = plan.technicians()
    return plan.objective.total + sum(row.unassigned_penalty for row in given.visits if row.key not in there)


@settings(max_examples=80, deadline=None)
@given(seed=SEEDS)
def test_a_rescue_is_valid_and_costs_what_it_says(seed: int) -> None:
    given, before = crowded(seed)
    pinned = {row.key for row in given.visits if row.pin}

    answer = insert(given, before, "emergency")

    assert validate(given, answer.plan) == ()
    assert score(given, answer.plan) == answer.plan.objective
    was = before.objective.total + 120_000
    assert answer.plan.objective.total == was - 120_000 + answer.price if answer.price is not None else was
    assert answer.price is None or answer.price < 120_000
    old, new = before.technicians(), answer.plan.technicians()
    moved = {move.visit: (move.came_from, move.goes_to) for move in answer.moves}
    keys = old.keys() | new.keys()
    assert moved == {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)}
    assert not moved.keys() & (pinned | {key for row in given.technicians for key in row.fixed})
    if moved:
        assert answer.moves[0].visit == "emergency"


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_no_single_displacement_is_cheaper(seed: int) -> None:
    # On a line, with prices that depend on no time, taking a visit out never makes another dearer.
    given, before = crowded(seed)
    given = _on_a_line(given, seed)
    before = solve(replace(given, visits=given.visits[:-1]), seconds=None, iterations=30, seed=seed)
    held = Held.of(given, before)
    assume(held.best("emergency") is None)

    price = held.rescue("emergency").price

    best = min(_single_displacements(given, taken(held)), default=120_000)
    assert (price if price is not None else 120_000) <= best


def test_what_fits_is_put_where_it_is_cheapest() -> None:
    given = problem(
        [*short_day("Ada"), technician("Bob", start_location=2, end_location=2)], [visit("a", 2), urgent()]
    )
    plan = planned(given, Bob="a")

    answer = insert(given, plan, "emergency")

    assert (answer.price, answer.moves) == (1200, (Move("emergency", None, "Ada"),))


def test_a_cheaper_visit_makes_room_and_goes_to_a_colleague() -> None:
    # Only Ada has gas; her two visits fill her day, and b may go to Bob.
    given = problem(
        [*short_day("Ada", skills={"gas": 1}), *short_day("Bob")],
        [visit("a", 1, skills={"gas": 1}), visit("b", 1), urgent(skills={"gas": 1})],
    )
    plan = planned(given, Ada="a b")

    answer = insert(given, plan, "emergency")

    assert answer.moves == (Move("emergency", None, "Ada"), Move("b", "Ada", "Bob"))
    assert answer.price == 1200
    assert answer.plan.unassigned == ()


def test_who_is_displaced_displaces_one_more() -> None:
    # Only Ada has gas, only Bob may do b besides her; c can be done by Cid, who is free.
    given = problem(
        [
            *short_day("Ada", skills={"gas": 1, "power": 1}),
            *short_day("Bob", skills={"power": 1}),
            *short_day("Cid"),
        ],
        [
            visit("a", 1, skills={"gas": 1}, unassigned_penalty=130_000),
            visit("b", 1, skills={"power": 1}, unassigned_penalty=60_000),
            visit("c", 1),
            visit("d", 1, skills={"power": 1}, unassigned_penalty=70_000),
            urgent(skills={"gas": 1}),
        ],
    )
    plan = planned(given, Ada="a b", Bob="c d")

    answer = insert(given, plan, "emergency")

    assert answer.moves == (Move("emergency", None, "Ada"), Move("b", "Ada", "Bob"), Move("c", "Bob", "Cid"))
    assert answer.price == 1200


def test_two_neighbours_make_room_for_a_long_one() -> None:
    given = problem(
        [*short_day("Ada", skills={"gas": 1}), technician("Bob")],
        [visit("a", 1), visit("b", 1), urgent(skills={"gas": 1}, service_seconds=2 * HOUR)],
    )
    plan = planned(given, Ada="a b")

    answer = insert(given, plan, "emergency")

    assert [(move.visit, move.goes_to) for move in answer.moves] == [
        ("emergency", "Ada"),
        ("a", "Bob"),
        ("b", "Bob"),
    ]
    assert answer.price == 1200


@pytest.mark.parametrize(("penalty", "out"), [(20_000, True), (119_999, True), (120_000, False)])
def test_a_visit_is_left_out_only_for_a_dearer_one(penalty: int, out: bool) -> None:
    given = problem(
        short_day("Ada"), [visit(key, 1, unassigned_penalty=penalty) for key in "ab"] + [urgent()]
    )
    plan = planned(given, Ada="a b")

    answer = insert(given, plan, "emergency")

    expected = penalty if out else None
    assert answer.price == expected
    assert {row.visit for row in answer.plan.unassigned} == ({"b"} if out else {"emergency"}) or out
    assert len(answer.plan.unassigned) == 1
    assert answer.plan.objective.total == 1200 + min(penalty, 120_000)


def test_a_pinned_visit_is_not_displaced() -> None:
    row = visit("a", 1, planned=Planned("Ada", 0), pin="TECHNICIAN", service_seconds=2 * HOUR)
    given = problem([*short_day("Ada"), technician("Bob", shift_end=0)], [row, urgent()])
    plan = solve(replace(given, visits=(row,)), seconds=None, iterations=5)

    answer = insert(given, plan, "emergency")

    assert (answer.price, answer.moves) == (None, ())
    assert answer.plan.technicians() == {"a": "Ada"}


def test_crews_and_dependent_visits_stay_as_they_are() -> None:
    rows = [
        visit("a"),
        visit("b", crew=({},)),
        visit("c"),
        visit("d"),
        visit("e", pin="TIME", planned=Planned("Ada", 0)),
    ]
    given = problem(short_day("Ada", "Bob"), rows, dependencies=(Dependency(first="c", second="d"),))

    held = Held.of(given, None)

    assert held.alone.tolist() == [True, False, False, False, True]
    assert held.movable.tolist() == [True, False, False, False, False]
    for key in "bcd":
        with pytest.raises(ValueError, match=f"visit {key} has begun, or starts together with"):
            held.best(key)


def test_a_dear_insertion_gives_way_to_a_cheap_displacement() -> None:
    # With Bob it would start two hours late, for 7,200 s at 6; Ada could be there in time without b.
    given = problem(
        [*short_day("Ada", skills={"gas": 1}), technician("Bob", skills={"gas": 1}, available_from=3 * HOUR)],
        [
            visit("a", 1, skills={"gas": 1}),
            visit("b", 1),
            urgent(skills={"gas": 1}, due=HOUR + 600, lateness_weight=6),
        ],
    )
    plan = planned(given, Ada="a b")

    held = Held.of(given, plan)

    assert held.best("emergency") == Spot("Bob", 0, 1200 + 6 * 2 * HOUR)
    rescue = held.rescue("emergency")
    assert [(move.visit, move.goes_to) for move in rescue.moves] == [("emergency", "Ada"), ("b", "Bob")]
    assert rescue.price == 1200


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_what_is_held_stays_as_if_loaded_anew(seed: int) -> None:
    given, plan = crowded(seed)
    held, draw = Held.of(given, plan), np.random.default_rng(seed)
    free = [row.key for place, row in enumerate(given.visits) if held.alone[place]]

    for key in draw.permutation(free)[:12].tolist():
        if held.state.owner[held.encoded.visits[key]] >= 0:
            with suppress(ValueError):  # travel without triangles: what is left may break a rule
                held.remove(key)
        elif (spot := held.best(key)) is not None:
            assert loading.best(given, held.plan(), key) == (spot.price, spot.technician, spot.position)
            before = int(held.state.totals[:, TOTAL].sum())
            held.apply(key, spot)
            assert int(held.state.totals[:, TOTAL].sum()) == before + spot.price
        anew = Held.of(given, held.plan())
        assert taken(anew) == taken(held)
        assert anew.state.totals[:, TOTAL].tolist() == held.state.totals[:, TOTAL].tolist()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_asking_changes_nothing(seed: int) -> None:
    given, plan = crowded(seed)
    held = Held.of(given, plan)
    before, plan_before = taken(held), held.plan()

    first, second = held.rescue("emergency"), held.rescue("emergency")

    assert (first.price, first.moves) == (second.price, second.moves)
    assert (taken(held), held.plan()) == (before, plan_before)
    held.enact(first)
    if first.moves:
        with pytest.raises(ValueError, match="has changed since"):
            held.enact(second)


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    given = problem(
        [technician("Ada", fixed=("begun",), shift_end=3 * HOUR)],
        [
            visit("begun", 1, planned=Planned("Ada", 600)),
            visit("a", 1),
            visit("b", 1, windows=(Window(0, 60),)),
        ],
    )
    held = Held.of(given, solve(given, seconds=None, iterations=5))

    with pytest.raises(ValueError, match="visit a is in the plan"):
        held.best("a")
    with pytest.raises(ValueError, match="visit begun has begun"):
        held.remove("begun")
    with pytest.raises(ValueError, match="visit b does not fit there"):
        held.apply("b", Spot("Ada", 1, 0))
    with pytest.raises(KeyError):
        held.best("nobody knows it")
    assert taken(held) == [["begun", "a"]]
    assert held.best("b") is None
    assert held.remove("a") == "Ada"
    assert held.remove("a") is None
    assert held.best("a") == Spot("Ada", 1, 0)


def test_a_visit_stays_where_the_route_breaks_without_it() -> None:
    # Straight on to b takes four hours, by a it is twenty minutes.
    travel = np.array([[0, 600, 14_400], [600, 0, 600], [600, 600, 0]], dtype=np.int32)
    rows = [visit("a", 1), visit("b", 2, windows=(Window(0, 2 * HOUR),))]
    given = problem([technician()], rows, travel_seconds=travel)
    held = Held.of(given, solve(given, seconds=None, iterations=20))

    with pytest.raises(ValueError, match="without visit a the route of Ada breaks a rule"):
        held.remove("a")

    assert taken(held) == [["a", "b"]]
    assert held.plan() == Held.of(given, held.plan()).plan()


def test_a_stop_at_a_depot_comes_with_a_visit_that_needs_it() -> None:
    given = problem(
        [technician("Ada")],
        [visit("a", 1), visit("b", 2, parts={"valve": 1})],
        depots=(Depot(key="shop", location=1),),
    )
    held = Held.of(given, planned(given, Ada="a"))

    spot = held.best("b")
    assert spot is not None
    held.apply("b", spot)

    plan = held.plan()
    assert (spot.technician, spot.price) == ("Ada", 1200)
    assert plan.routes[0].restock is not None
    assert dict(plan.routes[0].restock.parts) == {"valve": 1}
    assert validate(given, plan) == ()
    assert held.remove("b") == "Ada"
    assert held.plan().routes[0].restock is None


def test_the_kernels_can_be_compiled_ahead() -> None:
    warm_up(problem(short_day("Ada"), [visit("a", 1), urgent()]))


def _on_a_line(given: Problem, seed: int) -> Problem:
    places = np.random.default_rng(seed).integers(0, 3000, len(given.travel_seconds)).astype(np.int32)
    travel = np.abs(np.subtract.outer(places, places)).astype(np.int32)
    visits = tuple(replace(row, lateness_weight=0) for row in given.visits)
    rules = replace(given.policy, change_start_price=0, overtime_weight=0, hold_planned_starts=False)
    return replace(given, travel_seconds=travel, visits=visits, policy=rules)


def _places(given: Problem, routes: list[list[str]], key: str) -> Iterator[tuple[int, int, list[str]]]:
    """(added price, technician, the route then) of every place for a visit."""
    for place, (who, order) in enumerate(zip(given.technicians, routes, strict=True)):
        present = simulate(given, who, order)
        for position in range(len(who.fixed), len(order) + 1):
            then = [*order[:position], key, *order[position:]]
            price = simulate(given, who, then)
            if price is not None and present is not None:
                yield price - present, place, then


def _single_displacements(given: Problem, routes: list[list[str]]) -> Iterator[int]:
    """What it costs to take each movable visit out for the emergency and settle it again, in plain Python."""
    rows = {row.key: row for row in given.visits}
    for place, who in enumerate(given.technicians):
        for key in routes[place][len(who.fixed) :]:
            if rows[key].pin or rows[key].unassigned_penalty >= 120_000:
                continue
            rest = [key_ for key_ in routes[place] if key_ != key]
            without = [*routes[:place], rest, *routes[place + 1 :]]
            saved = (simulate(given, who, routes[place]) or 0) - (simulate(given, who, rest) or 0)
            ways = [way for way in _places(given, without, "emergency") if way[1] == place]
            if ways:
                added, _, then = min(ways, key=lambda way: way[0])
                after = [*without[:place], then, *without[place + 1 :]]
                again = min(
                    (way[0] for way in _places(given, after, key)), default=rows[key].unassigned_penalty
                )
                yield added - saved + min(again, rows[key].unassigned_penalty)
