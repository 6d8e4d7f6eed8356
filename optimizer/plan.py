"""The Plan: what one optimizer run answers, as plain values.

Every time is int seconds since the Problem's origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from optimizer import texts


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
    """The technician is forbidden for the visit, it is pinned to another, or lies outside the territories."""
    WAITS_FOR = "WAITS_FOR"
    """A visit that it depends on is left out, or leaves no time for it."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What would have to give for a visit to fit with a technician, and what that is held to cost.

    `price` is the added price of the plan plus the policy's prices of minutes and transfers.
    """

    technician: str
    price: int
    window_minutes: int = 0
    """The visit would start so many minutes outside its windows."""
    overtime_minutes: int = 0
    """The route would end so many minutes after its limit."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Part → pieces that would have to be brought to the van."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its code, one English sentence, whom it is about and by how many minutes."""

    code: ReasonCode
    message: str
    technician: str | None = None
    minutes: int | None = None
    relaxation: Relaxation | None = None
    """The cheapest for that technician; None: nothing of the three would help."""


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
    seat: int = 0
    """0: the lead or the only one; of a crew the others are 1, 2 …, as in `Visit.crew`."""


@dataclass(frozen=True, slots=True)
class Restock:
    """A stop at a depot before the stop at `position` (0: the first), to take along `parts` and `tools`."""

    depot: str
    position: int
    travel_seconds: int
    arrive: int
    end: int
    parts: Mapping[str, int]
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One technician's stops in order; `end` is the arrival at the end location (None without stops)."""

    technician: str
    stops: tuple[Stop, ...] = ()
    lunch_start: int | None = None
    return_travel_seconds: int = 0
    end: int | None = None
    restock: Restock | None = None
    leave: int | None = None
    """When the technician leaves the start location; None: without stops."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a plan costs: `total` is the policy's price of the travel plus all the prices."""

    total: int
    travel_seconds: int
    lateness: int
    overtime: int
    unassigned_penalty: int
    changes: int
    preferences: int = 0
    """Visits with technicians who are not preferred, and outside territories."""
    labour: int = 0
    """Hours and shifts."""
    fairness: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Routes in the order of the Problem's technicians, and the visits left out in its order of visits."""

    routes: tuple[Route, ...]
    unassigned: tuple[Unassigned, ...]
    objective: Objective

    def to_json(self) -> str:
        """This plan as text; equal plans give equal bytes."""
        return texts.write(self)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        return texts.read(cls, text)

    def technicians(self) -> Mapping[str, str]:
        """Visit → technician (of a crew: the lead), for every visit that is assigned."""
        return {
            stop.visit: route.technician for route in self.routes for stop in route.stops if stop.seat == 0
        }
