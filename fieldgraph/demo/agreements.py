"""The demo's agreements: contracts in every state, equipment and its meters, the clocks of all work."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from domain import milestones
from domain.assets import Asset, MeterReading
from domain.contracts import Contract, ContractAsset, ContractState, ContractWorkType, Entitlement
from domain.milestones import MilestoneKind
from domain.rows import Row
from domain.sites import Site
from domain.visits import Visit, VisitState
from domain.work_orders import WorkOrder, WorkOrderState, WorkTask
from fieldgraph.demo.companies import Book, Company
from fieldgraph.demo.maintenance import CHECKLISTS

Kind = TypeVar("Kind", bound=Row)
EQUIPMENT = (
    ("Gas boiler", "Oras 240", "HEAT-SERVICE"),
    ("Heat pump", "Nibe S1255", "COOL-SERVICE"),
    ("Ventilation unit", "Vallox 145", "VENT-FILTER"),
    ("Lift door drive", "Kone D2", "LOCK-REPAIR"),
)
ASSETS = 12
READINGS = 3
ANSWERED = {
    WorkOrderState.SCHEDULED,
    WorkOrderState.IN_PROGRESS,
    WorkOrderState.COMPLETED,
    WorkOrderState.CLOSED,
}
SERVICE: dict[str, Any] = {
    "coverage_opens": "07:00",
    "coverage_closes": "17:00",
    "coverage_weekdays": "12345",
}
HELD_BEFORE = timedelta(minutes=45)


class Shelf:
    """Rows with keys of their own, so that no other draw of the seed is another for them."""

    def __init__(self, company: Company, random: Random) -> None:
        self.company, self.random = company, random
        self.book = Book(random, company.hours.start)
        self.book.rows = company.book.rows

    def add(self, row: Row, at: datetime | None = None) -> None:
        self.book.add(row, at or self.company.founded)


def agree(company: Company, random: Random) -> None:
    """What the company's customers were promised, and how far it was kept; `random` is for this alone."""
    shelf = Shelf(company, random)
    assets = list(_equipment(shelf))
    _contracts(shelf, assets)
    if company.ground.territories:
        _on_hold(shelf)
    _service_history(company, assets)
    _clocks(shelf)


def _equipment(shelf: Shelf) -> Iterator[Asset]:
    company = shelf.company
    for number, site in enumerate(company.sites[:ASSETS]):
        name, model, _ = EQUIPMENT[number % len(EQUIPMENT)]
        installed = company.hours.day - timedelta(days=200 + 190 * number)
        asset = Asset(
            customer_id=site.customer_id,
            site_id=site.id,
            name=name,
            model=model,
            serial=f"{company.ground.letter}{shelf.random.getrandbits(32):08X}",
            installed_on=installed,
            warranty_until=installed + timedelta(days=2 * 365),
        )
        shelf.add(asset)
        value = Decimal(shelf.random.randrange(500, 7_000))
        for back in range(READINGS, 0, -1):
            value += shelf.random.randrange(20, 200)
            at = company.hours.opens - timedelta(days=9 * back)
            shelf.add(
                MeterReading(
                    asset_id=asset.id, customer_id=site.customer_id, site_id=site.id, at=at, value=value
                ),
                at,
            )
        yield asset


def _contracts(shelf: Shelf, assets: list[Asset]) -> None:
    """Beside the usual ones: one that covers named equipment in office hours, an offer, and one ended."""
    company, day = shelf.company, shelf.company.hours.day
    for number, row in enumerate(_rows(company, Contract)):
        row.auto_renew = number % 3 == 0
    own = assets[0].customer_id
    told = (
        (ContractState.ACTIVE, own, day - timedelta(days=90), "Equipment care"),
        (ContractState.DRAFT, assets[-1].customer_id, day + timedelta(days=30), "Equipment care, offered"),
        (ContractState.CANCELLED, assets[1].customer_id, day - timedelta(days=300), "Lift care"),
    )
    for number, (state, customer_id, starts_on, name) in enumerate(told, 1):
        contract = Contract(
            customer_id=customer_id,
            number=f"{company.ground.letter}C-9{number:03d}",
            name=name,
            state=state,
            starts_on=starts_on,
            ends_on=starts_on + timedelta(days=364),
            price=Decimal(1_800),
            auto_renew=state == ContractState.ACTIVE,
        )
        if state == ContractState.CANCELLED:
            contract.reason = "The building was sold."
            contract.cancelled_at = company.hours.opens - timedelta(days=20)
        shelf.add(contract)
        shelf.add(
            Entitlement(
                contract_id=contract.id,
                customer_id=customer_id,
                name=f"{name}: office hours",
                respond_minutes=240,
                arrive_minutes=600,
                resolve_minutes=1_800,
                **SERVICE,
            )
        )
        named: dict[str, Any] = {"contract_id": contract.id, "customer_id": customer_id}
        for asset in (one for one in assets if one.customer_id == customer_id):
            shelf.add(ContractAsset(asset_id=asset.id, **named))
        for _, _, code in EQUIPMENT[:3]:
            shelf.add(ContractWorkType(work_type_id=company.kinds[code].id, **named))


