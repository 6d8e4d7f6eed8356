"""The steps of a visit beside its usual course: right, wrong, foreign and stale."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.steps import ABSENT, Asker, office, technician, visit_of

STEPS: dict[str, dict[str, Any]] = {
    "unscheduleVisit": {"reason": "No hurry"},
    "rescheduleVisit": {},
    "recallVisit": {"reason": "The part has not come"},
    "pinVisit": {"pin": "TIME"},
    "unpinVisit": {},
    "stopTravel": {},
    "pauseWork": {"reason": "Lunch"},
    "resumeWork": {},
    "markIncomplete": {"reason": "PARTS"},
    "markNoAccess": {"reason": "The door is shut"},
    "createFollowUp": {},
    "withdrawArrival": {"reason": "The wrong door"},
}
"""Each with what it needs beside the visit."""
OF_THE_OFFICE = ("unscheduleVisit", "rescheduleVisit", "recallVisit", "pinVisit", "unpinVisit")
VERSIONED = (*OF_THE_OFFICE, "createFollowUp", "withdrawArrival")
OF_THE_FIELD = ("stopTravel", "pauseWork", "resumeWork", "markIncomplete", "markNoAccess")


async def test_a_visit_is_recalled_pinned_moved_and_given_back(company: Companies) -> None:
    desk, visit = office(company), visit_of(company)

    recalled = await desk.done("recallVisit", visit=visit, reason="The part has not come")

    assert (recalled["state"], recalled["pin"]) == ("SCHEDULED", None)
    assert recalled["reason"] == "The part has not come"
    assert recalled["workOrder"]["state"] == "SCHEDULED"
    assert [one["state"] for one in recalled["assignments"]["nodes"]] == ["ACCEPTED"]
    assert (await desk.done("pinVisit", visit=visit, pin="TIME"))["pin"] == "TIME"
    pinned = await desk.visit(visit)
    later = (datetime.fromisoformat(pinned["planned"]["start"]) + timedelta(minutes=1)).isoformat()
    assert (await desk.refused("rescheduleVisit", visit=visit, start=later))[0] == "INVALID_TRANSITION"
    assert (await desk.refused("unscheduleVisit", visit=visit, reason="x"))[0] == "INVALID_TRANSITION"
    assert await desk.visit(visit) == pinned
    assert (await desk.done("unpinVisit", visit=visit))["pin"] is None
    moved = await desk.done("rescheduleVisit", visit=visit, start=later)
    assert datetime.fromisoformat(moved["planned"]["start"]) == datetime.fromisoformat(later)
    given_back = await desk.done("unscheduleVisit", visit=visit, reason="No hurry")
    assert (given_back["state"], given_back["planned"]) == ("UNSCHEDULED", None)
    assert [one["state"] for one in given_back["assignments"]["nodes"]] == ["RELEASED"]
    assert {one["state"] for one in given_back["reservations"]["nodes"]} <= {"RELEASED"}
    assert given_back["workOrder"]["state"] == "READY"


async def test_a_technician_turns_back_rests_and_leaves_something_to_do(company: Companies) -> None:
    field, visit = technician(company), visit_of(company)
    assert (await field.done("startTravel", visit=visit))["actual"]["enRouteAt"] is not None
    stopped = await field.done("stopTravel", visit=visit, reason="Snow")
    assert (stopped["state"], stopped["pin"], stopped["actual"]["enRouteAt"]) == ("DISPATCHED", "BOTH", None)
    assert stopped["workOrder"]["state"] == "SCHEDULED"
    for name in ("startTravel", "recordArrival", "startWork"):
        await field.done(name, visit=visit)

    paused = await field.done("pauseWork", visit=visit, reason="Lunch")
    assert (paused["state"], paused["reason"]) == ("PAUSED", "Lunch")
    resumed = await field.done("resumeWork", visit=visit)
    assert (resumed["state"], resumed["reason"]) == ("IN_PROGRESS", None)
    ended = "visit { state reason actual { endedAt } workOrder { state } } followUp { id state }"
    payload = await field.take("markIncomplete", answer=ended, visit=visit, reason="PARTS")

    assert payload["userErrors"] == []
    assert payload["visit"]["actual"]["endedAt"] is not None
    assert payload["visit"]["state"] == "INCOMPLETE"
    assert payload["visit"]["reason"] == "PARTS"
    assert payload["visit"]["workOrder"] == {"state": "READY"}
    assert payload["followUp"] is None  # it is nobody's yet, so not theirs to see
    rests = "query R($id: ID!) { visits(where: {followUpOf: {id: {eq: $id}}}) { nodes { state } } }"
    found = await company.data(rests, {"id": visit})
    assert found["visits"]["nodes"] == [{"state": "UNSCHEDULED"}]


async def test_who_is_not_let_in_goes_on_to_the_next(company: Companies) -> None:
    field, visit = technician(company), visit_of(company)
    for name in ("startTravel", "recordArrival"):
        await field.done(name, visit=visit)

    shut = await field.done("markNoAccess", visit=visit, reason="The door is shut")

    assert (shut["state"], shut["reason"]) == ("NO_ACCESS", "The door is shut")
    assert shut["workOrder"]["state"] == "READY"
    assert {one["state"] for one in shut["reservations"]["nodes"]} <= {"RELEASED"}


async def test_an_arrival_is_withdrawn_by_the_office_and_may_come_again(company: Companies) -> None:
    desk, visit = office(company), visit_of(company)
    for name in ("startTravel", "recordArrival"):
        await technician(company).done(name, visit=visit)

    answer = "visit { state actual { arrivedAt } arrival { id } eta { basis } workOrder { state } }"
    back = await desk.done("withdrawArrival", answer=answer, visit=visit, reason="The wrong door")

    assert (back["state"], back["actual"]["arrivedAt"], back["arrival"]) == ("EN_ROUTE", None, None)
    assert back["eta"]["basis"] == "TRAVEL"
    assert back["workOrder"] == {"state": "IN_PROGRESS"}
    assert (await desk.done("recordArrival", visit=visit))["state"] == "ARRIVED"
    await desk.done("startWork", visit=visit)
    late = await desk.refused("withdrawArrival", visit=visit, reason="The wrong door")
    assert late == ("INVALID_TRANSITION", ["input", "visit"])


async def test_what_a_visit_left_to_do_has_one_follow_up_at_a_time(company: Companies) -> None:
    desk, visit = office(company), visit_of(company)
    for name in ("startTravel", "recordArrival"):
        await desk.done(name, visit=visit)
    before = await desk.done("markNoAccess", visit=visit, reason="The door is shut")
    answer = "visit { id state followUpOf { id } parts { totalCount } workOrder { id state } }"

    rest = await desk.done("createFollowUp", answer=answer, visit=visit)

    assert (rest["state"], rest["followUpOf"]) == ("UNSCHEDULED", {"id": visit})
    assert rest["workOrder"] == before["workOrder"]
    needs = await company.data("query P($id: ID!) { visit(id: $id) { parts { totalCount } } }", {"id": visit})
    assert rest["parts"] == needs["visit"]["parts"]
    again = await desk.refused("createFollowUp", visit=visit)
    assert again == ("CONFLICT", ["input", "visit"])
    await desk.done("cancelVisit", visit=rest["id"], reason="Another day")
    assert (await desk.done("createFollowUp", visit=visit))["state"] == "UNSCHEDULED"
    assert (await desk.refused("createFollowUp", visit=rest["id"]))[0] == "INVALID_TRANSITION"


async def test_a_step_out_of_its_turn_is_refused_and_changes_nothing(company: Companies) -> None:
    desk, visit = office(company), visit_of(company)
    before = await desk.visit(visit)
    for name in STEPS.keys() - {"recallVisit"}:
        refused = await desk.refused(name, visit=visit, **STEPS[name])
        assert refused == ("INVALID_TRANSITION", ["input", "visit"]), name
    assert await desk.visit(visit) == before


@pytest.mark.parametrize(
    "name", ["unscheduleVisit", "recallVisit", "pauseWork", "markNoAccess", "stopTravel"]
)
async def test_a_reason_is_something_said(companies: Companies, name: str) -> None:
    for reason in (" ", "x" * 501):
        code = await office(companies).refused(name, visit=visit_of(companies), reason=reason)
        assert code == ("INVALID", ["input", "reason"])


@pytest.mark.parametrize("name", VERSIONED)
async def test_what_was_read_too_long_ago_is_a_conflict(companies: Companies, name: str) -> None:
    given = {**STEPS[name], "visit": visit_of(companies), "expectedVersion": 77}
    assert await office(companies).refused(name, **given) == ("CONFLICT", ["input", "expectedVersion"])


@pytest.mark.parametrize("name", STEPS)
async def test_a_foreign_visit_answers_as_an_absent_one(companies: Companies, name: str) -> None:
    theirs = await companies.data("{ visits(first: 1) { nodes { id } } }", viewer=_second(companies).viewer)
    foreign = theirs["visits"]["nodes"][0]["id"]
    for key in (foreign, f"vis1_{ABSENT}"):
        found = await office(companies).take(name, visit=key, **STEPS[name])
        assert found["visit"] is None
        assert found["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "visit"]}]


@pytest.mark.parametrize("name", OF_THE_FIELD)
async def test_another_technicians_visit_answers_as_an_absent_one(companies: Companies, name: str) -> None:
    query = "{ visits(first: 100) { nodes { id lead { technician { id } } } } }"
    own = f"tec1_{companies.viewer(Role.TECHNICIAN).technician_id}"
    nodes = (await companies.data(query))["visits"]["nodes"]
    others = next(one for one in nodes if one["lead"] and one["lead"]["technician"]["id"] != own)
    found = await technician(companies).refused(name, visit=others["id"], **STEPS[name])
    assert found == ("NOT_FOUND", ["input", "visit"])


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.TRACKING, Role.SALES, Role.TECHNICIAN])
@pytest.mark.parametrize("name", STEPS)
async def test_a_step_is_for_whom_it_is(companies: Companies, name: str, role: Role) -> None:
    if role == Role.TECHNICIAN and name in OF_THE_FIELD:
        return
    document = (
        f"mutation M($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ __typename }} }}"
    )
    given = {"input": {"visit": visit_of(companies), **STEPS[name]}}
    viewer = replace(companies.viewer(Role.ADMIN), role=role, visit_id=companies.first.tracked[0])
    found = await companies.ask(document, given, viewer=viewer)
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def _second(companies: Companies) -> Asker:
    return Asker(companies, companies.viewer(Role.ADMIN, second=True))


async def test_history_keeps_why_where_the_office_says_so(company: Companies) -> None:
    desk, visit = office(company), visit_of(company)
    order = (await desk.visit(visit))["workOrder"]["id"]
    told = "{entity} {{ history(first: 1) {{ nodes {{ reason }} }} }}"
    await desk.done("recallVisit", visit=visit, reason="Not yet")
    steps: tuple[tuple[str, dict[str, object]], ...] = (
        ("pinVisit", {"visit": visit, "pin": "TIME"}),
        ("updateVisit", {"visit": visit, "crewSize": 2}),
        ("updateWorkOrder", {"workOrder": order, "title": "Water everywhere"}),
    )
    for name, given in steps:
        entity = "workOrder" if "workOrder" in given else "visit"
        answer = told.format(entity=entity)
        done = await desk.done(name, answer=answer, reason=f"Because of {name}", **given)
        assert done["history"]["nodes"] == [{"reason": f"Because of {name}"}], name


async def test_a_customer_calls_off_their_own_visit_before_travel_and_no_other(company: Companies) -> None:
    desk, visit = office(company), visit_of(company)
    found = await company.data(f'{{ visit(id: "{visit}") {{ customer {{ id }} }} }}')
    customer = UUID(found["visit"]["customer"]["id"].removeprefix("cus1_"))
    viewer = company.viewer(Role.CUSTOMER)
    theirs = Asker(company, replace(viewer, customer_id=customer))
    other = Asker(company, replace(viewer, customer_id=uuid4()))
    called_off = {"answer": "visit { id state }", "visit": visit, "reason": "We are away"}
    assert await other.refused("cancelVisit", **called_off) == ("NOT_FOUND", ["input", "visit"])
    await desk.done("startTravel", visit=visit)
    assert (await theirs.refused("cancelVisit", **called_off))[0] == "INVALID_TRANSITION"
    await desk.done("stopTravel", visit=visit)

    assert await theirs.done("cancelVisit", **called_off) == {"id": visit, "state": "CANCELLED"}

    stored = await desk.visit(visit)
    assert (stored["state"], stored["reason"], stored["pin"]) == ("CANCELLED", "We are away", None)
    assert {one["state"] for one in stored["assignments"]["nodes"]} == {"RELEASED"}
    assert {one["state"] for one in stored["reservations"]["nodes"]} <= {"RELEASED"}
    assert stored["workOrder"]["state"] == "READY"
    history = f'{{ visit(id: "{visit}") {{ history(first: 1) {{ nodes {{ actor reason }} }} }} }}'
    (entry,) = (await company.data(history))["visit"]["history"]["nodes"]
    assert entry == {"actor": viewer.subject, "reason": "We are away"}
