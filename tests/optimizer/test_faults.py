"""Malformed problems: each is refused in one sentence that names what is wrong."""

import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from optimizer.problem import (
    Absence,
    Break,
    Dependency,
    Depot,
    Planned,
    Policy,
    Problem,
    Window,
)
from tests.optimizer.problems import problem, technician, visit


def good() -> Problem:
    """Two technicians, two visits, two depots."""
    return replace(
        problem([technician(), technician("Bob")], [visit("a"), visit("b")]),
        depots=(Depot(key="hub", location=0), Depot(key="yard", location=1)),
    )


def ada(**row: Any) -> dict[str, Any]:
    return {"technicians": (technician(**row),)}


def for_a(**row: Any) -> dict[str, Any]:
    return {"visits": (visit("a", **row), visit("b"))}


def depends(*rows: Dependency) -> dict[str, Any]:
    return {"dependencies": rows}


def after(first: str = "a", second: str = "b", **row: Any) -> Dependency:
    return Dependency(first=first, second=second, **row)


def policy(**row: Any) -> Policy:
    return Policy(**row)


SQUARES = np.zeros((2, 2, 2), np.int32)

MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"travel_seconds": np.zeros((2, 3), np.int32)}, "the shape (2, 3)"),
    ({"travel_seconds": np.zeros(2, np.int32)}, "the shape (2,)"),
    ({"travel_seconds": np.full((2, 2), -1, np.int32)}, "travel_seconds has a negative time"),
    ({"travel_seconds": SQUARES}, "travel_slices has 1 starts for 2 matrices"),
    ({"travel_slices": (0, 600)}, "travel_slices has 2 starts for 1 matrices"),
    ({"travel_slices": ()}, "travel_slices has 0 starts for 1 matrices"),
    ({"travel_seconds": SQUARES, "travel_slices": (600, 600)}, "travel_slices does not ascend: 600, 600"),
    ({"day_starts": (0, 86_400, 100)}, "day_starts does not ascend: 0, 86400, 100"),
    ({"earliest_start": 1 << 41}, "earliest_start of the problem is beyond 1099511627776 either way"),
    (ada(shift_start=-(1 << 41)), "shift_start of technician Ada is beyond"),
    (ada(lunch=Break(0, 1 << 50, 60)), "latest of lunch of technician Ada is beyond"),
    (for_a(parts={"valve": 1 << 60}), "valve in parts of visit a is beyond"),
    (ada(start_location=2), "technician Ada starts or ends outside the 2 locations"),
    (ada(end_location=-1), "technician Ada starts or ends outside the 2 locations"),
    (ada(shift_end=-1), "technician Ada ends the shift at -1, before it starts"),
    (ada(overtime_limit_seconds=-1), "technician Ada has a negative overtime_limit_seconds"),
    (ada(longest_seconds=-1), "technician Ada has a negative longest_seconds"),
    (ada(most_visits=-1), "technician Ada has a negative most_visits"),
    (ada(hourly_price=-1), "technician Ada has a negative hourly_price"),
    (ada(shift_price=-1), "technician Ada has a negative shift_price"),
    (ada(stock={"valve": -1}), "technician Ada has a negative stock"),
    (ada(skills={"gas": -1}), "technician Ada has a negative level of a skill"),
    (
        ada(certified_until={"gas": 9}),
        "technician Ada has a certificate for gas, which is not among the skills",
    ),
    (ada(lunch=Break(9, 8, 60)), "technician Ada has a lunch without room: 9 to 8 for 60 s"),
    (ada(lunch=Break(8, 9, 0)), "technician Ada has a lunch without room: 8 to 9 for 0 s"),
    (ada(absences=(Absence(9, 9),)), "technician Ada has an absence that ends at 9, not after its start 9"),
    (ada(absences=(Absence(5, 8), Absence(0, 6))), "technician Ada has absences that overlap at 5"),
    (ada(fixed=("z",)), "technician Ada has the fixed visit z, which is not in the problem"),
    (ada(fixed=("a", "a")), "two fixed visits share the key a"),
    (
        {"technicians": (technician(fixed=("a",)), technician("Bob", fixed=("a",)))},
        "two fixed visits share the key a: 2 technicians have it, 1 at most",
    ),
    ({"technicians": (technician(), technician())}, "two technicians share the key Ada"),
    ({"visits": (visit(), visit())}, "two visits share the key a"),
    ({"depots": (Depot(key="hub", location=0),) * 2}, "two depots share the key hub"),
    ({"depots": (Depot(key="hub", location=2),)}, "depot hub is at location 2, outside the 2"),
    (
        {"depots": (Depot(key="hub", location=0, service_seconds=-1),)},
        "depot hub has a negative service time",
    ),
    ({"depots": (Depot(key="hub", location=0, stock={"valve": -1}),)}, "depot hub has a negative stock"),
    (for_a(location=-1), "visit a is at location -1, outside the 2"),
    (for_a(service_seconds=-1), "visit a has a negative service time"),
    (for_a(priority=5), "visit a has the priority 5"),
    (for_a(unassigned_penalty=-1), "visit a has a negative unassigned_penalty"),
    (for_a(lateness_weight=-1), "visit a has a negative lateness_weight"),
    (for_a(customer_value=-1), "visit a has a negative customer_value"),
    (for_a(windows=(Window(5, 4),)), "visit a has a window that ends before it starts"),
    (for_a(parts={"valve": -1}), "visit a needs a negative number of a part or a negative level"),
    (for_a(crew=({}, {"gas": -1})), "visit a needs a negative number of a part or a negative level"),
    (for_a(pin="DAY", planned=Planned("Ada", 0)), "visit a has the pin DAY"),
    (for_a(pin="TIME"), "visit a is pinned but nothing is planned for it"),
    (depends(after("a", "z")), "the dependency of z on a names visit z, which is not in the problem"),
    (depends(after("z", "b")), "the dependency of b on z names visit z, which is not in the problem"),
    (depends(after("a", "a")), "the dependency of a on a is of a visit with itself"),
    (depends(after(), after("b", "a")), "dependencies go round in a circle: "),
    (depends(after(gap_seconds=-1)), "the dependency of b on a has a negative gap"),
    (depends(after(longest_gap_seconds=-1)), "the dependency of b on a has a negative gap"),
    (
        depends(after(gap_seconds=9, longest_gap_seconds=8)),
        "has the longest gap 8 s, less than the least, 9 s",
    ),
    (
        depends(after(gap_seconds=9), after(longest_gap_seconds=8)),
        "dependencies of b on a contradict each other: 9 s or more, 8 s at most",
    ),
    *(
        ({"policy": policy(**{field.name: -1})}, f"the policy has a negative {field.name}")
        for field in fields(Policy)
        if field.name != "hold_planned_starts"
    ),
    ({"travel_seconds": np.full((4, 4), 1 << 31)}, "travel_seconds has a time of 2^31 seconds or more"),
    (
        {"depots": tuple(Depot(key=str(place), location=0) for place in range(63))},
        "63 depots are too many, 62 can be told apart",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), MALFORMED)
def test_a_malformed_problem_is_refused_with_a_sentence(change: dict[str, Any], sentence: str) -> None:
    good().check()

    with pytest.raises(ValueError, match=re.escape(sentence)):
        replace(good(), **change).check()


def test_what_is_strange_but_can_be_planned_is_no_fault() -> None:
    crew = visit(
        "a",
        crew=({},),
        planned=Planned("Eve", 0),
        forbidden=frozenset({"Eve"}),
        preferred=frozenset({"Eve"}),
    )
    rows = [
        technician(fixed=("a",), absences=(Absence(6, 9), Absence(0, 6))),
        technician("Bob", fixed=("a",), certified_until={"gas": 9}, expired_skills=frozenset({"gas"})),
    ]

    problem(rows, [crew]).check()
    replace(good(), dependencies=(after(), after(same_day=True))).check()
    problem([], [], travel_seconds=np.zeros((0, 0), np.int32)).check()
