"""Plans, links and positions: the cases of what makes a schedule, and of who watches it."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong
from tests.resolvers.proposals import proposed

OPEN = "{state: {eq: UNSCHEDULED}}"


async def propose(stage: Stage) -> Given:
    return {
        "day": stage.company.first.day.isoformat(),
        "seconds": 5,
        "technicians": [await stage.first("technicians")],
        "visits": [await stage.first("visits", OPEN)],
    }


async def plan(stage: Stage) -> Given:
    found, _ = await proposed(stage.company, seed=1)
    return {"plan": found}


async def cancel(stage: Stage) -> Given:
    day = stage.company.first.day.isoformat()
    return {"plan": await stage.make("proposePlan", "plan", day=day)}


async def link(stage: Stage) -> Given:
    return {"visit": await stage.first("visits", OPEN)}


async def revoke(stage: Stage) -> Given:
    made = await stage.make("createTrackingLink", "trackingLink", **await link(stage))
    return {"trackingLink": made}


async def report(stage: Stage) -> Given:
    here = {"type": "Point", "coordinates": [24.94, 60.17]}
    return {
        "technician": await stage.first("technicians"),
        "positions": [{"point": here, "at": "2026-11-23T06:00:00Z", "accuracyMetres": 8}],
    }


AWAY = {"point": {"type": "Point", "coordinates": [24.9, 60.1]}, "at": "2026-11-23T06:00:00Z"}
CASES = [
    Case(
        mutation="proposePlan",
        right=propose,
        wrong={"too long": Wrong({"seconds": 121}, "INVALID", ("seconds",))},
    ),
    Case(mutation="commitPlan", right=plan),
    Case(mutation="discardPlan", right=plan),
    Case(mutation="cancelPlan", right=cancel),
    Case(
        mutation="createTrackingLink",
        right=link,
        wrong={"for ever": Wrong({"expiresAt": "2126-01-01T00:00:00Z"}, "INVALID", ("expiresAt",))},
        again=False,
    ),
    Case(mutation="revokeTrackingLink", right=revoke),
    Case(
        mutation="reportPositions",
        right=report,
        wrong={
            "nobody's": Wrong({"technician": None}, "INVALID", ("technician",)),
            "less than nothing": Wrong(
                {"positions": [{**AWAY, "accuracyMetres": -1}]}, "INVALID", ("positions", "0")
            ),
        },
    ),
]
