"""Maintenance in the graph: plans and their times, tasks, who reads which, and what a meter sets going."""

from typing import Any

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.mutations import maintenance as cases
from tests.resolvers.mutations.cases import Stage

PLANS = """{ maintenancePlans(first: 50) { totalCount nodes { title state rrule startsOn localTime window
  meterEvery meterLead meterFrom horizonDays customer { name } site { timeZone }
  asset { latestReading { value } } contract { number } workType { code tasks { nodes { name safety } } }
  nextOccurrence { state startsAt } occurrences(first: 3) { totalCount nodes { day threshold startsAt movedTo
    state reason plan { id } workOrder { number maintenanceOccurrence { id day } } } } } } }"""
TASKS = "query T($id: ID!) { visit(id: $id) { workOrder { state } } }"
STEP = "visit { id state }"
TOLD = "task { isDone doneBy result note technician { id } visit { id } } workOrder { state }"


def asked(mutation: str, answer: str) -> str:
    kind = mutation[0].upper() + mutation[1:]
    return (
        f"mutation M($input: {kind}Input!) {{ {mutation}(input: $input)"
        f" {{ {answer} userErrors {{ code path }} }} }}"
    )


async def take(
    company: Companies, mutation: str, answer: str, *, role: Role = Role.DISPATCHER, **given: object
) -> dict[str, Any]:
    found = await company.data(asked(mutation, answer), {"input": given}, viewer=company.viewer(role))
    payload: dict[str, Any] = found[mutation]
    return payload


async def test_the_demo_has_plans_by_rule_and_by_meter_with_a_skip_and_a_move(companies: Companies) -> None:
    before = companies.app.reads.statements
    found = (await companies.data(PLANS))["maintenancePlans"]
    assert companies.app.reads.statements - before == 1

    assert found["totalCount"] == 10
    metered = [plan for plan in found["nodes"] if plan["meterEvery"]]
    assert [plan["meterEvery"] for plan in metered] == ["3000.000"] * 3
    for plan in metered:
        assert plan["occurrences"]["totalCount"] == 2
        assert 8_000 < float(plan["asset"]["latestReading"]["value"]) < 8_900
        assert plan["nextOccurrence"] == {"state": "PLANNED", "startsAt": None}
    times = [one for plan in found["nodes"] for one in plan["occurrences"]["nodes"]]
    made = [one for one in times if one["state"] == "GENERATED"]
    assert [one["workOrder"]["maintenanceOccurrence"]["day"] for one in made] == [one["day"] for one in made]
    assert {one["state"] for one in times} == {"GENERATED", "SKIPPED", "PLANNED"}
    assert any(one["movedTo"] == one["startsAt"] != None for one in times)  # noqa: E711  # JSON's null


async def test_a_customer_reads_their_own_plans_and_no_reasons(companies: Companies) -> None:
    customer = companies.viewer(Role.CUSTOMER)
    own = """{ maintenancePlans(first: 50) { totalCount nodes { title customer { id } occurrences { nodes {
      state startsAt } } } } viewer { customer { id } } workOrders(first: 5) { nodes {
      tasks { nodes { name isDone result } } } } }"""
    found = await companies.data(own, viewer=customer)

    assert found["maintenancePlans"]["totalCount"] >= 2
    assert {one["customer"]["id"] for one in found["maintenancePlans"]["nodes"]} == {
        found["viewer"]["customer"]["id"]
    }
    assert found["workOrders"]["nodes"][0]["tasks"]["nodes"]
    for hidden in (
        "maintenancePlans { nodes { reason } }",
        "workOrders { nodes { tasks { nodes { note } } } }",
    ):
        refused = await companies.ask(f"{{ {hidden} }}", viewer=customer)
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_an_asset_a_site_and_a_contract_lead_to_their_plans(company: Companies) -> None:
    given = await cases.create_plan(Stage(company, Role.ADMIN))
    answer = """maintenancePlan { id site { maintenancePlans { nodes { id } } }
      asset { maintenancePlans { nodes { id } } } contract { maintenancePlans { nodes { id } } }
      occurrences(first: 1) { totalCount nodes { state day startsAt workOrder { title state
        contract { id } visits { nodes { window: arrivalWindow { start end } } } } } } }"""
    payload = await take(company, "createMaintenancePlan", answer, **given)
    assert payload["userErrors"] == []
    plan = payload["maintenancePlan"]
    for edge in ("site", "asset", "contract"):
        assert {"id": plan["id"]} in plan[edge]["maintenancePlans"]["nodes"]
    (first,) = plan["occurrences"]["nodes"]
    assert first == {
        "state": "GENERATED",
        "day": "2026-12-07",
        "startsAt": "2026-12-07T06:30:00+00:00",
        "workOrder": {
            "title": "Round",
            "state": "READY",
            "contract": {"id": given["contract"]},
            "visits": {
                "nodes": [
                    {"window": {"start": "2026-12-07T06:30:00+00:00", "end": "2026-12-07T08:30:00+00:00"}}
                ]
            },
        },
    }


