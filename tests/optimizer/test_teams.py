"""Teams of the day: they have their members' skills together, and the search around them never ends worse."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import judge, search, teams
from optimizer.efforts import Effort
from optimizer.problem import Problem, Visit
from tests.optimizer.problems import problem, technician, visit

OWN = Effort(engine=search.solve, seconds=None, iterations=2_000)


def crew() -> Problem:
    """Four technicians; one visit needs two of level 2, another three of level 1, a third anybody."""
    people = [
        technician("a", skills={"1/1": 1, "1/2": 1}),
        technician("b", skills={"1/1": 1, "1/2": 1}),
        technician("c", skills={"1/1": 1}),
        technician("d", skills={"1/1": 1}),
    ]
    visits = [
        visit("two", 1, skills={"1/1": 2, "1/2": 2}),
        visit("three", 2, skills={"1/1": 3}),
        visit("any", 3),
    ]
    return problem(people, visits)


def test_a_team_is_one_technician_with_the_skills_of_all() -> None:
    joined = teams.joined(crew(), (("a", "c"), (), ("b", "d")))

    assert [row.key for row in joined.technicians] == ["team 1", "team 3"]
    assert joined.technicians[0].skills == {"1/1": 2, "1/2": 1}
    assert joined.technicians[0].shift_end == 8 * 3600


def test_greedy_teams_serve_what_needs_most() -> None:
    found = teams.greedy(crew())

    # `two` needs both of level 2; then nobody can bring three together, and c and d go alone.
    assert found == (("a", "b"), ("c",), ("d",))


def test_moves_find_the_team_that_serves_all() -> None:
    started = teams.joined(crew(), teams.greedy(crew()))
    assert [row.visit for row in search.solve(started, seconds=None, iterations=50).unassigned] == ["three"]

    found = teams.solve(crew(), OWN)

    assert found.plan.unassigned == ()
    assert sorted(key for members in found.teams for key in members) == ["a", "b", "c", "d"]
    # One team of all, or a, b and one more: all three on one way out and back, three times 600 s each.
    assert found.plan.objective.total == 3_600
    assert list(judge.violations(found.problem, found.plan)) == []


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_gets_better_and_the_last_is_best(seed: int) -> None:
    draw = np.random.default_rng(seed)
    people = [technician(f"t{place}", skills=_levels(draw)) for place in range(9)]
    visits = [replace(_visit(place, draw), unassigned_penalty=20_000) for place in range(10)]
    told: list[int] = []

    found = teams.solve(
        problem(people, visits), OWN, on_improvement=lambda best: told.append(best.plan.objective.total)
    )
    again = teams.solve(problem(people, visits), OWN)

    assert told == sorted(told, reverse=True)
    assert found.plan.objective.total <= told[-1]
    assert (again.teams, again.plan.to_json()) == (found.teams, found.plan.to_json())
    members = sorted(key for team in found.teams for key in team)
    assert members == sorted(person.key for person in people)
    assert list(judge.violations(found.problem, found.plan)) == []


def test_a_search_goes_on_from_teams_that_stand() -> None:
    first = teams.solve(crew(), OWN)

    second = teams.solve(crew(), replace(OWN, iterations=1), warm=(first.teams, first.plan))

    assert second.plan.objective.total == first.plan.objective.total


def test_a_stopped_search_has_a_plan() -> None:
    found = teams.solve(crew(), replace(OWN, seconds=60.0, iterations=None, stop=lambda: True))

    assert found.teams == teams.greedy(crew())
    assert list(judge.violations(found.problem, found.plan)) == []


def test_a_move_changes_who_can_serve_what_and_loses_nobody() -> None:
    draw = np.random.default_rng(1)
    standing = teams.greedy(crew())
    for _ in range(100):
        found = teams.changed(crew(), standing, draw)
        assert found is not None
        assert sorted(key for members in found for key in members) == ["a", "b", "c", "d"]
        standing = found
    assert teams.changed(problem([technician()], [visit()]), (("Ada",),), draw) is None


def _levels(draw: np.random.Generator) -> dict[str, int]:
    return {f"{ability}/{level}": 1 for ability in (1, 2) for level in range(1, int(draw.integers(1, 4)))}


def _visit(place: int, draw: np.random.Generator) -> Visit:
    needs = {f"{ability}/1": int(draw.integers(0, 4)) for ability in (1, 2)}
    return visit(f"v{place}", 1 + place, skills={skill: need for skill, need in needs.items() if need})
