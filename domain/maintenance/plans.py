"""Maintenance plans: made, changed, paused, resumed and archived; what was decided ahead is kept."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain import assets, customers, inputs, visits
from domain.assets import Asset, Figure, MeterReading
from domain.contracts import Contract, ContractState
from domain.errors import Invalid, InvalidTransition
from domain.events import Event
from domain.inputs import Check
from domain.maintenance import meters, occurrences, recurrences
from domain.maintenance.rows import (
    PLAN_TRANSITIONS,
    MaintenanceOccurrence,
    MaintenancePlan,
    MaintenancePlanState,
    OccurrenceState,
)
from domain.sites import Site
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkType

BY_RULE = ("rrule", "starts_on", "local_time", "window_seconds")
BY_METER = ("meter_every", "meter_lead", "meter_from")
LAID_OUT = {*BY_RULE, *BY_METER, "asset_id", "contract_id"}
"""What the occurrences that nobody decided about follow from."""
WINDOW_SECONDS = 4 * 3_600
MOST_YEARS = 20
PAUSED = "Its time passed while the plan was paused."
ARCHIVED = "The plan is archived."


def _rule(value: Any) -> str:
    recurrences.parse(inputs.given(value))
    return str(value).strip().removeprefix("RRULE:").upper()


def _wall_time(value: Any) -> str:
    text = str(inputs.given(value))
    hours, _, minutes = text.partition(":")
    whole = len(text) == 5 and hours.isdigit() and minutes.isdigit()
    if not whole or int(hours) > 23 or int(minutes) > 59:
        raise ValueError("A local time is HH:MM.")
    return text


def _seconds(value: Any) -> int:
    if not 900 <= int(inputs.given(value)) <= 86_400:
        raise ValueError("A window lasts from a quarter of an hour to a day.")
    return int(value)


def _days(value: Any) -> int:
    if not 0 <= int(inputs.given(value)) <= 365:
        raise ValueError("It lies between 0 and 365.")
    return int(value)


def _units(value: Any) -> Decimal:
    number = Decimal(inputs.given(value))
    if not 0 <= number < assets.MOST or number != round(number, 3):
        raise ValueError("A meter says a number from 0, with at most three decimals.")
    return number


def _some(value: Any) -> Decimal:
    if (number := _units(value)) == 0:
        raise ValueError("It is more than 0.")
    return number


PLAN: Mapping[str, Check] = {
    "title": inputs.words(),
    "description": inputs.words(inputs.LONGEST_TEXT, optional=True),
    "rrule": _rule,
    "starts_on": inputs.given,
    "local_time": _wall_time,
    "window_seconds": _seconds,
    "horizon_days": _days,
    "meter_every": _some,
    "meter_lead": _units,
    "meter_from": _units,
    "asset_id": lambda value: value,
    "contract_id": lambda value: value,
    "work_type_id": inputs.given,
}
"""What may be said of a plan, by column; its site and its kind are for good."""
NAMES = {"window_seconds": "window", "work_type_id": "workType"}


async def create(work: UnitOfWork, site_id: UUID, values: Mapping[str, Any]) -> MaintenancePlan:
    """A plan by rule or by meter, with its first work orders where it is time. Raises NotFound or Invalid."""
    kept = inputs.checked(values, PLAN, names=NAMES)
    site = await work.find(Site, site_id, "site")
    await customers.in_use(work, site.customer_id, "site")
    if (kept.get("rrule") is None) == (kept.get("meter_every") is None):
        raise Invalid("A plan has either a rule or a meter's interval.", "rrule")
    plan = MaintenancePlan(customer_id=site.customer_id, site_id=site.id, **{**_defaults(kept), **kept})
    await _check(work, plan, site)
    if plan.meter_every is not None and plan.meter_from is None and plan.asset_id is not None:
        plan.meter_from = await meters.total(work, plan.asset_id) or Decimal(0)
    work.add(plan)
    await work.session.flush()
    _announce(work, plan, "MaintenancePlanCreated", {})
    await occurrences.advance(work, plan)
    return plan


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> MaintenancePlan:
    """Changes what is named and differs. Occurrences that were skipped, moved or made stay as they are.

    Raises NotFound, Conflict, Invalid or InvalidTransition.
    """
    plan = await _plan(work, key, expected_version)
    kept = inputs.checked(values, PLAN, names=NAMES)
    with work.session.no_autoflush:
        before = inputs.write(plan, kept)
        await _check(work, plan, await work.find(Site, plan.site_id))
    if not before:
        return plan
    if LAID_OUT & before.keys():
        await _clear(work, plan)
        plan.expanded_until = None
    await work.session.flush()
    _announce(work, plan, "MaintenancePlanChanged", before)
    await occurrences.advance(work, plan)
    return plan


async def pause(
    work: UnitOfWork, key: UUID, *, reason: str, expected_version: int | None = None
) -> MaintenancePlan:
    """It makes nothing until it is resumed. Raises NotFound, Conflict, Invalid or InvalidTransition."""
    visits.check_reason(reason)
    plan = await _plan(work, key, expected_version)
    work.reason = reason
    await _move(work, plan, MaintenancePlanState.PAUSED, reason)
    await occurrences.advance(work, plan)
    return plan


async def resume(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> MaintenancePlan:
    """It goes on; what would have started meanwhile is skipped. Raises as `pause`."""
    plan = await _plan(work, key, expected_version)
    await _move(work, plan, MaintenancePlanState.ACTIVE, None)
    missed = [row for row in await _planned(work, plan) if row.starts_at and row.starts_at < work.at]
    await occurrences.let_pass(work, missed, PAUSED)
    await occurrences.advance(work, plan)
    return plan


async def archive(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> MaintenancePlan:
    """Kept, and makes nothing any more; the work orders that it made go on. Raises as `pause`."""
    plan = await _plan(work, key, expected_version)
    await _move(work, plan, MaintenancePlanState.ARCHIVED, None)
    await _clear(work, plan)
    await occurrences.let_pass(work, await _planned(work, plan), ARCHIVED)
    await occurrences.advance(work, plan)
    return plan


async def read_meter(work: UnitOfWork, asset_id: UUID, figure: Figure) -> MeterReading:
    """`assets.read_meter`, and the work orders of the plans whose mark the meter has come to."""
    reading = await assets.read_meter(work, asset_id, figure)
    async with work.unscoped():  # who reads a meter makes no work orders by themselves
        await metered(work, asset_id)
    return reading


async def metered(work: UnitOfWork, asset_id: UUID) -> None:
    """After readings of an asset that came any other way: its plans look at the meter."""
    statement = (
        select(MaintenancePlan.id)
        .where(col(MaintenancePlan.asset_id) == asset_id, col(MaintenancePlan.meter_every).is_not(None))
        .where(col(MaintenancePlan.state) == MaintenancePlanState.ACTIVE)
        .order_by(col(MaintenancePlan.id))
    )
    for key in (await work.session.exec(statement)).all():
        await occurrences.tick(work, key)


async def renewed(work: UnitOfWork, contract_id: UUID) -> None:
    """After a contract's term or state has changed: its plans look at it at once, not within a day."""
    statement = (
        select(MaintenancePlan.id)
        .where(col(MaintenancePlan.contract_id) == contract_id)
        .where(col(MaintenancePlan.state) == MaintenancePlanState.ACTIVE)
        .order_by(col(MaintenancePlan.id))
    )
    for key in (await work.session.exec(statement)).all():
        await occurrences.tick(work, key)