async def test_a_reading_makes_the_work_order_at_once(company: Companies) -> None:
    query = """{ maintenancePlans(where: {meterEvery: {isNull: false}}, first: 1) {
      nodes { id asset { id } } } }"""
    (plan,) = (await company.data(query))["maintenancePlans"]["nodes"]
    after = """query A($id: ID!) { maintenancePlan(id: $id) { occurrences { nodes { threshold state
      workOrder { title visits { nodes { state } } } } } } }"""
    payload = await take(
        company, "recordMeterReading", "meterReading { value }", asset=plan["asset"]["id"], value="8900"
    )
    assert payload["userErrors"] == []

    found = (await company.data(after, {"id": plan["id"]}))["maintenancePlan"]["occurrences"]["nodes"]
    made = {"title": "Filters every 3,000 hours", "visits": {"nodes": [{"state": "UNSCHEDULED"}]}}
    assert sorted(found, key=lambda one: float(one["threshold"])) == [
        {"threshold": "6000.000", "state": "SKIPPED", "workOrder": None},
        {"threshold": "9000.000", "state": "GENERATED", "workOrder": made},
        {"threshold": "12000.000", "state": "PLANNED", "workOrder": None},
    ]


async def test_a_technician_checks_off_what_is_to_be_done_where_they_are(company: Companies) -> None:
    visit = f"vis1_{company.first.tracked[0]}"
    field = company.viewer(Role.TECHNICIAN)
    order = "query O($id: ID!) { visit(id: $id) { workOrder { id } } }"
    key = (await company.data(order, {"id": visit}))["visit"]["workOrder"]["id"]
    added = await take(company, "addTask", "task { id }", workOrder=key, name="Isolate", safety=True)
    task = added["task"]["id"]
    early = await take(company, "completeTask", TOLD, role=Role.TECHNICIAN, task=task)
    assert early["userErrors"] == [{"code": "INVALID_TRANSITION", "path": ["input", "task"]}]
    for name in ("startTravel", "recordArrival"):
        await take(company, name, STEP, role=Role.TECHNICIAN, visit=visit)
    refused = await take(company, "startWork", STEP, role=Role.TECHNICIAN, visit=visit)
    assert refused["userErrors"] == [{"code": "INVALID_TRANSITION", "path": ["input", "visit"]}]
    done = await take(
        company, "completeTask", TOLD, role=Role.TECHNICIAN, task=task, result="Dead", note="B2"
    )
    assert done["task"] == {
        "isDone": True,
        "doneBy": field.subject,
        "result": "Dead",
        "note": "B2",
        "technician": {"id": f"tec1_{field.technician_id}"},
        "visit": {"id": visit},
    }
    assert (await take(company, "startWork", STEP, role=Role.TECHNICIAN, visit=visit))["userErrors"] == []
    ended = await take(company, "completeVisit", STEP, role=Role.TECHNICIAN, visit=visit)
    assert ended["visit"]["state"] == "COMPLETED"
    found = (await company.data(TASKS, {"id": visit}))["visit"]
    assert found["workOrder"]["state"] == "COMPLETED"


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.SALES, Role.CUSTOMER])
async def test_only_clerks_keep_plans_and_templates(companies: Companies, role: Role) -> None:
    for mutation, given in (
        ("skipOccurrence", {"occurrence": "o", "reason": "r"}),
        ("pauseMaintenancePlan", {"maintenancePlan": "p", "reason": "r"}),
        ("archiveWorkType", {"workType": "w"}),
        ("addTask", {"workOrder": "w", "name": "n"}),
    ):
        found = await companies.ask(asked(mutation, ""), {"input": given}, viewer=companies.viewer(role))
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN", mutation
