"""The demo's shelves: holds taken along, given back and let go, a count, numbers that are gone."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from domain.organizations import Counter, Organization
from domain.stock import (
    MovementKind,
    Part,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderState,
    Reservation,
    ReservationState,
    SerialState,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockMovement,
    StockSerial,
    Transfer,
    TransferState,
)
from domain.visits import Assignment, Visit, VisitState
from fieldgraph.demo.companies import Book, Company
from fieldgraph.demo.stores import SUPPLIERS

PUMP, COUPLING, LOCK, FILTER, FAN, TAP = 11, 9, 8, 27, 20, 38
"""Parts by their place in the catalogue; none of those that are bought here has a rule."""
COUNTED_SHORT = 2
BROKEN = "Broken when it was unpacked."


class Shop(NamedTuple):
    """A company with the book in which its stock is written up, and its first warehouse."""

    company: Company
    book: Book
    hall: StockLocation

    @property
    def yesterday(self) -> datetime:
        return self.company.hours.opens - timedelta(days=1)


def fill_shelves(company: Company, organization: Organization) -> None:
    """Beside what stores.py tells: holds, places and numbers in the states that it leaves out."""
    hall = next(row for row in company.rows_of(StockLocation) if row.kind == StockLocationKind.WAREHOUSE)
    shop = Shop(company, company.apart(organization, "shelves"), hall)
    _taken_along(shop)
    _given_back(shop)
    _let_go(shop)
    _at_a_site(shop)
    _counted(shop)
    _bought(shop)
    _numbers(shop)


def _ended(shop: Shop, state: VisitState) -> tuple[Visit, StockLocation]:
    """The first visit that ended so, and the van of who was there."""
    visit = next(row for row in shop.company.rows_of(Visit) if row.state == state)
    led = next(row for row in shop.company.rows_of(Assignment) if row.visit_id == visit.id)
    return visit, shop.company.vans[led.technician_id]


def _taken_along(shop: Shop) -> None:
    """The pump that a visit ended without: fetched from the warehouse for the next one, PICKED."""
    orders = {row.work_order_id for row in shop.company.rows_of(Visit) if row.state == VisitState.INCOMPLETE}
    again = next(
        row
        for row in shop.company.rows_of(Visit)
        if row.work_order_id in orders and row.state == VisitState.UNSCHEDULED
    )
    first = next(row for row in shop.company.rows_of(Assignment) if row.visit_id == again.follow_up_of_id)
    van, pump = shop.company.vans[first.technician_id], shop.company.parts[PUMP]
    at = shop.yesterday + timedelta(hours=6)
    _carry(shop, pump, 1, kind=MovementKind.PICK, ends=(shop.hall, van), at=at, visit_id=again.id)
    stands = {"state": ReservationState.PICKED, "picked_from_id": shop.hall.id}
    _hold(shop, again, pump, 1, at=at, stock_location_id=van.id, **stands)
    _level(shop, van.id, pump.id).reserved += 1


def _given_back(shop: Shop) -> None:
    """Couplings for a visit at which nobody opened: taken along and brought back, RETURNED."""
    visit, van = _ended(shop, VisitState.NO_ACCESS)
    coupling, at = shop.company.parts[COUPLING], visit.en_route_at or shop.yesterday
    out, back = at - timedelta(minutes=30), at + timedelta(hours=2)
    _carry(shop, coupling, 2, kind=MovementKind.PICK, ends=(shop.hall, van), at=out, visit_id=visit.id)
    _carry(shop, coupling, 2, kind=MovementKind.RETURN, ends=(van, shop.hall), at=back, visit_id=visit.id)
    stands = {"state": ReservationState.RETURNED, "picked_from_id": shop.hall.id}
    _hold(shop, visit, coupling, 2, at=out, stock_location_id=shop.hall.id, **stands)


def _let_go(shop: Shop) -> None:
    """The lock of a visit that was called off is free again, RELEASED."""
    led = next(row for row in shop.company.rows_of(Assignment) if row.state == "RELEASED")
    visit = next(row for row in shop.company.rows_of(Visit) if row.id == led.visit_id)
    van = shop.company.vans[led.technician_id]
    at = shop.yesterday - timedelta(hours=12)
    stands = {"state": ReservationState.RELEASED, "stock_location_id": van.id}
    _hold(shop, visit, shop.company.parts[LOCK], 1, at=at, **stands)


def _at_a_site(shop: Shop) -> None:
    """Filters that lie where they are needed."""
    site = shop.company.sites[0]
    place = StockLocation(
        name=f"Plant room, {site.name}"[:100],
        kind=StockLocationKind.SITE,
        site_id=site.id,
        longitude=site.longitude,
        latitude=site.latitude,
    )
    shop.book.add(place, shop.company.founded)
    part = shop.company.parts[FILTER]
    _move(shop, place, part, 6, kind=MovementKind.RECEIPT, at=shop.company.founded)


def _counted(shop: Shop) -> None:
    fan = shop.company.parts[FAN]
    reason = "Counted at the end of the month"
    _move(shop, shop.hall, fan, -COUNTED_SHORT, kind=MovementKind.COUNT, at=shop.yesterday, reason=reason)


def _bought(shop: Shop) -> None:
    """An order of which a third has come, and one that the supplier could not bring."""
    parts, ordered_at = shop.company.parts, shop.yesterday - timedelta(days=3)
    partly = _order(shop, 4, PurchaseOrderState.PARTLY_RECEIVED, ordered_at)
    _line(shop, partly, parts[TAP], quantity=30, received=10)
    at, receipt = shop.yesterday, MovementKind.RECEIPT
    _move(shop, shop.hall, parts[TAP], 10, kind=receipt, at=at, purchase_order_id=partly.id)
    never = _order(shop, 5, PurchaseOrderState.CANCELLED, ordered_at)
    never.reason = "It is not made any more."
    _line(shop, never, parts[FAN], quantity=4).is_open = False
    series = next(row for row in shop.company.rows_of(Counter) if row.series == "PURCHASE_ORDER")
    series.value = 5


def _order(shop: Shop, number: int, state: PurchaseOrderState, at: datetime) -> PurchaseOrder:
    order = PurchaseOrder(
        number=f"PO-{number:06d}",
        state=state,
        supplier_name=SUPPLIERS[1],
        stock_location_id=shop.hall.id,
        ordered_at=at,
        expected_on=shop.company.hours.day + timedelta(days=2),
    )
    return shop.book.add(order, at)


def _line(
    shop: Shop, order: PurchaseOrder, part: Part, *, quantity: int, received: int = 0
) -> PurchaseOrderLine:
    line = PurchaseOrderLine(
        purchase_order_id=order.id,
        part_id=part.id,
        stock_location_id=shop.hall.id,
        quantity=quantity,
        received=received,
    )
    return shop.book.add(line, order.ordered_at or shop.yesterday)


def _numbers(shop: Shop) -> None:
    """Three more pieces with numbers: on the way to a van, built in at a site, and broken."""
    (part,) = [row for row in shop.company.rows_of(Part) if row.serialized]
    visit, van = _ended(shop, VisitState.NO_ACCESS)
    again = next(row for row in shop.company.rows_of(Visit) if row.follow_up_of_id == visit.id)
    founded, at = shop.company.founded, shop.yesterday
    _move(shop, shop.hall, part, 2, kind=MovementKind.RECEIPT, at=founded)
    _move(shop, van, part, 1, kind=MovementKind.RECEIPT, at=founded)
    to = shop.company.vans[shop.company.employees()[1].id]
    sent = Transfer(
        from_location_id=shop.hall.id,
        to_location_id=to.id,
        part_id=part.id,
        quantity=1,
        state=TransferState.SHIPPED,
        shipped_at=at,
    )
    shop.book.add(sent, at)
    _move(shop, shop.hall, part, -1, kind=MovementKind.TRANSFER_OUT, at=at, transfer_id=sent.id)
    _number(shop, part, SerialState.IN_TRANSIT, to, at=at, transfer_id=sent.id)
    _move(shop, shop.hall, part, -1, kind=MovementKind.ADJUSTMENT, at=at, reason=BROKEN)
    _number(shop, part, SerialState.GONE, shop.hall, at=founded)
    used_at = again.ended_at or at
    _move(shop, van, part, -1, kind=MovementKind.CONSUMPTION, at=used_at, visit_id=again.id)
    _number(shop, part, SerialState.CONSUMED, van, at=used_at, visit_id=again.id)


def _number(
    shop: Shop, part: Part, state: SerialState, place: StockLocation, *, at: datetime, **because: Any
) -> None:
    serial = f"HPC-{shop.company.ground.letter}X{shop.book.random.randrange(1_000, 10_000)}"
    row = StockSerial(part_id=part.id, serial=serial, state=state, stock_location_id=place.id, **because)
    shop.book.add(row, at)


def _hold(shop: Shop, visit: Visit, part: Part, quantity: int, *, at: datetime, **stands: Any) -> Reservation:
    row = Reservation(visit_id=visit.id, part_id=part.id, quantity=quantity, **stands)
    return shop.book.add(row, at)


def _carry(
    shop: Shop, part: Part, pieces: int, *, ends: tuple[StockLocation, StockLocation], **because: Any
) -> None:
    _move(shop, ends[0], part, -pieces, **because)
    _move(shop, ends[1], part, pieces, **because)


def _move(shop: Shop, place: StockLocation, part: Part, pieces: int, *, at: datetime, **because: Any) -> None:
    """The ledger says it, the level follows; levels are not yet written."""
    _level(shop, place.id, part.id).on_hand += pieces
    row = StockMovement(stock_location_id=place.id, part_id=part.id, quantity=pieces, **because)
    shop.book.add(row, at)


def _level(shop: Shop, place_id: UUID, part_id: UUID) -> StockLevel:
    """As it is, or a shelf that was empty so far."""
    found = shop.company.levels.get((place_id, part_id))
    if found is None:
        row = StockLevel(stock_location_id=place_id, part_id=part_id)
        found = shop.company.levels[place_id, part_id] = shop.book.add(row, shop.company.founded)
    return found
