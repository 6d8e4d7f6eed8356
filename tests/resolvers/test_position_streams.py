"""Positions: the latest of each technician, seldom enough, and only of those who are in the scope."""

import asyncio
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

from domain.viewers import Role
from tests.resolvers.companies import START, Companies
from tests.resolvers.listeners import every, listening
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.storms import Storm

ROW = "id code position { at point }"
POSITIONS = f"""subscription P($scope: TechnicianScope, $after: Cursor) {{
  technicianPositions(scope: $scope, after: $after) {{
  __typename ... on TechnicianSnapshot {{ cursor isComplete technicians {{ {ROW} }} }}
  ... on TechnicianMoved {{ cursor occurredAt technician {{ {ROW} }} }}
  ... on TechnicianRemoved {{ cursor technicianId }} }} }}"""
REPORT = """mutation P($input: ReportPositionsInput!) { reportPositions(input: $input) {
  accepted userErrors { code } } }"""
Row = dict[str, Any]


async def _report(company: Companies, technician: str, *seconds: float) -> int:
    """So many fixes of the last minute, each a little further north, in one report."""
    positions = [
        {
            "point": {"type": "Point", "coordinates": [24.94, 60.17 + (one + 100) / 10_000]},
            "at": (START + timedelta(seconds=one)).isoformat(),
            "accuracyMetres": 8,
        }
        for one in seconds
    ]
    given = {"input": {"technician": technician, "positions": positions}}
    found = await company.data(REPORT, given, viewer=company.viewer(Role.ADMIN))
    accepted: int = found["reportPositions"]["accepted"]
    return accepted


async def test_the_map_is_what_a_new_query_gives(company: Companies) -> None:
    async with listening(company, POSITIONS) as listener:
        board = {row["id"]: row for row in (await listener.next())["technicians"]}
        rows = await every(company, "technicians", f"{ROW} archivedAt")
        assert set(board) == {row["id"] for row in rows if row["archivedAt"] is None}
        people = [f"tec1_{key}" for key in company.first.simulated[:3]]
        begun = asyncio.get_running_loop().time()
        for number in range(8):
            await asyncio.gather(*(_report(company, one, -60 + number) for one in people))
        await asyncio.sleep(1.1)
        await asyncio.gather(*(_report(company, one, -20, -19) for one in people))
        items = await listener.rest(1.5)
        took = asyncio.get_running_loop().time() - begun
    assert {one["__typename"] for one in items} == {"TechnicianMoved"}
    for item in items:
        board[item["technician"]["id"]] = item["technician"]
    fresh = {row["id"]: row for row in await every(company, "technicians", ROW)}
    assert board == {key: fresh[key] for key in board}
    for one in people:
        assert fresh[one]["position"]["at"] == (START - timedelta(seconds=19)).isoformat()
        assert 2 <= sum(item["technician"]["id"] == one for item in items) <= took + 1


async def test_who_serves_elsewhere_or_is_archived_leaves_the_map(company: Companies) -> None:
    storm, technician = await Storm.over(company, 1), f"tec1_{company.first.simulated[0]}"
    areas = [row["id"] for row in await every(company, "territories", "id")]
    own = next(
        row["territory"]["id"]
        for row in await every(company, "technicians", "id territory { id }")
        if row["id"] == technician
    )
    other = next(one for one in areas if one != own)
    async with (
        listening(company, POSITIONS, {"scope": {"territories": [own]}}) as here,
        listening(company, POSITIONS, {"scope": {"territories": [other]}}) as there,
        listening(company, POSITIONS, {"scope": {"technicians": [technician]}}) as always,
    ):
        snapshots = [await one.next() for one in (here, there, always)]
        shown = [technician in {row["id"] for row in one["technicians"]} for one in snapshots]
        assert shown == [True, False, True]
        assert await storm.ask("updateTechnician", technician=technician, territory=other)
        removed = {"__typename": "TechnicianRemoved", "cursor": ANY, "technicianId": technician}
        assert await here.rest() == [removed]
        (come,) = await there.rest()
        assert (come["__typename"], come["technician"]["id"]) == ("TechnicianMoved", technician)
        assert await _report(company, technician, -50) == 1
        assert [one["technician"]["id"] for one in await there.rest()] == [technician]
        assert await here.rest() == []
        (moved,) = await always.rest()
        assert moved["technician"]["position"]["at"] == (START - timedelta(seconds=50)).isoformat()
        # nobody archives who has visits, so it is another one
        new = await _new(company, other)
        (come,) = await there.rest()
        assert (come["__typename"], come["technician"]["id"]) == ("TechnicianMoved", new)
        assert await storm.ask("archiveTechnician", technician=new)
        assert await there.rest() == [{**removed, "technicianId": new}]
        assert await always.rest() == []


async def _new(company: Companies, territory: str) -> str:
    home = {"type": "Point", "coordinates": [24.94, 60.17]}
    given: Row = {"code": "NEW-1", "name": "New", "home": home, "hourlyCost": "30", "territory": territory}
    return await Stage(company, Role.ADMIN).make("createTechnician", "technician", **given)


async def test_another_company_sees_nobody_move(company: Companies) -> None:
    viewer = company.viewer(Role.DISPATCHER, second=True)
    async with listening(company, POSITIONS, viewer=viewer) as listener:
        first = await listener.next()
        own = {row["id"] for row in await every(company, "technicians", "id archivedAt", viewer)}
        assert {row["id"] for row in first["technicians"]} <= own
        assert await _report(company, f"tec1_{company.first.simulated[0]}", -50) == 1
        assert await listener.rest() == []
