"""Holds: pieces set aside for visits, taken along, used or given back; they are free for nobody else."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from domain.errors import Invalid, InvalidTransition
from domain.stock import serials
from domain.stock.levels import levels, move
from domain.stock.rows import (
    MovementKind,
    Part,
    Reservation,
    ReservationState,
    SerialState,
    Shelf,
    StockLevel,
    StockLocation,
    StockMovement,
    StockSerial,
)
from domain.unit_of_work import UnitOfWork

HELD, PICKED = ReservationState.HELD, ReservationState.PICKED
CONSUMED, RETURNED, RELEASED = (
    ReservationState.CONSUMED,
    ReservationState.RETURNED,
    ReservationState.RELEASED,
)
OPEN = frozenset({HELD, PICKED})
TRANSITIONS = {
    (HELD, PICKED),
    (HELD, CONSUMED),
    (HELD, RELEASED),
    (PICKED, CONSUMED),
    (PICKED, RETURNED),
    (PICKED, RELEASED),
}
"""RELEASED, pieces are free where they lie; RETURNED, on the shelf that they were taken from."""


class Used(NamedTuple):
    """Pieces of a part that a visit used."""

    part_id: UUID
    quantity: int
    serials: Sequence[str] = ()


def step(
    work: UnitOfWork, hold: Reservation, state: ReservationState, quantity: int | None = None
) -> Reservation:
    """So many pieces of a hold (None: all) take a step, the rest stays as it was. Raises InvalidTransition.

    Answers with the pieces that took it: the row itself, or a new one.
    """
    if (hold.state, state) not in TRANSITIONS:
        raise InvalidTransition(f"What is {hold.state} cannot be {state.value}.", "reservation")
    if quantity is None or quantity == hold.quantity:
        hold.state = state
        return hold
    hold.quantity -= quantity
    return work.add(
        Reservation(
            visit_id=hold.visit_id,
            stock_location_id=hold.stock_location_id,
            part_id=hold.part_id,
            quantity=quantity,
            state=state,
            picked_from_id=hold.picked_from_id,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """What is held for some visits, and the levels that it comes from or may come from, all locked."""

    open: dict[UUID, list[Reservation]]
    vans: Mapping[UUID, UUID]
    """Technician → their van."""
    levels: Mapping[Shelf, StockLevel]

    def release(self, visit_id: UUID) -> None:
        """What was held for a visit is free again, where it lies now."""
        for hold in self.open.pop(visit_id, ()):
            hold.state = RELEASED
            self.levels[hold.stock_location_id, hold.part_id].reserved -= hold.quantity

    def reserve(
        self, work: UnitOfWork, visit_id: UUID, *, technician_id: UUID, parts: Mapping[UUID, int]
    ) -> None:
        """Hold the parts of a visit in a van, those that are held elsewhere already not again.

        What the van lacks is left open, to be fetched or transferred.
        """
        van_id = self.vans.get(technician_id)
        if van_id is None:
            return
        held = self.quantities(visit_id)
        for part_id, needed in sorted(parts.items()):
            quantity, level = needed - held.get(part_id, 0), self.levels.get((van_id, part_id))
            if level is not None and 0 < quantity <= level.on_hand - level.reserved:
                self.hold(work, visit_id, level, quantity)

    def hold(self, work: UnitOfWork, visit_id: UUID, level: StockLevel, quantity: int) -> Reservation:
        """So many pieces of a level are the visit's; that they are free was seen before."""
        level.reserved += quantity
        return work.add(
            Reservation(
                visit_id=visit_id,
                stock_location_id=level.stock_location_id,
                part_id=level.part_id,
                quantity=quantity,
            )
        )

    def quantities(self, visit_id: UUID) -> Mapping[UUID, int]:
        """Part → pieces held for a visit."""
        found: dict[UUID, int] = defaultdict(int)
        for hold in self.open.get(visit_id, ()):
            found[hold.part_id] += hold.quantity
        return found

    def shelves(self, visit_id: UUID, part_id: UUID, van_id: UUID | None) -> Iterator[tuple[Shelf, int]]:
        """Where a part is held for a visit and how many pieces: what was picked first, then in the van."""
        held: dict[Shelf, int] = defaultdict(int)
        rows = [hold for hold in self.open.get(visit_id, ()) if hold.part_id == part_id]
        rows.sort(key=lambda hold: (hold.state != PICKED, hold.stock_location_id != van_id, hold.id))
        for hold in rows:
            held[hold.stock_location_id, part_id] += hold.quantity
        yield from held.items()

    def use(
        self, work: UnitOfWork, visit_id: UUID, shelf: Shelf, *, quantity: int, path: str
    ) -> StockMovement:
        """Pieces leave a shelf for a visit: those that are held for it there first, then free ones."""
        left, level = quantity, self.levels.get(shelf)
        own = [
            hold for hold in self.open.get(visit_id, ()) if (hold.stock_location_id, hold.part_id) == shelf
        ]
        free = level.on_hand - level.reserved if level else 0
        most = free + sum(hold.quantity for hold in own)
        if level is None or quantity > most:
            raise Invalid(f"Only {most} pieces are there for this visit.", path)
        for hold in sorted(own, key=lambda hold: (hold.state != PICKED, hold.id)):
            taken = min(left, hold.quantity)
            if taken:
                left -= taken
                level.reserved -= taken
                if step(work, hold, CONSUMED, taken) is hold:
                    self.open[visit_id].remove(hold)
        return move(work, level, quantity=-quantity, kind=MovementKind.CONSUMPTION, visit_id=visit_id)


