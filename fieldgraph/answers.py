"""Answers of `solve`: a plan in its instance's own units as JSON, written whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from optimizer import judge, validator
from optimizer.instances import pillac
from optimizer.instances.instance import Instance, distance, duration
from optimizer.plan import Plan, Reason, Relaxation, Route
from optimizer.problem import Problem
from optimizer.teams import Teams

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search has found so far: the plan, and the Problem whose technicians its routes are of."""

    plan: Plan
    problem: Problem
    teams: Teams = ()
    """Of Kovacs's teams: who is in `team 1`, `team 2` …"""
    releases: Mapping[str, int] = field(default_factory=dict)
    """Of a dynamic day: when each request became known."""
    plannings: int = 1


def answer(instance: Instance, outcome: Outcome, run: Mapping[str, Any]) -> dict[str, Any]:
    """All that is to be said, without what only a finished search has (`violations`)."""
    plan, scale = outcome.plan, instance.scale
    said = {
        "instance": instance.name,
        "family": instance.family,
        "file": instance.source,
        **run,
        "measure": instance.measure,
        "objective": instance.value(plan),
        "best_known": instance.best_known,
        "gap_percent": instance.gap_percent(plan),
        "complete": instance.complete(plan),
        "time_unit": instance.unit,
        "plan_units_per_time_unit": scale,
        "distance": _units(sum(distance(route) for route in plan.routes), scale),
        "duration": _units(sum(duration(route) for route in plan.routes), scale),
        "routes": [_route(route, scale) for route in plan.routes if route.stops],
        "unassigned": [
            {"visit": row.visit, "reasons": [reason_said(reason, scale) for reason in row.reasons]}
            for row in plan.unassigned
        ],
    }
    if outcome.teams:
        said["teams"] = {f"team {place}": list(keys) for place, keys in enumerate(outcome.teams, 1) if keys}
    if outcome.releases:
        said["dynamic"] = _dynamic(outcome, scale)
    return said | {"plan": json.loads(plan.to_json())}


def violations(outcome: Outcome) -> list[str]:
    """Every hard rule that the plan breaks, and every way that began before its visit was known."""
    judged = list(judge.violations(outcome.problem, outcome.plan))
    return [*(judged or validator.validate(outcome.problem, outcome.plan)), *_too_early(outcome)]


def write(path: Path, said: Mapping[str, Any]) -> None:
    """All or nothing: a search that is killed leaves the answer that was written before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_plan(path: Path, text: str) -> tuple[Plan, Teams]:
    """The plan (and teams) of an answer, or a Plan's own JSON; ValueError says what does not fit."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: this is not JSON: {error}") from error
    teams: Teams = ()
    try:
        if isinstance(data, dict) and "plan" in data:
            teams = _teams(data.get("teams", {}))
            text = json.dumps(data["plan"])
        return Plan.from_json(text), teams
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: this is neither an answer of solve nor a Plan: {error}") from error


def _teams(said: Mapping[str, list[str]]) -> Teams:
    """At the places that their names say, as the routes speak of them by name; places between are empty."""
    places = {int(name.removeprefix("team ")): tuple(map(str, keys)) for name, keys in said.items()}
    if places and not 1 <= min(places) <= max(places) <= 2 * sum(map(len, places.values())):
        raise ValueError("the numbers of the teams are out of bounds")
    return tuple(places.get(place, ()) for place in range(1, max(places, default=0) + 1))


def _units(amount: int | None, scale: int) -> float | int | None:
    return amount if amount is None or scale == 1 else round(amount / scale, 3)


def _route(route: Route, scale: int) -> dict[str, Any]:
    restock = route.restock
    return {
        "technician": route.technician,
        "leave": _units(route.end - duration(route) if route.end is not None else None, scale),
        "end": _units(route.end, scale),
        "distance": _units(distance(route), scale),
        "duration": _units(duration(route), scale),
        "lunch_start": _units(route.lunch_start, scale),
        "restock": None
        if restock is None
        else {
            "depot": restock.depot,
            "before": route.stops[restock.position].visit,
            "arrive": _units(restock.arrive, scale),
            "end": _units(restock.end, scale),
            "parts": dict(restock.parts),
            "tools": list(restock.tools),
        },
        "stops": [
            {
                "visit": stop.visit,
                "travel": _units(stop.travel_seconds, scale),
                "arrive": _units(stop.arrive, scale),
                "start": _units(stop.start, scale),
                "end": _units(stop.end, scale),
            }
            | ({"seat": stop.seat} if stop.seat else {})
            for stop in route.stops
        ],
    }


def reason_said(reason: Reason, scale: int) -> dict[str, Any]:
    """In seconds as it is; else its sentence, which speaks of minutes, would say what is not so."""
    said: dict[str, Any] = {"code": reason.code.value, "technician": reason.technician}
    if scale == 1:
        return said | {
            "message": reason.message,
            "minutes": reason.minutes,
            "relaxation": None if reason.relaxation is None else asdict(reason.relaxation),
        }
    short = None if reason.minutes is None else _units(reason.minutes * MINUTE, scale)
    return said | {"short_by": short}


def relaxation_said(relaxation: Relaxation, scale: int) -> dict[str, Any]:
    """In minutes where the plan counts in seconds, else in the instance's units."""
    if scale == 1:
        return asdict(relaxation)
    return {
        "technician": relaxation.technician,
        "price": relaxation.price,
        "window": _units(relaxation.window_minutes * MINUTE, scale),
        "overtime": _units(relaxation.overtime_minutes * MINUTE, scale),
        "parts": dict(relaxation.parts),
    }


def _dynamic(outcome: Outcome, scale: int) -> dict[str, Any]:
    released = {key: date for key, date in outcome.releases.items() if date >= 0}
    return {
        "released": {key: _units(date, scale) for key, date in released.items()},
        "plannings": outcome.plannings,
        "rejected": [row.visit for row in outcome.plan.unassigned],
    }


def _too_early(outcome: Outcome) -> Iterator[str]:
    for route in outcome.plan.routes:
        for stop in route.stops:
            known = outcome.releases.get(stop.visit, pillac.KNOWN_AT_START)
            if stop.arrive - stop.travel_seconds < known:
                yield f"the way to {stop.visit} begins before the request is known, at {known}"


def few(keys: list[str]) -> str:
    """The first ten, and how many more there are."""
    return ", ".join(keys[:10]) + (f" and {len(keys) - 10} more" if len(keys) > 10 else "")
