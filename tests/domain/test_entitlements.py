"""Entitlements: which of several an order gets, and what becomes of those that change or go."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from domain import contracts
from domain.contracts import Entitlement
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.work_orders import WorkOrder
from tests.domain.desks import Desk
from tests.domain.world import World, at

NIGHT = {"coverage_opens": "16:00", "coverage_closes": "08:00", "coverage_weekdays": "1234567"}
ALWAYS = {"coverage_opens": "00:00", "coverage_closes": "23:59", "coverage_weekdays": "1234567"}


async def grant(desk: Desk, name: str, **values: Any) -> UUID:
    async with desk.world.unit() as work:
        row = await contracts.add_entitlement(work, desk.contract, {"name": name, **values})
    return row.id


async def given(desk: Desk, hours: float) -> str:
    """The name of what an order gets that is asked for so many hours after local midnight."""
    desk.world.now = at(hours)
    order, _ = await desk.ask()
    key = (await desk.world.read(WorkOrder, order)).entitlement_id
    assert key is not None
    return (await desk.world.read(Entitlement, key)).name


async def test_an_order_gets_what_is_open_then_the_soonest_then_by_name(world: World) -> None:
    """By the site's clock: "Fast" counts from 8 to 16 and promises two hours."""
    desk = await Desk(world).open()
    assert (await given(desk, 12), await given(desk, 20)) == ("Fast", "Fast")

    await grant(desk, "Night", arrive_minutes=480, **NIGHT)
    moments = (7.99, 8, 12, 15.99, 16, 24 * 5 + 12)  # the last is a Saturday, when neither is open
    assert [await given(desk, hours) for hours in moments] == [
        "Night", "Fast", "Fast", "Fast", "Night", "Fast",
    ]  # fmt: skip

    await grant(desk, "Round", respond_minutes=5, **ALWAYS)  # no arrival: after those that promise one
    assert [await given(desk, hours) for hours in moments] == [
        "Night", "Fast", "Fast", "Fast", "Night", "Round",
    ]  # fmt: skip

    await grant(desk, "Even faster", arrive_minutes=120, **ALWAYS)
    assert [await given(desk, hours) for hours in (12, 16)] == ["Even faster", "Even faster"]


async def test_what_is_changed_later_changes_no_clock_that_was_started(world: World) -> None:
    desk = await Desk(world).open()
    world.now = at(9)
    first, _ = await desk.ask()
    async with world.unit() as work:
        await contracts.update_entitlement(
            work, desk.entitlement, {"arrive_minutes": 30, "resolve_minutes": None}, expected_version=1
        )
    async with world.unit() as work:  # what does not differ writes nothing
        await contracts.update_entitlement(work, desk.entitlement, {"arrive_minutes": 30})
    second, _ = await desk.ask()

    assert (await desk.show(first))["ARRIVE"] == ("RUNNING", at(11))
    assert await desk.show(second) == {"RESPOND": ("RUNNING", at(10)), "ARRIVE": ("RUNNING", at(9.5))}
    assert (await world.read(Entitlement, desk.entitlement)).version == 2
    assert await desk.facts(desk.contract) == ["EntitlementChanged"]


async def test_what_no_entitlement_may_become_is_refused(world: World) -> None:
    desk = await Desk(world).open()
    none = {"respond_minutes": None, "arrive_minutes": None, "resolve_minutes": None}
    for values, path in ((none, "respondMinutes"), ({"coverage_opens": "24:00"}, "coverageOpens")):
        with pytest.raises(Invalid) as found:
            async with world.unit() as work:
                await contracts.update_entitlement(work, desk.entitlement, values)
        assert found.value.path == (path,)
    assert (await world.read(Entitlement, desk.entitlement)).version == 1


async def test_what_no_order_was_given_goes_and_the_rest_stays(world: World) -> None:
    desk = await Desk(world).open()
    night = await grant(desk, "Night", arrive_minutes=480, **NIGHT)
    assert await given(desk, 20) == "Night"
    with pytest.raises(Conflict) as found:
        async with world.unit() as work:
            await contracts.remove_entitlement(work, night)
    assert found.value.path == ("entitlement",)

    async with world.unit() as work:
        await contracts.remove_entitlement(work, desk.entitlement, expected_version=1)

    assert [row.name for row in await world.all(Entitlement)] == ["Night"]
    assert await given(desk, 12) == "Night"
    async with world.unit() as work:
        await contracts.cancel(work, desk.contract, reason="Sold the house")
    with pytest.raises(InvalidTransition):
        async with world.unit() as work:
            await contracts.remove_entitlement(work, night)
    with pytest.raises(InvalidTransition):
        async with world.unit() as work:
            await contracts.update_entitlement(work, night, {"name": "Late"})


async def test_an_order_and_a_removal_at_once_never_miss_each_other(world: World) -> None:
    desk = await Desk(world).open()
    world.now = at(9)

    async def remove() -> None:
        async with world.unit() as work:
            await contracts.remove_entitlement(work, desk.entitlement)

    ends = await asyncio.gather(*(desk.ask() for _ in range(4)), remove(), return_exceptions=True)

    assert [end for end in ends[:-1] if isinstance(end, BaseException)] == []
    assert ends[-1] is None or isinstance(ends[-1], Conflict)
    kept = {row.id for row in await world.all(Entitlement)}
    assert {row.entitlement_id for row in await world.all(WorkOrder)} - {None} <= kept
