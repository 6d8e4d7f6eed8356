"""Visit changes: every fact about the visits that a viewer may see, each by its own name."""

from collections.abc import Mapping
from typing import Any

from resolvers.context import Context
from resolvers.following import Feed
from resolvers.scheduling import feed
from resolvers.visit_scopes import VisitMeasure

NAMED = {
    **{name: name for name in ("VisitCreated", "VisitScheduled", "VisitRescheduled", "VisitUnscheduled")},
    **{name: name for name in ("VisitDispatched", "VisitRecalled", "VisitDeclined", "VisitEnRoute")},
    **{name: name for name in ("VisitStarted", "VisitPaused", "VisitResumed", "VisitCompleted")},
    **{name: name for name in ("VisitIncomplete", "VisitNoAccess", "VisitCancelled", "VisitPromised")},
    "TravelStopped": "VisitTravelStopped",
    "VisitArrived": "TechnicianArrived",
    "ArrivalWithdrawn": "VisitArrivalWithdrawn",
}
"""The types of items by those of events; VisitArrived is what visitTracking tells."""


async def visit_changes(context: Context, arguments: Mapping[str, Any]) -> Feed:
    measure = await VisitMeasure.of(context, arguments.get("scope") or {})
    return feed(context, measure, "VisitSnapshot", lambda name: NAMED.get(name, "VisitChanged"))
