"""Costs: what a visit cost the company, kept when it ends; the arithmetic, and the rows it is about.

All of it is in the organization's currency. An amount is null where something it takes is not known: never 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import col, select

from domain import stock
from domain.organizations import Organization
from domain.rows import Row, money, refers, text
from domain.stock import Part
from domain.technicians import Technician
from domain.unit_of_work import UnitOfWork
from domain.visits.rows import ENDED, Assignment, AssignmentState, Visit

HOUR = 3600
UNIT = Decimal("0.0001")
SUM = "total_cost IS NOT DISTINCT FROM labour_cost + travel_cost + parts_cost"


class VisitCost(Row, table=True):
    """What a visit cost, by the rates of when it ended; what is used afterwards is added by those of then.

    `labour_cost`: the labour clock's hours while each of the crew was at work by their hourly cost.
    `travel_cost`: the hours of their last ways there by the same. `parts_cost`: pieces used by unit cost.
    """

    __table_args__ = (
        CheckConstraint("labour_cost >= 0", name="labour_cost"),
        CheckConstraint("travel_cost >= 0", name="travel_cost"),
        CheckConstraint("parts_cost >= 0", name="parts_cost"),
        CheckConstraint(SUM, name="total_cost"),
        *refers(("visit_id",), visit_id="visit", work_order_id="work_order"),
    )
    visit_id: UUID
    work_order_id: UUID
    labour_cost: Decimal | None = money(default=None)
    travel_cost: Decimal | None = money(default=None)
    parts_cost: Decimal | None = money(default=None)
    total_cost: Decimal | None = money(default=None)
    currency: str = text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one of the crew gave to a visit. None: not known."""

    worked_seconds: int
    travel_seconds: int | None
    hourly_cost: Decimal | None


def hours(spent: Iterable[tuple[int | None, Decimal | None]]) -> Decimal | None:
    """Seconds, each at what an hour costs, added up and then rounded, once, to four decimals."""
    return _summed(spent, HOUR)


def pieces(used: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    """Pieces, each at what one costs."""
    return _summed(used, 1)


def total(*amounts: Decimal | None) -> Decimal | None:
    """Of what is rounded already, so that it adds up for whoever checks."""
    return _summed(((1, amount) for amount in amounts), 1)


def _summed(items: Iterable[tuple[int | None, Decimal | None]], share: int) -> Decimal | None:
    """None as soon as an amount or a rate is; none of something costs nothing, whatever one would cost."""
    found = Decimal(0)
    for amount, rate in items:
        if amount == 0:
            continue
        if amount is None or rate is None:
            return None
        found += amount * rate
    return (found / share).quantize(UNIT, ROUND_HALF_UP)


async def keep(work: UnitOfWork, visit: Visit) -> None:
    """The cost of a visit that has just ended, once its parts are counted."""
    # Unscoped: whoever ends it sees neither what the others of the crew cost nor, mostly, any cost at all.
    async with work.unscoped():
        currency = await _currency(work)
        efforts = await _efforts(work, visit, currency)
        used = await _used(work, await stock.used(work, visit.id), currency)
        row = VisitCost(
            visit_id=visit.id,
            work_order_id=visit.work_order_id,
            labour_cost=hours((one.worked_seconds, one.hourly_cost) for one in efforts),
            travel_cost=hours((one.travel_seconds, one.hourly_cost) for one in efforts),
            parts_cost=pieces(used),
            currency=currency,
        )
        row.total_cost = total(row.labour_cost, row.travel_cost, row.parts_cost)
        work.add(row)


async def add_parts(work: UnitOfWork, visit: Visit, used: Mapping[UUID, int]) -> None:
    """What was used at a visit and told after its end; before it there is nothing to add to."""
    if visit.state not in ENDED:
        return
    async with work.unscoped():
        statement = select(VisitCost).where(VisitCost.visit_id == visit.id)
        row = (await work.session.exec(statement.with_for_update(key_share=True))).first()
        if row is None:
            return
        more = pieces(await _used(work, used, row.currency))
        row.parts_cost = total(row.parts_cost, more)
        row.total_cost = total(row.labour_cost, row.travel_cost, row.parts_cost)


async def _currency(work: UnitOfWork) -> str:
    found = await work.session.exec(
        select(Organization.currency).where(Organization.id == work.viewer.organization_id)
    )
    return found.one()


async def _efforts(work: UnitOfWork, visit: Visit, currency: str) -> Sequence[Effort]:
    """Of all who have been there, also of who had to leave before the end."""
    statement = (
        select(Assignment, Technician)
        .join(
            Technician,
            (col(Technician.id) == Assignment.technician_id)
            & (col(Technician.organization_id) == Assignment.organization_id),
        )
        .where(Assignment.visit_id == visit.id, col(Assignment.arrived_at).is_not(None))
        .order_by(col(Assignment.id))
    )
    return [
        Effort(
            worked_seconds=_worked(assignment, visit),
            travel_seconds=_way(assignment, visit),
            hourly_cost=technician.hourly_cost if technician.currency == currency else None,
        )
        for assignment, technician in (await work.session.exec(statement)).all()
    ]


def _worked(assignment: Assignment, visit: Visit) -> int:
    """The lead's clock is the visit's, also what it ran before assignments had their own."""
    leads = assignment.is_lead and assignment.state == AssignmentState.ACCEPTED
    return visit.worked_seconds if leads else assignment.worked_seconds


def _way(assignment: Assignment, visit: Visit) -> int | None:
    """The seconds of the way there, as it was; where nobody said when it began, as it was planned."""
    begun, arrived = assignment.en_route_at, assignment.arrived_at
    if begun is not None and arrived is not None and begun <= arrived:
        return int((arrived - begun).total_seconds())
    return visit.planned_travel_seconds


async def _used(
    work: UnitOfWork, used: Mapping[UUID, int], currency: str
) -> Sequence[tuple[int, Decimal | None]]:
    if not used:
        return []
    rows = (await work.session.exec(select(Part).where(col(Part.id).in_(used)))).all()
    costs = {row.id: row.unit_cost if row.currency == currency else None for row in rows}
    return [(quantity, costs[key]) for key, quantity in used.items()]
