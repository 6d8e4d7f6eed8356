"""The Plan: what one optimizer run answers, as plain values.

Every time is int seconds since the Problem's origin.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class ReasonCode(StrEnum):
    """Why a visit is not with a technician."""

    MISSING_SKILL = "MISSING_SKILL"
    CERTIFICATION_EXPIRED = "CERTIFICATION_EXPIRED"
    OFF_SHIFT = "OFF_SHIFT"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    NO_ROOM = "NO_ROOM"
    MISSING_PART = "MISSING_PART"
    WOULD_DISPLACE = "WOULD_DISPLACE"
    COSTS_MORE = "COSTS_MORE"
    NOT_ALLOWED = "NOT_ALLOWED"
    """The technician is forbidden for the visit, or it is pinned to another."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its code, one English sentence, whom it is about and by how many minutes."""

    code: ReasonCode
    message: str
    technician: str | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A visit left out, and why (no reasons in a plan that is still being improved)."""

    visit: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit on a route: `travel_seconds` of driving end at `arrive`; service is `start` to `end`."""

    visit: str
    travel_seconds: int
    arrive: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Route:
    """One technician's stops in order; `end` is the arrival at the end location (None without stops)."""

    technician: str
    stops: tuple[Stop, ...] = ()
    lunch_start: int | None = None
    return_travel_seconds: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """What a plan costs: `total` is the policy's price of the travel plus the four prices."""

    total: int
    travel_seconds: int
    lateness: int
    overtime: int
    unassigned_penalty: int
    changes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Routes in the order of the Problem's technicians, and the visits left out in its order of visits."""

    routes: tuple[Route, ...]
    unassigned: tuple[Unassigned, ...]
    objective: Objective

    def to_json(self) -> str:
        """This plan as text; equal plans give equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        routes = tuple(
            Route(**row | {"stops": tuple(Stop(**stop) for stop in row["stops"])}) for row in data["routes"]
        )
        unassigned = tuple(
            Unassigned(row["visit"], tuple(Reason(**_coded(reason)) for reason in row["reasons"]))
            for row in data["unassigned"]
        )
        return cls(routes, unassigned, Objective(**data["objective"]))

    def technicians(self) -> Mapping[str, str]:
        """Visit → technician, for every visit that is assigned."""
        return {stop.visit: route.technician for route in self.routes for stop in route.stops}


def _coded(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"code": ReasonCode(row["code"])}
