"""The Problem: everything one optimizer run decides about, as plain values.

Every time is int seconds since an origin the caller chose; every location is an index into
`travel_seconds`. Prices and penalties are ints of one currency, in which one second of travel costs
`Policy.travel_weight`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optimizer import faults, texts

Pin = Literal["TECHNICIAN", "TIME", "BOTH"]


@dataclass(frozen=True, slots=True)
class Window:
    """A visit may start from `start` to `end`, both included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Break:
    """A break of `seconds` that must start from `earliest` to `latest` and never splits a service.

    It is owed only by a technician who is free at `latest` or before and whose route ends after it.
    """

    earliest: int
    latest: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Absence:
    """From `start` to before `end` the technician neither drives nor serves; both wait until it is over."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What stands today for a visit: the change price is paid against it, pins hold it."""

    technician: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The weights of the objective and how the plan that stands is treated."""

    travel_weight: int = 1
    """Price of one second of travel."""
    change_technician_price: int = 600
    """Paid once for each planned visit that goes to another technician."""
    change_start_price: int = 0
    """Paid once for each planned visit whose start moves by more than `start_tolerance_seconds`."""
    start_tolerance_seconds: int = 900
    overtime_weight: int = 2
    """Price of one second between the end of the shift and the end of the route."""
    hold_planned_starts: bool = False
    """True: on its planned technician a visit waits until its planned start less the tolerance."""
    not_preferred_price: int = 0
    """Paid once for each visit that names preferred technicians and goes to another."""
    outside_territory_price: int | None = 0
    """Paid once for each visit outside its technician's territories; None: such a visit is not allowed."""
    fairness_weight: int = 0
    """Price of a route: this times the square of its whole minutes of travel and service, over 3600.

    It is rounded down; squares are least where the load is shared evenly."""
    customer_value_weight: int = 0
    """Added to the penalty of a visit left out for each point of its `customer_value`."""
    window_minute_price: int = 60
    """For reasons: what it is held to cost to start a visit one minute outside its windows."""
    overtime_minute_price: int = 120
    """For reasons: what one minute beyond the overtime limit is held to cost."""
    transfer_price: int = 3_600
    """For reasons: what it is held to cost to bring one missing piece of a part to the van."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Technician:
    """One technician on one day (a second day is a second technician with its own key)."""

    key: str
    start_location: int
    end_location: int
    shift_start: int
    shift_end: int
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill → level."""
    certified_until: Mapping[str, int] = field(default_factory=dict)
    """Skill → the last second of its certificate; a skill that is not here has no end."""
    stock: Mapping[str, int] = field(default_factory=dict)
    """Part → pieces in the van, those held for this Problem's visits included."""
    tools: frozenset[str] = frozenset()
    """What is in the van and stays there after use."""
    lunch: Break | None = None
    absences: tuple[Absence, ...] = ()
    overtime_limit_seconds: int = 0
    """The route must end by the end of the shift plus this."""
    longest_seconds: int | None = None
    """The most that may lie between leaving and the end of the route; None: no limit."""
    most_visits: int | None = None
    """How many visits a subcontractor takes on; None: no limit."""
    hourly_price: int = 0
    """Price of 3,600 s between leaving and the end of the route, paid to the second, rounded down."""
    shift_price: int = 0
    """Paid once if the route has a stop."""
    territories: frozenset[str] = frozenset()
    fixed: tuple[str, ...] = ()
    """Visits started or dispatched, in order, at the head of the route: facts, never refused or moved."""
    available_from: int | None = None
    """No movable visit's travel starts before it; None: the start of the shift."""
    expired_skills: frozenset[str] = frozenset()
    """Skills left out of `skills` only because their certification has expired (for reasons)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit to be placed, or to be left out at `unassigned_penalty`."""

    key: str
    location: int
    service_seconds: int
    windows: tuple[Window, ...] = ()
    """It starts within any of them; none given: at any time."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill → level that the technician (of a crew: the lead) needs."""
    crew: tuple[Mapping[str, int], ...] = ()
    """The skills of each further technician; all of a crew start together. Parts and tools are the lead's."""
    parts: Mapping[str, int] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()
    priority: int = 3
    """1 (highest) to 4."""
    unassigned_penalty: int = 50_000
    customer_value: int = 0
    due: int | None = None
    """The soft target: each second that the start is later costs `lateness_weight`."""
    lateness_weight: int = 0
    planned: Planned | None = None
    pin: Pin | None = None
    """What of `planned` must hold when the visit is assigned; it is left out only where it cannot."""
    forbidden: frozenset[str] = frozenset()
    """Technicians who may not be sent."""
    preferred: frozenset[str] = frozenset()
    """Technicians who cost no `not_preferred_price`; none: everybody."""
    territory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Depot:
    """Where a technician may stop once on a route, for `service_seconds`, to take parts and tools along."""

    key: str
    location: int
    service_seconds: int = 0
    stock: Mapping[str, int] | None = None
    """Part → pieces to be had by all routes together; None: of every part as many as are needed."""
    tools: frozenset[str] | None = None
    """Tools to be had; None: every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """`second` starts `gap_seconds` or more after `first` ends, and is out where `first` is out."""

    first: str
    second: str
    gap_seconds: int = 0
    longest_gap_seconds: int | None = None
    """The most between the end of `first` and the start of `second`; None: no limit."""
    same_day: bool = False
    """Both start between the same two of `Problem.day_starts`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """One run's input. `earliest_start` is now: no movable visit's travel starts before it."""

    technicians: tuple[Technician, ...]
    visits: tuple[Visit, ...]
    travel_seconds: NDArray[np.int32]
    """[from, to], or [slice, from, to] by time of day."""
    travel_slices: tuple[int, ...] = (0,)
    """When each slice of `travel_seconds` begins; the first also holds before it.

    A way that crosses into the next slice goes on at that slice's pace: of what a whole way takes there,
    the share not yet driven, rounded up (Ichoua, Gendreau and Potvin 2003), so that who leaves later
    never arrives earlier."""
    policy: Policy = field(default_factory=Policy)
    earliest_start: int = 0
    depots: tuple[Depot, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    day_starts: tuple[int, ...] = ()
    """When each day begins, ascending (days of 23 or 25 hours are as they are)."""

    def check(self) -> None:
        """Raise ValueError with one sentence about the first thing that is malformed."""
        for fault in faults.faults(self):
            raise ValueError(fault)

    def to_json(self) -> str:
        """This problem as text; equal problems give equal bytes."""
        return texts.write(self)

    @classmethod
    def from_json(cls, text: str) -> "Problem":
        """The problem that `to_json` wrote, or a text by its JSON Schema; ValueError says what is wrong."""
        return texts.read(cls, text)
