"""Holds: many hands at one of them take it once, and the end of a visit frees all of them, seen or not."""

import asyncio
from uuid import UUID

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.mutations.reservations import visit
from tests.resolvers.mutations.stock import hall

RELEASE = """mutation R($input: ReleaseReservationInput!) { releaseReservation(input: $input) {
  reservation { state } userErrors { code path } } }"""


async def _part(stage: Stage, place: str, pieces: int) -> str:
    part = await stage.make("createPart", "part", number="X-1", name="Plain", unitPrice="1", currency="EUR")
    await stage.make("receiveStock", "stockLevel", part=part, stockLocation=place, quantity=pieces)
    return part


async def _hold(stage: Stage, place: str, part: str, pieces: int) -> str:
    wanted = [{"part": part, "quantity": pieces}]
    await stage.make("reserveParts", "visit", visit=visit(stage), parts=wanted, stockLocation=place)
    where = f'{{part: {{id: {{eq: "{part}"}}}}, quantity: {{eq: {pieces}}}}}'
    key: str = await stage.first("reservations", where)
    return key


async def test_of_six_who_release_a_hold_one_does(company: Companies) -> None:
    stage = Stage(company, Role.ADMIN)
    place = await hall(stage)
    part = await _part(stage, place, 40)
    small, _ = await _hold(stage, place, part, 2), await _hold(stage, place, part, 30)
    asked = {"input": {"reservation": small, "expectedVersion": 1}}

    answers = await asyncio.gather(*(company.data(RELEASE, asked) for _ in range(6)))

    errors = [one["releaseReservation"]["userErrors"] for one in answers]
    assert sorted(len(one) for one in errors) == [0, 1, 1, 1, 1, 1]
    assert {one[0]["code"] for one in errors if one} <= {"CONFLICT", "INVALID_TRANSITION"}
    reserved = "SELECT reserved FROM stock_level WHERE part_id = $1"
    assert await stage.value(reserved, UUID(part[5:])) == 30


async def test_the_end_of_a_visit_frees_what_its_technician_does_not_see(company: Companies) -> None:
    stage = Stage(company, Role.ADMIN)
    own = company.first.visitors[0]
    van = await stage.first(
        "stockLocations", f'{{kind: {{eq: VAN}}, technician: {{id: {{neq: "tec1_{own}"}}}}}}'
    )
    part = await _part(stage, van, 10)
    hold = await _hold(stage, van, part, 3)
    await stage.make("recordArrival", "visit", visit=visit(stage))

    await stage.make("markNoAccess", "visit", role=Role.TECHNICIAN, visit=visit(stage), reason="Closed")

    state = "SELECT state FROM reservation WHERE id = $1"
    assert await stage.value(state, UUID(hold[5:])) == "RELEASED"
    free = "SELECT available FROM stock_level WHERE part_id = $1"
    assert await stage.value(free, UUID(part[5:])) == 10
