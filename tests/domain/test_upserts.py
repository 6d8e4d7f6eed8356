"""Upserts: each row found or made by the verbs of a single one; unchanged rows write nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from domain import customers, ids, parts, upserts
from domain.assets import Asset
from domain.customers import Customer, ExternalId, Tier
from domain.errors import Invalid
from domain.finding import ExternalKey, Reference, Wish
from domain.keeping import KEPT, Kind
from domain.sites import Site
from domain.stock import Part
from domain.territories import Territory
from domain.upserts import Result, RowOutcome, UpsertMode
from tests.conftest import connected
from tests.domain.world import DAY, World

CREATED, UPDATED, UNCHANGED, FAILED, WITHHELD = RowOutcome
PLACE = {"address": "Street 1", "location": (24.9, 60.2), "time_zone": "Europe/Helsinki"}


def known(key: str, system: str = "crm", **values: Any) -> Wish:
    return Wish(external=ExternalKey(system, key), values=values)


def by_number(number: str) -> Reference:
    return Reference(own=number)


async def keep(
    world: World, kind: Kind, *wishes: Wish, mode: UpsertMode = UpsertMode.PER_ITEM
) -> list[Result]:
    async with world.unit() as work:
        return await upserts.keep(work, KEPT[kind], wishes, mode=mode)


def outcomes(results: Sequence[Result]) -> list[RowOutcome]:
    return [result.outcome for result in results]


def faults(results: Sequence[Result]) -> list[tuple[str, ...] | None]:
    return [(one.fault.code, *one.fault.path) if one.fault else None for one in results]


async def log(world: World, owner_url: str) -> list[tuple[str, int]]:
    query = "SELECT type, subject_version FROM event WHERE organization_id = $1 ORDER BY xid, n"
    async with connected(owner_url) as connection:
        return [tuple(row) for row in await connection.fetch(query, world.organization_id)]


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(world.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(world.engine.sync_engine, "before_cursor_execute", note)


async def test_a_row_is_made_then_unchanged_then_changed(world: World, database: Any) -> None:
    wish = known("7", number="C-9", name="Bolt", tier="KEY")
    (made,) = await keep(world, Kind.CUSTOMERS, wish)
    again = await keep(world, Kind.CUSTOMERS, wish, known("8", name="Nut"))
    (changed,) = await keep(world, Kind.CUSTOMERS, known("7", name="Bolts"))

    assert made.outcome is CREATED
    assert outcomes(again) == [UNCHANGED, CREATED]
    assert again[0].key == made.key
    assert (changed.outcome, changed.key) == (UPDATED, made.key)
    row = await world.read(Customer, UUID(str(made.key)))
    assert (row.number, row.name, row.tier, row.version) == ("C-9", "Bolts", Tier.KEY, 2)
    assert await log(world, database.owner_url) == [
        ("CustomerCreated", 1),
        ("ExternalIdAdded", 1),
        ("CustomerCreated", 1),
        ("ExternalIdAdded", 1),
        ("CustomerChanged", 2),
    ]
    assert (await world.all(Customer, name="Nut"))[0].number == "C-000001"


async def test_a_row_is_found_by_its_number_and_named_by_another_system(world: World) -> None:
    (found,) = await keep(world, Kind.CUSTOMERS, known("1", number="C1"))
    assert (found.outcome, found.key) == (UPDATED, world.customer_id)
    row = await world.read(Customer, world.customer_id)
    assert (row.version, row.name) == (1, "Aalto")
    named = await world.all(ExternalId)
    assert [(one.system, one.key, one.entity_type, one.entity_id) for one in named] == [
        ("crm", "1", "customer", world.customer_id)
    ]
    refused = await keep(world, Kind.CUSTOMERS, known("2", number="C1"))
    assert faults(refused) == [("CONFLICT", "externalId")]
    other = await keep(world, Kind.CUSTOMERS, known("2", "erp", number="C1"))
    assert outcomes(other) == [UPDATED]
    assert len(await world.all(ExternalId)) == 2


async def test_what_is_wrong_with_a_row_is_its_own(world: World) -> None:
    wishes = [
        known("1", name="Good"),
        known("2", name=" "),
        known("1", name="Again"),
        Wish(id=ids.new(), values={"name": "Nobody"}),
        Wish(id=world.customer_id, values={"name": None}),
        Wish(values={"name": "Without a key"}),
        Wish(values={"number": "C1"}, expected_version=7),
        known("3", number="C9"),
        Wish(values={"number": "N" * 61, "name": "Long"}),
        known("4", name="New", tier=None),
        known(" ", name="No key"),
        known("\0", name="A key that no text can be"),
    ]
    results = await keep(world, Kind.CUSTOMERS, *wishes)
    assert faults(results) == [
        None,
        ("INVALID", "name"),
        ("CONFLICT", "externalId"),
        ("NOT_FOUND", "id"),
        ("INVALID", "name"),
        ("INVALID", "number"),
        ("CONFLICT",),
        ("INVALID", "name"),
        ("INVALID", "number"),
        None,
        ("INVALID", "externalId", "key"),
        ("INVALID", "externalId", "key"),
    ]
    assert sorted(row.name for row in await world.all(Customer)) == ["Aalto", "Good", "New"]
    assert sorted(row.key for row in await world.all(ExternalId)) == ["1", "4"]
    stale = await keep(world, Kind.CUSTOMERS, Wish(values={"number": "C1"}, expected_version=7))
    assert faults(stale) == [("CONFLICT", "expectedVersion")]


async def test_all_or_nothing_leaves_nothing(world: World, database: Any) -> None:
    wishes = [known("1", name="Good"), known("2"), Wish(id=world.customer_id, values={"name": "Other"})]
    results = await keep(world, Kind.CUSTOMERS, *wishes, mode=UpsertMode.ALL)
    assert outcomes(results) == [WITHHELD, FAILED, WITHHELD]
    assert [one.key for one in results] == [None, None, world.customer_id]
    assert [row.name for row in await world.all(Customer)] == ["Aalto"]
    assert (await world.all(ExternalId), await log(world, database.owner_url)) == ([], [])
    results = await keep(world, Kind.CUSTOMERS, wishes[0], wishes[2], mode=UpsertMode.ALL)
    assert outcomes(results) == [CREATED, UPDATED]


async def test_a_request_has_from_1_to_250_rows(world: World) -> None:
    for count in (0, 251):
        with pytest.raises(Invalid):
            await keep(world, Kind.CUSTOMERS, *(known(str(n), name="x") for n in range(count)))
    assert len(await world.all(Customer)) == 1


async def test_sites_are_found_by_name_within_their_customer(world: World) -> None:
    await world.keep(Territory(name="North"))
    ours = {"customer_id": by_number("C1")}
    north = {**ours, "territory_id": Reference(own="North")}
    made = await keep(
        world,
        Kind.SITES,
        Wish(values={"name": "Yard", **PLACE}, references=north),
        Wish(external=ExternalKey("crm", "s1"), values={"name": "Hall", **PLACE}, references=ours),
        Wish(values={"name": "Lost", **PLACE}, references={"customer_id": by_number("C7")}),
        Wish(values={"name": "Lost", **PLACE}),
        Wish(values={"name": "Lost", **PLACE}, references={**ours, "territory_id": Reference(own="South")}),
        Wish(values={"name": "Yard", **PLACE}, references={"customer_id": Reference(id=world.customer_id)}),
    )
    assert outcomes(made) == [CREATED, CREATED, FAILED, FAILED, FAILED, FAILED]
    assert faults(made)[2:] == [
        ("NOT_FOUND", "customer"),
        ("INVALID", "customer"),
        ("NOT_FOUND", "territory"),
        ("CONFLICT", "name"),
    ]
    again = await keep(
        world,
        Kind.SITES,
        Wish(values={"name": "Yard"}, references={**ours, "territory_id": None}),
        Wish(external=ExternalKey("crm", "s1"), values={"name": "Hall", **PLACE}, references=ours),
    )
    assert outcomes(again) == [UPDATED, UNCHANGED]
    yard = await world.read(Site, UUID(str(made[0].key)))
    assert (yard.customer_id, yard.territory_id, yard.version) == (world.customer_id, None, 2)


async def test_a_site_stays_with_its_customer_and_an_asset_with_its_customers_sites(world: World) -> None:
    other = Customer(number="C2", name="Other")
    await world.keep(other)
    first, second = await world.site(), await world.site()
    moved = Wish(id=first, references={"customer_id": by_number("C2")})
    assert faults(await keep(world, Kind.SITES, moved)) == [("INVALID", "customer")]
    made = await keep(
        world,
        Kind.ASSETS,
        Wish(values={"serial": "S1", "name": "Boiler"}, references={"site_id": Reference(id=first)}),
        Wish(values={"serial": "S2", "name": "Pump"}, references={"site_id": Reference(id=ids.new())}),
        Wish(
            values={"serial": "S3", "name": "Lift"},
            references={"site_id": Reference(own="Site 1", within=by_number("C1"))},
        ),
    )
    assert outcomes(made) == [CREATED, FAILED, CREATED]
    assert faults(made)[1] == ("NOT_FOUND", "site")
    there = Wish(values={"serial": "S1"}, references={"site_id": Reference(id=second)})
    assert outcomes(await keep(world, Kind.ASSETS, there)) == [UPDATED]
    assert {row.serial: row.site_id for row in await world.all(Asset)} == {"S1": second, "S3": first}
    backwards = Wish(values={"serial": "S1", "installed_on": DAY, "warranty_until": DAY.replace(year=2000)})
    assert faults(await keep(world, Kind.ASSETS, backwards)) == [("INVALID", "warrantyUntil")]
    assert (await world.all(Asset, serial="S1"))[0].installed_on is None
    async with world.unit() as work:
        await customers.archive(work, world.customer_id)
    late = Wish(values={"serial": "S9", "name": "Late"}, references={"site_id": Reference(id=first)})
    assert faults(await keep(world, Kind.ASSETS, late)) == [("INVALID", "site")]


def fresh(kind: Kind, n: int) -> Wish:
    """The n-th of many rows, each with a reference where its kind has one."""
    if kind is Kind.CUSTOMERS:
        return known(f"c{n}", name=f"Customer {n}")
    if kind is Kind.SITES:
        return Wish(
            external=ExternalKey("crm", f"s{n}"),
            values={"name": f"Site {n}", **PLACE},
            references={"customer_id": by_number("C1")}
            | ({"territory_id": Reference(own="North")} if n % 2 else {}),
        )
    if kind is Kind.CONTACTS:
        return Wish(values={"name": f"Person {n}"}, references={"customer_id": by_number("C1")})
    if kind is Kind.ASSETS:
        return Wish(
            values={"serial": f"A{n}", "name": f"Asset {n}"},
            references={"site_id": Reference(own="Hall", within=by_number("C1"))},
        )
    if kind is Kind.TECHNICIANS:
        said = {"code": f"T-{n}", "name": f"Technician {n}", "home": (24.9, 60.2), "hourly_cost": Decimal(40)}
        return Wish(values=said, references={"territory_id": Reference(own="North")})
    if kind is Kind.CONTRACTS:
        term = {"starts_on": DAY, "ends_on": DAY, "price": Decimal(n)}
        return Wish(
            values={"number": f"A{n}", "name": f"Contract {n}", **term},
            references={"customer_id": by_number("C1")},
        )
    return known(f"p{n}", number=f"P{n}", name=f"Part {n}", barcode=f"B{n}", unit_price=Decimal(n))


@pytest.mark.parametrize("kind", Kind)
async def test_many_rows_take_as_many_statements_as_few(kind: Kind, world: World) -> None:
    await world.keep(Territory(name="North"))
    hall = Wish(values={"name": "Hall", **PLACE}, references={"customer_id": by_number("C1")})
    await keep(world, Kind.SITES, hall)
    await keep(world, Kind.CUSTOMERS, known("the first", name="Begins the series of numbers"))
    counts = []
    for start, count in ((0, 5), (1000, 250)):
        wishes = [fresh(kind, start + n) for n in range(count)]
        for wanted in (CREATED, UNCHANGED):
            with counted(world) as said:
                results = await keep(world, kind, *wishes)
            assert set(outcomes(results)) == {wanted}
            counts.append(len(said))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 25


async def test_rows_that_change_places_are_kept_one_by_one(world: World) -> None:
    await world.keep(Customer(number="C2", name="Second"))
    results = await keep(
        world,
        Kind.CUSTOMERS,
        Wish(id=world.customer_id, values={"number": "C9"}),
        known("1", number="C1", name="New"),
        known("2", name=" "),
    )
    assert outcomes(results) == [UPDATED, CREATED, FAILED]
    assert sorted((row.number, row.name) for row in await world.all(Customer)) == [
        ("C1", "New"),
        ("C2", "Second"),
        ("C9", "Aalto"),
    ]


@pytest.mark.parametrize("kind", [Kind.CUSTOMERS, Kind.CONTACTS, Kind.SITES, Kind.PARTS])
async def test_two_at_once_make_each_row_once(kind: Kind, world: World) -> None:
    await world.keep(Territory(name="North"))
    wishes = [fresh(kind, n) for n in range(20)]
    rounds = await asyncio.gather(
        keep(world, kind, *wishes), keep(world, kind, *reversed(wishes)), keep(world, kind, *wishes)
    )
    made = [outcome for results in rounds for outcome in outcomes(results)]
    assert (made.count(CREATED), made.count(UNCHANGED)) == (20, 40)
    keys = [{str(result.key) for result in results} for results in rounds]
    assert keys[0] == keys[1] == keys[2]
    others = 1 if kind is Kind.CUSTOMERS else 0
    assert len(await world.all(KEPT[kind].table)) == 20 + others


async def test_whoever_is_faster_by_another_door_is_found(world: World) -> None:
    """A single createPart takes no turn with the upserts: the unique number tells them apart."""
    async with world.unit() as single:
        await parts.create(single, {"number": "P1", "name": "Valve", "unit_price": Decimal(1)})
        many = asyncio.create_task(
            keep(
                world,
                Kind.PARTS,
                known("1", number="P1", name="Valves", unit_price=Decimal(1)),
                known("2", number="P2", name="Nut", unit_price=Decimal(1)),
            )
        )
        await asyncio.sleep(0.3)
        assert not many.done()
    assert outcomes(await many) == [UPDATED, CREATED]
    assert sorted((row.number, row.name) for row in await world.all(Part)) == [
        ("P1", "Valves"),
        ("P2", "Nut"),
    ]
