"""Work orders: the cases of their own steps, from what is asked for to what came of it."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong
from tests.resolvers.mutations.visits import AT_WORK, NO_REASON, WORDY, after

LONG_TITLE = {
    "no title": Wrong({"title": " "}, "INVALID", ("title",)),
    "too many words": Wrong({"title": "x" * 201}, "INVALID", ("title",)),
    "too many notes": Wrong({"internalNotes": "x" * 10_001}, "INVALID", ("internalNotes",)),
}
WINDOW = {"start": "2026-11-24T08:00:00Z", "end": "2026-11-24T10:00:00Z"}
NO_WINDOW = {"start": "2026-11-24T10:00:00Z", "end": "2026-11-24T08:00:00Z"}


async def _ready(stage: Stage) -> str:
    key: str = await stage.first("workOrders", "{state: {eq: READY}}")
    return key


async def create(stage: Stage) -> Given:
    return {
        "site": await stage.first("sites"),
        "workType": await stage.first("workTypes"),
        "title": "Water on the floor",
        "description": "By the stairs",
        "internalNotes": "Pays late",
        "priority": "HIGH",
        "arrivalWindow": WINDOW,
        "dueAt": "2026-11-24T12:00:00Z",
        "duration": "PT45M",
    }


async def update(stage: Stage) -> Given:
    return {
        "workOrder": await _ready(stage),
        "title": "Water everywhere",
        "priority": "EMERGENCY",
        "internalNotes": "A dog",
    }


async def approve(stage: Stage) -> Given:
    await stage.execute("UPDATE work_type SET needs_approval = TRUE")
    return {"workOrder": await stage.make("createWorkOrder", "workOrder", **await create(stage))}


async def because(stage: Stage) -> Given:
    return {"workOrder": await _ready(stage), "reason": "No key"}


async def release(stage: Stage) -> Given:
    return {"workOrder": await stage.make("holdWorkOrder", "workOrder", **await because(stage))}


async def close(stage: Stage) -> Given:
    visit = await after(stage, *AT_WORK, "completeVisit")
    return {
        "workOrder": await stage.first("workOrders", f'{{visits: {{some: {{id: {{eq: "{visit}"}}}}}}}}'),
        "outcome": "SOLVED",
    }


async def add_visit(stage: Stage) -> Given:
    return {"workOrder": await _ready(stage), "arrivalWindow": WINDOW, "duration": "PT1H"}


CASES = [
    Case(
        mutation="createWorkOrder",
        right=create,
        wrong={
            **LONG_TITLE,
            "backwards": Wrong({"arrivalWindow": NO_WINDOW}, "INVALID", ("arrivalWindow",)),
            "no time at all": Wrong({"duration": "PT0S"}, "INVALID", ("duration",)),
        },
    ),
    Case(
        mutation="updateWorkOrder",
        right=update,
        wrong={
            **LONG_TITLE,
            **WORDY,
            "no title at all": Wrong({"title": None}, "INVALID", ("title",)),
            "no priority": Wrong({"priority": None}, "INVALID", ("priority",)),
        },
    ),
    Case(mutation="approveWorkOrder", right=approve),
    Case(mutation="holdWorkOrder", right=because, wrong=NO_REASON),
    Case(mutation="releaseWorkOrder", right=release),
    Case(mutation="cancelWorkOrder", right=because, wrong=NO_REASON),
    Case(mutation="closeWorkOrder", right=close),
    Case(
        mutation="addVisit",
        right=add_visit,
        wrong={
            "backwards": Wrong({"arrivalWindow": NO_WINDOW}, "INVALID", ("arrivalWindow",)),
            "no time at all": Wrong({"duration": "PT0S"}, "INVALID", ("duration",)),
        },
    ),
]
