"""Contracts: their states, what they cover, how they renew; one active contract for a thing at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlmodel import col, select

from domain import contracts, ids, intake
from domain.assets import Asset
from domain.contracts import Contract, Cover, Entitlement, Work
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, Refused
from domain.events import EventRow
from domain.intake import Need
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkOrder
from tests.conftest import Database, connected
from tests.domain.world import DAY, World

ALL_YEAR = (DAY - timedelta(30), DAY + timedelta(334))
YEAR = timedelta(365)
NOTHING = Cover()


async def written(
    world: World, cover: Cover = NOTHING, term: tuple[date, date] = ALL_YEAR, **values: object
) -> UUID:
    said = {
        "number": f"K{world.number()}", "name": "Care", "starts_on": term[0], "ends_on": term[1],
        "price": Decimal(1200), **values,
    }  # fmt: skip
    async with world.unit() as work:
        return (await contracts.create(work, world.customer_id, said, cover)).id


async def in_force(
    world: World, cover: Cover = NOTHING, term: tuple[date, date] = ALL_YEAR, **values: object
) -> UUID:
    key = await written(world, cover, term, **values)
    async with world.unit() as work:
        await contracts.activate(work, key, expected_version=1)
    return key


async def boiler(world: World) -> UUID:
    asset = Asset(name="Boiler", customer_id=world.customer_id, site_id=await world.site())
    await world.keep(asset)
    return asset.id


async def facts(world: World, key: UUID) -> list[str]:
    async with world.unit() as work:
        found = select(EventRow.type).where(col(EventRow.subject_id) == key)
        return list((await work.session.exec(found.order_by(col(EventRow.xid), col(EventRow.n)))).all())


async def refused(
    world: World, verb: Callable[[UnitOfWork], Awaitable[object]], kind: type[Refused], path: str
) -> None:
    with pytest.raises(kind) as found:
        async with world.unit() as work:
            await verb(work)
    assert found.value.path == (path,)


async def test_a_contract_goes_from_draft_to_its_end(world: World) -> None:
    key = await in_force(world)
    async with world.unit() as work:
        await contracts.cancel(work, key, reason="Sold the house", expected_version=2)
    row = await world.read(Contract, key)
    ended = ("CANCELLED", "Sold the house", world.now, 3)
    assert (row.state, row.reason, row.cancelled_at, row.version) == ended
    assert await facts(world, key) == ["ContractCreated", "ContractActivated", "ContractCancelled"]
    for verb in (
        lambda work: contracts.activate(work, key),
        lambda work: contracts.renew(work, key),
        lambda work: contracts.cancel(work, key, reason="Again"),
        lambda work: contracts.update(work, key, {"name": "New"}, Cover()),
        lambda work: contracts.add_entitlement(work, key, {"name": "Fast", "arrive_minutes": 60}),
    ):
        await refused(world, verb, InvalidTransition, "contract")
    assert (await world.read(Contract, key)).version == 3


async def test_the_database_knows_how_contracts_may_go(world: World, database: Database) -> None:
    key = await written(world)
    async with connected(database.owner_url) as owner:
        with pytest.raises(asyncpg.CheckViolationError, match="no transition from DRAFT to EXPIRED"):
            await owner.execute("UPDATE contract SET state = 'EXPIRED' WHERE id = $1", key)


async def test_a_renewal_prolongs_by_the_calendar_and_keeps_the_number(world: World) -> None:
    key = await in_force(world, term=(date(2026, 3, 1), date(2027, 2, 28)), renewal_months=12)
    async with world.unit() as work:
        await contracts.renew(work, key, price=Decimal("1250.5"), expected_version=2)
    row = await world.read(Contract, key)
    assert (row.ends_on, row.price, row.state, row.version) == (
        date(2028, 2, 29),
        Decimal("1250.5"),
        "ACTIVE",
        3,
    )
    async with world.unit() as work:
        event = (
            await work.session.exec(select(EventRow).where(col(EventRow.type) == "ContractRenewed"))
        ).one()
    assert event.payload == {
        "before": {"ends_on": "2027-02-28", "price": None},
        "starts_on": "2027-03-01",
        "ends_on": "2028-02-29",
    }
    await refused(
        world, lambda work: contracts.renew(work, key, ends_on=date(2028, 2, 29)), Invalid, "endsOn"
    )
    await refused(world, lambda work: contracts.renew(work, key, price=Decimal(-1)), Invalid, "price")


@pytest.mark.parametrize(
    ("ends", "months", "expected"),
    [
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2027, 1, 30), 1, date(2027, 2, 27)),
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 11, 29), 3, date(2027, 2, 27)),
        (date(2026, 10, 31), 120, date(2036, 10, 31)),
    ],
)
def test_the_next_term_is_counted_by_the_calendar(ends: date, months: int, expected: date) -> None:
    row = Contract(
        customer_id=ids.new(), number="K", name="K", starts_on=ends, ends_on=ends, price=Decimal(1),
        renewal_months=months,
    )  # fmt: skip
    assert contracts.next_end(row) == expected


async def turned(world: World, day: date) -> list[UUID]:
    world.now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    async with world.unit() as work:
        keys = list(await contracts.turning(work))
    for key in keys:
        async with world.unit() as work:
            await contracts.turn(work, key)
    return keys


async def test_a_term_runs_out_after_its_last_day_once(world: World) -> None:
    key = await in_force(world)
    assert await turned(world, ALL_YEAR[1]) == []
    assert await turned(world, ALL_YEAR[1] + timedelta(1)) == [key]
    assert await turned(world, ALL_YEAR[1] + timedelta(1)) == []
    assert (await world.read(Contract, key)).state == "EXPIRED"
    assert await facts(world, key) == ["ContractCreated", "ContractActivated", "ContractExpired"]


async def test_what_renews_itself_does_so_when_its_notice_is_over_once(world: World) -> None:
    key = await in_force(world, auto_renew=True, notice_days=30, renewal_months=6)
    due = ALL_YEAR[1] - timedelta(30)
    days = (due - timedelta(1), due, due)
    assert [await turned(world, day) for day in days] == [[], [key], []]
    row = await world.read(Contract, key)
    assert (row.state, row.ends_on) == ("ACTIVE", date(2028, 4, 23))
    async with world.unit() as work:
        await contracts.turn(work, key)
    assert (await world.read(Contract, key)).version == row.version


async def test_workers_at_once_turn_a_term_once(world: World) -> None:
    key = await in_force(world, auto_renew=True)
    world.now += YEAR

    async def turn() -> None:
        async with world.unit() as work:
            await contracts.turn(work, key)

    await asyncio.gather(*(turn() for _ in range(6)))
    assert await facts(world, key) == ["ContractCreated", "ContractActivated", "ContractRenewed"]


async def test_what_cannot_renew_itself_expires(world: World) -> None:
    asset = await boiler(world)
    key = await in_force(world, Cover(assets=[asset]), auto_renew=True)
    await in_force(world, Cover(assets=[asset]), (ALL_YEAR[1] + timedelta(1), ALL_YEAR[1] + YEAR))
    assert await turned(world, ALL_YEAR[1] - timedelta(10)) == [key]
    assert (await world.read(Contract, key)).auto_renew is False
    assert await turned(world, ALL_YEAR[1] - timedelta(9)) == []
    assert await turned(world, ALL_YEAR[1] + timedelta(1)) == [key]
    assert (await facts(world, key))[2:] == ["ContractRenewalRefused", "ContractExpired"]


async def test_one_contract_in_force_for_the_same_equipment_work_and_time(world: World) -> None:
    asset, other = await boiler(world), await boiler(world)
    repair, check = await world.work_type(), await world.work_type()
    first = await in_force(world, Cover(assets=[asset], work_types=[repair]))
    for cover, term, free in (
        (Cover(assets=[asset], work_types=[repair]), ALL_YEAR, False),
        (Cover(assets=[asset, other]), ALL_YEAR, False),  # all kinds of work are among them the same
        (Cover(assets=[asset], work_types=[check]), ALL_YEAR, True),
        (Cover(assets=[other]), ALL_YEAR, True),
        (Cover(assets=[asset], work_types=[repair]), (ALL_YEAR[1], ALL_YEAR[1] + YEAR), False),
        (Cover(assets=[asset], work_types=[repair]), (ALL_YEAR[1] + timedelta(1), ALL_YEAR[1] + YEAR), True),
        (Cover(), ALL_YEAR, True),  # it names nothing; of what covers the same, who names it comes first
    ):
        key = await written(world, cover, term)
        if free:
            async with world.unit() as work:
                await contracts.activate(work, key)
                await contracts.cancel(work, key, reason="So")
        else:
            await refused(world, lambda work: contracts.activate(work, key), Conflict, "contract")  # noqa: B023  # awaited here
            assert (await world.read(Contract, key)).state == "DRAFT"
    second = await in_force(world, Cover(assets=[asset], work_types=[check]))
    wider = Cover(work_types=[check, repair])
    await refused(world, lambda work: contracts.update(work, second, {}, wider), Conflict, "contract")
    await refused(
        world, lambda work: contracts.update(work, second, {}, Cover(work_types=[])), Conflict, "contract"
    )
    async with world.unit() as work:
        await contracts.cancel(work, first, reason="So")
        await contracts.update(work, second, {}, wider)
    assert (await world.read(Contract, second)).version == 3
    assert (await facts(world, second))[-1] == "ContractChanged"


async def test_of_those_who_put_the_same_in_force_at_once_one_does(world: World) -> None:
    asset = await boiler(world)
    keys = [await written(world, Cover(assets=[asset])) for _ in range(8)]

    async def activate(key: UUID) -> str:
        try:
            async with world.unit() as work:
                await contracts.activate(work, key)
        except Conflict:
            return "refused"
        return "done"

    assert sorted(await asyncio.gather(*map(activate, keys))) == ["done", *["refused"] * 7]


async def test_the_database_refuses_a_second_cover_whoever_writes_it(
    world: World, database: Database
) -> None:
    asset = await boiler(world)
    await in_force(world, Cover(assets=[asset]))
    second = await written(world, Cover(assets=[asset]))
    async with connected(database.owner_url) as owner:
        with pytest.raises(asyncpg.ExclusionViolationError, match="one_cover"):
            await owner.execute("UPDATE contract SET state = 'ACTIVE' WHERE id = $1", second)
        query = "SELECT active, kinds::text, during::text FROM contract_asset WHERE contract_id = $1"
        (row,) = map(tuple, await owner.fetch(query, second))
        assert row == (False, "{(,)}", f"[{ALL_YEAR[0]},{ALL_YEAR[1] + timedelta(1)})")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"number": " "}, "number"),
        ({"name": ""}, "name"),
        ({"ends_on": ALL_YEAR[0] - timedelta(1)}, "endsOn"),
        ({"starts_on": date(1, 1, 1)}, "startsOn"),
        ({"price": Decimal("-0.01")}, "price"),
        ({"price": Decimal("1.00001")}, "price"),
        ({"price": Decimal("NaN")}, "price"),
        ({"price": Decimal(10) ** 12}, "price"),
        ({"currency": "euro"}, "currency"),
        ({"renewal_months": 0}, "renewalMonths"),
        ({"notice_days": 366}, "noticeDays"),
        ({"auto_renew": None}, "autoRenew"),
    ],
)
async def test_what_no_contract_says_is_refused(world: World, values: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as found:
        await written(world, **values)
    assert found.value.path == (path,)
    assert await world.all(Contract) == []


async def test_a_contract_covers_what_is_its_customers(world: World) -> None:
    other = await World.make(world.engine)
    stranger = await boiler(other)
    for cover, kind, path in (
        (Cover(assets=[stranger]), NotFound, "assets"),
        (Cover(assets=[ids.new()]), NotFound, "assets"),
        (Cover(work_types=[ids.new()]), NotFound, "workTypes"),
        (Cover(work_types=[ids.new() for _ in range(251)]), Invalid, "workTypes"),
    ):
        with pytest.raises(kind) as found:
            await written(world, cover)
        assert found.value.path == (path,)
    assert await world.all(Contract) == []


async def test_a_number_is_its_own_and_a_term_in_force_is_renewed(world: World) -> None:
    key, other = await in_force(world), await written(world)
    number = (await world.read(Contract, other)).number
    await refused(
        world, lambda work: contracts.update(work, key, {"number": number}, Cover()), Conflict, "number"
    )
    day = ALL_YEAR[1] + timedelta(9)
    await refused(
        world, lambda work: contracts.update(work, key, {"ends_on": day}, Cover()), Invalid, "endsOn"
    )
    async with world.unit() as work:
        await contracts.update(work, other, {"ends_on": day, "name": "Care"}, Cover())
        await contracts.update(work, key, {"ends_on": ALL_YEAR[1], "name": " Care "}, Cover())
    assert (await world.read(Contract, other)).ends_on == day
    assert (await world.read(Contract, key)).version == 2
    assert (await facts(world, key))[-1] == "ContractActivated"


async def test_a_term_that_is_over_is_not_put_in_force(world: World) -> None:
    key = await written(world, term=(DAY - YEAR, DAY - timedelta(1)))
    await refused(world, lambda work: contracts.activate(work, key), InvalidTransition, "contract")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "respondMinutes"),
        ({"arrive_minutes": 0}, "arriveMinutes"),
        ({"arrive_minutes": 600_000}, "arriveMinutes"),
        ({"arrive_minutes": 60, "coverage_opens": "24:00"}, "coverageOpens"),
        ({"arrive_minutes": 60, "coverage_closes": "8:00"}, "coverageCloses"),
        ({"arrive_minutes": 60, "coverage_weekdays": ""}, "coverageWeekdays"),
        ({"arrive_minutes": 60, "coverage_weekdays": "11"}, "coverageWeekdays"),
        ({"arrive_minutes": 60, "coverage_weekdays": "21"}, "coverageWeekdays"),
        ({"arrive_minutes": 60, "coverage_weekdays": "8"}, "coverageWeekdays"),
        ({"arrive_minutes": 60, "warn_percent": 100}, "warnPercent"),
        (
            {
                "resolve_minutes": 105,
                "coverage_opens": "08:00",
                "coverage_closes": "08:01",
                "coverage_weekdays": "1",
            },
            "resolveMinutes",
        ),
    ],
)
async def test_what_no_contract_grants_is_refused(world: World, values: dict[str, object], path: str) -> None:
    key = await written(world)
    said = {"name": "Fast", **values}
    await refused(world, lambda work: contracts.add_entitlement(work, key, said), Invalid, path)
    assert await world.all(Entitlement) == []


async def test_work_is_done_under_the_contract_that_names_most_of_it(world: World) -> None:
    kind, other = await world.work_type(), await world.work_type()
    asset = await boiler(world)
    site = (await world.read(Asset, asset)).site_id
    keys = {
        "old": await in_force(world, Cover(), (ALL_YEAR[0] - timedelta(9), ALL_YEAR[1])),
        "all": await in_force(world),
        "kind": await in_force(world, Cover(work_types=[kind])),
        "asset": await in_force(world, Cover(assets=[asset], work_types=[other])),
        "draft": await written(world, Cover(assets=[asset])),
        "later": await in_force(
            world, Cover(assets=[asset]), (ALL_YEAR[1] + timedelta(1), ALL_YEAR[1] + YEAR)
        ),
    }
    names = {key: name for name, key in keys.items()}

    async def under(**need: object) -> str | None:
        wanted = Need(site_id=site, title="It leaks", **need)  # type: ignore[arg-type]  # as given
        async with world.unit() as work:
            order, _ = await intake.create_work_order(work, wanted)
        found = (await world.read(WorkOrder, order.id)).contract_id
        return None if found is None else names[found]

    assert await under(work_type_id=kind) == "kind"
    assert await under(work_type_id=kind, asset_id=asset) == "kind"
    assert await under(work_type_id=other, asset_id=asset) == "asset"
    assert await under(work_type_id=other) == "all"
    assert await under(work_type_id=other, without_contract=True) is None
    assert await under(work_type_id=other, contract_id=keys["old"]) == "old"
    for name in ("asset", "draft", "later"):
        with pytest.raises(Invalid) as found:
            await under(work_type_id=kind, contract_id=keys[name])
        assert found.value.path == ("contract",)
    async with world.unit() as work:
        wanted = Work(customer_id=world.customer_id, work_type_id=other)
        found_one = await contracts.check_covers(work, keys["all"], wanted)
        assert await contracts.granted(work, found_one, "UTC") is None


async def test_equipment_stands_where_the_work_is(world: World) -> None:
    kind, asset, site = await world.work_type(), await boiler(world), await world.site()
    for key, error in ((asset, Invalid), (ids.new(), NotFound)):
        need = Need(site_id=site, work_type_id=kind, title="It leaks", asset_id=key)
        await refused(world, lambda work: intake.create_work_order(work, need), error, "asset")  # noqa: B023  # awaited here
    assert await world.all(WorkOrder) == []
