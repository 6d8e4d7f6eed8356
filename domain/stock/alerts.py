"""Alerts: a shelf with a reorder rule is low, out, or has enough again; told once for each crossing.

Looked at before the commit by whoever locked the shelf's level or changed its rule, so that two units that
take from one shelf tell of it one after the other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text as literal

from domain.events import Event, Scope
from domain.stock.rows import ReorderRule, Shelf, StockLevel
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD


class StockState(StrEnum):
    """What is free on a shelf with a reorder rule: nothing, no more than its minimum, or more."""

    OUT = "OUT"
    LOW = "LOW"
    ENOUGH = "ENOUGH"


EVENTS = {StockState.OUT: "StockRanOut", StockState.LOW: "StockRanLow", StockState.ENOUGH: "StockReplenished"}
UNWATCHED = -1
"""The minimum of a shelf that has no rule that is active."""
NOW = literal("""
SELECT r.id, r.stock_location_id, r.part_id, r.minimum, r.is_active, l.id AS level_id, s.technician_id,
  coalesce(l.available, 0) AS available
FROM reorder_rule r
JOIN stock_location s ON s.organization_id = r.organization_id AND s.id = r.stock_location_id
LEFT JOIN stock_level l ON l.organization_id = r.organization_id
  AND l.stock_location_id = r.stock_location_id AND l.part_id = r.part_id
WHERE r.organization_id = :organization AND (r.stock_location_id, r.part_id) IN
  (SELECT * FROM unnest(CAST(:places AS uuid[]), CAST(:parts AS uuid[])))
ORDER BY r.id
""")


@dataclass(frozen=True, slots=True)
class Sight:
    """A shelf when a unit first had it: how many pieces were free, its rule's minimum if that changes."""

    shelf: Shelf
    version: int
    available: int
    minimum: int | None = None


def seen(work: UnitOfWork, levels: Iterable[StockLevel], minimum: int | None = None) -> None:
    """Of levels that are locked and not changed yet; `minimum` is their rule's before it is changed."""
    work.look_at(
        cross,
        (
            Sight((row.stock_location_id, row.part_id), row.version, row.available or 0, minimum)
            for row in levels
        ),
    )


def state_of(available: int, minimum: int) -> StockState | None:
    """None for a shelf that nobody watches."""
    if minimum == UNWATCHED:
        return None
    if available <= 0:
        return StockState.OUT
    return StockState.LOW if available <= minimum else StockState.ENOUGH


async def cross(work: UnitOfWork, sights: Collection[Sight]) -> None:
    """Tells what has become of the shelves since they were seen first."""
    if work.viewer.role in FIELD:
        async with work.unscoped():  # who takes the last piece sees no rule
            await _cross(work, sights)
    else:
        await work.session.flush()
        await _cross(work, sights)


async def _cross(work: UnitOfWork, sights: Collection[Sight]) -> None:
    first: dict[Shelf, Sight] = {}
    minima = {one.shelf: one.minimum for one in sights if one.minimum is not None}
    for one in sorted(sights, key=lambda sight: sight.version):
        first.setdefault(one.shelf, one)
    places, parts = zip(*first, strict=True)
    given = {"organization": work.viewer.organization_id, "places": list(places), "parts": list(parts)}
    for row in (await work.session.execute(NOW, given)).all():
        shelf = (row.stock_location_id, row.part_id)
        was = first[shelf].available, minima.get(shelf, row.minimum if row.is_active else UNWATCHED)
        now = row.available, row.minimum if row.is_active else UNWATCHED
        if (event := _event(state_of(*was), state_of(*now))) is not None:
            await _announce(work, row, event, was, now)


def _event(before: StockState | None, now: StockState | None) -> str | None:
    """None where nothing was crossed: enough as before, or watched from now on and enough."""
    if before == now:
        return None
    if now is None:
        return "StockUnwatched" if before != StockState.ENOUGH else None
    return None if before is None and now == StockState.ENOUGH else EVENTS[now]


async def _announce(
    work: UnitOfWork, row: Any, type: str, was: tuple[int, int], now: tuple[int, int]
) -> None:
    technicians: tuple[UUID, ...] = (row.technician_id,) if row.technician_id else ()
    work.emit(
        Event(
            type=type,
            topic="stock_alert",
            subject=await work.find(ReorderRule, row.id),
            before={"available": was[0], "minimum": _known(was[1]), "state": state_of(*was)},
            values={
                "stock_location_id": row.stock_location_id,
                "part_id": row.part_id,
                "stock_level_id": row.level_id,
                "available": now[0],
                "minimum": row.minimum,
                "state": state_of(*now),
            },
            scope_before=Scope(technicians=technicians),
            scope_after=Scope(technicians=technicians),
        )
    )


def _known(minimum: int) -> int | None:
    return None if minimum == UNWATCHED else minimum
