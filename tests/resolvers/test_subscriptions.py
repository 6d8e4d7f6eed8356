"""Subscriptions: snapshot, then each fact once, also after a resume; nothing that is not the watcher's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Unauthenticated
from domain.viewers import Role, Viewer
from resolvers.context import Context
from resolvers.refusals import Refusal
from resolvers.tracking import cell, visit_tracking
from tests.patience import PATIENCE_SECONDS
from tests.resolvers.companies import START, Companies
from tests.resolvers.test_mutations import ARRIVE, CANCEL, DISPATCH, SCHEDULE, TRAVEL, _at, _free

CHANGES = """
subscription C($scope: ScheduleScope, $after: Cursor) { scheduleChanges(scope: $scope, after: $after) {
  __typename
  ... on ScheduleSnapshot { cursor }
  ... on VisitCreated { cursor visit { id } }
  ... on VisitScheduled {
    cursor occurredAt origin visit { id state planned { start } } before { state } technician { id } }
  ... on VisitRescheduled {
    cursor visit { id planned { start } } before { plannedStart } technicianBefore { id } technician { id } }
  ... on VisitProgressed { cursor visit { id state } before { state } }
  ... on VisitRemoved { cursor id }
  ... on ResyncRequired { cursor cause }
} }
"""
TRACKING = """
subscription T($visit: ID, $after: Cursor) { visitTracking(visit: $visit, after: $after) {
  __typename
  ... on VisitTrackingSnapshot {
    cursor state stopsBefore eta { expected } position { point } visit { id arrivalWindow { start } } }
  ... on VisitStateChanged { cursor state eta { expected } position { point accuracyMetres } }
  ... on EtaChanged { cursor state eta { earliest expected latest basis } position { point accuracyMetres } }
  ... on PositionChanged { cursor state position { point accuracyMetres at } }
  ... on VisitArrived { cursor state occurredAt eta { expected } }
} }
"""
LINK = """mutation L($id: ID!) { createTrackingLink(input: {visit: $id}) {
  trackingLink { id visit { id } } token url userErrors { code } } }"""
REVOKE = """mutation R($id: ID!) { revokeTrackingLink(input: {trackingLink: $id}) {
  trackingLink { revokedAt } userErrors { code } } }"""
REPORT = """mutation P($input: ReportPositionsInput!) { reportPositions(input: $input) {
  accepted refused { reason count } arrivedVisit { id } userErrors { code } } }"""


async def _next(items: AsyncIterator[dict[str, Any]], seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        return await anext(items)


async def _until(items: AsyncIterator[dict[str, Any]], kind: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for item in items:
            if item["__typename"] == kind:
                return item
    raise AssertionError(f"no {kind}")


async def _schedule(company: Companies, hours: float = 0.5, **given: str) -> dict[str, Any]:
    found = (await company.data(SCHEDULE, {**given, "start": _at(hours)}))["scheduleVisit"]
    assert found["userErrors"] == []
    visit: dict[str, Any] = found["visit"]
    return visit


async def test_schedule_changes_are_told_each_once_and_resume_where_they_stopped(company: Companies) -> None:
    able, _, visit = await _free(company)
    async with company.stream(CHANGES) as items:
        snapshot = await _next(items)
        assert snapshot["__typename"] == "ScheduleSnapshot"
        await _schedule(company, 0.5, visit=visit["id"], technician=able)
        told = await _next(items)
        assert told["__typename"] == "VisitScheduled"
        assert told["visit"]["state"] == "SCHEDULED"
        assert (told["before"], told["technician"]) == ({"state": "UNSCHEDULED"}, {"id": able})
    # when more happens while nobody listens
    await _schedule(company, 1, visit=visit["id"], technician=able)
    await company.data(DISPATCH, {"id": visit["id"]})
    async with company.stream(CHANGES, {"after": told["cursor"]}) as items:
        moved, dispatched = await _next(items), await _next(items)
        assert moved["__typename"] == "VisitRescheduled"
        assert moved["technicianBefore"] == moved["technician"] == {"id": able}
        assert dispatched["visit"] == {"id": visit["id"], "state": "DISPATCHED"}
        await company.data(CANCEL, {"id": visit["id"], "reason": "over"})
        assert (await _next(items))["visit"]["state"] == "CANCELLED"
        with suppress(TimeoutError):
            raise AssertionError(await _next(items, 0.5))


async def test_snapshot_and_stream_give_what_a_new_query_gives(company: Companies) -> None:
    query = "{ visits(where: {state: {eq: SCHEDULED}}, first: 250) { nodes { id state planned { start } } } }"
    able, _, visit = await _free(company)
    async with company.stream(CHANGES) as items:
        await _next(items)
        board = {one["id"]: one for one in (await company.data(query))["visits"]["nodes"]}
        await _schedule(company, 0.5, visit=visit["id"], technician=able)
        await _schedule(company, 1.5, visit=visit["id"], technician=able)
        for _ in range(2):
            told = (await _next(items))["visit"]
            board[told["id"]] = {"state": "SCHEDULED", **told}
    fresh = {one["id"]: one for one in (await company.data(query))["visits"]["nodes"]}
    assert board == fresh


async def test_a_visit_that_leaves_the_scope_is_told_as_removed(company: Companies) -> None:
    able, _, visit = await _free(company)
    await _schedule(company, 0.5, visit=visit["id"], technician=able)
    async with company.stream(CHANGES, {"scope": {"technicians": [able]}}) as items:
        await _next(items)
        await company.data(CANCEL, {"id": visit["id"], "reason": "over"})
        told = await _next(items)
    assert told["__typename"] == "VisitRemoved"
    assert told["id"] == visit["id"]


async def test_nobody_is_told_what_is_not_theirs(company: Companies) -> None:
    able, _, visit = await _free(company)
    others = [company.viewer(Role.TECHNICIAN), company.viewer(Role.DISPATCHER, second=True)]
    for viewer in others:
        async with company.stream(CHANGES, viewer=viewer) as items:
            await _next(items)
            await _schedule(company, 0.5, visit=visit["id"], technician=able)
            with suppress(TimeoutError):
                raise AssertionError(await _next(items, 0.7))


@pytest.mark.parametrize("after", ["nonsense", "A" * 60])
async def test_a_forged_cursor_is_refused(companies: Companies, after: str) -> None:
    async with companies.stream(CHANGES, {"after": after}) as items:
        with pytest.raises(Refusal) as refused:
            await _next(items)
    assert refused.value.code == "BAD_USER_INPUT"


async def _tracked(company: Companies) -> tuple[str, Viewer, str]:
    """A dispatched visit of the visitor's technician, and the viewer that its link's token makes."""
    visit = f"vis1_{company.first.tracked[0]}"
    link = (await company.data(LINK, {"id": visit}))["createTrackingLink"]
    viewer = await company.app.identity.viewer(link["token"])
    assert viewer.role == Role.TRACKING
    assert link["url"].endswith(link["token"])
    return visit, viewer, link["trackingLink"]["id"]


def _fix(point: list[float], seconds: float, speed: float, *, metres: float = 0.0) -> dict[str, Any]:
    return {
        "point": {"type": "Point", "coordinates": [point[0], point[1] + metres / 111_195]},
        "at": (START + timedelta(seconds=seconds)).isoformat(),
        "accuracyMetres": 8,
        "speedMetresPerSecond": speed,
    }


async def test_a_customer_watches_by_the_privacy_rule_until_the_arrival(company: Companies) -> None:
    visit, viewer, _ = await _tracked(company)
    technician = company.viewer(Role.TECHNICIAN)
    place = await company.data("query V($id: ID!) { visit(id: $id) { site { location } } }", {"id": visit})
    point = place["visit"]["site"]["location"]["coordinates"]
    async with company.stream(TRACKING, viewer=viewer) as items:
        snapshot = await _next(items)
        assert (snapshot["state"], snapshot["eta"], snapshot["position"]) == ("DISPATCHED", None, None)
        assert snapshot["visit"]["id"] == visit
        # when the technician sets off, far away: an ETA, and no more than a cell
        for at, travels in ((-20, False), (-5, True)):
            if travels:
                await company.data(TRAVEL, {"id": visit}, viewer=technician)
            far = {"input": {"positions": [_fix(point, at, 9, metres=12_000)]}}
            await company.data(REPORT, far, viewer=technician)
        eta = await _until(items, "EtaChanged")
        assert eta["state"] == "EN_ROUTE"
        assert eta["eta"]["expected"].endswith(":00+00:00")
        moved = eta if eta["position"] else await _until(items, "PositionChanged")
        exact = _fix(point, 0, 0, metres=12_000)["point"]["coordinates"]
        assert moved["position"]["point"]["coordinates"] == pytest.approx(list(cell(*exact)))
        assert moved["position"]["accuracyMetres"] == 1000
        # when they stay at the site
        stay = [_fix(point, n, 0) for n in range(-3, 55, 6)]
        found = await company.data(REPORT, {"input": {"positions": stay}}, viewer=technician)
        assert found["reportPositions"]["arrivedVisit"] == {"id": visit}
        arrived = await _until(items, "VisitArrived")
        assert arrived["eta"] is None
        assert arrived["occurredAt"] is not None
        again = await company.data(REPORT, {"input": {"positions": stay}}, viewer=technician)
        assert again["reportPositions"]["refused"] == [{"reason": "DUPLICATE", "count": len(stay)}]
        with suppress(TimeoutError):
            item = await _next(items, 0.7)
            assert item["__typename"] != "VisitArrived"


async def test_a_revoked_link_ends_its_streams_and_its_token(company: Companies) -> None:
    visit, viewer, link = await _tracked(company)
    async with company.stream(TRACKING, viewer=viewer) as items:
        await _next(items)
        revoked = (await company.data(REVOKE, {"id": link}))["revokeTrackingLink"]
        assert revoked["trackingLink"]["revokedAt"] is not None
        with pytest.raises(Unauthenticated):
            await _next(items, 2)
    unknown = "SELECT * FROM credential_by_digest($1)"
    assert await company.app.reads.fetchrow(unknown, b"\0") is None
    assert visit


async def test_a_link_opens_its_own_visit_only(company: Companies) -> None:
    _, viewer, _ = await _tracked(company)
    _, _, other = await _free(company)
    async with company.stream(TRACKING, {"visit": other["id"]}, viewer=viewer) as items:
        with pytest.raises(Refusal) as refused:
            await _next(items)
    assert refused.value.code == "FORBIDDEN"
    found = await company.data("{ visits { totalCount } customers { totalCount } }", viewer=viewer)
    assert found == {"visits": {"totalCount": 1}, "customers": {"totalCount": 0}}
    arrive = await company.ask(ARRIVE, {"id": other["id"]}, viewer=viewer)
    assert arrive["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_customers_are_told_the_window_and_not_the_plan(company: Companies) -> None:
    """What visitTracking measures out may not be had by a plain read either."""
    visit, viewer, _ = await _tracked(company)
    for asked in ("planned { start }", "eta { expected }", "assignments { nodes { plannedStart } }"):
        for who in (viewer, company.viewer(Role.CUSTOMER)):
            query = f"query V($id: ID!) {{ visit(id: $id) {{ arrivalWindow {{ start }} {asked} }} }}"
            found = await company.ask(query, {"id": visit}, viewer=who)
            assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN", asked
    evidence = "{ visits(first: 1) { nodes { arrival { evidence } } } }"
    found = await company.ask(evidence, viewer=company.viewer(Role.SALES))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_progress_of_an_absent_plan_is_refused(companies: Companies) -> None:
    absent = "pln1_018f0000-0000-7000-8000-000000000000"
    async with companies.stream(
        "subscription P($id: ID!) { planProgress(plan: $id) { __typename } }", {"id": absent}
    ) as items:
        with pytest.raises(Refusal) as refused:
            await _next(items)
    assert refused.value.code == "BAD_USER_INPUT"


async def test_a_position_that_came_nowhere_is_made_again(company: Companies) -> None:
    visit, viewer, _ = await _tracked(company)
    technician = company.viewer(Role.TECHNICIAN)
    place = await company.data("query V($id: ID!) { visit(id: $id) { site { location } } }", {"id": visit})
    point = place["visit"]["site"]["location"]["coordinates"]
    services = company.app.services
    feed = await visit_tracking(Context(viewer, services), {})
    await company.data(TRAVEL, {"id": visit}, viewer=technician)
    start = await services.log.head()
    for at, metres in ((-20, 12_000), (-5, 9_000)):
        fix = _fix(point, at, 9, metres=metres)
        await company.data(REPORT, {"input": {"positions": [fix]}}, viewer=technician)
    facts = [entry for entry in await services.log.after(start) if entry.type == "PositionChanged"]
    assert facts
    first = await feed.told(facts[0])
    assert first is not None
    # when the database goes away before it is told, and the fact is asked for again
    assert await feed.told(facts[0]) == first
