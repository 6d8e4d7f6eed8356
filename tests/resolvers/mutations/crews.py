"""Crews: the cases of who goes to a visit together, by offer or not, after which other, in whose words."""

from domain.viewers import Role
from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong
from tests.resolvers.mutations.visits import NO_REASON, WORDY, after, mine, somebody


async def _crew(stage: Stage, name: str = "Roof") -> str:
    members = [await somebody(stage, 1)]
    return await stage.make("createCrew", "crew", name=name, lead=await somebody(stage), members=members)


async def _offer(stage: Stage) -> str:
    """What is offered to the subcontractor who is a viewer."""
    sql = "SELECT visit_id FROM assignment WHERE state = 'OFFERED' AND technician_id = $1 ORDER BY id LIMIT 1"
    key = await stage.value(sql, stage.company.viewer(Role.SUBCONTRACTOR).technician_id)
    return f"vis1_{key}"


async def _word(stage: Stage, code: str = "GATE") -> str:
    return await stage.make("createSubstatus", "substatus", code=code, name="Waits", state="DISPATCHED")


async def _two(stage: Stage) -> Given:
    order = await stage.first("workOrders", "{state: {eq: READY}}")
    first, second = [await stage.make("addVisit", "visit", workOrder=order) for _ in range(2)]
    return {"predecessor": first, "successor": second}


async def create_crew(stage: Stage) -> Given:
    await _crew(stage)
    return {"name": "Lift", "lead": await somebody(stage), "members": [await somebody(stage, 2)]}


async def update_crew(stage: Stage) -> Given:
    await _crew(stage, "Lift")
    return {
        "crew": await _crew(stage),
        "name": "Yard",
        "lead": await somebody(stage, 1),
        "members": [await somebody(stage, 2)],
    }


async def assign(stage: Stage) -> Given:
    visit = await after(stage, "recallVisit")
    return {"visit": visit, "technician": await somebody(stage), "lead": True}


async def release(stage: Stage) -> Given:
    visit, technician = await after(stage), await somebody(stage)
    await stage.make("assignTechnician", "visit", visit=visit, technician=technician)
    return {"visit": visit, "technician": technician, "reason": "Needed elsewhere"}


async def accept(stage: Stage) -> Given:
    return {"visit": await _offer(stage)}


async def decline(stage: Stage) -> Given:
    return {"visit": await _offer(stage), "reason": "Too far"}


async def depend(stage: Stage) -> Given:
    return {**await _two(stage), "gap": "PT30M"}


async def depend_no_more(stage: Stage) -> Given:
    made = await stage.make("addVisitDependency", "visitDependency", **await _two(stage))
    return {"visitDependency": made}


async def create_substatus(stage: Stage) -> Given:
    await _word(stage)
    return {"code": "LADDER", "name": "Waits for a ladder", "state": "PAUSED"}


async def update_substatus(stage: Stage) -> Given:
    await _word(stage, "DRYING")
    return {"substatus": await _word(stage), "code": "FENCE", "name": "At the fence", "isActive": False}


async def say(stage: Stage) -> Given:
    return {"visit": mine(stage), "substatus": await _word(stage)}


CASES = [
    Case(
        mutation="createCrew",
        right=create_crew,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a name that another has": Wrong({"name": "Roof"}, "CONFLICT", ("name",)),
        },
    ),
    Case(
        mutation="updateCrew",
        right=update_crew,
        wrong={
            "null": Wrong({"isActive": None}, "INVALID", ("isActive",)),
            "a name that another has": Wrong({"name": "Lift"}, "CONFLICT", ("name",)),
        },
    ),
    Case(mutation="assignTechnician", right=assign, wrong=WORDY),
    Case(mutation="releaseTechnician", right=release, wrong=NO_REASON),
    Case(mutation="acceptOffer", right=accept, role=Role.SUBCONTRACTOR),
    Case(mutation="declineOffer", right=decline, role=Role.SUBCONTRACTOR, wrong=NO_REASON),
    Case(
        mutation="addVisitDependency",
        right=depend,
        wrong={
            "too long": Wrong({"gap": "P400D"}, "INVALID", ("gap",)),
            "a gap of days": Wrong({"kind": "SAME_DAY"}, "INVALID", ("gap",)),
        },
    ),
    Case(mutation="removeVisitDependency", right=depend_no_more),
    Case(
        mutation="createSubstatus",
        right=create_substatus,
        wrong={
            "no code": Wrong({"code": ""}, "INVALID", ("code",)),
            "a code that another has": Wrong({"code": "GATE"}, "CONFLICT", ("code",)),
        },
    ),
    Case(
        mutation="updateSubstatus",
        right=update_substatus,
        wrong={
            "null": Wrong({"isActive": None}, "INVALID", ("isActive",)),
            "a code that another has": Wrong({"code": "DRYING"}, "CONFLICT", ("code",)),
        },
    ),
    Case(mutation="setVisitSubstatus", right=say),
]
