"""Promises: the window in which the customer was told that somebody arrives, and the one told first."""

from datetime import datetime

from domain import inputs
from domain.errors import Invalid, InvalidTransition
from domain.unit_of_work import UnitOfWork
from domain.visits.rows import Visit, VisitState
from domain.visits.steps import announce, crew, people, scope, snapshot

Window = tuple[datetime, datetime]
STILL_TO_COME = (VisitState.UNSCHEDULED, VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.EN_ROUTE)


async def promise(work: UnitOfWork, visit: Visit, window: Window | None) -> None:
    """Another arrival window, or (None) none any more. The first one stays: what is on time is told by it."""
    if visit.state not in STILL_TO_COME:
        raise InvalidTransition(f"Nothing is promised of a visit that is {visit.state}.", "visit")
    if window is not None and window[0] >= window[1]:
        raise Invalid("An arrival window starts before it ends.", "arrivalWindow")
    start, end = window or (None, None)
    assignments = await crew(work, visit)
    before = {
        **snapshot(visit, assignments),
        "window_start": visit.window_start,
        "window_end": visit.window_end,
    }
    if not inputs.write(visit, {"window_start": start, "window_end": end}):
        return
    if visit.first_promised_start is None:
        visit.first_promised_start, visit.first_promised_end = start, end
    scopes = (scope(visit, people(assignments)),) * 2
    values = {"window_start": start, "window_end": end}
    announce(work, visit, "VisitPromised", before=before, scopes=scopes, values=values)
