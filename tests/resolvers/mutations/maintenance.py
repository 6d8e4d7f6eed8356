"""Maintenance: the cases of templates, tasks, plans and their occurrences."""

from typing import Any

from domain.viewers import Role
from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

CODE = {"code": "CHECK", "name": "Check", "duration": "PT45M"}
RULE = {"rrule": "FREQ=MONTHLY;BYDAY=1MO", "startsOn": "2026-12-01", "localTime": "08:30"}
TASKS = [{"name": "Isolate", "safety": True}, {"name": "Measure"}]


async def _type(stage: Stage, **given: Any) -> str:
    return await stage.make("createWorkType", "workType", **{**CODE, **given})


async def _needs(stage: Stage) -> Given:
    return {
        "skills": [{"skill": await stage.first("skills"), "level": 2}],
        "parts": [{"part": await stage.first("parts"), "quantity": 3}],
        "tasks": TASKS,
    }


async def _plan(stage: Stage, **given: Any) -> str:
    site, kind = await stage.first("sites"), await _type(stage, tasks=TASKS)
    said = {"site": site, "workType": kind, "title": "Round", **RULE, **given}
    return await stage.make("createMaintenancePlan", "maintenancePlan", **said)


async def _occurrence(stage: Stage) -> str:
    """The second of a new plan; the first has its work order already."""
    plan = await _plan(stage, horizonDays=30)
    query = """query O($id: ID!) { maintenancePlan(id: $id) { occurrences(first: 2) { nodes { id } } } }"""
    found = await stage.company.data(query, {"id": plan})
    key: str = found["maintenancePlan"]["occurrences"]["nodes"][1]["id"]
    return key


async def _task(stage: Stage) -> str:
    """Of a work order that is new."""
    order = await stage.make(
        "createWorkOrder",
        "workOrder",
        site=await stage.first("sites"),
        workType=await _type(stage, tasks=TASKS),
        title="Check",
    )
    query = "query T($id: ID!) { workOrder(id: $id) { tasks { nodes { id name } } } }"
    found = await stage.company.data(query, {"id": order})
    key: str = found["workOrder"]["tasks"]["nodes"][1]["id"]
    return key


async def create_type(stage: Stage) -> Given:
    await _type(stage, code="TAKEN")
    return {**CODE, "priority": "HIGH", "needsApproval": True, "crewSize": 2, **await _needs(stage)}


async def update_type(stage: Stage) -> Given:
    await _type(stage, code="TAKEN")
    return {"workType": await _type(stage), "name": "Long check", "crewSize": 3, **await _needs(stage)}


async def archive_type(stage: Stage) -> Given:
    return {"workType": await _type(stage)}


async def complete(stage: Stage) -> Given:
    return {"task": await _task(stage), "result": "1.6 bar", "note": "By telephone"}


async def reopen(stage: Stage) -> Given:
    task = await _task(stage)
    await stage.make("completeTask", "task", task=task)
    return {"task": task, "reason": "The gauge was wrong"}


async def add(stage: Stage) -> Given:
    order = await stage.first("workOrders", "{state: {eq: READY}}")
    return {"workOrder": order, "name": "Photograph the plate", "required": False}


async def remove(stage: Stage) -> Given:
    return {"task": await _task(stage)}


async def create_plan(stage: Stage) -> Given:
    contract = await stage.first("contracts", "{state: {eq: ACTIVE}}")
    query = """query C($id: ID!) { contract(id: $id) { customer { sites { nodes { id } } } } }"""
    found = await stage.company.data(query, {"id": contract})
    site = found["contract"]["customer"]["sites"]["nodes"][0]["id"]
    asset = await stage.make("createAsset", "asset", site=site, name="Boiler")
    given = {"site": site, "workType": await _type(stage), "contract": contract, "asset": asset}
    return {**given, "title": "Round", **RULE, "window": "PT2H", "horizonDays": 30}


