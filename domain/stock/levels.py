"""Levels: the only ways in which what lies in a place changes, each with its fact of the ledger.

Whoever changes several levels locks them in one order, by part and then by place, so that no two wait for
each other. A level that was locked is looked at once more before the commit, by the reorder rules.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.errors import Invalid
from domain.stock import alerts
from domain.stock.replenishment import replenish
from domain.stock.rows import MOST_PIECES, MovementKind, Shelf, StockLevel, StockMovement
from domain.unit_of_work import UnitOfWork


async def shelf(work: UnitOfWork, location_id: UUID, part_id: UUID) -> StockLevel:
    """The level of a part in a place, locked; made, with nothing there, where there was none."""
    key = location_id, part_id
    found = await levels(work, [key])
    return found[key] if found else (await shelves(work, [key]))[key]


async def shelves(work: UnitOfWork, keys: Collection[Shelf]) -> Mapping[Shelf, StockLevel]:
    """Several, as `shelf` gives one: those that are missing are made before any is locked."""
    wanted = sorted(set(keys), key=lambda key: (key[1], key[0]))
    if not wanted:
        return {}
    # Another unit may make one at the same time: then theirs is waited for and taken.
    made = insert(StockLevel).values(
        [
            {
                "organization_id": work.viewer.organization_id,
                "stock_location_id": location_id,
                "part_id": part_id,
                "version": 1,
                "created_at": work.at,
                "updated_at": work.at,
            }
            for location_id, part_id in wanted
        ]
    )
    await work.session.execute(made.on_conflict_do_nothing())
    return await levels(work, wanted)


async def levels(work: UnitOfWork, keys: Collection[Shelf]) -> Mapping[Shelf, StockLevel]:
    """The levels that there are, locked in the one order."""
    if not keys:
        return {}
    statement = (
        select(StockLevel)
        .where(tuple_(col(StockLevel.stock_location_id), col(StockLevel.part_id)).in_(keys))
        .order_by(col(StockLevel.part_id), col(StockLevel.stock_location_id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    rows = (await work.session.exec(statement)).all()
    work.look_at(replenish, ((row.stock_location_id, row.part_id) for row in rows))
    alerts.seen(work, rows)
    return {(row.stock_location_id, row.part_id): row for row in rows}


def move(
    work: UnitOfWork, level: StockLevel, *, quantity: int, kind: MovementKind, **because: Any
) -> StockMovement:
    """The only way a level changes: the ledger says it, the level follows. What is held stays.

    `because` are further columns of the movement. Raises Invalid for more than is free, or can be counted.
    """
    check_room(level, quantity, "quantity")
    level.on_hand += quantity
    return work.add(
        StockMovement(
            stock_location_id=level.stock_location_id,
            part_id=level.part_id,
            kind=kind,
            quantity=quantity,
            **because,
        )
    )


def check_room(level: StockLevel, quantity: int, *path: str) -> None:
    """Whether so many pieces may come (positive) or go. Raises Invalid."""
    free = level.on_hand - level.reserved
    if free + quantity < 0:
        raise Invalid(f"Only {free} pieces are free there.", *path)
    if level.on_hand + quantity > MOST_PIECES:
        raise Invalid(f"No place holds more than {MOST_PIECES} pieces of a part.", *path)


async def receive(work: UnitOfWork, location_id: UUID, quantities: Mapping[UUID, int]) -> None:
    """Pieces come to a place."""
    found = await shelves(work, [(location_id, part_id) for part_id in quantities])
    for (_, part_id), level in found.items():
        move(work, level, quantity=quantities[part_id], kind=MovementKind.RECEIPT)
