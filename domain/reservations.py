"""Reservations: parts are set aside for a visit, taken along, used there or brought back.

Where pieces lie is a level's matter; whose they are is a hold's. HELD, they lie where they were found.
PICKED, they are in the van: taken out of a warehouse, by two facts of the ledger. Used, they have left the
shelf. In the field one works on the own visits, out of the own van, and fetches what is held elsewhere.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_
from sqlmodel import col, select

from domain import assets, inputs, stock, stock_movements, visits
from domain.assets import Asset
from domain.errors import Invalid, InvalidTransition, NotFound
from domain.sites import Site
from domain.stock import (
    MovementKind,
    Part,
    Reservation,
    ReservationState,
    Shelf,
    StockLevel,
    StockLocation,
    StockLocationKind,
    StockMovement,
    StockSerial,
    serials,
)
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD
from domain.visits import FINAL, Visit, VisitPart, VisitState

USING = frozenset({VisitState.IN_PROGRESS, VisitState.PAUSED, VisitState.COMPLETED, VisitState.INCOMPLETE})
"""Where parts are used: what was forgotten is told afterwards."""
Split = tuple[Reservation, Reservation | None]
"""The pieces that took a step, and those of the same hold that did not, where some are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What shall be held: so many of which part (None: what the visit still lacks), and from where.

    No place: the van of who leads the visit, then the warehouses, the nearest to the site first. `partial`:
    what there is; else all or nothing.
    """

    lines: Sequence[tuple[UUID, int]] | None = None
    location_id: UUID | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How many pieces (None: all of them), with their serial numbers; `location_id` is where they go."""

    quantity: int | None = None
    location_id: UUID | None = None
    serials: Sequence[str] | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Pieces of a part that a visit uses; no place: the van. `install`: they are the site's assets now."""

    part_id: UUID
    quantity: int
    location_id: UUID | None = None
    serials: Sequence[str] | None = None
    install: bool = False


async def reserve(work: UnitOfWork, visit_id: UUID, wish: Wish) -> list[Reservation]:
    """Hold parts for a visit that is not over. Raises Invalid where fewer are free than are wanted."""
    visit = await work.get(Visit, visit_id, "visit")
    if visit.state in FINAL:
        raise InvalidTransition(f"Nothing is held for a visit that is {visit.state}.", "visit")
    wanted = await _wanted(work, visit, wish)
    places = await _places(work, visit, wish)
    shelves = [(place.id, part_id) for place in places for part_id in wanted]
    found = await stock.holds(work, [visit.id], shelves=shelves)
    made = []
    for part_id, quantity in sorted(wanted.items()):
        left = quantity
        for place in places:
            level = found.levels.get((place.id, part_id))
            taken = min(left, level.on_hand - level.reserved) if level else 0
            if level and taken > 0:
                left -= taken
                made.append((found.hold(work, visit.id, level, taken), place))
        if left and not wish.partial:
            raise Invalid(f"Only {quantity - left} of {quantity} pieces are free.", "parts")
    await work.session.flush()
    for hold, place in made:
        _announce(work, hold, "PartsReserved", place)
    return [hold for hold, _ in made]


async def release(work: UnitOfWork, key: UUID, amount: Amount) -> Split:
    """Free again where the pieces lie, in the van if they were PICKED: → RELEASED."""
    hold, _ = await _held(work, key, amount)
    place = await work.find(StockLocation, hold.stock_location_id)
    if place.kind != StockLocationKind.WAREHOUSE:  # what the office held elsewhere for a visit of theirs
        stock_movements.check_own(work, place, "reservation")
    levels = await stock.levels(work, [(place.id, hold.part_id)])
    released = stock.step(work, hold, ReservationState.RELEASED, _pieces(hold, amount))
    levels[place.id, hold.part_id].reserved -= released.quantity
    return await _split(work, hold, released, "ReservationReleased", place)


async def pick(work: UnitOfWork, key: UUID, amount: Amount) -> Split:
    """Taken along for the visit: HELD → PICKED. From elsewhere, the pieces come into the van, still held."""
    hold, visit = await _held(work, key, amount)
    van = await _van(work, visit, amount.location_id)
    if van.kind != StockLocationKind.VAN:
        raise Invalid("What is picked goes into a van.", "stockLocation")
    levels = await stock.shelves(work, _both(hold, van))
    origin = hold.stock_location_id
    picked = stock.step(work, hold, ReservationState.PICKED, _pieces(hold, amount))
    picked.picked_from_id = origin
    levels[origin, hold.part_id].reserved -= picked.quantity
    await _carry(work, levels, picked, van, amount=amount, kind=MovementKind.PICK)
    levels[van.id, hold.part_id].reserved += picked.quantity
    return await _split(work, hold, picked, "PartsPicked", van)