async def update_plan(stage: Stage) -> Given:
    plan = await _plan(stage)
    return {"maintenancePlan": plan, "title": "Long round", "rrule": "FREQ=YEARLY", "localTime": "10:00"}


async def plan(stage: Stage) -> Given:
    return {"maintenancePlan": await _plan(stage)}


async def pause(stage: Stage) -> Given:
    return {**await plan(stage), "reason": "The hall is rebuilt"}


async def resume(stage: Stage) -> Given:
    given = await plan(stage)
    await stage.make("pauseMaintenancePlan", "maintenancePlan", **given, reason="Rebuilt")
    return given


async def skip(stage: Stage) -> Given:
    return {"occurrence": await _occurrence(stage), "reason": "Closed"}


async def move(stage: Stage) -> Given:
    return {**await skip(stage), "to": "2027-01-07T07:00:00Z"}


NEEDS = {
    "no name": Wrong({"name": " "}, "INVALID", ("name",)),
    "a code that another has": Wrong({"code": "TAKEN"}, "CONFLICT", ("code",)),
    "too short": Wrong({"duration": "PT59S"}, "INVALID", ("duration",)),
    "too many": Wrong({"crewSize": 21}, "INVALID", ("crewSize",)),
    "nobody": Wrong({"crewSize": 0}, "INVALID", ("crewSize",)),
    "a task of no name": Wrong({"tasks": [*TASKS, {"name": ""}]}, "INVALID", ("tasks", "2", "name")),
}
PLAN = {
    "no title": Wrong({"title": ""}, "INVALID", ("title",)),
    "no rule": Wrong({"rrule": "FREQ=HOURLY"}, "INVALID", ("rrule",)),
    "no time": Wrong({"localTime": "25:00"}, "INVALID", ("localTime",)),
    "too short": Wrong({"window": "PT1M"}, "INVALID", ("window",)),
    "too far": Wrong({"horizonDays": 366}, "INVALID", ("horizonDays",)),
    "too many": Wrong({"rrule": "FREQ=DAILY", "horizonDays": 90}, "INVALID", ("horizonDays",)),
    "of a meter": Wrong({"meterLead": "5"}, "INVALID", ("meterLead",)),
}
WHY = {"no reason": Wrong({"reason": " "}, "INVALID", ("reason",))}
CASES = [
    Case(mutation="createWorkType", right=create_type, wrong=NEEDS),
    Case(
        mutation="updateWorkType",
        right=update_type,
        wrong={**NEEDS, "null": Wrong({"name": None}, "INVALID", ("name",))},
    ),
    Case(mutation="archiveWorkType", right=archive_type),
    Case(
        mutation="completeTask",
        right=complete,
        role=Role.DISPATCHER,
        wrong={"too much": Wrong({"result": "x" * 201}, "INVALID", ("result",))},
    ),
    Case(mutation="reopenTask", right=reopen, wrong=WHY),
    Case(
        mutation="addTask",
        right=add,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "nowhere": Wrong({"position": -1}, "INVALID", ("position",)),
        },
    ),
    Case(mutation="removeTask", right=remove),
    Case(
        mutation="createMaintenancePlan",
        right=create_plan,
        wrong={**PLAN, "both": Wrong({"meterEvery": "100"}, "INVALID", ("rrule",))},
    ),
    Case(
        mutation="updateMaintenancePlan",
        right=update_plan,
        wrong={**PLAN, "null": Wrong({"rrule": None}, "INVALID", ("rrule",))},
    ),
    Case(mutation="pauseMaintenancePlan", right=pause, wrong=WHY),
    Case(mutation="resumeMaintenancePlan", right=resume),
    Case(mutation="archiveMaintenancePlan", right=plan),
    Case(mutation="skipOccurrence", right=skip, wrong=WHY),
    Case(
        mutation="moveOccurrence",
        right=move,
        wrong={**WHY, "past": Wrong({"to": "2026-11-22T07:00:00Z"}, "INVALID", ("to",))},
    ),
]
