"""The steps of a work order itself: right, wrong, foreign and stale."""

from typing import Any

import pytest

from domain.viewers import Role
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.steps import ABSENT, Asker, office, visit_of

ORDER = "workOrder { id number version state outcome reason title priority visits { nodes { state } } }"
STEPS: dict[str, dict[str, Any]] = {
    "updateWorkOrder": {"title": "A leak"},
    "approveWorkOrder": {},
    "holdWorkOrder": {"reason": "No key"},
    "releaseWorkOrder": {},
    "cancelWorkOrder": {"reason": "Not wanted"},
    "closeWorkOrder": {"outcome": "SOLVED"},
    "addVisit": {},
}
"""Each with what it needs beside the work order."""


def answer(name: str) -> str:
    return "visit { id state }" if name == "addVisit" else ORDER


def manager(company: Companies) -> Asker:
    return Asker(company, company.viewer(Role.ADMIN))


async def order_of(company: Companies) -> str:
    """The work order of a DISPATCHED visit."""
    visit: str = (await office(company).visit(visit_of(company)))["workOrder"]["id"]
    return visit


async def test_a_held_order_is_released_to_where_its_visits_have_come(company: Companies) -> None:
    desk, order = office(company), await order_of(company)

    held = await desk.done("holdWorkOrder", answer=ORDER, workOrder=order, reason="No key")

    assert (held["state"], held["reason"]) == ("ON_HOLD", "No key")
    travel = await desk.refused("startTravel", visit=visit_of(company))
    assert travel == ("INVALID_TRANSITION", ["input", "visit"])
    await desk.done("recordArrival", visit=visit_of(company))
    work = await desk.refused("startWork", visit=visit_of(company))
    assert work == ("INVALID_TRANSITION", ["input", "visit"])
    assert (await desk.visit(visit_of(company)))["workOrder"]["state"] == "ON_HOLD"
    added = await desk.done("addVisit", answer="visit { id state }", workOrder=order)
    find = "{ technicians(first: 1, where: {code: {isNull: false}}) { nodes { id } } }"
    technician = (await company.data(find))["technicians"]["nodes"][0]["id"]
    refused = await desk.refused(
        "scheduleVisit", visit=added["id"], technician=technician, start="2026-11-23T10:00:00Z"
    )
    assert refused == ("INVALID_TRANSITION", ["input", "visit"])
    released = await desk.done("releaseWorkOrder", answer=ORDER, workOrder=order)
    assert (released["state"], released["reason"]) == ("IN_PROGRESS", None)
    await desk.done("startWork", visit=visit_of(company))


async def test_an_order_is_cancelled_with_its_visits_while_none_has_started(company: Companies) -> None:
    desk, order = office(company), await order_of(company)
    await desk.done("startTravel", visit=visit_of(company))
    given = {"workOrder": order, "reason": "Not wanted"}
    late = await desk.refused("cancelWorkOrder", answer=ORDER, **given)
    assert late == ("INVALID_TRANSITION", ["input", "workOrder"])
    await desk.done("stopTravel", visit=visit_of(company))

    cancelled = await desk.done("cancelWorkOrder", answer=ORDER, **given)

    assert (cancelled["state"], cancelled["reason"]) == ("CANCELLED", "Not wanted")
    assert {visit["state"] for visit in cancelled["visits"]["nodes"]} == {"CANCELLED"}
    visit = await desk.visit(visit_of(company))
    assert {one["state"] for one in visit["assignments"]["nodes"]} == {"RELEASED"}
    assert {one["state"] for one in visit["reservations"]["nodes"]} <= {"RELEASED"}
    for name, step in STEPS.items():
        refused = await manager(company).refused(name, answer=answer(name), workOrder=order, **step)
        assert refused == ("INVALID_TRANSITION", ["input", "workOrder"]), name


