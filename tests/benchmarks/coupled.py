"""Coupled days: days drawn by seed in which some visits need two technicians or wait for others."""

from dataclasses import replace

import numpy as np

from optimizer.problem import Dependency, Problem
from tests.benchmarks.days import HOUR, day

CREW_SHARE, PAIR_SHARE = 0.1, 0.1


def coupled_day(technicians: int, visits: int, *, seed: int) -> Problem:
    """A generated day: a tenth of its visits need two technicians, a tenth of them wait for another one."""
    draw = np.random.default_rng([seed, 7])
    problem = day(technicians, visits, seed=seed)
    order = draw.permutation(visits).tolist()
    crews = set(order[: round(CREW_SHARE * visits)])
    rows = tuple(
        replace(row, crew=({},)) if place in crews else row for place, row in enumerate(problem.visits)
    )
    return replace(problem, visits=rows, dependencies=_pairs(draw, rows_of=problem, order=order))


def _pairs(draw: np.random.Generator, *, rows_of: Problem, order: list[int]) -> tuple[Dependency, ...]:
    """Of a tenth of the visits each waits for one whose window begins no later."""
    found = []
    for place in range(round(PAIR_SHARE * len(order))):
        pair = sorted(order[-1 - 2 * place : -3 - 2 * place : -1], key=lambda row: _opens(rows_of, row))
        first, second = (rows_of.visits[row].key for row in pair)
        gap = int(draw.integers(0, 2)) * HOUR // 2
        longest = gap + int(draw.integers(1, 5)) * HOUR if draw.random() < 0.5 else None
        found.append(Dependency(first=first, second=second, gap_seconds=gap, longest_gap_seconds=longest))
    return tuple(found)


def _opens(problem: Problem, row: int) -> int:
    return min((window.start for window in problem.visits[row].windows), default=0)
