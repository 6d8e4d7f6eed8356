"""A day unfolds: what has begun stays, nothing starts before it is known, what finds no place is rejected."""

from dataclasses import replace
from typing import Any

import pytest

from optimizer import judge, search, unfolding
from optimizer.efforts import Effort
from optimizer.plan import Objective, Plan, Restock, Route, Stop
from optimizer.problem import Depot, Planned, Problem, Window
from tests.optimizer.problems import HOUR, problem, random_problem, technician, visit

OWN = Effort(engine=search.solve, seconds=None, iterations=400)
FREE = Objective(0, 0, 0, 0, 0, 0)


def test_a_request_waits_for_its_release_and_for_what_has_begun() -> None:
    day = problem(
        [technician()],
        [
            visit("known", 1),
            visit("soon", 2),
            visit("late", 1),
            visit("gone", 2, windows=(Window(0, HOUR),)),
            visit("after", 1),
        ],
    )
    releases = {"known": -1, "soon": 1_000, "late": 8_400, "gone": 20_000, "after": 12_601}

    found = unfolding.unfold(day, releases, OWN)

    # To `known` 600 s, an hour there, 600 s on to `soon`; `late` is known in the second when that is done.
    # Nobody else is there, so Ada stays where `late` was, for `after` and then up to the last release.
    (route,) = found.plan.routes
    assert [(stop.visit, stop.start) for stop in route.stops] == [
        ("known", 600),
        ("soon", 4_800),
        ("late", 9_000),
        ("after", 12_601),
    ]
    assert route.end == 20_000 + 600
    assert (found.rejected, found.plannings) == (("gone",), 5)
    assert [row.visit for row in found.plan.unassigned] == ["gone"]
    assert all(row.reasons for row in found.plan.unassigned)
    assert found.plan.objective == judge.score(day, found.plan)
    assert found.plan.objective.travel_seconds == 600 + 600 + 600 + 600


@pytest.mark.parametrize("seed", range(8))
def test_every_planning_keeps_what_has_begun_and_what_was_accepted(seed: int) -> None:
    day = random_problem(seed, technicians=3, visits=14, begun=False)
    day = replace(day, visits=tuple(replace(row, planned=None, pin=None) for row in day.visits))
    releases = {f"v{place}": place * 2_000 if place % 2 else -1 for place in range(14)}
    plans: list[Plan] = []

    found = unfolding.unfold(day, releases, OWN, on_plan=plans.append)

    moments = [0, *sorted(date for date in releases.values() if date > 0)]
    assert found.plannings == len(moments)
    plans = plans[-len(moments) :]  # the engine also tells of the first planning as it gets better
    for before, after, moment in zip(plans, plans[1:], moments[1:], strict=False):
        for old, new in zip(before.routes, after.routes, strict=True):
            begun = [stop for stop in old.stops if stop.arrive - stop.travel_seconds < moment]
            assert list(new.stops[: len(begun)]) == begun
        assert set(before.technicians()) <= set(after.technicians())
    assert plans[-1] == found.plan
    for route in found.plan.routes:
        for stop in route.stops:
            assert stop.arrive - stop.travel_seconds >= releases[stop.visit]
    assert list(judge.violations(day, found.plan)) == []


def test_who_is_done_goes_home_while_somebody_with_their_skills_has_not_set_out() -> None:
    day = problem(
        [technician(skills={"gas": 1}), technician("Ben", skills={"gas": 2})],
        [visit("first", 1, skills={"gas": 1}), visit("later", 1, skills={"gas": 1})],
    )

    found = unfolding.unfold(replace(day, technicians=day.technicians), {"later": 10_000}, OWN)

    ended = {route.technician: route.end for route in found.plan.routes}
    assert sorted(end for end in ended.values() if end) == [600 + HOUR + 600, 10_000 + 600 + HOUR + 600]
    assert len(found.plan.technicians()) == 2


