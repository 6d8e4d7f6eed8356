"""Occurrences: laid out ahead from a plan's rule or meter, made into work orders once, passed over.

Every verb here holds its plan: so whatever several workers and people do at once to a plan, they do one
after another, and what is found done is not done again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text as literal
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from domain import inputs, intake
from domain.assets import Asset
from domain.contracts import Contract, ContractState
from domain.customers import Customer
from domain.events import Event
from domain.intake import Need
from domain.maintenance import meters, recurrences
from domain.maintenance.rows import (
    MaintenanceOccurrence,
    MaintenancePlan,
    MaintenancePlanState,
    OccurrenceState,
)
from domain.sites import Site
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkType

LOOK_AHEAD = timedelta(days=366)
LOOK_AGAIN = timedelta(days=7)
"""How often the far end of what is laid out moves on."""
MOST_PLANNED = 60
"""Occurrences that are laid out ahead; so many work orders at once are the most a horizon may hold."""
MOST_AT_ONCE = 10
"""Work orders made in one transaction: it holds the series of their numbers."""
BLOCKED = timedelta(days=1)
"""After which a plan that may not make work orders now is looked at again."""
REFUSED = timedelta(hours=1)
LATEST = timedelta(days=7)
"""How late a work order is still made that could not be in time; then the occurrence is skipped."""
PASSED = "Its time passed before a work order could be made."
DAY = timedelta(days=1)
DUE = literal(
    "SELECT organization_id, id FROM maintenance_plan WHERE state = 'ACTIVE' AND next_due_at <= :at"
    " ORDER BY next_due_at LIMIT 500"
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan's occurrences stand on: its site's zone, its contract, whether it may make work now."""

    site: Site
    contract: Contract | None
    is_open: bool

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.site.time_zone)

    def today(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def covers(self, starts_at: datetime) -> bool:
        """Whether the contract, where there is one, is in force on that day."""
        if self.contract is None:
            return True
        day = starts_at.astimezone(self.zone).date()
        active = self.contract.state == ContractState.ACTIVE
        return active and self.contract.starts_on <= day <= self.contract.ends_on


async def due(connection: AsyncConnection, at: datetime) -> Sequence[tuple[UUID, UUID]]:
    """The plans of every organization that a worker has something to do for by now, each with its own.

    Asked as fieldgraph_system for the rest of the transaction, who may read no more of a plan than this: a
    company whose log is silent has maintenance too.
    """
    await connection.execute(literal("SET LOCAL ROLE fieldgraph_system"))
    found = await connection.execute(DUE, {"at": at})
    return [(organization_id, plan_id) for organization_id, plan_id in found]


async def tick(work: UnitOfWork, plan_id: UUID) -> int:
    """What a worker does for a plan that is due: answers how many work orders it made."""
    return await advance(work, await work.get(MaintenancePlan, plan_id))


async def postpone(work: UnitOfWork, plan_id: UUID) -> None:
    """A plan whose work order was refused: looked at again later, so that it does not hold up the others."""
    plan = await work.get(MaintenancePlan, plan_id)
    await _note(work, plan, plan.expanded_until, work.at + REFUSED)


async def ground(work: UnitOfWork, plan: MaintenancePlan) -> Ground:
    site = await work.find(Site, plan.site_id)
    customer = await work.find(Customer, plan.customer_id)
    contract = None if plan.contract_id is None else await work.find(Contract, plan.contract_id)
    kind = await work.find(WorkType, plan.work_type_id)
    return Ground(site, contract, customer.archived_at is None and kind.archived_at is None)


async def advance(work: UnitOfWork, plan: MaintenancePlan) -> int:
    """Lays out what is to come, makes the work orders whose time it is, says when to look again.

    For a plan that is held; whatever it finds done it leaves. Answers how many work orders it made.
    """
    if plan.state != MaintenancePlanState.ACTIVE:
        await _note(work, plan, plan.expanded_until, None)
        return 0
    base = await ground(work, plan)
    total = None
    if plan.meter_every is not None and plan.asset_id is not None:
        total = await meters.total(work, plan.asset_id)
    rows = await _rows(work, plan)
    _time(plan, base, rows)
    await let_pass(work, [row for row in rows if row.starts_at and row.starts_at < work.at - LATEST], PASSED)
    expanded = _lay_days(work, plan, base, rows)
    _lay_marks(work, plan, total, rows)
    ripe = [row for row in rows if base.is_open and _is_ripe(work, plan, base, row, total)]
    for row in ripe[:MOST_AT_ONCE]:
        await _generate(work, plan, row)
    _lay_marks(work, plan, total, rows)
    await work.session.flush()
    again = work.at if len(ripe) > MOST_AT_ONCE else _again(work, plan, base, rows, expanded)
    await _note(work, plan, expanded, again)
    return min(len(ripe), MOST_AT_ONCE)


async def _rows(work: UnitOfWork, plan: MaintenancePlan) -> list[MaintenanceOccurrence]:
    """All that is ahead of the plan, and all that was decided about days and marks to come."""
    table = MaintenanceOccurrence
    recent = (work.at - 2 * DAY).date()
    statement = (
        select(table)
        .where(col(table.plan_id) == plan.id)
        .where(
            (col(table.state) == OccurrenceState.PLANNED)
            | (col(table.day) >= recent)
            | col(table.threshold).is_not(None)
        )
    )
    ordered = statement.order_by(col(MaintenanceOccurrence.starts_at), col(MaintenanceOccurrence.id))
    return list((await work.session.exec(ordered)).all())


async def let_pass(work: UnitOfWork, rows: Sequence[MaintenanceOccurrence], reason: str) -> None:
    """PLANNED → SKIPPED, for those that nobody decided about in time."""
    passed = [row for row in rows if row.state == OccurrenceState.PLANNED]
    for row in passed:
        row.state, row.reason = OccurrenceState.SKIPPED, reason
    await work.session.flush()
    for row in passed:
        announce(work, row, "OccurrenceSkipped", {"state": OccurrenceState.PLANNED})


def _time(plan: MaintenancePlan, base: Ground, rows: Sequence[MaintenanceOccurrence]) -> None:
    """Wall times become instants late: by the zone and the plan's time as they are now."""
    for row in rows:
        if row.day is not None and plan.local_time is not None and not row.is_decided:
            inputs.write(row, {"starts_at": recurrences.instant(row.day, plan.local_time, base.zone)})


def _lay_days(
    work: UnitOfWork, plan: MaintenancePlan, base: Ground, rows: list[MaintenanceOccurrence]
) -> date | None:
    """Adds the days of the rule that are not there yet; answers how far it is laid out now."""
    if plan.rrule is None or plan.starts_on is None or plan.local_time is None:
        return None
    first = today = base.today(work.at)
    if plan.expanded_until is not None:
        first = max(first, plan.expanded_until + DAY)
    last = today + LOOK_AHEAD
    if base.contract is not None:
        if base.contract.state != ContractState.ACTIVE:
            return plan.expanded_until
        first, last = max(first, base.contract.starts_on), min(last, base.contract.ends_on)
    known = {row.day for row in rows}
    room = MOST_PLANNED - sum(row.state == OccurrenceState.PLANNED for row in rows)
    for day in recurrences.parse(plan.rrule).days(plan.starts_on, first, last):
        starts_at = recurrences.instant(day, plan.local_time, base.zone)
        if room <= 0:
            return day - DAY
        if day in known or starts_at < work.at:
            continue
        rows.append(_add(work, plan, day=day, starts_at=starts_at))
        room -= 1
    return max(last, plan.expanded_until or last)


def _lay_marks(
    work: UnitOfWork, plan: MaintenancePlan, total: Decimal | None, rows: list[MaintenanceOccurrence]
) -> None:
    """Adds the meter's next mark, where none is ahead; what one reading leaps over comes once."""
    if plan.meter_every is None or plan.meter_from is None or plan.meter_lead is None:
        return
    if any(row.state == OccurrenceState.PLANNED and row.moved_to is None for row in rows):
        return
    marks = {row.threshold for row in rows}
    served = [row.threshold for row in rows if row.threshold and row.state == OccurrenceState.GENERATED]
    reached = max([(total or Decimal(0)) + plan.meter_lead, *served])
    steps = max(0, int((reached - plan.meter_from) // plan.meter_every)) + 1
    while (mark := plan.meter_from + steps * plan.meter_every) in marks:
        steps += 1
    rows.append(_add(work, plan, threshold=mark))


def _add(work: UnitOfWork, plan: MaintenancePlan, **key: Any) -> MaintenanceOccurrence:
    row = MaintenanceOccurrence(plan_id=plan.id, customer_id=plan.customer_id, site_id=plan.site_id, **key)
    return work.add(row)


def _is_ripe(
    work: UnitOfWork,
    plan: MaintenancePlan,
    base: Ground,
    row: MaintenanceOccurrence,
    total: Decimal | None,
) -> bool:
    if row.state != OccurrenceState.PLANNED or not base.covers(row.starts_at or work.at):
        return False
    if row.starts_at is not None:
        return row.starts_at - timedelta(days=plan.horizon_days) <= work.at
    lead = plan.meter_lead or Decimal(0)
    return row.threshold is not None and total is not None and total + lead >= row.threshold


async def _generate(work: UnitOfWork, plan: MaintenancePlan, row: MaintenanceOccurrence) -> None:
    """PLANNED → GENERATED, with its work order. One whose window has passed promises no window."""
    window = None
    if row.starts_at is not None and plan.window_seconds is not None:
        window = (row.starts_at, row.starts_at + timedelta(seconds=plan.window_seconds))
    in_time = window is not None and window[1] > work.at
    need = Need(
        site_id=plan.site_id,
        work_type_id=plan.work_type_id,
        title=plan.title,
        description=plan.description,
        asset_id=await _equipment(work, plan),
        contract_id=plan.contract_id,
        planned=True,
        window=window if in_time else None,
        due_at=window[1] if window is not None and in_time else None,
    )
    order, _ = await intake.create_work_order(work, need)
    row.state, row.work_order_id = OccurrenceState.GENERATED, order.id
    await work.session.flush()


async def _equipment(work: UnitOfWork, plan: MaintenancePlan) -> UUID | None:
    """Its asset, as long as it stands there."""
    asset = await work.find(Asset, plan.asset_id) if plan.asset_id else None
    return asset.id if asset is not None and asset.site_id == plan.site_id else None


def _again(
    work: UnitOfWork,
    plan: MaintenancePlan,
    base: Ground,
    rows: Sequence[MaintenanceOccurrence],
    expanded: date | None,
) -> datetime | None:
    """When there is something to do for the plan next; None: only when somebody or a meter says so."""
    ahead = [row for row in rows if row.state == OccurrenceState.PLANNED]
    times = [row.starts_at - timedelta(days=plan.horizon_days) for row in ahead if row.starts_at]
    # What is ripe and was not made waits for its contract, its customer or its type.
    found = [max(at, work.at + BLOCKED) if at <= work.at else at for at in times]
    if plan.rrule is not None:
        ends = base.contract is not None and (expanded is None or expanded >= base.contract.ends_on)
        if ends:  # until it is renewed
            found.append(work.at + BLOCKED)
        elif not ahead or (expanded and expanded >= base.today(work.at) + LOOK_AHEAD):
            found.append(work.at + LOOK_AGAIN)
    return min(found, default=None)


async def _note(
    work: UnitOfWork, plan: MaintenancePlan, expanded: date | None, again: datetime | None
) -> None:
    """The worker's own columns, which nobody else reads: written beside the version that people count."""
    if (plan.expanded_until, plan.next_due_at) == (expanded, again):
        return
    await work.session.flush()
    values = {"expanded_until": expanded, "next_due_at": again}
    table = MaintenancePlan
    statement = update(table).where(
        col(table.organization_id) == plan.organization_id, col(table.id) == plan.id
    )
    statement = statement.values(values)
    await work.session.execute(statement, execution_options={"synchronize_session": False})
    await work.session.refresh(plan, list(values))


def announce(
    work: UnitOfWork,
    occurrence: MaintenanceOccurrence,
    type: str,
    before: Mapping[str, Any],
    values: Mapping[str, Any] | None = None,
) -> None:
    scope = occurrence.scope()
    told = {"plan_id": occurrence.plan_id, "day": occurrence.day}
    work.emit(
        Event(
            type=type,
            topic="maintenance_occurrence",
            subject=occurrence,
            before=before,
            values={**told, "threshold": occurrence.threshold, **(values or {})},
            scope_before=scope,
            scope_after=scope,
        )
    )
