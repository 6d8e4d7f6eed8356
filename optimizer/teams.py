"""Teams of the day: which technicians go together, searched around the engine that routes the teams.

A team is one Technician: it travels once, and of each skill it has the sum of its members' levels, so that a
skill can say how many members are needed ("domain/level" in Kovacs's instances). Its place, hours and prices
are those of its first member; lunch, tools and stock are the first member's too.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.efforts import Effort
from optimizer.plan import Plan
from optimizer.problem import Problem, Technician, Visit

Counts = NDArray[np.int64]
Teams = tuple[tuple[str, ...], ...]
"""The keys of each team's members; a team without members has no route."""

FIRST_SHARE, MOVE_SHARE, LAST_SHARE = 0.25, 0.005, 0.2
MOST_TRIES = 50
"""Moves drawn that change nothing for any visit before it is given up that one does."""


@dataclass(frozen=True, slots=True)
class Teamed:
    """Teams, the Problem whose technicians they are, and its plan."""

    teams: Teams
    problem: Problem
    plan: Plan


def joined(problem: Problem, teams: Teams) -> Problem:
    """The Problem in which each team is one technician, `team 1`, `team 2` … by place in `teams`."""
    people = {technician.key: technician for technician in problem.technicians}
    rows = tuple(
        _team(_name(place), [people[key] for key in members])
        for place, members in enumerate(teams)
        if members
    )
    return replace(problem, technicians=rows)


def solve(
    problem: Problem,
    effort: Effort,
    *,
    warm: tuple[Teams, Plan] | None = None,
    on_improvement: Callable[[Teamed], None] | None = None,
) -> Teamed:
    """The best teams found with their plan. With iterations and no seconds equal inputs give equal bytes.

    From greedy teams on, one move at a time (swap two members, move one, split, merge) is tried with a short
    run of the engine from the plan that stands, and kept unless the plan becomes dearer. The last fifth of
    the budget is the engine's on the teams that stand. `on_improvement` hears of each better plan.
    """
    started = time.perf_counter()
    teams = greedy(problem) if warm is None else warm[0]
    tell = _Telling(on_improvement)
    best = _solved(problem, teams, effort.part(FIRST_SHARE), None if warm is None else warm[1], tell)
    for found in _tried(problem, best, effort, started):
        best = found
        tell(best)
    last = effort.part(LAST_SHARE)
    if effort.seconds is not None:
        last = replace(last, seconds=max(0.0, effort.seconds - (time.perf_counter() - started)))
    found = _solved(problem, best.teams, last, best.plan, tell)
    return best if found.plan.objective.total > best.plan.objective.total else found


@dataclass(slots=True)
class _Telling:
    """Passes on what is better than all that was told before."""

    hears: Callable[[Teamed], None] | None
    told: int | None = None

    def __call__(self, found: Teamed) -> None:
        total = found.plan.objective.total
        if self.hears is not None and (self.told is None or total < self.told):
            self.told = total
            self.hears(found)


def _tried(problem: Problem, best: Teamed, effort: Effort, started: float) -> Iterator[Teamed]:
    """What is best after each move that was kept."""
    draw = np.random.default_rng(effort.seed & (1 << 64) - 1)
    better = True
    until = None if effort.seconds is None else started + (1 - LAST_SHARE - MOVE_SHARE) * effort.seconds
    for number in range(round((1 - FIRST_SHARE - LAST_SHARE) / MOVE_SHARE)):
        late = until is not None and time.perf_counter() > until
        if late or (effort.stop is not None and effort.stop()):
            return
        teams: Teams | None = gather(problem, best) if better else best.teams
        if teams == best.teams:
            teams = changed(problem, best.teams, draw)
        if teams is None:
            return
        part = effort.part(MOVE_SHARE, seed=effort.seed + number + 1)
        found = _solved(problem, teams, part, best.plan)
        better = found.plan.objective.total < best.plan.objective.total
        if found.plan.objective.total <= best.plan.objective.total:
            best = found
            yield best


def greedy(problem: Problem) -> Teams:
    """Teams that can serve what needs most: round after round one for each visit that the round's cannot yet.

    Each takes those who add most to what its visit still lacks, of equals the least skilled. Who is left
    when nobody can form such a team any more goes alone.
    """
    free = {technician.key: Counter(technician.skills) for technician in problem.technicians}
    hardest = sorted(problem.visits, key=lambda visit: -sum(visit.skills.values()))
    found: list[tuple[str, ...]] = []
    made = -1
    while made != len(found):
        made, able = len(found), list[Counter[str]]()
        for visit in hardest:
            if any(skills >= Counter(visit.skills) for skills in able):
                continue
            members = _members(visit, free)
            if members:
                found.append(members)
                able.append(sum((free.pop(key) for key in members), Counter()))
    return (*found, *((key,) for key in free))


