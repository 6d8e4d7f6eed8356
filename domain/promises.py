"""Promises: what a visit is to be like: its arrival window, how long it takes, and how many."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain import inputs, scheduling, visits
from domain.errors import InvalidTransition, OutsideWindow
from domain.inputs import Check
from domain.scheduling import Placement
from domain.unit_of_work import UnitOfWork
from domain.visits import LARGEST_CREW, Visit, VisitState

SIZE: Mapping[str, Check] = {
    "duration": lambda value: int(inputs.measure(60, 86_400)(value)),
    "crew_size": lambda value: int(inputs.measure(1, LARGEST_CREW)(value)),
}
COLUMNS = {"duration": "duration_seconds"}
PLANNABLE = (VisitState.UNSCHEDULED, VisitState.SCHEDULED)


async def update(
    work: UnitOfWork,
    visit_id: UUID,
    values: Mapping[str, Any],
    *,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Visit:
    """Changes what is named and differs: `window` (None: none), `duration` in seconds, `crew_size`.

    What is planned stays where it is, so it has to fit: Raises OutsideWindow for the new window, and what
    scheduling raises for a new duration.
    """
    visits.because(work, reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    kept = inputs.checked({name: value for name, value in values.items() if name != "window"}, SIZE)
    size = {COLUMNS.get(name, name): value for name, value in kept.items()}
    if "window" in values:
        window = values["window"]
        await visits.promise(work, visit, window)
        start = visit.planned_start
        if window is not None and start is not None and not window[0] <= start <= window[1]:
            raise OutsideWindow(
                f"It is planned for {start:%Y-%m-%d %H:%M} UTC: move it together with its window.",
                "arrivalWindow",
            )
    if any(getattr(visit, name) != value for name, value in size.items()):
        await _resize(work, visit, size)
    return visit


async def _resize(work: UnitOfWork, visit: Visit, size: Mapping[str, int]) -> None:
    if visit.state not in PLANNABLE:
        raise InvalidTransition(f"How long a visit that is {visit.state} takes stays as it is.", "visit")
    crew = await visits.crew(work, visit)
    before = visits.snapshot(visit, crew)
    told = inputs.write(visit, size)
    scopes = (visits.scope(visit, visits.people(crew)),) * 2
    visits.announce(work, visit, "VisitChanged", before={**before, **told}, scopes=scopes, values=dict(size))
    led = visits.leader(crew)
    if "duration_seconds" in told and led is not None and visit.planned_start is not None:
        placement = Placement(
            technician_id=led.technician_id,
            start=visit.planned_start,
            travel_seconds=visit.planned_travel_seconds,
        )
        await scheduling.schedule(work, visit.id, placement)
