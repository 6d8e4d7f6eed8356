"""Streams of visits and work orders: snapshot + stream = refetch, whatever happens and whoever listens."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import ANY
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.viewers import Role, Viewer
from resolvers import visit_scopes, work_order_changes
from resolvers.refusals import Refusal
from tests.resolvers.companies import Companies
from tests.resolvers.listeners import Listener, every, listening
from tests.resolvers.storms import Storm

VISIT = "id version state arrivalWindow { start } assignments { nodes { state technician { id } } }"
PLANNED = f"{VISIT} planned {{ start end }} pin reason"
ORDER = "id version state title priority"
VISITS = """subscription V($scope: VisitScope, $after: Cursor) {{
  visitChanges(scope: $scope, after: $after) {{
  __typename ... on VisitSnapshot {{ cursor isComplete visits {{ {row} }} }}
  ... on VisitFact {{ cursor before {{ state }} visit {{ {row} }} }}
  ... on VisitRemoved {{ cursor visitId }} }} }}"""
SCHEDULE = """subscription S($scope: ScheduleScope, $after: Cursor) {{
  scheduleChanges(scope: $scope, after: $after) {{
  __typename ... on ScheduleSnapshot {{ cursor isComplete visits {{ {row} }} }}
  ... on VisitFact {{ cursor before {{ state }} visit {{ {row} }} }}
  ... on VisitRemoved {{ cursor visitId }} }} }}"""
ORDERS = """subscription O($scope: WorkOrderScope, $after: Cursor) {{
  workOrderChanges(scope: $scope, after: $after) {{
  __typename ... on WorkOrderSnapshot {{ cursor isComplete workOrders {{ {row} }} }}
  ... on WorkOrderFact {{ cursor before {{ state }} workOrder {{ {row} }} }}
  ... on WorkOrderRemoved {{ cursor workOrderId }} }} }}"""
FINAL = {"COMPLETED", "INCOMPLETE", "NO_ACCESS", "CANCELLED", "CLOSED"}
WAY = (
    "dispatchVisit",
    "startTravel",
    "recordArrival",
    "startWork",
    "pauseWork",
    "resumeWork",
    "completeVisit",
)
LEAVES = """INSERT INTO event (xid, n, organization_id, topic, type, subject_id, subject_version, payload,
    scope_before, scope_after, origin, actor, occurred_at, recorded_at)
  SELECT pg_current_xact_id(), 0, organization_id, topic, 'VisitChanged', subject_id, 2, payload,
    scope_after, scope_after || '{"territories": []}', origin, actor, occurred_at, clock_timestamp()
  FROM event WHERE topic = 'visit' AND subject_id = $1 ORDER BY xid DESC LIMIT 1"""
FROM_BEFORE = LEAVES.replace("""scope_after || '{"territories": []}'""", "scope_before")
Row = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """Somebody who listens: what they ask for, and which rows of a fresh query have to be on their board.

    `must` says it of a row; a row that is over may be there or not where no state was asked for.
    """

    name: str
    query: str
    role: Role
    row: str
    roots: tuple[str, str]
    scope: Callable[[Storm], Mapping[str, object]] = lambda _storm: {}
    must: Callable[[Storm, Row], bool] = lambda _storm, row: row["state"] not in FINAL
    exact: bool = False

    def viewer(self, company: Companies) -> Viewer:
        return company.viewer(self.role)


def _live(row: Row) -> set[str]:
    nodes = row["assignments"]["nodes"]
    return {one["technician"]["id"] for one in nodes if one["technician"] and one["state"] in LIVE}


LIVE = {"OFFERED", "ACCEPTED"}
IN_VISITS, IN_ORDERS = ("visits", "visit"), ("workOrders", "workOrder")
DESKS = [
    Desk("dispatcher", SCHEDULE, Role.DISPATCHER, PLANNED, IN_VISITS),
    Desk(
        "a technician's board",
        SCHEDULE,
        Role.DISPATCHER,
        PLANNED,
        IN_VISITS,
        scope=lambda storm: {"technicians": storm.technicians[:1]},
        must=lambda storm, row: row["state"] not in FINAL and storm.technicians[0] in _live(row),
    ),
    Desk(
        "what is on its way",
        VISITS,
        Role.MANAGER,
        PLANNED,
        IN_VISITS,
        scope=lambda _storm: {"states": ["SCHEDULED", "DISPATCHED", "EN_ROUTE"]},
        must=lambda _storm, row: row["state"] in {"SCHEDULED", "DISPATCHED", "EN_ROUTE"},
        exact=True,
    ),
    Desk("technician", VISITS, Role.TECHNICIAN, PLANNED, IN_VISITS),
    Desk("customer", VISITS, Role.CUSTOMER, VISIT, IN_VISITS),
    Desk("sales", ORDERS, Role.SALES, ORDER, IN_ORDERS),
    Desk("portal", ORDERS, Role.CUSTOMER, ORDER, IN_ORDERS),
    Desk("technician's orders", ORDERS, Role.TECHNICIAN, ORDER, IN_ORDERS),
    Desk(
        "what waits",
        ORDERS,
        Role.INTEGRATION,
        ORDER,
        IN_ORDERS,
        scope=lambda _storm: {"states": ["ON_HOLD", "SCHEDULED"]},
        must=lambda _storm, row: row["state"] in {"ON_HOLD", "SCHEDULED"},
        exact=True,
    ),
]


@dataclass
class Board:
    """What a client has on the screen: the snapshot, and each item applied to it as it comes."""

    desk: Desk
    rows: dict[str, Row] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)

    def apply(self, item: Row) -> None:
        many, one = self.desk.roots
        self.cursors.append(item["cursor"])
        if many in item:
            assert item["isComplete"] is True
            self.rows = {row["id"]: row for row in item[many]}
        elif f"{one}Id" in item:
            self.rows.pop(item[f"{one}Id"], None)
        elif item[one] is not None:
            self.rows[item[one]["id"]] = item[one]


async def _fresh(company: Companies, desk: Desk) -> dict[str, Row]:
    rows = await every(company, desk.roots[0], desk.row, desk.viewer(company))
    return {row["id"]: row for row in rows}


async def _resumed(company: Companies, storm: Storm, desk: Desk, after: str) -> list[str]:
    given = {"scope": desk.scope(storm), "after": after}
    query = desk.query.format(row="id")
    async with listening(company, query, given, viewer=desk.viewer(company)) as listener:
        return [item["cursor"] for item in await listener.rest(0.4)]


async def _settled(boards: Sequence[tuple[Board, Listener]]) -> None:
    for board, listener in boards:
        for item in await listener.rest():
            board.apply(item)


async def _resumes_everywhere(company: Companies, storm: Storm, board: Board) -> None:
    """From each item the others follow, each once; from the snapshot, maybe some that it knew."""
    cursors = board.cursors[1:]
    found = await asyncio.gather(*(_resumed(company, storm, board.desk, one) for one in cursors))
    assert found == [cursors[number + 1 :] for number in range(len(cursors))], board.desk.name


def _agrees(storm: Storm, board: Board, fresh: dict[str, Row]) -> None:
    desk = board.desk
    must = {key: row for key, row in fresh.items() if desk.must(storm, row)}
    assert {key: board.rows.get(key) for key in must} == must, desk.name
    others = {key: row for key, row in board.rows.items() if key not in must}
    assert others == {key: fresh.get(key) for key in others}, desk.name
    assert {row["state"] for row in others.values()} <= (set() if desk.exact else FINAL), desk.name
    assert len(board.cursors) == len(set(board.cursors)), desk.name


@pytest.mark.parametrize("seed", [1, 2])
async def test_snapshot_and_stream_are_what_a_new_query_gives(company: Companies, seed: int) -> None:
    storm = await Storm.over(company, seed)
    await storm.blow(15)  # so that the snapshots have something in them
    boards: list[tuple[Board, Listener]] = []
    async with AsyncExitStack() as stack:
        for desk in DESKS:
            query, given = desk.query.format(row=desk.row), {"scope": desk.scope(storm)}
            listener = listening(company, query, given, viewer=desk.viewer(company))
            boards.append((Board(desk), await stack.enter_async_context(listener)))
        # while the snapshots are read, and from three sides
        storms = [await Storm.over(company, 10 * seed + number) for number in range(3)]
        assert sum(await asyncio.gather(*(one.blow(20) for one in storms))) > 20
        await _settled(boards)
    # A customer's or one technician's work may be left alone by chance.
    quiet = [board.desk.name for board, _ in boards if len(board.cursors) < 2]
    assert len(quiet) <= 2, quiet
    for board, _ in boards:
        _agrees(storm, board, await _fresh(company, board.desk))
        if board.desk.exact:
            await _resumes_everywhere(company, storm, board)


async def _visit(company: Companies, number: int = 0) -> dict[str, Any]:
    return (await Storm.over(company, 1)).visits[number + 2]


async def test_a_visit_leaves_the_board_of_the_territory_that_it_is_moved_out_of(company: Companies) -> None:
    """No mutation moves a visit to another area: whatever will, tells the keys before and after."""
    visit = await _visit(company)
    query, scope = VISITS.format(row="id"), {"territories": [visit["territory"]["id"]]}
    async with listening(company, query, {"scope": scope}) as listener:
        snapshot = await listener.next()
        assert visit["id"] in {one["id"] for one in snapshot["visits"]}
        key = (UUID(visit["id"][5:]),)
        await _as_admin(company, "UPDATE visit SET territory_id = NULL WHERE id = $1", LEAVES, key)
        removed = {"__typename": "VisitRemoved", "cursor": ANY, "visitId": visit["id"]}
        assert await listener.rest() == [removed]
        # when a fact from before that comes behind it, which says that it is there
        await _as_admin(company, FROM_BEFORE, "SELECT id FROM visit WHERE id = $1", key)
        assert await listener.rest() == [removed]


async def _as_admin(company: Companies, first: str, second: str, key: tuple[UUID]) -> None:
    settings = "set_config('app.organization_id', $1, true), set_config('app.role', 'ADMIN', true)"
    async with company.app.services.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT {settings}", (str(company.first.id),))
        for sql in (first, second):
            await connection.exec_driver_sql(sql, key)


async def test_who_it_is_taken_from_is_told_its_id_and_no_more(company: Companies) -> None:
    storm = await Storm.over(company, 1)
    visit, own, other = storm.visits[2]["id"], storm.technicians[0], storm.technicians[1]
    await storm.place("scheduleVisit", visit, own)
    order = storm.visits[2]["workOrder"]["id"]
    technician = company.viewer(Role.TECHNICIAN)
    visits, orders = VISITS.format(row="id state"), ORDERS.format(row="id state")
    async with (
        listening(company, visits, viewer=technician) as told,
        listening(company, orders, viewer=technician) as work,
    ):
        assert visit in {one["id"] for one in (await told.next())["visits"]}
        assert order in {one["id"] for one in (await work.next())["workOrders"]}
        await storm.place("rescheduleVisit", visit, other)
        removed = {"__typename": "VisitRemoved", "cursor": ANY, "visitId": visit}
        assert await told.rest() == [removed]
        assert await work.rest() == [{"__typename": "WorkOrderRemoved", "cursor": ANY, "workOrderId": order}]
        assert await storm.ask("dispatchVisit", visit=visit)
        assert await storm.ask("updateWorkOrder", workOrder=order, title="Not theirs")
        assert await told.rest() + await work.rest() == []
        # when it is theirs again
        assert await storm.ask("recallVisit", visit=visit, reason="Back")
        await storm.place("rescheduleVisit", visit, own)
        (again,) = await told.rest()
        assert (again["__typename"], again["visit"]) == (
            "VisitRescheduled",
            {"id": visit, "state": "SCHEDULED"},
        )
        (seen,) = await work.rest()
        assert (seen["__typename"], seen["workOrder"]["id"]) == ("WorkOrderAssigned", order)


async def test_each_step_is_told_by_its_name_with_what_was_before(company: Companies) -> None:
    storm = await Storm.over(company, 1)
    visit, technician = storm.visits[2]["id"], storm.technicians[1]
    query = """subscription V($scope: VisitScope) { visitChanges(scope: $scope) { __typename
      ... on VisitFact { origin before { state plannedStart plannedEnd } technicianBefore { id }
        technician { id } visit { state } }
      ... on VisitChanged { type } } }"""
    async with listening(company, query, {"scope": {"visits": [visit]}}) as listener:
        await listener.next()
        start = await storm.place("scheduleVisit", visit, technician)
        for mutation in WAY:
            reason = {"reason": "Lunch"} if mutation == "pauseWork" else {}
            assert await storm.ask(mutation, visit=visit, **reason), mutation
        items = await listener.rest()
    found = [(one["__typename"], one["before"]["state"], one["visit"]["state"]) for one in items]
    assert [(kind, before) for kind, before, _ in found] == [
        ("VisitScheduled", "UNSCHEDULED"),
        ("VisitDispatched", "SCHEDULED"),
        ("VisitEnRoute", "DISPATCHED"),
        ("TechnicianArrived", "EN_ROUTE"),
        ("VisitStarted", "ARRIVED"),
        ("VisitPaused", "IN_PROGRESS"),
        ("VisitResumed", "PAUSED"),
        ("VisitCompleted", "IN_PROGRESS"),
    ]
    assert items[0]["before"] == {"state": "UNSCHEDULED", "plannedStart": None, "plannedEnd": None}
    assert (items[0]["technicianBefore"], items[0]["technician"]) == (None, {"id": technician})
    planned = datetime.fromisoformat(items[1]["before"]["plannedStart"])
    assert planned == datetime.fromisoformat(start)
    assert items[1]["technicianBefore"] == {"id": technician}


async def test_a_day_has_its_visits_and_the_pool(company: Companies) -> None:
    storm = await Storm.over(company, 1)
    visit, technician = storm.visits[2]["id"], storm.technicians[1]
    query = SCHEDULE.format(row=PLANNED)
    async with (
        listening(company, query, {"scope": {"day": "2026-11-23"}}) as today,
        listening(company, query, {"scope": {"day": "2026-11-24"}}) as tomorrow,
    ):
        boards = [{row["id"]: row for row in (await one.next())["visits"]} for one in (today, tomorrow)]
        rows = [row for row in await every(company, "visits", PLANNED) if row["state"] not in FINAL]
        for day, board in zip(("2026-11-23", "2026-11-24"), boards, strict=True):
            assert {key: row for key, row in board.items() if row["state"] not in FINAL} == {
                row["id"]: row for row in rows if _on(day, row)
            }
        assert visit in boards[1]
        await storm.place("scheduleVisit", visit, technician)
        assert [one["__typename"] for one in await today.rest()] == ["VisitScheduled"]
        removed = {"__typename": "VisitRemoved", "cursor": ANY, "visitId": visit}
        assert await tomorrow.rest() == [removed]
        assert await storm.ask("unscheduleVisit", visit=visit, reason="Not today")
        told = [*await today.rest(), *await tomorrow.rest()]
    assert [(one["__typename"], one["visit"]["state"]) for one in told] == [
        ("VisitUnscheduled", "UNSCHEDULED")
    ] * 2


def _on(day: str, row: Row) -> bool:
    """By the clocks of Helsinki."""
    if row["planned"] is None:
        return bool(row["state"] == "UNSCHEDULED")
    start = datetime.fromisoformat(row["planned"]["start"])
    return start.astimezone(ZoneInfo("Europe/Helsinki")).date().isoformat() == day


@pytest.mark.parametrize(
    ("module", "query", "root"),
    [(visit_scopes, VISITS, "visits"), (work_order_changes, ORDERS, "workOrders")],
)
async def test_a_snapshot_says_when_it_is_not_all(
    companies: Companies, monkeypatch: pytest.MonkeyPatch, module: Any, query: str, root: str
) -> None:
    whole = await _snapshot_of(companies, query)
    monkeypatch.setattr(module, "MOST", len(whole[root]))
    assert (await _snapshot_of(companies, query))["isComplete"] is True
    monkeypatch.setattr(module, "MOST", 3)
    some = await _snapshot_of(companies, query)
    assert (some["isComplete"], len(some[root])) == (False, 3)
    assert {row["id"] for row in some[root]} < {row["id"] for row in whole[root]}


async def _snapshot_of(companies: Companies, query: str) -> Row:
    async with companies.stream(query.format(row="id")) as items:
        return await anext(items)


async def test_no_other_company_is_told_anything(company: Companies) -> None:
    storm = await Storm.over(company, 3)
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(
                listening(company, query.format(row="id"), viewer=company.viewer(role, second=True))
            )
            for query, role in ((VISITS, Role.ADMIN), (ORDERS, Role.ADMIN), (SCHEDULE, Role.DISPATCHER))
        ]
        for listener in listeners:
            await listener.next()
        assert await storm.blow(10) > 3
        assert [await one.rest() for one in listeners] == [[], [], []]


@pytest.mark.parametrize(
    ("query", "role", "code"),
    [
        ("subscription { scheduleChanges { __typename } }", Role.CUSTOMER, "FORBIDDEN"),
        ("subscription { visitChanges { __typename } }", Role.TRACKING, "FORBIDDEN"),
        ("subscription { workOrderChanges { __typename } }", Role.TRACKING, "FORBIDDEN"),
        (
            "subscription { visitChanges { ... on VisitFact { before { plannedStart } } } }",
            Role.CUSTOMER,
            "FORBIDDEN",
        ),
        ("subscription { visitChanges { ... on VisitFact { actor } } }", Role.CUSTOMER, "FORBIDDEN"),
        (
            'subscription { visitChanges(scope: {day: "2026-11-23"}) { __typename } }',
            Role.CUSTOMER,
            "BAD_USER_INPUT",
        ),
        (
            'subscription { visitChanges(scope: {visits: ["nonsense"]}) { __typename } }',
            Role.ADMIN,
            "BAD_USER_INPUT",
        ),
        ('subscription { workOrderChanges(after: "nonsense") { __typename } }', Role.ADMIN, "BAD_USER_INPUT"),
    ],
)
async def test_what_is_not_theirs_or_makes_no_sense_is_refused(
    companies: Companies, query: str, role: Role, code: str
) -> None:
    viewer = replace(companies.viewer(Role.CUSTOMER), role=role) if role == Role.TRACKING else None
    async with companies.stream(query, viewer=viewer or companies.viewer(role)) as items:
        with pytest.raises(Refusal) as refused:
            await anext(items)
    assert refused.value.code == code