async def give_back(work: UnitOfWork, key: UUID, amount: Amount) -> Split:
    """Not used: PICKED → RETURNED, on the shelf that the pieces came from, or another one, and free there."""
    hold, _ = await _held(work, key, amount)
    key = amount.location_id or hold.picked_from_id or hold.stock_location_id
    place = await work.find(StockLocation, key, "stockLocation")
    if place.id != hold.picked_from_id:
        stock_movements.check_own(work, place, "stockLocation")
    levels = await stock.shelves(work, _both(hold, place))
    returned = stock.step(work, hold, ReservationState.RETURNED, _pieces(hold, amount))
    levels[hold.stock_location_id, hold.part_id].reserved -= returned.quantity
    await _carry(work, levels, returned, place, amount=amount, kind=MovementKind.RETURN)
    return await _split(work, hold, returned, "PartsReturned", place)


async def consume(
    work: UnitOfWork, visit_id: UUID, use: Use
) -> tuple[StockLevel, StockMovement, list[Asset]]:
    """Pieces are used at a visit: out of its holds in that place, PICKED ones first, then out of free ones.

    Raises InvalidTransition before the work has begun, Invalid where fewer lie there.
    """
    visit = await work.get(Visit, visit_id, "visit")
    part = await work.find(Part, use.part_id, "part")
    if visit.state not in USING:
        raise InvalidTransition(f"Nothing is used at a visit that is {visit.state}.", "visit")
    if not 1 <= use.quantity <= stock_movements.MOST_AT_ONCE:
        raise Invalid(f"Between 1 and {stock_movements.MOST_AT_ONCE} pieces at once.", "quantity")
    place = await _van(work, visit, use.location_id)
    numbers = serials.named(part, use.quantity, use.serials, "serials")
    if use.install and not part.serialized:
        raise Invalid("Only a piece with a serial number becomes an asset.", "install")
    shelf = place.id, part.id
    found = await stock.holds(work, [visit.id], shelves=[shelf])
    movement = found.use(work, visit.id, shelf, quantity=use.quantity, path="quantity")
    pieces = await serials.lying(work, part, [place.id], numbers, "serials")
    stock.consume_serials(pieces, visit.id)
    await work.session.flush()
    installed = await _install(work, visit, part, pieces) if use.install else []
    stock_movements.tell(work, "PartsConsumed", place, found.levels[shelf], movement)
    await visits.add_parts(work, visit, {part.id: use.quantity})
    return found.levels[shelf], movement, installed


async def _install(work: UnitOfWork, visit: Visit, part: Part, pieces: Sequence[StockSerial]) -> list[Asset]:
    """What was a piece in stock is equipment at the site from today; who may use it up may install it."""
    site = await work.find(Site, visit.site_id)
    day = work.at.astimezone(ZoneInfo(site.time_zone)).date()
    made = []
    async with work.unscoped():
        for piece in pieces:
            values = {"name": part.name, "serial": piece.serial, "installed_on": day}
            made.append(await assets.create(work, site.id, values))
            piece.asset_id = made[-1].id
    return made


async def _van(work: UnitOfWork, visit: Visit, location_id: UUID | None) -> StockLocation:
    """The place that was said, or the van: one's own in the field, of who leads the visit in the office."""
    if location_id is None:
        own = work.viewer.technician_id
        if work.viewer.role not in FIELD:
            lead = await visits.lead(work, visit)
            own = lead.technician_id if lead else None
        location_id = (await stock.vans_of(work, [own] if own else [])).get(own) if own else None
        if location_id is None:
            raise Invalid("Nobody with a van leads this visit: say which place.", "stockLocation")
    place = await work.find(StockLocation, location_id, "stockLocation")
    stock_movements.check_own(work, place, "stockLocation")
    return place


