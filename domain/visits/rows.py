"""Visits as rows: one planned presence at a site, its states, its assignments and the parts it needs."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Computed, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlmodel import Field

from domain.rows import Row, between, in_order, one_of, refers, text, timestamp


class VisitState(StrEnum):
    """Where a visit stands; COMPLETED, INCOMPLETE, NO_ACCESS and CANCELLED are final."""

    UNSCHEDULED = "UNSCHEDULED"
    SCHEDULED = "SCHEDULED"
    DISPATCHED = "DISPATCHED"
    EN_ROUTE = "EN_ROUTE"
    ARRIVED = "ARRIVED"
    IN_PROGRESS = "IN_PROGRESS"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    NO_ACCESS = "NO_ACCESS"
    CANCELLED = "CANCELLED"


class Pin(StrEnum):
    """What the optimizer may not move."""

    TECHNICIAN = "TECHNICIAN"
    TIME = "TIME"
    BOTH = "BOTH"


class IncompleteReason(StrEnum):
    """Why a visit ended with a rest to do."""

    PARTS = "PARTS"
    SKILL = "SKILL"
    TIME = "TIME"
    TECHNICIAN = "TECHNICIAN"
    SAFETY = "SAFETY"
    CUSTOMER = "CUSTOMER"


class AssignmentState(StrEnum):
    """OFFERED → ACCEPTED, DECLINED or EXPIRED → RELEASED; employees are ACCEPTED at once."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    RELEASED = "RELEASED"


class DependencyKind(StrEnum):
    """What one visit has to do with the other: its end, its day or its technician."""

    FINISH_START = "FINISH_START"
    SAME_DAY = "SAME_DAY"
    SAME_TECHNICIAN = "SAME_TECHNICIAN"


FINAL = frozenset({"COMPLETED", "INCOMPLETE", "NO_ACCESS", "CANCELLED"})
ENDED = FINAL - {"CANCELLED"}
"""Somebody was there, and it is over."""
UNDER_WAY = frozenset({"EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED"})
TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("UNSCHEDULED", "SCHEDULED"),
        ("SCHEDULED", "UNSCHEDULED"),
        ("DISPATCHED", "UNSCHEDULED"),
        ("EN_ROUTE", "UNSCHEDULED"),
        ("SCHEDULED", "DISPATCHED"),
        ("DISPATCHED", "SCHEDULED"),
        ("DISPATCHED", "EN_ROUTE"),
        ("EN_ROUTE", "DISPATCHED"),
        ("DISPATCHED", "ARRIVED"),
        ("EN_ROUTE", "ARRIVED"),
        ("ARRIVED", "EN_ROUTE"),
        ("ARRIVED", "IN_PROGRESS"),
        ("ARRIVED", "NO_ACCESS"),
        ("IN_PROGRESS", "PAUSED"),
        ("PAUSED", "IN_PROGRESS"),
        ("IN_PROGRESS", "COMPLETED"),
        ("IN_PROGRESS", "INCOMPLETE"),
        ("PAUSED", "INCOMPLETE"),
        ("UNSCHEDULED", "CANCELLED"),
        ("SCHEDULED", "CANCELLED"),
        ("DISPATCHED", "CANCELLED"),
    }
)
LIVE = ("OFFERED", "ACCEPTED")
"""The states of an assignment whose technician is to go there."""
ASSIGNMENT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        *(("OFFERED", end) for end in ("ACCEPTED", "DECLINED", "EXPIRED", "RELEASED")),
        *((start, "RELEASED") for start in ("ACCEPTED", "DECLINED", "EXPIRED")),
    }
)
LARGEST_CREW = 20


class Substatus(Row, table=True):
    """An organization's own word for where a visit stands: it belongs to one state, and ends with it."""

    __table_args__ = (
        one_of("visit_state", VisitState),
        UniqueConstraint("organization_id", "code"),
        UniqueConstraint("organization_id", "id", "visit_state"),
        Index(None, "organization_id", "name", "id"),
    )
    code: str = text()
    name: str = text()
    visit_state: VisitState = text()
    is_active: bool = True


