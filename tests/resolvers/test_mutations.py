"""Mutations: the day of a visit, every refusal typed and without a trace, each key's effect once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.viewers import Role
from fieldgraph.demo.cast import technician_viewer
from tests.resolvers.companies import START, Companies

PICK = """{
  technicians(where: {code: {isNull: false}}, first: 30) { nodes {
    id name skills { nodes { level skill { id } } }
  } }
  visits(first: 100, where: {
    state: {eq: UNSCHEDULED},
    workOrder: {state: {eq: READY}, tasks: {none: {required: {eq: true}}}} }) { nodes {
    id version arrivalWindow { start end } workOrder { workType { skills { nodes { level skill { id } } } } }
  } }
}"""
SCHEDULE = """
mutation S($visit: ID!, $technician: ID!, $start: DateTime!, $version: Int) {
  scheduleVisit(input: {visit: $visit, technician: $technician, start: $start, expectedVersion: $version}) {
    visit { id version state planned { start end } assignments { nodes { state technician { id } } }
      reservations { nodes { state } } workOrder { state } }
    userErrors { path message code }
  }
}
"""
STATE = """query V($id: ID!) { visit(id: $id) { version state planned { start } assignments { totalCount }
  workOrder { state version } } }"""
DISPATCH = (
    "mutation D($id: ID!) { dispatchVisit(input: {visit: $id}) { visit { state pin } userErrors { code } } }"
)
TRAVEL = """mutation T($id: ID!) { startTravel(input: {visit: $id}) {
  visit { state eta { basis expected } actual { enRouteAt } workOrder { state } } userErrors { code } } }"""
ARRIVE = """mutation A($id: ID!) { recordArrival(input: {visit: $id}) {
  visit { state arrival { confirmedBy } actual { arrivedAt } } userErrors { code } } }"""
WORK = "mutation W($id: ID!) { startWork(input: {visit: $id}) { visit { state } userErrors { code } } }"
COMPLETE = """mutation C($id: ID!) { completeVisit(input: {visit: $id}) {
  visit { state workOrder { state } reservations { nodes { state } } } userErrors { code } } }"""
CANCEL = """mutation C($id: ID!, $reason: String!) { cancelVisit(input: {visit: $id, reason: $reason}) {
  visit { state } userErrors { path code } } }"""


def _can(technician: dict[str, Any], visit: dict[str, Any]) -> bool:
    levels = {one["skill"]["id"]: one["level"] for one in technician["skills"]["nodes"]}
    needs = visit["workOrder"]["workType"]["skills"]["nodes"]
    return all(levels.get(need["skill"]["id"], 0) >= need["level"] for need in needs)


async def _free(company: Companies) -> tuple[str, str, dict[str, Any]]:
    """A visit without a window, and two simulated technicians: one who can do it, one who cannot."""
    found = await company.data(PICK)
    simulated = {f"tec1_{key}" for key in company.first.simulated}
    people = [one for one in found["technicians"]["nodes"] if one["id"] in simulated]
    for visit in found["visits"]["nodes"]:
        able = [one["id"] for one in people if _can(one, visit)]
        unable = [one["id"] for one in people if not _can(one, visit)]
        if visit["arrivalWindow"] is None and able and unable:
            return able[0], unable[0], visit
    raise AssertionError("the seed has no such visit")


def _at(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


async def test_a_visit_from_the_pool_to_its_end(company: Companies) -> None:
    able, _, visit = await _free(company)
    given = {"visit": visit["id"], "technician": able, "start": _at(0.5), "version": visit["version"]}
    scheduled = (await company.data(SCHEDULE, given))["scheduleVisit"]
    assert scheduled["userErrors"] == []
    assert scheduled["visit"]["state"] == "SCHEDULED"
    assert scheduled["visit"]["workOrder"]["state"] == "SCHEDULED"
    assert scheduled["visit"]["assignments"]["nodes"] == [{"state": "ACCEPTED", "technician": {"id": able}}]
    key = {"id": visit["id"]}
    dispatched = (await company.data(DISPATCH, key))["dispatchVisit"]["visit"]
    assert dispatched == {"state": "DISPATCHED", "pin": "BOTH"}
    travelling = (await company.data(TRAVEL, key))["startTravel"]["visit"]
    assert travelling["state"] == "EN_ROUTE"
    assert travelling["eta"]["basis"] == "TRAVEL"
    assert travelling["workOrder"] == {"state": "IN_PROGRESS"}
    arrived = (await company.data(ARRIVE, key))["recordArrival"]["visit"]
    assert arrived["arrival"] == {"confirmedBy": "DISPATCHER"}
    assert (await company.data(WORK, key))["startWork"]["visit"] == {"state": "IN_PROGRESS"}
    done = (await company.data(COMPLETE, key))["completeVisit"]["visit"]
    assert done["state"] == "COMPLETED"
    assert done["workOrder"] == {"state": "COMPLETED"}
    assert {one["state"] for one in done["reservations"]["nodes"]} <= {"CONSUMED"}


async def test_refusals_are_typed_and_write_nothing(company: Companies) -> None:
    able, unable, visit = await _free(company)
    before = await company.data(STATE, {"id": visit["id"]})
    cases: list[tuple[dict[str, object], str, list[str]]] = [
        ({"technician": unable, "start": _at(1)}, "MISSING_SKILL", ["input", "technician"]),
        ({"technician": able, "start": _at(30)}, "OFF_SHIFT", ["input", "start"]),
        ({"technician": able, "start": _at(1), "version": 77}, "CONFLICT", ["input", "expectedVersion"]),
        (
            {"technician": "tec1_018f0000-0000-7000-8000-000000000000", "start": _at(1)},
            "NOT_FOUND",
            ["input", "technician"],
        ),
    ]
    for given, code, path in cases:
        found = (await company.data(SCHEDULE, {"visit": visit["id"], **given}))["scheduleVisit"]
        assert [(error["code"], error["path"]) for error in found["userErrors"]] == [(code, path)]
        if code == "CONFLICT":
            assert found["visit"]["version"] == visit["version"]
    for mutation, name in (
        (WORK, "startWork"),
        (TRAVEL, "startTravel"),
        (COMPLETE, "completeVisit"),
        (ARRIVE, "recordArrival"),
    ):
        found = (await company.data(mutation, {"id": visit["id"]}))[name]
        assert found["userErrors"] == [{"code": "INVALID_TRANSITION"}]
    blank = (await company.data(CANCEL, {"id": visit["id"], "reason": " "}))["cancelVisit"]
    assert blank["userErrors"] == [{"path": ["input", "reason"], "code": "INVALID"}]
    assert await company.data(STATE, {"id": visit["id"]}) == before


async def test_one_slot_is_booked_once(company: Companies) -> None:
    found = await company.data(PICK)
    simulated = {f"tec1_{key}" for key in company.first.simulated}
    for technician in found["technicians"]["nodes"]:
        free = [
            one for one in found["visits"]["nodes"] if one["arrivalWindow"] is None and _can(technician, one)
        ]
        if technician["id"] in simulated and len(free) >= 4:
            break
    answers = await asyncio.gather(
        *(
            company.data(SCHEDULE, {"visit": one["id"], "technician": technician["id"], "start": _at(1)})
            for one in free[:4]
        )
    )
    codes = sorted(str([e["code"] for e in one["scheduleVisit"]["userErrors"]]) for one in answers)
    assert codes == ["['DOUBLE_BOOKING']"] * 3 + ["[]"]


async def test_a_cancelled_visit_stays_cancelled(company: Companies) -> None:
    able, _, visit = await _free(company)
    given = {"id": visit["id"], "reason": "the customer called it off"}
    assert (await company.data(CANCEL, given))["cancelVisit"]["visit"] == {"state": "CANCELLED"}
    again = (await company.data(CANCEL, given))["cancelVisit"]
    assert again["userErrors"][0]["code"] == "INVALID_TRANSITION"
    booked = await company.data(SCHEDULE, {"visit": visit["id"], "technician": able, "start": _at(1)})
    assert booked["scheduleVisit"]["userErrors"][0]["code"] == "INVALID_TRANSITION"


CREATE = """mutation C($input: CreateWorkOrderInput!) { createWorkOrder(input: $input) {
  workOrder { id number state dueAt } visit { id state parts { totalCount } } userErrors { code path } } }"""
PLACES = """{ sites(first: 1) { nodes { id } } workTypes(first: 1, where: {needsApproval: {eq: false}}) {
  nodes { id } } }"""


async def _need(company: Companies, **more: object) -> dict[str, Any]:
    found = await company.data(PLACES)
    kind, site = found["workTypes"]["nodes"][0]["id"], found["sites"]["nodes"][0]["id"]
    return {"site": site, "workType": kind, "title": "Water on the floor", **more}


async def test_one_key_acts_once_whatever_is_asked_for_in_return(company: Companies) -> None:
    given = {"input": await _need(company)}
    counted = "{ workOrders { totalCount } }"
    before = (await company.data(counted))["workOrders"]["totalCount"]
    first = await company.ask(CREATE, given, key="k1")
    # when the retry asks for another selection, and two retries come at once
    other = CREATE.replace("workOrder { id number state dueAt }", "workOrder { id title }")
    again = await asyncio.gather(company.ask(CREATE, given, key="k1"), company.ask(other, given, key="k1"))
    assert again[0] == first
    assert again[1]["data"]["createWorkOrder"]["workOrder"] == {
        "id": first["data"]["createWorkOrder"]["workOrder"]["id"],
        "title": "Water on the floor",
    }
    assert (await company.data(counted))["workOrders"]["totalCount"] == before + 1
    mismatch = await company.ask(CREATE, {"input": await _need(company, title="Another")}, key="k1")
    assert mismatch["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert (await company.data(counted))["workOrders"]["totalCount"] == before + 1


async def test_a_refusal_is_replayed_too_and_a_directive_works_like_the_header(company: Companies) -> None:
    document = CREATE.replace(
        "createWorkOrder(input: $input)", 'createWorkOrder(input: $input) @idempotent(key: "d1")'
    )
    refused = await company.ask(document, {"input": await _need(company, title=" ")})
    assert refused["data"]["createWorkOrder"]["userErrors"] == [
        {"code": "INVALID", "path": ["input", "title"]}
    ]
    assert await company.ask(document, {"input": await _need(company, title=" ")}) == refused


async def test_several_fields_are_several_transactions(company: Companies) -> None:
    need = await _need(company)
    document = """mutation M($good: CreateWorkOrderInput!, $bad: CreateWorkOrderInput!) {
      a: createWorkOrder(input: $good) { workOrder { state } userErrors { code } }
      b: createWorkOrder(input: $bad) { workOrder { state } userErrors { code } }
    }"""
    data = await company.data(document, {"good": need, "bad": {**need, "title": ""}})
    assert data["a"] == {"workOrder": {"state": "READY"}, "userErrors": []}
    assert data["b"] == {"workOrder": None, "userErrors": [{"code": "INVALID"}]}


async def test_a_technician_moves_only_their_own(company: Companies) -> None:
    able, _, visit = await _free(company)
    given = {"visit": visit["id"], "technician": able, "start": _at(0.5)}
    await company.data(SCHEDULE, given)
    await company.data(DISPATCH, {"id": visit["id"]})
    stranger = company.viewer(Role.TECHNICIAN)
    found = (await company.data(TRAVEL, {"id": visit["id"]}, viewer=stranger))["startTravel"]
    assert found == {"visit": None, "userErrors": [{"code": "NOT_FOUND"}]}
    assert (await company.data(STATE, {"id": visit["id"]}))["visit"]["state"] == "DISPATCHED"


@pytest.mark.parametrize("minutes", [0, 1])
async def test_the_plan_of_a_day_is_proposed_and_dropped(company: Companies, minutes: int) -> None:
    propose = """mutation P($input: ProposePlanInput!) { proposePlan(input: $input) {
      plan { id state seconds } userErrors { code path } } }"""
    seconds = 121 if minutes else 5
    found = (await company.data(propose, {"input": {"day": "2026-11-23", "seconds": seconds}}))["proposePlan"]
    if minutes:
        assert found == {"plan": None, "userErrors": [{"code": "INVALID", "path": ["input", "seconds"]}]}
        return
    assert found["plan"]["state"] == "DRAFT"
    discard = (
        "mutation D($id: ID!) { discardPlan(input: {plan: $id}) { plan { state } userErrors { code } } }"
    )
    dropped = (await company.data(discard, found["plan"]))["discardPlan"]
    assert dropped == {"plan": {"state": "DISCARDED"}, "userErrors": []}
    again = (await company.data(discard, found["plan"]))["discardPlan"]
    assert again["userErrors"] == [{"code": "INVALID_TRANSITION"}]


async def test_the_root_says_its_name_and_odd_values_are_bad_input(company: Companies) -> None:
    need = await _need(company)
    document = """mutation M($input: CreateWorkOrderInput!) {
      __typename createWorkOrder(input: $input) { __typename } }"""
    data = await company.data(document, {"input": need})
    assert data == {"__typename": "Mutation", "createWorkOrder": {"__typename": "CreateWorkOrderPayload"}}
    for odd in ({"dueAt": "9999-12-31T23:59:59Z"}, {"duration": "PT999999999999S"}, {"site": "sit1_\u0000"}):
        found = await company.ask(document, {"input": {**need, **odd}})
        assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", odd
    nothing = await company.ask('{ partByNumber(number: "\\u0000") { id } }')
    assert nothing["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_who_takes_a_visit_over_gets_its_eta_too(company: Companies) -> None:
    """The estimate of the technician before would otherwise stand in the way, unseen."""
    visit = f"vis1_{company.first.tracked[0]}"
    first = company.viewer(Role.TECHNICIAN)
    started = (await company.data(TRAVEL, {"id": visit}, viewer=first))["startTravel"]
    assert started["visit"]["eta"] is not None
    absent = """mutation A($input: CreateAbsenceInput!) { createAbsence(input: $input) {
      released userErrors { code } } }"""
    gone = {
        "technician": f"tec1_{first.technician_id}",
        "startsAt": _at(0),
        "endsAt": _at(10),
        "reason": "SICK",
    }
    assert (await company.data(absent, {"input": gone}))["createAbsence"]["released"] >= 1
    state = (await company.data(STATE, {"id": visit}))["visit"]
    assert (state["state"], state["planned"]) == ("UNSCHEDULED", None)
    for key in company.first.simulated:
        given = {"visit": visit, "technician": f"tec1_{key}", "start": _at(0.5)}
        if (await company.data(SCHEDULE, given))["scheduleVisit"]["userErrors"] == []:
            break
    second = technician_viewer(company.first.id, key)
    await company.data(DISPATCH, {"id": visit})
    taken = (await company.data(TRAVEL, {"id": visit}, viewer=second))["startTravel"]
    assert taken["userErrors"] == []
    assert taken["visit"]["eta"] is not None


async def test_texts_times_and_lengths_have_their_bounds(company: Companies) -> None:
    for wrong, path in (({"title": "x" * 201}, "title"), ({"duration": "PT0S"}, "duration")):
        found = (await company.data(CREATE, {"input": await _need(company, **wrong)}))["createWorkOrder"]
        assert found["userErrors"] == [{"code": "INVALID", "path": ["input", path]}]
    absent = """mutation A($input: CreateAbsenceInput!) { createAbsence(input: $input) {
      userErrors { code path } } }"""
    given = {
        "technician": f"tec1_{company.first.simulated[0]}",
        "startsAt": _at(2),
        "endsAt": _at(1),
        "reason": "SICK",
    }
    found = (await company.data(absent, {"input": given}))["createAbsence"]
    assert found["userErrors"] == [{"code": "INVALID", "path": ["input", "endsAt"]}]