def _defaults(kept: Mapping[str, Any]) -> dict[str, Any]:
    if kept.get("rrule") is not None:
        return {"window_seconds": WINDOW_SECONDS}
    return {"meter_lead": Decimal(0)}


async def _plan(work: UnitOfWork, key: UUID, expected_version: int | None) -> MaintenancePlan:
    plan = await work.get(MaintenancePlan, key, "maintenancePlan")
    inputs.check_version(plan, expected_version)
    if plan.state == MaintenancePlanState.ARCHIVED:
        raise InvalidTransition("This plan is archived.", "maintenancePlan")
    return plan


async def _move(
    work: UnitOfWork, plan: MaintenancePlan, state: MaintenancePlanState, reason: str | None
) -> None:
    if (plan.state, state) not in PLAN_TRANSITIONS:
        raise InvalidTransition(f"A plan cannot go from {plan.state} to {state.value}.", "maintenancePlan")
    before = {"state": plan.state}
    plan.state, plan.reason = state, reason
    await work.session.flush()
    _announce(work, plan, "MaintenancePlanChanged", before)


async def _planned(work: UnitOfWork, plan: MaintenancePlan) -> list[MaintenanceOccurrence]:
    table = MaintenanceOccurrence
    statement = select(table).where(col(table.plan_id) == plan.id)
    statement = statement.where(col(table.state) == OccurrenceState.PLANNED).order_by(col(table.id))
    return list((await work.session.exec(statement)).all())