class Visit(Row, table=True):
    """One planned presence at a site.

    Three groups of times, never mixed: `window_…` is the promise to the customer (the technician arrives
    within it), `planned_…` the internal plan, `en_route_at` to `ended_at` what happened. `first_promised_…`
    is the window that was promised first, kept when another is. `crew_size` says how many it takes.
    The labour clock runs from `work_since` while it is IN_PROGRESS; `worked_seconds` is what it ran before.
    """

    __table_args__ = (
        one_of("state", VisitState),
        one_of("pin", Pin),
        CheckConstraint("duration_seconds > 0", name="duration_seconds"),
        in_order("window_start", "window_end"),
        in_order("planned_start", "planned_end"),
        CheckConstraint("(planned_start IS NULL) = (planned_end IS NULL)", name="planned"),
        CheckConstraint("(first_promised_start IS NULL) = (first_promised_end IS NULL)", name="promised"),
        between("crew_size", 1, LARGEST_CREW),
        CheckConstraint("(work_since IS NOT NULL) = (state = 'IN_PROGRESS')", name="labour_clock"),
        CheckConstraint("worked_seconds >= 0", name="worked_seconds"),
        # A substatus is its state's alone; what moves the visit on clears it (a trigger, if nobody else).
        ForeignKeyConstraint(
            ["organization_id", "substatus_id", "state"],
            ["substatus.organization_id", "substatus.id", "substatus.visit_state"],
            deferrable=True,
        ),
        Index(None, "organization_id", "substatus_id", "state"),
        Index(None, "organization_id", "planned_start", "id"),
        Index(None, "organization_id", "state"),
        *refers(crew_id="crew", work_order_id="work_order", customer_id="customer planned_start"),
        *refers(site_id="site planned_start", territory_id="territory", follow_up_of_id="visit"),
    )
    work_order_id: UUID
    customer_id: UUID
    site_id: UUID
    territory_id: UUID | None = None
    state: VisitState = text(default=VisitState.UNSCHEDULED)
    duration_seconds: int
    window_start: datetime | None = timestamp(default=None)
    window_end: datetime | None = timestamp(default=None)
    first_promised_start: datetime | None = timestamp(default=None)
    first_promised_end: datetime | None = timestamp(default=None)
    planned_start: datetime | None = timestamp(default=None)
    planned_end: datetime | None = timestamp(default=None)
    planned_travel_seconds: int | None = None
    en_route_at: datetime | None = timestamp(default=None)
    arrived_at: datetime | None = timestamp(default=None)
    started_at: datetime | None = timestamp(default=None)
    ended_at: datetime | None = timestamp(default=None)
    pin: Pin | None = text(default=None)
    reason: str | None = text(default=None)
    follow_up_of_id: UUID | None = None
    crew_size: int = Field(default=1, sa_column_kwargs={"server_default": literal("1")})
    crew_id: UUID | None = None
    substatus_id: UUID | None = None
    worked_seconds: int = Field(default=0, sa_column_kwargs={"server_default": literal("0")})
    work_since: datetime | None = timestamp(default=None)


class Assignment(Row, table=True):
    """A technician on a visit. `occupies` says that the planned time is taken: no two may overlap.

    `en_route_at` to `ended_at` are what happened to this technician; the lead's are the visit's too.
    `work_since` is set while the lead's labour clock runs, and of one technician only one does.
    `worked_seconds` is how long the visit's clock ran while they were at work.
    """

    __table_args__ = (
        one_of("state", AssignmentState),
        in_order("planned_start", "planned_end"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("technician_id", "="),
            ("during", "&&"),
            using="gist",
            where="occupies",
            name="ex_assignment_double_booking",
            deferrable=True,
        ),
        Index(
            "uq_assignment_lead",
            "organization_id",
            "visit_id",
            unique=True,
            postgresql_where=literal("is_lead AND state IN ('OFFERED', 'ACCEPTED')"),
        ),
        Index(
            "uq_assignment_labour_clock",
            "organization_id",
            "technician_id",
            unique=True,
            postgresql_where=literal("work_since IS NOT NULL"),
        ),
        Index("ix_assignment_offered", "offer_expires_at", postgresql_where=literal("state = 'OFFERED'")),
        Index(None, "organization_id", "planned_start", "id"),
        CheckConstraint("worked_seconds >= 0", name="worked_seconds"),
        *refers(visit_id="visit", technician_id="technician planned_start", work_order_id="work_order"),
        *refers(customer_id="customer", site_id="site"),
    )
    # `during` is not asked back, because many rows go in by one statement then.
    __mapper_args__: ClassVar[dict[str, bool]] = {"eager_defaults": False}
    visit_id: UUID
    technician_id: UUID
    work_order_id: UUID
    customer_id: UUID
    site_id: UUID
    state: AssignmentState = text(default=AssignmentState.ACCEPTED)
    is_lead: bool = True
    occupies: bool = True
    planned_start: datetime = timestamp()
    planned_end: datetime = timestamp()
    offer_expires_at: datetime | None = timestamp(default=None)
    reason: str | None = text(default=None)
    en_route_at: datetime | None = timestamp(default=None)
    arrived_at: datetime | None = timestamp(default=None)
    started_at: datetime | None = timestamp(default=None)
    ended_at: datetime | None = timestamp(default=None)
    work_since: datetime | None = timestamp(default=None)
    worked_seconds: int = Field(default=0, sa_column_kwargs={"server_default": literal("0")})
    during: Any = Field(
        default=None,
        sa_column=Column(
            TSTZRANGE, Computed("tstzrange(planned_start, planned_end, '[)')", persisted=True), nullable=False
        ),
    )


class VisitPart(Row, table=True):
    """Pieces of a part that a visit needs."""

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        *refers(visit_id="visit", part_id="part"),
    )
    visit_id: UUID
    part_id: UUID
    quantity: int = 1


class VisitDependency(Row, table=True):
    """What a visit, the successor, waits for or shares with another, its predecessor.

    `gap_seconds` is the least time between the end of the one and the start of the other.
    """

    __table_args__ = (
        one_of("kind", DependencyKind),
        CheckConstraint("predecessor_id <> successor_id", name="another"),
        CheckConstraint("gap_seconds >= 0 AND (gap_seconds = 0 OR kind = 'FINISH_START')", name="gap"),
        UniqueConstraint(
            "organization_id", "predecessor_id", "successor_id", "kind", name="uq_visit_dependency_pair"
        ),
        *refers(predecessor_id="visit", successor_id="visit"),
    )
    predecessor_id: UUID
    successor_id: UUID
    kind: DependencyKind = text(default=DependencyKind.FINISH_START)
    gap_seconds: int = 0
