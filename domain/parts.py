"""Parts: what is stocked is made known, and what is said of it changed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain import inputs
from domain.errors import Conflict
from domain.events import Event, Scope
from domain.inputs import Check
from domain.stock import Part
from domain.unit_of_work import UnitOfWork

PART: Mapping[str, Check] = {
    "number": inputs.words(50),
    "name": inputs.words(),
    "barcode": inputs.unless_null(inputs.words(50)),
    "unit_price": inputs.price,
    "unit_cost": inputs.unless_null(inputs.price),
    "currency": inputs.currency,
    "serialized": inputs.given,
}
"""What may be said of a part, by column."""
ITS_OWN = ("number", "barcode")


async def create(work: UnitOfWork, values: Mapping[str, Any]) -> Part:
    """A part that is stocked from now on. Raises Invalid, or Conflict for what another part has."""
    kept = inputs.checked(values, PART)
    await _unused(work, kept)
    part = work.add(Part(**kept))
    await work.session.flush()
    _announce(work, part, "PartCreated")
    return part


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Part:
    """Changes what is named and differs. Raises NotFound, Invalid or Conflict."""
    part = await work.get(Part, key, "part")
    inputs.check_version(part, expected_version)
    kept = inputs.checked(values, PART)
    await _unused(work, {name: value for name, value in kept.items() if getattr(part, name) != value})
    if before := inputs.write(part, kept):
        await work.session.flush()
        # Fewer may read the cost than see the part, so its event has the name only.
        _announce(work, part, "PartChanged", {**before, **dict.fromkeys(before.keys() & {"unit_cost"})})
    return part


async def _unused(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    for name in ITS_OWN:
        value = values.get(name)
        if value is not None and await work.owner(Part, name, value):
            raise Conflict(f"Another part has that {name}.", name)


def _announce(work: UnitOfWork, part: Part, type: str, before: Mapping[str, Any] | None = None) -> None:
    everybodys = Scope()
    work.emit(
        Event(
            type=type,
            topic="part",
            subject=part,
            before=before or {},
            scope_before=everybodys,
            scope_after=everybodys,
        )
    )
