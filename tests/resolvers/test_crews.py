"""Crews as clients see them: who goes together, who may see that, and how each of them moves on."""

from datetime import datetime
from typing import Any

from domain import ids
from domain.viewers import Role
from fieldgraph.demo.cast import technician_viewer
from tests.resolvers.companies import Companies
from tests.resolvers.steps import Asker, office

WHOLE = """query W($id: ID!) { visit(id: $id) { state crewSize substatus { code state }
  crew { name lead { technician { id } } members { totalCount } }
  arrivalWindow { start } firstPromised { start end }
  assignments(where: {state: {eq: ACCEPTED}}) { nodes {
    isLead state enRouteAt arrivedAt offerExpiresAt technician { id } } }
  waitsFor { nodes { kind gap predecessor { state planned { end } } successor { id } } }
  planned { start } } }"""


def together(company: Companies) -> str:
    """The visit of the demo that takes two."""
    return f"vis1_{company.first.tracked[2]}"


async def whole(company: Companies, **viewer: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await company.data(WHOLE, {"id": together(company)}, **viewer))["visit"]
    return found


async def test_who_goes_together_is_seen_whole_by_the_office_and_alone_by_each(companies: Companies) -> None:
    visit = await whole(companies)
    lead, helper = sorted(visit["assignments"]["nodes"], key=lambda one: not one["isLead"])
    assert (visit["crewSize"], visit["crew"]["members"]) == (2, {"totalCount": 2})
    assert visit["crew"]["lead"]["technician"] == lead["technician"] != helper["technician"]
    assert visit["substatus"] == {"code": "CONFIRMED", "state": "SCHEDULED"}
    assert visit["firstPromised"]["start"] == visit["arrivalWindow"]["start"]
    (link,) = visit["waitsFor"]["nodes"]
    assert (link["kind"], link["successor"]["id"]) == ("FINISH_START", together(companies))
    ends = datetime.fromisoformat(link["predecessor"]["planned"]["end"])
    assert ends < datetime.fromisoformat(visit["planned"]["start"])
    # and the lead, who is a viewer, sees themselves
    own = await whole(companies, viewer=companies.viewer(Role.TECHNICIAN))
    assert [one["technician"] for one in own["assignments"]["nodes"]] == [lead["technician"]]
    assert own["crew"]["members"] == {"totalCount": 1}
    # while a customer is told of none of it
    found = await companies.ask(WHOLE, {"id": together(companies)}, viewer=companies.viewer(Role.CUSTOMER))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_each_says_when_they_set_off_and_the_lead_moves_the_visit(company: Companies) -> None:
    visit, desk = together(company), office(company)
    before = await whole(company)
    helper = next(one["technician"]["id"] for one in before["assignments"]["nodes"] if not one["isLead"])
    field = Asker(company, technician_viewer(company.first.id, ids.decode("tec", helper)))
    await desk.done("dispatchVisit", visit=visit)

    assert (await field.done("startTravel", visit=visit))["state"] == "DISPATCHED"
    assert (await desk.done("recordArrival", visit=visit, technician=helper))["state"] == "DISPATCHED"
    assert (await field.refused("completeVisit", visit=visit))[0] == "INVALID_TRANSITION"

    rows = {one["technician"]["id"]: one for one in (await whole(company))["assignments"]["nodes"]}
    assert rows.pop(helper)["arrivedAt"] is not None
    (lead,) = rows.values()
    assert (lead["enRouteAt"], lead["arrivedAt"]) == (None, None)
    assert (await whole(company))["substatus"] is None


async def test_what_waits_is_refused_with_the_place_in_the_input(company: Companies) -> None:
    desk, visit = office(company), together(company)
    start = (await whole(company))["waitsFor"]["nodes"][0]["predecessor"]["planned"]["end"]
    assert await desk.refused("rescheduleVisit", visit=visit, start=start) == (
        "OUTSIDE_WINDOW",
        ["input", "start"],
    )
    ahead = f"vis1_{company.first.tracked[1]}"
    assert await desk.refused("unscheduleVisit", visit=ahead, reason="No hurry") == (
        "INVALID_TRANSITION",
        ["input", "visit"],
    )
    ring = {"predecessor": visit, "successor": ahead}
    asked = await desk.refused("addVisitDependency", answer="visit { id }", **ring)
    assert asked == ("INVALID", ["input", "successor"])