def _members(visit: Visit, free: Mapping[str, Counter[str]]) -> tuple[str, ...]:
    """The fewest, greedily, of the free who can serve the visit together; nobody if they cannot."""
    lacking, members = Counter(visit.skills), list[str]()
    while lacking or not members:
        gains = {
            key: (sum((skills & lacking).values()), -sum(skills.values()))
            for key, skills in free.items()
            if key not in members
        }
        key = max(gains, key=lambda each: gains[each], default=None)
        if key is None or (lacking and not gains[key][0]):
            return ()
        members.append(key)
        lacking -= free[key]
    return tuple(members)


def gather(problem: Problem, best: Teamed) -> Teams:
    """The members of teams without a route join those with one, each where most visits become possible."""
    routed = {route.technician for route in best.plan.routes if route.stops}
    teams = [list(members) for members in best.teams]
    used = [place for place in range(len(teams)) if _name(place) in routed]
    if not used:
        return best.teams
    people, needs = _counts(problem)
    able = np.array([sum(people[key] for key in teams[place]) for place in used])
    free = [key for place, members in enumerate(best.teams) if place not in used for key in members]
    for key in free:
        gains = _possible(able + people[key], needs).sum(axis=1) - _possible(able, needs).sum(axis=1)
        to = max(range(len(used)), key=lambda each: (gains[each], -len(teams[used[each]])))
        teams[used[to]].append(key)
        able[to] += people[key]
    gathered = [members if place in used else [] for place, members in enumerate(teams)]
    return tuple(tuple(members) for members in gathered)


def _counts(problem: Problem) -> tuple[dict[str, Counts], Counts]:
    """Of each technician and each visit a row with a column for each skill that a visit needs."""
    skills = sorted({skill for visit in problem.visits for skill in visit.skills})
    people = {
        technician.key: np.array([technician.skills.get(skill, 0) for skill in skills], np.int64)
        for technician in problem.technicians
    }
    needs = [[visit.skills.get(skill, 0) for skill in skills] for visit in problem.visits]
    return people, np.array(needs, np.int64).reshape(len(problem.visits), len(skills))


def _possible(able: Counts, needs: Counts) -> NDArray[np.bool_]:
    """[team, visit]: whether the team's row reaches the visit's."""
    return np.asarray((able[:, None, :] >= needs[None, :, :]).all(axis=2), np.bool_)


def _name(place: int) -> str:
    return f"team {place + 1}"


def changed(problem: Problem, teams: Teams, draw: np.random.Generator) -> Teams | None:
    """The teams after one move that changes who can serve what; None if none was drawn."""
    people, needs = _counts(problem)
    before = _abilities(people, needs, teams)
    for _ in range(MOST_TRIES):
        found = _moved([list(members) for members in teams], draw)
        if found is not None and _abilities(people, needs, found) != before:
            return found
    return None


def _abilities(people: Mapping[str, Counts], needs: Counts, teams: Teams) -> list[bytes]:
    """Of each team, whom it can serve, as bits; in an order of their own, as equal teams are alike."""
    able = np.array([sum(people[key] for key in members) for members in teams if members])
    return sorted(row.tobytes() for row in _possible(able, needs))


def _moved(teams: list[list[str]], draw: np.random.Generator) -> Teams | None:
    """One move drawn, in place: swap two members, move one, split a team, merge two."""
    alive = [place for place, members in enumerate(teams) if members]
    if len(alive) < 2 and len(teams[alive[0]]) < 2:
        return None
    move = int(draw.integers(0, 4))
    one, other = (int(place) for place in draw.choice(alive, 2, replace=len(alive) < 2))
    first, second = teams[one], teams[other]
    at, beside = int(draw.integers(0, len(first))), int(draw.integers(0, len(second)))
    if move == 0:
        first[at], second[beside] = second[beside], first[at]
    elif move == 1:
        second.append(first.pop(at))
    elif move == 2 and len(first) > 1:
        free = next((place for place, members in enumerate(teams) if not members), len(teams))
        cut = max(1, at)
        teams[free : free + 1] = [first[cut:]]
        del first[cut:]
    elif move == 3 and one != other:
        second.extend(first)
        first.clear()
    return tuple(tuple(members) for members in teams)


def _solved(
    problem: Problem, teams: Teams, effort: Effort, warm: Plan | None, tell: _Telling | None = None
) -> Teamed:
    part = joined(problem, teams)
    hears = None if tell is None else lambda plan: tell(Teamed(teams, part, plan))
    plan = effort.solve(part, warm=warm, on_improvement=hears, explain=tell is not None)
    return Teamed(teams, part, plan)


def _team(key: str, members: Sequence[Technician]) -> Technician:
    skills: Counter[str] = Counter()
    for member in members:
        skills.update(member.skills)
    return replace(members[0], key=key, skills=dict(skills))