async def test_an_order_is_closed_after_its_work(company: Companies) -> None:
    desk, order = office(company), await order_of(company)
    early = await desk.refused("closeWorkOrder", answer=ORDER, workOrder=order, outcome="SOLVED")
    assert early == ("INVALID_TRANSITION", ["input", "workOrder"])
    for name in ("startTravel", "recordArrival", "startWork", "completeVisit"):
        await desk.done(name, visit=visit_of(company))

    closed = await desk.done("closeWorkOrder", answer=ORDER, workOrder=order, outcome="SOLVED")

    assert (closed["state"], closed["outcome"]) == ("CLOSED", "SOLVED")
    assert {visit["state"] for visit in closed["visits"]["nodes"]} == {"COMPLETED"}
    rest = await desk.refused("createFollowUp", visit=visit_of(company))
    assert rest == ("INVALID_TRANSITION", ["input", "visit"])


async def test_what_was_begun_is_closed_unresolved_and_the_rest_called_off(company: Companies) -> None:
    desk, order = office(company), await order_of(company)
    for name in ("startTravel", "recordArrival", "startWork"):
        await desk.done(name, visit=visit_of(company))
    await desk.done("markIncomplete", visit=visit_of(company), reason="PARTS")
    solved = await desk.refused("closeWorkOrder", answer=ORDER, workOrder=order, outcome="SOLVED")
    assert solved == ("INVALID_TRANSITION", ["input", "outcome"])

    closed = await desk.done("closeWorkOrder", answer=ORDER, workOrder=order, outcome="UNRESOLVED")

    assert (closed["state"], closed["outcome"]) == ("CLOSED", "UNRESOLVED")
    assert sorted(visit["state"] for visit in closed["visits"]["nodes"]) == ["CANCELLED", "INCOMPLETE"]


async def test_what_needs_approval_waits_for_a_manager(company: Companies) -> None:
    async with connected(str(company.app.settings.database_url)) as connection:
        await connection.execute("UPDATE work_type SET needs_approval = true")
    found = await company.data("{ sites(first: 1) { nodes { id } } workTypes(first: 1) { nodes { id } } }")
    need = {
        "site": found["sites"]["nodes"][0]["id"],
        "workType": found["workTypes"]["nodes"][0]["id"],
        "title": "Water on the floor",
    }
    order = await office(company).done("createWorkOrder", answer=ORDER, **need)
    assert order["state"] == "PENDING_APPROVAL"
    held = await office(company).done("holdWorkOrder", answer=ORDER, workOrder=order["id"], reason="No key")
    assert held["state"] == "ON_HOLD"
    waits = await office(company).done("releaseWorkOrder", answer=ORDER, workOrder=order["id"])
    assert waits["state"] == "PENDING_APPROVAL"

    approved = await manager(company).done("approveWorkOrder", answer=ORDER, workOrder=order["id"])

    assert approved["state"] == "READY"
    again = await manager(company).refused("approveWorkOrder", answer=ORDER, workOrder=order["id"])
    assert again == ("INVALID_TRANSITION", ["input", "workOrder"])


@pytest.mark.parametrize("needs_approval", [False, True])
async def test_a_draft_waits_until_somebody_takes_it_in(company: Companies, needs_approval: bool) -> None:
    async with connected(str(company.app.settings.database_url)) as connection:
        await connection.execute("UPDATE work_type SET needs_approval = $1", needs_approval)
    query = """{ sites(first: 1) { nodes { id } } workTypes(first: 1) { nodes { id } }
      technicians(first: 1) { nodes { id } } }"""
    found = await company.data(query)
    need = {
        "site": found["sites"]["nodes"][0]["id"],
        "workType": found["workTypes"]["nodes"][0]["id"],
        "title": "Water on the floor",
        "draft": True,
    }
    made = await office(company).take("createWorkOrder", answer=f"{ORDER} visit {{ id }}", **need)
    order, visit = made["workOrder"], made["visit"]["id"]
    assert order["state"] == "NEW"
    technician = found["technicians"]["nodes"][0]["id"]
    early = await office(company).refused(
        "scheduleVisit", visit=visit, technician=technician, start="2026-11-23T10:00:00Z"
    )
    assert early == ("INVALID_TRANSITION", ["input", "visit"])

    states = []
    for _ in range(1 + needs_approval):
        taken = await manager(company).done("approveWorkOrder", answer=ORDER, workOrder=order["id"])
        states.append(taken["state"])

    assert states == (["PENDING_APPROVAL", "READY"] if needs_approval else ["READY"])


