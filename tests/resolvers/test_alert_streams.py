"""Alerts: shelves and milestones, each crossing told once, and the list is always what is there now."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from domain import milestones
from domain.events import Origin
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from resolvers.refusals import Refusal
from tests.resolvers.companies import START, Companies
from tests.resolvers.listeners import every, listening
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.mutations.stock import hall
from tests.resolvers.storms import Storm

Row = dict[str, Any]
SHELF = "state available minimum reorderRule { id }"
STOCK = f"""subscription S($scope: StockScope, $after: Cursor) {{ stockAlerts(scope: $scope, after: $after) {{
  __typename ... on StockSnapshot {{ cursor isComplete shortages {{ {SHELF} }} }}
  ... on StockFact {{ cursor {SHELF} before {{ state available minimum }} part {{ id }} stockLocation {{ id }}
    stockLevel {{ available }} now {{ state }} }}
  ... on StockAlertRemoved {{ cursor reorderRuleId }} }} }}"""
RULE = "id minimum isActive part { id } stockLocation { id }"
LEVEL = "available part { id } stockLocation { id }"
CLOCK = "id version state warnedAt dueAt metAt breachedAt workOrder { id state }"
MILESTONES = f"""subscription M($scope: MilestoneScope, $after: Cursor) {{
  milestoneAlerts(scope: $scope, after: $after) {{
  __typename ... on MilestoneSnapshot {{ cursor isComplete milestones {{ {CLOCK} }} }}
  ... on MilestoneFact {{ cursor isAlert before {{ state dueAt }} milestone {{ {CLOCK} }} }}
  ... on MilestonesRemoved {{ cursor workOrderId }} }} }}"""


async def _shelf(stage: Stage, pieces: int, **rule: Any) -> tuple[str, str, str]:
    """A rule, its part and its place, where so many pieces lie."""
    number = f"A-{pieces}-{rule['minimum']}-{random.randrange(10**9)}"  # noqa: S311  # only another number
    part = await stage.make("createPart", "part", number=number, name="Valve", unitPrice="1")
    place = await hall(stage)
    if pieces:
        await stage.make("receiveStock", "part", part=part, stockLocation=place, quantity=pieces)
    given = {"maximum": 1000, "supplierName": "Acme", **rule}
    key = await stage.make("createReorderRule", "reorderRule", part=part, stockLocation=place, **given)
    return key, part, place


async def _adjust(storm: Storm, part: str, place: str, quantity: int) -> bool:
    given = {"part": part, "stockLocation": place, "quantity": quantity, "reason": "Counted"}
    return await storm.ask("adjustStock", **given)


async def test_each_crossing_is_told_once_with_the_level_before(company: Companies) -> None:
    stage, storm = Stage(company, Role.ADMIN), await Storm.over(company, 1)
    rule, part, place = await _shelf(stage, 9, minimum=5)
    async with listening(company, STOCK, {"scope": {"parts": [part]}}) as listener:
        assert (await listener.next())["shortages"] == []
        for quantity in (-2, -2, -1, -4, 2, 20):  # 7, 5, 4, 0, 2, 22
            assert await _adjust(storm, part, place, quantity)
        assert not await _adjust(storm, part, place, -23)
        for change in ({"minimum": 30}, {"isActive": False}, {"isActive": True}, {"minimum": 3}):
            assert await storm.ask("updateReorderRule", reorderRule=rule, **change)
        items = await listener.rest()
    found = [
        (one["__typename"], one["available"], one["before"])
        for one in items
        if one["__typename"] != "StockAlertRemoved"
    ]

    def before(state: str, available: int, minimum: int = 5) -> Row:
        return {"state": state, "available": available, "minimum": minimum}

    assert found == [
        ("StockLow", 5, before("ENOUGH", 7)),
        ("StockOut", 0, before("LOW", 4)),
        ("StockLow", 2, before("OUT", 0)),
        ("StockReplenished", 22, before("LOW", 2)),
        ("StockLow", 22, before("ENOUGH", 22)),
        ("StockLow", 22, None),
        ("StockReplenished", 22, before("LOW", 22, 30)),
    ]
    removed = {"__typename": "StockAlertRemoved", "cursor": ANY, "reorderRuleId": rule}
    assert items[5] == removed
    assert [(one["part"]["id"], one["stockLocation"]["id"]) for one in items[:2]] == [(part, place)] * 2
    assert len({one["cursor"] for one in items}) == len(items)


async def test_who_takes_the_last_piece_in_the_field_is_told_of_though_they_see_no_rule(
    company: Companies,
) -> None:
    stage, technician = Stage(company, Role.ADMIN), company.viewer(Role.TECHNICIAN)
    mine = f'{{technician: {{id: {{eq: "tec1_{technician.technician_id}"}}}}}}'
    van = await stage.first("stockLocations", mine)
    part = await stage.make("createPart", "part", number="F-1", name="Seal", unitPrice="1")
    await stage.make("receiveStock", "part", part=part, stockLocation=van, quantity=1)
    await stage.make(
        "createReorderRule",
        "reorderRule",
        part=part,
        stockLocation=van,
        minimum=0,
        maximum=5,
        supplierName="Acme",
    )
    async with listening(company, STOCK, {"scope": {"locations": [van]}}) as listener:
        await listener.next()
        given = {"part": part, "stockLocation": van, "quantity": -1, "reason": "Broken"}
        await stage.make("adjustStock", "part", role=Role.TECHNICIAN, **given)
        (told,) = await listener.rest()
    assert (told["__typename"], told["before"]["available"]) == ("StockOut", 1)
    assert told["stockLevel"] == {"available": 0}


async def _short(company: Companies) -> dict[str, str]:
    """By rule, what is low or out by a fresh query."""
    levels = await every(company, "stockLevels", LEVEL)
    free = {(row["part"]["id"], row["stockLocation"]["id"]): row["available"] for row in levels}
    short = {}
    for rule in await every(company, "reorderRules", RULE):
        available = free.get((rule["part"]["id"], rule["stockLocation"]["id"]), 0)
        if rule["isActive"] and available <= rule["minimum"]:
            short[rule["id"]] = "LOW" if available else "OUT"
    return short


async def test_the_list_of_shortages_is_always_what_a_new_query_gives(company: Companies) -> None:
    stage, storm = Stage(company, Role.ADMIN), await Storm.over(company, 1)
    shelves = [await _shelf(stage, pieces, minimum=3) for pieces in (0, 2, 4, 8)]
    chance = random.Random(5)  # noqa: S311  # the same every time
    async with listening(company, STOCK) as listener:
        snapshot = await listener.next()
        board = {one["reorderRule"]["id"]: one["state"] for one in snapshot["shortages"]}
        assert board == await _short(company)
        cursors = []
        for _ in range(30):
            rule, part, place = chance.choice(shelves)
            if chance.random() < 0.8:
                await _adjust(storm, part, place, chance.choice([-3, -2, -1, 1, 2, 3]))
            else:
                change = {"isActive": chance.random() < 0.7, "minimum": chance.randrange(6)}
                await storm.ask("updateReorderRule", reorderRule=rule, **change)
        for item in await listener.rest():
            cursors.append(item["cursor"])
            key = item.get("reorderRuleId") or item["reorderRule"]["id"]
            board.pop(key, None)
            if item.get("now") and item["now"]["state"] != "ENOUGH":
                board[key] = item["now"]["state"]
    assert board == await _short(company)
    assert len(cursors) == 8
    for number in range(0, len(cursors), 3):
        async with listening(company, STOCK, {"after": cursors[number]}) as listener:
            assert [one["cursor"] for one in await listener.rest(0.4)] == cursors[number + 1 :]


async def _tick(company: Companies, hours: float) -> int:
    """Time has passed for the clocks."""
    viewer, at = company.viewer(Role.ADMIN), START + timedelta(hours=hours)
    async with UnitOfWork(company.app.services.engine, viewer, at, Origin.TIMER) as work:
        return await milestones.tick(work)


def _alerts(rows: list[Row]) -> dict[str, Row]:
    return {
        row["id"]: row
        for row in rows
        if row["workOrder"]["state"] not in {"CLOSED", "CANCELLED"}
        and (
            row["state"] == "BREACHED"
            or (row["warnedAt"] is not None and row["state"] in {"RUNNING", "PAUSED"})
        )
    }


def _applied(board: dict[str, Row], item: Row) -> None:
    if item["__typename"] == "MilestonesRemoved":
        gone = [key for key, row in board.items() if row["workOrder"]["id"] == item["workOrderId"]]
        for key in gone:
            del board[key]
        return
    board.pop(item["milestone"]["id"], None)
    if item["isAlert"]:
        board[item["milestone"]["id"]] = item["milestone"]


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.CUSTOMER])
async def test_the_list_of_milestones_is_always_what_a_new_query_gives(
    company: Companies, role: Role
) -> None:
    storm, viewer = await Storm.over(company, 2), company.viewer(role)
    async with listening(company, MILESTONES, viewer=viewer) as listener:
        snapshot = await listener.next()
        board = {row["id"]: row for row in snapshot["milestones"]}
        assert snapshot["isComplete"] is True
        assert board == _alerts(await every(company, "milestones", CLOCK, viewer))
        for hours in (1, 4, 8, 30, 80):
            await _tick(company, hours)
            await storm.blow(8)
        warned = _alerts(await every(company, "milestones", CLOCK))
        for order in sorted({row["workOrder"]["id"] for row in warned.values()})[:6]:
            await storm.ask("cancelWorkOrder", workOrder=order, reason="Not wanted")
        items = await listener.rest()
    for item in items:
        _applied(board, item)
    now = _alerts(await every(company, "milestones", CLOCK, viewer))
    assert {key: row["version"] for key, row in board.items()} == {
        key: row["version"] for key, row in now.items()
    }
    if role == Role.DISPATCHER:
        kinds = {item["__typename"] for item in items}
        assert {"MilestoneWarned", "MilestoneBreached", "MilestonesRemoved"} <= kinds
        breached = next(one for one in items if one["__typename"] == "MilestoneBreached")
        assert breached["before"]["state"] == "RUNNING"


@pytest.mark.parametrize(
    ("field", "roles"),
    [
        ("stockAlerts", (Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.SALES, Role.CUSTOMER, Role.TRACKING)),
        ("milestoneAlerts", (Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.TRACKING)),
        ("technicianPositions", (Role.TECHNICIAN, Role.SALES, Role.CUSTOMER, Role.TRACKING)),
        ("changes", (Role.MANAGER, Role.DISPATCHER, Role.TECHNICIAN, Role.SALES, Role.CUSTOMER)),
    ],
)
async def test_other_roles_are_refused(companies: Companies, field: str, roles: tuple[Role, ...]) -> None:
    for role in roles:
        viewer = replace(companies.viewer(Role.ADMIN), role=role, subject=f"somebody:{role.value}")
        async with companies.stream(f"subscription {{ {field} {{ __typename }} }}", viewer=viewer) as items:
            with pytest.raises(Refusal) as refused:
                await anext(items)
        assert refused.value.code == "FORBIDDEN", role


@pytest.mark.parametrize(
    ("field", "scope"),
    [
        ("stockAlerts", "stock:read"),
        ("milestoneAlerts", "contracts:read"),
        ("technicianPositions", "positions:read"),
        ("visitChanges", "work:read"),
        ("workOrderChanges", "work:read"),
        ("changes", "changes:read"),
    ],
)
async def test_a_key_needs_the_scope(companies: Companies, field: str, scope: str) -> None:
    viewer = replace(companies.viewer(Role.INTEGRATION), scopes=frozenset({"imports:read"}))
    query = f"subscription {{ {field} {{ __typename }} }}"
    async with companies.stream(query, viewer=viewer) as items:
        with pytest.raises(Refusal) as refused:
            await anext(items)
    assert refused.value.errors[0]["message"] == f"Subscription.{field} needs the scope {scope}."
    async with companies.stream(query, viewer=replace(viewer, scopes=frozenset({scope}))) as items:
        assert (await anext(items))["__typename"].endswith("Snapshot")


async def test_alerts_of_another_company_are_not_told(company: Companies) -> None:
    stage, storm = Stage(company, Role.ADMIN), await Storm.over(company, 1)
    _, part, place = await _shelf(stage, 9, minimum=5)
    other = company.viewer(Role.ADMIN, second=True)
    async with (
        listening(company, STOCK, viewer=other) as stock,
        listening(company, MILESTONES, viewer=other) as clocks,
    ):
        await stock.next()
        await clocks.next()
        assert await _adjust(storm, part, place, -9)
        assert await _tick(company, 30) > 0
        assert await stock.rest() + await clocks.rest() == []
