"""Our own files: a Problem's JSON, and the short JSON of generated field-service days."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizer.instances.instance import Instance
from optimizer.problem import Break, Problem, Technician, Visit, Window

LUNCH = Break(41_400, 48_600, 1_800)
"""Every technician of a generated day has it."""
NO_TARGET = 10_000_000
GENERATED = {
    "nt",
    "nv",
    "D",
    "ss",
    "se",
    "tsk",
    "stock",
    "vsk",
    "parts",
    "serv",
    "e",
    "l",
    "sla",
    "prio",
    "pen",
    "wl",
}


def read(file: str, text: str, *, name: str) -> Instance:
    """The instance; ValueError says what does not fit."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}, line {error.lineno}: this is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(f"{file}: the JSON is nested too deeply") from error
    if isinstance(data, dict) and set(data) >= {"nt", "nv", "D"}:
        return _instance("fsm_generated", name, _generated(file, data))
    if not isinstance(data, dict) or not set(data) >= {"technicians", "visits", "travel_seconds"}:
        raise ValueError(f"{file}: this JSON is neither a Problem nor a generated day")
    try:
        problem = Problem.from_json(text)
        problem.check()
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return _instance("problem", name, problem)


def _instance(family: str, name: str, problem: Problem) -> Instance:
    return Instance(family=family, name=name, problem=problem, measure="price", unit="seconds", optional=True)


def _generated(file: str, data: Mapping[str, Any]) -> Problem:
    missing = sorted(GENERATED - set(data))
    if missing:
        raise ValueError(f"{file}: the generated day has no {missing[0]}")
    try:
        problem = Problem(
            technicians=tuple(_technician(data, place) for place in range(data["nt"])),
            visits=tuple(_visit(data, place) for place in range(data["nv"])),
            travel_seconds=np.array(data["D"], dtype=np.int32),
        )
        return Problem.from_json(_checked(problem))
    except (TypeError, IndexError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"{file}: the generated day is damaged: {error}") from error


def _checked(problem: Problem) -> str:
    """By text and back every value is held against its type."""
    problem.check()
    return problem.to_json()


def _technician(data: Mapping[str, Any], place: int) -> Technician:
    return Technician(
        key=f"t{place}",
        start_location=place,
        end_location=place,
        shift_start=data["ss"][place],
        shift_end=data["se"][place],
        skills={str(skill): 1 for skill, has in enumerate(data["tsk"][place]) if has},
        stock={str(part): count for part, count in enumerate(data["stock"][place])},
        lunch=LUNCH,
    )


def _visit(data: Mapping[str, Any], place: int) -> Visit:
    due = data["sla"][place]
    return Visit(
        key=f"v{place}",
        location=data["nt"] + place,
        service_seconds=data["serv"][place],
        windows=(Window(data["e"][place], data["l"][place]),),
        skills={str(skill): 1 for skill, needs in enumerate(data["vsk"][place]) if needs},
        parts={str(part): count for part, count in enumerate(data["parts"][place]) if count},
        priority=data["prio"][place],
        unassigned_penalty=data["pen"][place],
        due=due if due < NO_TARGET else None,
        lateness_weight=data["wl"][place] if due < NO_TARGET else 0,
    )
