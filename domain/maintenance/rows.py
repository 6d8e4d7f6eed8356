"""Maintenance as rows: plans by rule or by meter, and their occurrences, each once."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from domain.assets import FIGURES
from domain.events import Scope
from domain.rows import Row, between, one_of, refers, searched, text, timestamp


class MaintenancePlanState(StrEnum):
    """Whether a maintenance plan makes work orders; ARCHIVED is final."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ARCHIVED = "ARCHIVED"


class OccurrenceState(StrEnum):
    """PLANNED, then GENERATED (its work order is there) or SKIPPED (there is none, or it was cancelled)."""

    PLANNED = "PLANNED"
    GENERATED = "GENERATED"
    SKIPPED = "SKIPPED"


PLAN_TRANSITIONS = frozenset(
    {("ACTIVE", "PAUSED"), ("PAUSED", "ACTIVE"), ("ACTIVE", "ARCHIVED"), ("PAUSED", "ARCHIVED")}
)
TRANSITIONS = frozenset({("PLANNED", "GENERATED"), ("PLANNED", "SKIPPED"), ("GENERATED", "SKIPPED")})


class MaintenancePlan(Row, table=True):
    """What makes work orders at a site again and again: by a rule of days, or by an asset's meter.

    By rule: the days of `rrule`, counted from `starts_on`, at `local_time` (HH:MM) in the site's zone, with
    an arrival window of `window_seconds`. By meter: every `meter_every` units since `meter_from`, asked for
    `meter_lead` units before. `expanded_until` and `next_due_at` are the worker's own: they count no version.
    """

    __table_args__ = (
        one_of("state", MaintenancePlanState),
        CheckConstraint("num_nonnulls(rrule, meter_every) = 1", name="kind"),
        CheckConstraint(
            "(rrule IS NULL) = (starts_on IS NULL) AND (rrule IS NULL) = (local_time IS NULL)"
            " AND (rrule IS NULL) = (window_seconds IS NULL)",
            name="rule",
        ),
        CheckConstraint(
            "(meter_every IS NULL) = (meter_lead IS NULL) AND (meter_every IS NULL) = (meter_from IS NULL)"
            " AND (meter_every IS NULL OR (asset_id IS NOT NULL AND meter_lead >= 0"
            " AND meter_lead < meter_every))",
            name="meter",
        ),
        CheckConstraint("local_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name="local_time"),
        between("horizon_days", 0, 365),
        Index(None, "organization_id", "title", "id"),
        Index(None, "next_due_at"),
        *refers(customer_id="customer", site_id="site title", asset_id="asset title"),
        *refers(contract_id="contract title", work_type_id="work_type"),
        *searched("title"),
    )
    customer_id: UUID
    site_id: UUID
    asset_id: UUID | None = None
    contract_id: UUID | None = None
    work_type_id: UUID
    title: str = text()
    description: str | None = text(default=None)
    state: MaintenancePlanState = text(default=MaintenancePlanState.ACTIVE)
    reason: str | None = text(default=None)
    rrule: str | None = text(default=None)
    starts_on: date | None = None
    local_time: str | None = text(default=None)
    window_seconds: int | None = None
    meter_every: Decimal | None = Field(default=None, sa_type=FIGURES)
    meter_lead: Decimal | None = Field(default=None, sa_type=FIGURES)
    meter_from: Decimal | None = Field(default=None, sa_type=FIGURES)
    horizon_days: int = 14
    expanded_until: date | None = None
    next_due_at: datetime | None = timestamp(default=None)

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,))


class MaintenanceOccurrence(Row, table=True):
    """One time of a plan, known by the day of its rule or by the meter's mark, whatever becomes of it.

    `starts_at` is when it is to start: where it was moved to, else the plan's time on that day; null of a
    meter's, which comes when the meter says so.
    """

    __table_args__ = (
        one_of("state", OccurrenceState),
        CheckConstraint("num_nonnulls(day, threshold) = 1", name="key"),
        CheckConstraint("day IS NULL OR starts_at IS NOT NULL", name="starts_at"),
        CheckConstraint(
            "state = 'SKIPPED' OR (state = 'GENERATED') = (work_order_id IS NOT NULL)", name="generated"
        ),
        CheckConstraint("(state <> 'SKIPPED' AND moved_to IS NULL) OR reason IS NOT NULL", name="reason"),
        UniqueConstraint("organization_id", "plan_id", "day"),
        UniqueConstraint("organization_id", "plan_id", "threshold"),
        Index(None, "organization_id", "starts_at", "id"),
        *refers(plan_id="maintenance_plan starts_at", customer_id="customer", site_id="site"),
        *refers(("work_order_id",), work_order_id="work_order"),
    )
    plan_id: UUID
    customer_id: UUID
    site_id: UUID
    day: date | None = None
    threshold: Decimal | None = Field(default=None, sa_type=FIGURES)
    starts_at: datetime | None = timestamp(default=None)
    moved_to: datetime | None = timestamp(default=None)
    state: OccurrenceState = text(default=OccurrenceState.PLANNED)
    reason: str | None = text(default=None)
    work_order_id: UUID | None = None

    @property
    def is_decided(self) -> bool:
        """Whether somebody or something has settled it: no change of the rule takes it away."""
        return self.state != OccurrenceState.PLANNED or self.moved_to is not None

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,))
