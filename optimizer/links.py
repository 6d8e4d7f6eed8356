"""Links: what is malformed between a Problem's rows, by their keys."""

from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # problem imports faults, which imports this module
    from optimizer.problem import Dependency, Problem


def link_faults(problem: "Problem") -> Iterator[str]:
    """Every key that is there twice or points at nothing, and dependencies that nothing can keep."""
    for word, keys in (
        ("technicians", [technician.key for technician in problem.technicians]),
        ("visits", [visit.key for visit in problem.visits]),
        ("depots", [depot.key for depot in problem.depots]),
    ):
        yield from (f"two {word} share the key {key}" for key in _twice(keys))
    yield from _fixed_faults(problem)
    yield from _dependency_faults(problem)


def _twice(keys: Sequence[str]) -> list[str]:
    return [key for key, times in Counter(keys).items() if times > 1]


def _fixed_faults(problem: "Problem") -> Iterator[str]:
    """A visit is fixed once, one of a crew (a fact then, whoever of the crew is there) once a technician."""
    seats = {visit.key: 1 + len(visit.crew) for visit in problem.visits}
    times = Counter(key for technician in problem.technicians for key in set(technician.fixed))
    for technician in problem.technicians:
        for key in dict.fromkeys(technician.fixed):
            if key not in seats:
                yield f"technician {technician.key} has the fixed visit {key}, which is not in the problem"
        for key in _twice(technician.fixed):
            yield f"two fixed visits share the key {key}"
    for key, count in times.items():
        if count > seats.get(key, count):
            yield f"two fixed visits share the key {key}: {count} technicians have it, {seats[key]} at most"


def _dependency_faults(problem: "Problem") -> Iterator[str]:
    known = {visit.key for visit in problem.visits}
    graph: dict[str, set[str]] = {}
    for dependency in problem.dependencies:
        name = f"the dependency of {dependency.second} on {dependency.first}"
        for key in (dependency.first, dependency.second):
            if key not in known:
                yield f"{name} names visit {key}, which is not in the problem"
        if dependency.first == dependency.second:
            yield f"{name} is of a visit with itself"
        else:
            graph.setdefault(dependency.second, set()).add(dependency.first)
        yield from _gap_faults(dependency, name)
    yield from _contradictions(problem.dependencies)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"dependencies go round in a circle: {' after '.join(reversed(error.args[1]))}"


def _gap_faults(dependency: "Dependency", name: str) -> Iterator[str]:
    longest = dependency.longest_gap_seconds
    if dependency.gap_seconds < 0 or (longest is not None and longest < 0):
        yield f"{name} has a negative gap"
    elif longest is not None and longest < dependency.gap_seconds:
        yield f"{name} has the longest gap {longest} s, less than the least, {dependency.gap_seconds} s"


def _contradictions(dependencies: Sequence["Dependency"]) -> Iterator[str]:
    """Two dependencies of the same two visits whose gaps exclude each other."""
    least: Counter[tuple[str, str]] = Counter()
    longest: dict[tuple[str, str], int] = {}
    for row in dependencies:
        pair = row.first, row.second
        least[pair] = max(least[pair], row.gap_seconds)
        if row.longest_gap_seconds is not None:
            longest[pair] = min(longest.get(pair, row.longest_gap_seconds), row.longest_gap_seconds)
    pairs = Counter((row.first, row.second) for row in dependencies)
    for pair, most in longest.items():
        if pairs[pair] > 1 and most < least[pair]:
            name = f"dependencies of {pair[1]} on {pair[0]}"
            yield f"{name} contradict each other: {least[pair]} s or more, {most} s at most"