async def _clear(work: UnitOfWork, plan: MaintenancePlan) -> None:
    """What was laid out ahead and nobody decided about goes: it is laid out anew."""
    for row in await _planned(work, plan):
        if not row.is_decided:
            await work.session.delete(row)
    await work.session.flush()


async def _check(work: UnitOfWork, plan: MaintenancePlan, site: Site) -> None:
    kind = await work.get(WorkType, plan.work_type_id, "workType")  # not archived until this unit ends
    if kind.archived_at is not None:
        raise Invalid(f"The type {kind.code} is archived.", "workType")
    if plan.asset_id is not None:
        asset = await work.find(Asset, plan.asset_id, "asset")
        if asset.site_id != site.id:
            raise Invalid("That asset stands at another site.", "asset")
    if plan.contract_id is not None:
        contract = await work.find(Contract, plan.contract_id, "contract")
        if contract.customer_id != site.customer_id or contract.state != ContractState.ACTIVE:
            raise Invalid("That contract is not an active one of the site's customer.", "contract")
    _check_kind(plan)
    if plan.rrule is not None:
        _check_rule(work, plan)


def _check_kind(plan: MaintenancePlan) -> None:
    """By rule, nothing of a meter; by meter, nothing of a rule."""
    wanted, other = (BY_RULE, BY_METER) if plan.rrule is not None else (BY_METER[:2], BY_RULE)
    for column in wanted:
        if getattr(plan, column) is None:
            raise Invalid("A plan of this kind needs it.", NAMES.get(column) or inputs.field_name(column))
    for column in other:
        if getattr(plan, column) is not None:
            raise Invalid(
                "A plan of this kind has no such thing.", NAMES.get(column) or inputs.field_name(column)
            )
    if plan.meter_every is None or plan.meter_lead is None:
        return
    if plan.asset_id is None:
        raise Invalid("Whose meter?", "asset")
    if plan.meter_lead >= plan.meter_every:
        raise Invalid("It is asked for less than one interval before.", "meterLead")


def _check_rule(work: UnitOfWork, plan: MaintenancePlan) -> None:
    """A horizon holds no more work orders than are laid out ahead."""
    if plan.rrule is None or plan.starts_on is None:
        return
    today = work.at.date()
    if abs((plan.starts_on - today).days) > 366 * MOST_YEARS:
        raise Invalid(f"A rule starts within {MOST_YEARS} years.", "startsOn")
    first = max(plan.starts_on, today)
    found = list(
        recurrences.parse(plan.rrule).days(plan.starts_on, first, first + timedelta(days=plan.horizon_days))
    )
    if len(found) > occurrences.MOST_PLANNED:
        most = occurrences.MOST_PLANNED
        raise Invalid(f"A horizon of so many days would hold more than {most} work orders.", "horizonDays")


def _announce(work: UnitOfWork, plan: MaintenancePlan, type: str, before: Mapping[str, Any]) -> None:
    scope = plan.scope()
    work.emit(
        Event(
            type=type,
            topic="maintenance_plan",
            subject=plan,
            before=before,
            values={"state": plan.state},
            scope_before=scope,
            scope_after=scope,
        )
    )