async def holds(
    work: UnitOfWork,
    visit_ids: Collection[UUID],
    wanted: Iterable[tuple[UUID, UUID]] = (),
    *,
    shelves: Iterable[Shelf] = (),
) -> Holds:
    """What is held for the visits. `wanted` (technician, part) and `shelves` may be taken from as well."""
    statement = select(Reservation).where(
        col(Reservation.visit_id).in_(visit_ids), col(Reservation.state).in_(("HELD", "PICKED"))
    )
    statement = statement.order_by(
        col(Reservation.visit_id), col(Reservation.part_id), col(Reservation.id)
    ).with_for_update()
    found: dict[UUID, list[Reservation]] = defaultdict(list)
    for hold in (await work.session.exec(statement)).all():
        found[hold.visit_id].append(hold)
    keys = {(hold.stock_location_id, hold.part_id) for rows in found.values() for hold in rows}
    keys.update(shelves)
    pairs = set(wanted)
    vans = await vans_of(work, {technician_id for technician_id, _ in pairs})
    keys |= {(vans[key], part_id) for key, part_id in pairs if key in vans}
    return Holds(open=found, vans=vans, levels=await levels(work, keys))


async def vans_of(work: UnitOfWork, technician_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    """Technician → the van that is theirs."""
    if not technician_ids:
        return {}
    statement = select(StockLocation).where(col(StockLocation.technician_id).in_(technician_ids))
    rows = (await work.session.exec(statement)).all()
    return {row.technician_id: row.id for row in rows if row.technician_id is not None}


async def release(work: UnitOfWork, visit_id: UUID) -> None:
    """What was held for a visit is free again, also where whoever ends the visit does not see it."""
    async with work.unscoped():
        (await holds(work, [visit_id])).release(visit_id)


async def consume(
    work: UnitOfWork,
    visit_id: UUID,
    used: Iterable[Sequence[object]] | None,
    *,
    technician_id: UUID | None = None,
) -> None:
    """What a visit used leaves its shelves; the rest of its holds is free again.

    `used` is what was used of which part; None: everything that was held, but what is serialized, of which
    somebody has to say the numbers. More than was held comes from what is free in the van of `technician_id`.
    Raises Invalid where less lies there.
    """
    lines = None if used is None else [Used(*line) for line in used]  # type: ignore[arg-type]  # as it is declared
    wanted = [(technician_id, line.part_id) for line in lines or () if technician_id is not None]
    found = await holds(work, [visit_id], wanted)
    van_id = found.vans.get(technician_id) if technician_id else None
    parts = await _parts(work, found, visit_id, lines)
    if lines is None:
        held = found.quantities(visit_id)
        lines = [Used(key, pieces) for key, pieces in held.items() if not parts[key].serialized]
    for part_id, line in sorted(_summed(lines).items()):
        if part_id not in parts:
            raise Invalid("No part has that id.", "partsUsed")
        await _use(work, found, visit_id, line=line, part=parts[part_id], van_id=van_id)
    found.release(visit_id)
    await release(work, visit_id)


async def used(work: UnitOfWork, visit_id: UUID) -> Mapping[UUID, int]:
    """Part → pieces that a visit has used, by the ledger. To be called where every row is seen."""
    statement = (
        select(StockMovement.part_id, func.sum(-col(StockMovement.quantity)))
        .where(col(StockMovement.visit_id) == visit_id)
        .where(col(StockMovement.kind) == MovementKind.CONSUMPTION)
        .group_by(col(StockMovement.part_id))
    )
    return {part_id: int(pieces) for part_id, pieces in (await work.session.exec(statement)).all()}


async def _parts(
    work: UnitOfWork, found: Holds, visit_id: UUID, lines: Sequence[Used] | None
) -> Mapping[UUID, Part]:
    keys = {hold.part_id for hold in found.open.get(visit_id, ())} | {line.part_id for line in lines or ()}
    if not keys:
        return {}
    rows = (await work.session.exec(select(Part).where(col(Part.id).in_(keys)))).all()
    return {row.id: row for row in rows}


def _summed(lines: Iterable[Used]) -> Mapping[UUID, Used]:
    found: dict[UUID, Used] = {}
    for line in lines:
        if line.quantity < 0:
            raise Invalid("Nobody uses less than nothing.", "partsUsed")
        old = found.get(line.part_id, Used(line.part_id, 0))
        found[line.part_id] = Used(
            line.part_id, old.quantity + line.quantity, (*old.serials, *(line.serials or ()))
        )
    return found


async def _use(
    work: UnitOfWork, found: Holds, visit_id: UUID, *, line: Used, part: Part, van_id: UUID | None
) -> None:
    """From where it was held, the rest from the van; what has a number, from where that piece lies."""
    held = dict(found.shelves(visit_id, part.id, van_id))
    numbers = serials.named(part, line.quantity, line.serials, "partsUsed")
    shelves: dict[Shelf, int] = defaultdict(int)
    if numbers:
        places = [place for place, _ in held] + ([van_id] if van_id else [])
        pieces = await serials.lying(work, part, places, numbers, "partsUsed")
        for piece in pieces:
            shelves[piece.stock_location_id, part.id] += 1
        consume_serials(pieces, visit_id)
    else:
        left = line.quantity
        for shelf, quantity in held.items():
            shelves[shelf] = min(left, quantity)
            left -= shelves[shelf]
        if left and van_id:
            shelves[van_id, part.id] += left
        elif left:
            raise Invalid("More of a part was counted than was held for this visit.", "partsUsed")
    for shelf, quantity in shelves.items():
        if quantity:
            found.use(work, visit_id, shelf, quantity=quantity, path="partsUsed")


def consume_serials(pieces: Iterable[StockSerial], visit_id: UUID) -> None:
    for piece in pieces:
        piece.state, piece.visit_id = SerialState.CONSUMED, visit_id
