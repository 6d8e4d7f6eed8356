"""Values: counts, sums and foremost rows are of what the viewer sees; derived fields cost one call."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from graphql import GraphQLNonNull, GraphQLString

from domain.viewers import Role
from integrations.roads import StraightLines
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.selections import Selections
from resolvers.compiler.statements import Statement
from resolvers.compiler.writer import Derivation
from resolvers.context import Context, Inputs
from resolvers.derived import DERIVED
from resolvers.documents import DocumentRef
from resolvers.splicing import spliced
from tests.conftest import connected
from tests.resolvers.companies import START, Companies
from tests.resolvers.test_mutations import DISPATCH, SCHEDULE, _at, _free

READERS = [role for role in Role if role != Role.TRACKING]
COUNTS = """{
  customers(first: 100) { nodes { openWorkOrderCount
    workOrders(first: 1, where: {isOpen: {eq: true}}) { totalCount } } }
  contracts(first: 100) { nodes { openWorkOrderCount
    workOrders(first: 1, where: {state: {notIn: [CLOSED, CANCELLED]}}) { totalCount } } }
  workOrders(first: 100) { nodes { visitCount visits(first: 1) { totalCount } } }
  stockLocations(first: 100) { nodes { partCount
    stockLevels(first: 1, where: {onHand: {gt: 0}}) { totalCount } } }
}"""
SUMS = """{ parts(first: 250) { nodes { number onHand reserved available
  stockLevels(first: 250) { nodes { onHand reserved available } } } } }"""
LATEST = """{ customers(first: 250) { nodes {
  latestVisit { id actual { arrivedAt } } visits(first: 250) { nodes { id actual { arrivedAt } } } } } }"""
NEXT = """{ technicians(first: 250) { nodes {
  nextAssignment { id plannedStart }
  assignments(first: 250, where: {state: {in: [OFFERED, ACCEPTED]}}) { nodes { id plannedStart } } } } }"""
NESTED = """{ customers(first: 10) { nodes { name openWorkOrderCount
  latestVisit { state lead { technician { name nextAssignment { visit { drive { seconds } } } } } }
  workOrders(first: 5) { nodes { number visitCount coverageMinutesLeft
    visits { nodes { state drive { seconds far: fromHome __typename } site { latestVisit { id } } } }
  } } } } }"""
SEEN = """{ customers(first: 20) { nodes { name openWorkOrderCount latestVisit { id lead { id } }
  sites { nodes { openWorkOrderCount latestVisit { state actual { arrivedAt } } } }
  workOrders(first: 3) { nodes { visitCount coverageMinutesLeft visits { nodes { lead { state } } } } } } }
  parts(first: 5) { nodes { onHand reserved available } } }"""
DRIVES = """{ visits(first: 250, where: {state: {in: [SCHEDULED, DISPATCHED]}}) { nodes {
  id site { location } lead { technician { id home } } drive { seconds fromHome positionAt } } } }"""


@pytest.mark.parametrize("role", READERS)
async def test_a_count_is_of_the_rows_that_the_viewer_sees(companies: Companies, role: Role) -> None:
    found = await companies.data(COUNTS, viewer=companies.viewer(role))
    for name, edge, count in (
        ("customers", "workOrders", "openWorkOrderCount"),
        ("contracts", "workOrders", "openWorkOrderCount"),
        ("workOrders", "visits", "visitCount"),
        ("stockLocations", "stockLevels", "partCount"),
    ):
        rows = found[name]["nodes"]
        assert [row[count] for row in rows] == [row[edge]["totalCount"] for row in rows], name
    assert any(row["visitCount"] > 0 for row in found["workOrders"]["nodes"])


async def test_a_narrow_role_counts_less_than_the_office(companies: Companies) -> None:
    query = "{ customers(first: 250) { nodes { id openWorkOrderCount } } }"
    office, field = [
        {
            row["id"]: row["openWorkOrderCount"]
            for row in (await companies.data(query, viewer=companies.viewer(role)))["customers"]["nodes"]
        }
        for role in (Role.ADMIN, Role.TECHNICIAN)
    ]
    assert field.keys() < office.keys()
    assert any(field[name] < office[name] for name in field)
    assert all(field[name] <= office[name] for name in field)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.TECHNICIAN])
async def test_a_sum_is_over_the_rows_that_the_viewer_sees(companies: Companies, role: Role) -> None:
    everything = (await companies.data(SUMS))["parts"]["nodes"]
    rows = (await companies.data(SUMS, viewer=companies.viewer(role)))["parts"]["nodes"]
    for row in rows:
        for name in ("onHand", "reserved", "available"):
            assert row[name] == sum(level[name] for level in row["stockLevels"]["nodes"])
        assert row["available"] == row["onHand"] - row["reserved"]
    pieces = sum(row["onHand"] for row in rows)
    assert 0 < pieces <= sum(row["onHand"] for row in everything)
    assert (pieces == sum(row["onHand"] for row in everything)) == (role == Role.ADMIN)


async def test_sums_over_the_same_rows_are_read_once(companies: Companies) -> None:
    executor = companies.app.executor
    ref = DocumentRef("{ parts { nodes { onHand reserved free: available } } }")
    operation = await executor.prepare(ref, None, viewer=companies.viewer(Role.TECHNICIAN))
    selections = Selections(executor.graph.executable, operation.fragments, None)
    plan = executor.compiler.query(
        Role.TECHNICIAN, selections, operation.node.selection_set, is_limited=False
    )
    assert plan.sql.count("FROM stock_level") == 1


async def test_the_latest_and_the_next_are_the_first_in_their_order(companies: Companies) -> None:
    latest = 0
    for customer in (await companies.data(LATEST))["customers"]["nodes"]:
        arrived = [one for one in customer["visits"]["nodes"] if one["actual"]["arrivedAt"]]
        found = customer["latestVisit"]
        assert (found is None) == (arrived == [])
        if found is not None:
            latest += 1
            assert found["actual"]["arrivedAt"] == max(one["actual"]["arrivedAt"] for one in arrived)
    coming = 0
    for technician in (await companies.data(NEXT))["technicians"]["nodes"]:
        now = companies.app.services.clock.now()
        ahead = [
            one
            for one in technician["assignments"]["nodes"]
            if datetime.fromisoformat(one["plannedStart"]) > now
        ]
        coming += len(ahead) > 0
        assert technician["nextAssignment"] == min(ahead, key=lambda one: one["plannedStart"], default=None)
    assert latest > 50
    assert coming > 0


async def test_counts_latest_and_derived_at_any_depth_are_one_statement(companies: Companies) -> None:
    reads = companies.app.reads
    before = reads.statements
    data = await companies.data(NESTED)
    assert reads.statements - before == 1
    orders = [order for row in data["customers"]["nodes"] for order in row["workOrders"]["nodes"]]
    visits = [visit for order in orders for visit in order["visits"]["nodes"]]
    assert len(visits) > 10
    assert {visit["drive"] and visit["drive"]["__typename"] for visit in visits} <= {None, "Drive"}


@pytest.mark.parametrize("role", READERS)
async def test_both_ways_say_the_same(companies: Companies, role: Role) -> None:
    viewer = companies.viewer(role)
    compiled, plain = await companies.both_ways(SEEN, {}, viewer=viewer)
    assert orjson.dumps(orjson.loads(compiled)) == orjson.dumps(orjson.loads(plain))
    if role in {Role.ADMIN, Role.MANAGER, Role.DISPATCHER}:
        compiled, plain = await companies.both_ways(NESTED, {}, viewer=viewer)
        assert orjson.dumps(orjson.loads(compiled)) == orjson.dumps(orjson.loads(plain))


async def test_a_tracking_link_counts_its_own_visit(company: Companies) -> None:
    # given a customer with several visits, and a viewer who may see one of them
    query = "query W($id: ID!) { visit(id: $id) { workOrder { visitCount } site { latestVisit { id } } } }"
    visit = (await company.data("{ visits(first: 1) { nodes { id } } }"))["visits"]["nodes"][0]["id"]
    viewer = dataclasses.replace(
        company.viewer(Role.ADMIN), role=Role.TRACKING, visit_id=UUID(visit.partition("_")[2])
    )
    # when, then
    found = (await company.data(query, {"id": visit}, viewer=viewer))["visit"]
    assert found["workOrder"] == {"visitCount": 1}
    assert found["site"]["latestVisit"] in (None, {"id": visit})
    refused = await company.ask("{ visits { nodes { drive { seconds } } } }", viewer=viewer)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert refused["errors"][0]["path"] == ["visits", "nodes", "drive"]


async def _placed(company: Companies, technician: str, *, minutes_ago: int) -> datetime:
    """A position of a technician in the middle of the city, so many minutes old."""
    at = START - timedelta(minutes=minutes_ago)
    owner_url = company.app.settings.database_url
    assert owner_url is not None
    async with connected(owner_url) as connection:
        await connection.execute(
            """INSERT INTO position_current (organization_id, id, version, updated_at, created_at,
                 technician_id, longitude, latitude, at)
               VALUES ($1, $2, 1, $3, $3, $2, 24.94, 60.17, $3)
               ON CONFLICT (organization_id, technician_id)
               DO UPDATE SET longitude = 24.94, latitude = 60.17, at = excluded.at""",
            company.first.id,
            UUID(technician.partition("_")[2]),
            at,
        )
    return at


async def test_a_drive_begins_at_a_fresh_position_and_otherwise_at_home(company: Companies) -> None:
    visits = (await company.data(DRIVES))["visits"]["nodes"]
    people = sorted({visit["lead"]["technician"]["id"] for visit in visits})
    assert len(people) > 1
    fresh = await _placed(company, people[0], minutes_ago=5)
    await _placed(company, people[1], minutes_ago=60)
    roads = StraightLines()
    visits = (await company.data(DRIVES, viewer=company.viewer(Role.DISPATCHER)))["visits"]["nodes"]
    for visit in visits:
        technician, there = visit["lead"]["technician"], visit["site"]["location"]["coordinates"]
        known = technician["id"] == people[0]
        start = (24.94, 60.17) if known else tuple(technician["home"]["coordinates"])
        assert visit["drive"] == {
            "seconds": round(roads.seconds(start, tuple(there))),
            "fromHome": not known,
            "positionAt": fresh.isoformat() if known else None,
        }


async def test_a_derived_field_is_one_call_for_all_rows(company: Companies) -> None:
    calls: list[int] = []

    async def counting(context: Context, inputs: Inputs) -> Sequence[Any]:
        calls.append(len(inputs))
        return await DERIVED["drive"](context, inputs)

    executor = company.app.executor
    executor.services = dataclasses.replace(executor.services, derived={**DERIVED, "drive": counting})
    query = """{ visits(first: 20) { nodes { drive { seconds } again: drive { s: seconds fromHome } } }
      workOrders(first: 5) { nodes { coverageMinutesLeft visits { nodes { drive { seconds } } } } } }"""
    data = await company.data(query)
    rows = len(data["visits"]["nodes"]) * 2
    rows += sum(len(order["visits"]["nodes"]) for order in data["workOrders"]["nodes"])
    assert len(calls) == 1
    assert 0 < calls[0] <= rows
    for visit in data["visits"]["nodes"]:
        assert (visit["drive"] or {}).get("seconds") == (visit["again"] or {}).get("s")


async def test_a_derived_field_is_in_payloads_and_in_items_of_streams(company: Companies) -> None:
    able, _, visit = await _free(company)
    changes = """subscription { scheduleChanges { __typename
      ... on VisitScheduled { visit { id drive { seconds fromHome } } } } }"""
    drive = "visit { drive { seconds fromHome } "
    async with company.stream(changes) as items:
        assert (await anext(items))["__typename"] == "ScheduleSnapshot"
        given = {"visit": visit["id"], "technician": able, "start": _at(0.5)}
        scheduled = await company.data(SCHEDULE.replace("visit { ", drive), given)
        told = await anext(items)
    made = scheduled["scheduleVisit"]["visit"]["drive"]
    assert made["seconds"] > 0
    assert told["visit"] == {"id": visit["id"], "drive": made}
    # and where a rule says no, the payload has the visit as it stands
    again = (await company.data(DISPATCH.replace("visit { ", drive), {"id": visit["id"]}))["dispatchVisit"]
    assert again["visit"]["drive"] == made
    refused = (await company.data(SCHEDULE.replace("visit { ", drive), {**given, "version": 1}))[
        "scheduleVisit"
    ]
    assert refused["userErrors"][0]["code"] == "CONFLICT"
    assert refused["visit"]["drive"] == made


async def test_coverage_is_counted_in_the_sites_zone(company: Companies) -> None:
    query = """{ workOrders(first: 250) { nodes { dueAt isOpen coverageMinutesLeft
      entitlement { coverageOpens coverageCloses coverageWeekdays } } } }"""
    rows = (await company.data(query))["workOrders"]["nodes"]
    counted = [row for row in rows if row["coverageMinutesLeft"] is not None]
    assert counted
    for row in rows:
        known = row["isOpen"] and row["dueAt"] is not None and row["entitlement"] is not None
        assert (row["coverageMinutesLeft"] is not None) == known
    for row in counted:
        left = (datetime.fromisoformat(row["dueAt"]) - company.app.services.clock.now()).total_seconds()
        assert 0 <= row["coverageMinutesLeft"] <= max(0, left) // 60 + 1


async def test_a_route_summary_is_of_one_day_in_the_organizations_zone(companies: Companies) -> None:
    # given a day of Helsinki's, two hours ahead of UTC
    query = """query R($day: Date!) { technicians(first: 250) { nodes {
      today: routeSummary { visits travelSeconds workSeconds } routeSummary(day: $day) { visits }
      tomorrow: routeSummary(day: "2026-11-24") { visits travelSeconds workSeconds }
      assignments(first: 250, where: {state: {in: [OFFERED, ACCEPTED]},
        plannedStart: {gte: "2026-11-22T22:00:00Z", lt: "2026-11-23T22:00:00Z"}}) {
        nodes { plannedStart plannedEnd visit { planned { travelSeconds } } } } } } }"""
    reads = companies.app.reads
    before = reads.statements
    # when
    data = await companies.data(query, {"day": companies.first.day.isoformat()})
    # then: one statement for the graph, one for every summary in it
    assert reads.statements - before == 2
    planned = 0
    for row in data["technicians"]["nodes"]:
        found = row["assignments"]["nodes"]
        planned += len(found)
        assert row["today"] == {
            "visits": len(found),
            "travelSeconds": sum(one["visit"]["planned"]["travelSeconds"] or 0 for one in found),
            "workSeconds": sum(
                (
                    datetime.fromisoformat(one["plannedEnd"]) - datetime.fromisoformat(one["plannedStart"])
                ).total_seconds()
                for one in found
            ),
        }
        assert row["routeSummary"] == {"visits": len(found)}
        assert row["tomorrow"] == {"visits": 0, "travelSeconds": 0, "workSeconds": 0}
    assert planned > 0
    compiled, plain = await companies.both_ways(
        query, {"day": "2026-11-23"}, viewer=companies.viewer(Role.TECHNICIAN)
    )
    assert orjson.dumps(orjson.loads(compiled)) == orjson.dumps(orjson.loads(plain))


@pytest.mark.parametrize("day", ["23.11.2026", "2026-02-30", 7])
async def test_a_day_that_is_none_is_bad_input(companies: Companies, day: object) -> None:
    query = "query R($day: Date) { technicians { nodes { routeSummary(day: $day) { visits } } } }"
    found = await companies.ask(query, {"day": day})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_route_summary_in_a_payload_is_of_what_was_written(company: Companies) -> None:
    able, _, visit = await _free(company)
    given = {"visit": visit["id"], "technician": able, "start": _at(0.5)}
    summary = "technician { id routeSummary { visits } }"
    found = (await company.data(SCHEDULE.replace("technician { id }", summary), given))["scheduleVisit"]
    assert found["visit"]["assignments"]["nodes"][0]["technician"]["routeSummary"] == {"visits": 1}


def _plan(*keys: str) -> Statement:
    kind = GraphQLNonNull(GraphQLString)
    return Statement("", (), derivations=tuple(Derivation(key, kind, ()) for key in keys))


async def _shout(_context: Context, inputs: Inputs) -> Sequence[Any]:
    return [str(one["text"]).upper() for one in inputs]


async def test_answers_stand_where_the_markers_were_and_nothing_else_moves(companies: Companies) -> None:
    services = dataclasses.replace(companies.app.services, derived={"shout": _shout, "cry": _shout})
    context = Context(companies.viewer(Role.ADMIN), services)
    bindings = Bindings(context.viewer, START, b"")
    nonce = bindings.nonce()
    text = orjson.dumps({"text": 'a"],["x0", {}, "`}{ ä\n'}).decode()
    body = f'{{"a":["{nonce}0", {text}, "{nonce}"],"b":["{nonce}1", {{"text":"b"}}, "{nonce}"], "c":["", 0]}}'
    found = await spliced(body.encode(), _plan("shout", "cry"), bindings, context)
    assert found == b'{"a":' + orjson.dumps('A"],["X0", {}, "`}{ Ä\n') + b',"b":"B", "c":["", 0]}'


async def test_what_is_asked_again_is_computed_once(companies: Companies) -> None:
    given: list[Any] = []

    async def shout(context: Context, inputs: Inputs) -> Sequence[Any]:
        given.extend(inputs)
        return await _shout(context, inputs)

    services = dataclasses.replace(companies.app.services, derived={"shout": shout})
    context = Context(companies.viewer(Role.ADMIN), services)
    bindings = Bindings(context.viewer, START, b"")
    nonce = bindings.nonce()
    markers = [f'["{nonce}0", {{"text": "{word}"}}, "{nonce}"]' for word in ("a", "b", "a")]
    found = await spliced(f"[{', '.join(markers)}]".encode(), _plan("shout"), bindings, context)
    assert found == b'["A", "B", "A"]'
    assert given == [{"text": "a", "arguments": {}}, {"text": "b", "arguments": {}}]


async def test_an_answer_without_derived_fields_is_passed_on_as_it_is(companies: Companies) -> None:
    context = Context(companies.viewer(Role.ADMIN), companies.app.services)
    bindings = Bindings(context.viewer, START, b"")
    body = b'{"a":["0", {}, ""]}'
    assert await spliced(body, _plan(), bindings, context) is body
    assert bindings.marker == ""
    assert Bindings(context.viewer, START, b"").nonce() != Bindings(context.viewer, START, b"").nonce()


async def test_a_function_that_answers_too_few_is_a_bug_that_is_told(company: Companies) -> None:
    async def silent(_context: Context, _inputs: Inputs) -> Sequence[Any]:
        return []

    executor = company.app.executor
    executor.services = dataclasses.replace(executor.services, derived={**DERIVED, "drive": silent})
    found = await company.ask("{ visits(first: 3) { nodes { drive { seconds } } } }")
    assert found["data"]["visits"]["nodes"] == [{"drive": None}] * 3
    assert [one["extensions"]["code"] for one in found["errors"]] == ["INTERNAL_SERVER_ERROR"]