def test_equal_days_unfold_equally_and_one_that_is_stopped_ends_well() -> None:
    day = random_problem(3, technicians=3, visits=12, begun=False)
    releases = {f"v{place}": 3_000 * place for place in range(4, 12)}

    texts = {unfolding.unfold(day, releases, OWN).plan.to_json() for _ in range(2)}
    stopped = unfolding.unfold(day, releases, replace(OWN, seconds=60.0, iterations=None, stop=lambda: True))

    assert len(texts) == 1
    assert list(judge.violations(day, stopped.plan)) == []


def test_after_a_depot_stop_the_van_has_all_and_the_day_says_what_was_taken() -> None:
    day = problem(
        [technician(stock={"valve": 1})],
        [
            visit("a", 1, parts={"valve": 2}, tools=frozenset({"saw"})),
            visit("b", 2, parts={"valve": 2}, tools=frozenset({"drill"})),
        ],
        depots=(Depot(key="main", location=0),),
    )
    restock = Restock("main", 0, 0, 0, 0, {"valve": 1}, ("saw",))
    first = Stop("a", 600, 600, 600, 4_200)
    second = Stop("b", 600, 4_800, 4_800, 8_400)
    asked: list[Problem] = []

    def engine(part: Problem, **_: Any) -> Plan:
        asked.append(part)
        stops = (first,) if len(asked) == 1 else (first, second)
        again = restock if len(asked) == 1 else None
        return Plan((Route("Ada", stops, None, 1_200, 9_600, again, 0),), (), FREE)

    found = unfolding.unfold(day, {"b": 2_000}, Effort(engine=engine, seconds=None, iterations=1))

    assert [row.key for row in asked[0].visits] == ["a"]
    (crew,) = asked[1].technicians
    assert (crew.fixed, crew.tools) == (("a",), frozenset({"saw", "drill"}))
    assert crew.stock["valve"] >= 4
    assert asked[1].visits[0].planned == Planned("Ada", 600)
    assert asked[1].earliest_start == 2_000
    (route,) = found.plan.routes
    assert route.restock == replace(restock, parts={"valve": 3}, tools=("drill", "saw"))
    assert (route.stops, route.leave) == ((first, second), 0)


def test_who_went_to_the_depot_serves_what_it_was_for() -> None:
    day = problem(
        [technician(), technician("Ben")],
        [visit("a", 1), visit("b", 2, tools=frozenset({"drill"})), visit("c", 1), visit("new", 1)],
        depots=(Depot(key="main", location=0),),
    )
    way = (
        Stop("a", 600, 600, 600, 4_200),
        Stop("b", 600, 4_800, 4_800, 8_400),
        Stop("c", 600, 9_000, 9_000, 12_600),
    )
    plan = Plan(
        (Route("Ada", way, None, 600, 13_200, Restock("main", 0, 0, 0, 0, {}, ("drill",)), 0),), (), FREE
    )
    asked: list[Problem] = []

    def engine(part: Problem, **_: Any) -> Plan:
        asked.append(part)
        return plan

    unfolding.unfold(day, {"new": 100}, Effort(engine=engine, seconds=None, iterations=1))

    # Ada is on the way to `a`, which needs nothing of the depot; `b` does, and may not go to Ben any more.
    assert asked[1].technicians[0].fixed == ("a", "b")


def test_an_engine_that_gives_up_what_was_accepted_is_not_followed() -> None:
    day = problem([technician()], [visit("a", 1, windows=(Window(9_000, 9_000),)), visit("b", 2)])
    plans = iter(
        [
            search.solve(replace(day, visits=day.visits[:1]), seconds=None, iterations=1),
            Plan(
                (Route("Ada"),),
                search.solve(replace(day, technicians=()), seconds=None, iterations=1).unassigned,
                FREE,
            ),
        ]
    )

    found = unfolding.unfold(
        day, {"b": 100}, Effort(engine=lambda *_, **__: next(plans), seconds=None, iterations=1)
    )

    assert [stop.visit for stop in found.plan.routes[0].stops] == ["a"]
    assert found.rejected == ("b",)