async def _wanted(work: UnitOfWork, visit: Visit, wish: Wish) -> Mapping[UUID, int]:
    wanted: dict[UUID, int] = defaultdict(int)
    if wish.lines is not None:
        for part_id, quantity in wish.lines:
            if not 1 <= quantity <= stock_movements.MOST_AT_ONCE:
                raise Invalid(f"Between 1 and {stock_movements.MOST_AT_ONCE} pieces at once.", "parts")
            wanted[part_id] += quantity
        known = set((await work.session.exec(select(Part.id).where(col(Part.id).in_(wanted)))).all())
        if known < wanted.keys():
            raise NotFound("No Part has that id.", "parts")
        return wanted
    for need in (await work.session.exec(select(VisitPart).where(col(VisitPart.visit_id) == visit.id))).all():
        wanted[need.part_id] += need.quantity
    had = select(Reservation).where(
        col(Reservation.visit_id) == visit.id, col(Reservation.state).in_(("HELD", "PICKED", "CONSUMED"))
    )
    for hold in (await work.session.exec(had)).all():
        wanted[hold.part_id] -= hold.quantity
    return {part_id: quantity for part_id, quantity in wanted.items() if quantity > 0}


async def _places(work: UnitOfWork, visit: Visit, wish: Wish) -> list[StockLocation]:
    if wish.location_id is not None or work.viewer.role in FIELD:
        return [await _van(work, visit, wish.location_id)]
    lead = await visits.lead(work, visit)
    site = await work.find(Site, visit.site_id)
    statement = select(StockLocation).where(
        or_(
            col(StockLocation.kind) == StockLocationKind.WAREHOUSE,
            col(StockLocation.technician_id) == (lead.technician_id if lead else None),
        )
    )
    places = (await work.session.exec(statement)).all()
    return sorted(places, key=lambda place: (place.technician_id is None, *_far(site, place)))


def _far(site: Site, hall: StockLocation) -> tuple[float, UUID]:
    """Only who is nearer matters: degrees of longitude are shorter by the latitude's cosine."""
    if hall.longitude is None or hall.latitude is None:
        return math.inf, hall.id
    east = abs(site.longitude - hall.longitude) % 360
    across = min(east, 360 - east) * math.cos(math.radians((site.latitude + hall.latitude) / 2))
    return math.hypot(across, site.latitude - hall.latitude), hall.id


async def _held(work: UnitOfWork, key: UUID, amount: Amount) -> tuple[Reservation, Visit]:
    """The hold and its visit, locked in the order in which all verbs lock them."""
    seen = await work.find(Reservation, key, "reservation")
    visit = await work.get(Visit, seen.visit_id, "reservation")
    hold = await work.get(Reservation, key, "reservation")
    inputs.check_version(hold, amount.expected_version)
    return hold, visit


def _both(hold: Reservation, place: StockLocation) -> set[Shelf]:
    return {(hold.stock_location_id, hold.part_id), (place.id, hold.part_id)}


def _pieces(hold: Reservation, amount: Amount) -> int:
    if amount.quantity is None:
        return hold.quantity
    if not 1 <= amount.quantity <= hold.quantity:
        raise Invalid(f"Between 1 and {hold.quantity} pieces of what is held.", "quantity")
    return amount.quantity


async def _carry(
    work: UnitOfWork,
    levels: Mapping[Shelf, StockLevel],
    moved: Reservation,
    place: StockLocation,
    *,
    amount: Amount,
    kind: MovementKind,
) -> None:
    """From where they lie to another place: out of the one, into the other. Nothing where they stay."""
    origin, part_id = moved.stock_location_id, moved.part_id
    if origin == place.id:
        return
    part = await work.find(Part, part_id)
    numbers = serials.named(part, moved.quantity, amount.serials, "serials")
    for piece in await serials.lying(work, part, [origin], numbers, "serials"):
        piece.stock_location_id = place.id
    stock.check_room(levels[place.id, part_id], moved.quantity, "stockLocation")
    for key, quantity in ((origin, -moved.quantity), (place.id, moved.quantity)):
        stock.move(work, levels[key, part_id], quantity=quantity, kind=kind, visit_id=moved.visit_id)
    moved.stock_location_id = place.id


async def _split(
    work: UnitOfWork, hold: Reservation, moved: Reservation, type: str, place: StockLocation
) -> Split:
    await work.session.flush()
    _announce(work, moved, type, place)
    return moved, None if moved is hold else hold


def _announce(work: UnitOfWork, hold: Reservation, type: str, place: StockLocation) -> None:
    values = {
        "state": hold.state,
        "visit_id": hold.visit_id,
        "stock_location_id": hold.stock_location_id,
        "part_id": hold.part_id,
        "quantity": hold.quantity,
    }
    stock_movements.announce(work, hold, type, scope=stock_movements.scope(place), values=values)