async def test_an_order_is_changed_by_what_is_said_only(company: Companies) -> None:
    desk, order = office(company), await order_of(company)
    before = await desk.done("updateWorkOrder", answer=ORDER, workOrder=order)

    changed = await desk.done("updateWorkOrder", answer=ORDER, workOrder=order, priority="EMERGENCY")

    version = before["version"] + 1
    assert changed == {**before, "priority": "EMERGENCY", "version": version}
    same = await desk.done("updateWorkOrder", answer=ORDER, workOrder=order, priority="EMERGENCY")
    assert same == changed
    stale = {"workOrder": order, "title": "Late", "expectedVersion": before["version"]}
    assert await desk.refused("updateWorkOrder", answer=ORDER, **stale) == (
        "CONFLICT",
        ["input", "expectedVersion"],
    )


async def test_null_takes_a_text_away_and_notes_are_the_companys_own(company: Companies) -> None:
    desk, order = office(company), await order_of(company)
    texts = "workOrder { description internalNotes title }"
    said = {"description": "By the stairs", "internalNotes": "Pays late", "title": "A leak"}
    assert await desk.done("updateWorkOrder", answer=texts, workOrder=order, **said) == said

    gone = await desk.done(
        "updateWorkOrder", answer=texts, workOrder=order, description=None, internalNotes=None
    )

    assert gone == {"description": None, "internalNotes": None, "title": "A leak"}


async def test_texts_windows_and_lengths_have_their_bounds(companies: Companies) -> None:
    desk, order = office(companies), await order_of(companies)
    window = {"start": "2026-11-23T10:00:00Z", "end": "2026-11-23T09:00:00Z"}
    for name, wrong, path in (
        ("updateWorkOrder", {"title": " "}, "title"),
        ("updateWorkOrder", {"description": "x" * 10_001}, "description"),
        ("holdWorkOrder", {"reason": " "}, "reason"),
        ("cancelWorkOrder", {"reason": "x" * 501}, "reason"),
        ("addVisit", {"arrivalWindow": window}, "arrivalWindow"),
        ("addVisit", {"duration": "PT0S"}, "duration"),
    ):
        refused = await desk.refused(name, answer=answer(name), workOrder=order, **wrong)
        assert refused == ("INVALID", ["input", path])


@pytest.mark.parametrize("name", STEPS)
async def test_what_was_read_too_long_ago_is_a_conflict(companies: Companies, name: str) -> None:
    given = {**STEPS[name], "workOrder": await order_of(companies), "expectedVersion": 77}
    refused = await manager(companies).refused(name, answer=answer(name), **given)
    assert refused == ("CONFLICT", ["input", "expectedVersion"])


@pytest.mark.parametrize("name", STEPS)
async def test_a_foreign_order_answers_as_an_absent_one(companies: Companies, name: str) -> None:
    second = companies.viewer(Role.ADMIN, second=True)
    theirs = await companies.data("{ workOrders(first: 1) { nodes { id } } }", viewer=second)
    for key in (theirs["workOrders"]["nodes"][0]["id"], f"wor1_{ABSENT}"):
        refused = await manager(companies).refused(name, answer=answer(name), workOrder=key, **STEPS[name])
        assert refused == ("NOT_FOUND", ["input", "workOrder"])


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.SALES, Role.TECHNICIAN, Role.SUBCONTRACTOR])
@pytest.mark.parametrize("name", STEPS)
async def test_a_step_is_for_the_office(companies: Companies, name: str, role: Role) -> None:
    kind = name[0].upper() + name[1:]
    document = f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {{ __typename }} }}"
    given = {"input": {"workOrder": await order_of(companies), **STEPS[name]}}
    found = await companies.ask(document, given, viewer=companies.viewer(role))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_approval_is_not_the_dispatchers(companies: Companies) -> None:
    document = "mutation M($input: ApproveWorkOrderInput!) { approveWorkOrder(input: $input) { __typename } }"
    given = {"input": {"workOrder": await order_of(companies)}}
    found = await companies.ask(document, given, viewer=companies.viewer(Role.DISPATCHER))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