def _on_hold(shelf: Shelf) -> None:
    """Somebody asked this morning, and then had no key: it waits, and so do its clocks."""
    company = shelf.company
    waiting = next(
        row for row in _rows(company, WorkOrder) if row.state == WorkOrderState.READY and row.due_at
    )
    at, held_at = company.hours.start - 2 * HELD_BEFORE, company.hours.start - HELD_BEFORE
    company.orders += 1
    order = WorkOrder(
        number=f"WO-{company.orders:06d}",
        title="The basement door does not lock",
        state=WorkOrderState.ON_HOLD,
        state_before_hold=WorkOrderState.READY,
        reason="The customer looks for the key.",
        customer_id=waiting.customer_id,
        site_id=waiting.site_id,
        contract_id=waiting.contract_id,
        entitlement_id=waiting.entitlement_id,
        work_type_id=company.kinds["LOCK-REPAIR"].id,
        halts=[[held_at.isoformat(), None]],
    )
    shelf.add(order, at)
    for place, step in enumerate(CHECKLISTS["LOCK-REPAIR"], 1):
        task = WorkTask(
            work_order_id=order.id, customer_id=order.customer_id, position=place, **step._asdict()
        )
        shelf.add(task, at)
    shelf.add(
        Visit(
            work_order_id=order.id,
            customer_id=order.customer_id,
            site_id=order.site_id,
            territory_id=next(site.territory_id for site in company.sites if site.id == order.site_id),
            duration_seconds=2_400,
            state=VisitState.CANCELLED,
            reason="Not without the key.",
        ),
        at,
    )


def _service_history(company: Company, assets: list[Asset]) -> None:
    """Work of the kind that equipment takes, where it stands."""
    kinds = {name: company.kinds[code].id for name, _, code in EQUIPMENT}
    places = {(asset.site_id, kinds[asset.name]): asset.id for asset in assets}
    for order in _rows(company, WorkOrder):
        order.asset_id = places.get((order.site_id, order.work_type_id))


def _clocks(shelf: Shelf) -> None:
    """The clocks of every work order under a contract, as they stand when the demo begins."""
    company = shelf.company
    entitlements = {row.id: row for row in _rows(company, Entitlement)}
    zones = {row.id: row.time_zone for row in _rows(company, Site)}
    visits = {row.work_order_id: row for row in _rows(company, Visit)}
    asked = [
        (at, row) for at, rows in company.book.rows.items() for row in rows if isinstance(row, WorkOrder)
    ]
    for at, order in asked:
        if order.entitlement_id is None:
            continue
        entitlement, visit = entitlements[order.entitlement_id], visits[order.id]
        facts = {
            MilestoneKind.RESPOND: _answered(shelf, order, entitlement, at),
            MilestoneKind.ARRIVE: visit.arrived_at,
            MilestoneKind.RESOLVE: visit.ended_at,
        }
        rows = milestones.draw(order, entitlement, zones[order.site_id], at)
        order.due_at = milestones.arrival(rows)
        for row in rows:
            fact, now = facts[row.kind], company.hours.start
            verdict = milestones.judge(row, order.halts, fact, now)
            until = min(fact or now, verdict.due_at, verdict.paused_at or now)
            row.warned_at = row.warn_at if row.warn_at and row.warn_at < until else None
            milestones.show(row, verdict)
            shelf.add(row, at)


def _answered(shelf: Shelf, order: WorkOrder, entitlement: Entitlement, at: datetime) -> datetime | None:
    """Mostly well in time."""
    if order.state not in ANSWERED:
        return None
    return at + timedelta(
        minutes=(entitlement.respond_minutes or 60) * shelf.random.triangular(0.05, 1.2, 0.3)
    )


def _rows(company: Company, kind: type[Kind]) -> list[Kind]:
    return [row for rows in company.book.rows.values() for row in rows if isinstance(row, kind)]
