"""Importing: each line of a file is kept once, whoever dies on the way, and has its report."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from domain.assets import Asset
from domain.customers import Customer, ExternalId
from domain.imports import Import, ImportLine, ImportState
from domain.jobs import Job, JobState
from domain.sheets import ImportKind
from domain.sites import Site
from domain.stock import Part
from domain.technicians import Technician
from domain.territories import Territory
from fieldgraph.bringing import Wanted, bring
from fieldgraph.importing import Lost
from fieldgraph.settings import Settings
from tests.conftest import Database
from tests.domain.world import MORNING
from tests.fieldgraph.importers import Office, counts, office

CHECKOUT = Path(__file__).parents[2]
PROCESS = """
import asyncio, sys
from pathlib import Path
import asyncpg
from domain.clock import Clock
from fieldgraph.addresses import SYSTEM_ROLE
from fieldgraph.databases import writing_engine
from fieldgraph.importing import Importer
from integrations.files import Store

async def main(owner_url, app_url, origin, folder):
    pool = await asyncpg.create_pool(owner_url, server_settings={"role": SYSTEM_ROLE}, min_size=1)
    importer = Importer(
        engine=writing_engine(app_url), system_pool=pool, store=Store(Path(folder)), most=20,
        clock=Clock(business_origin=float(origin), speed=1e-9), hub_announce=lambda: None, lease_seconds=1,
    )
    await importer.run(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""
PARTS = "number,name,barcode,unit_price\n"


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(database, tmp_path) as made:
        yield made


def parts(count: int) -> str:
    return PARTS + "".join(f"P{n},Part {n},B{n},{n}.50\n" for n in range(count))


async def test_a_file_comes_in_and_again_unchanged(place: Office) -> None:
    content = parts(45) + "P1,Twice,,1\nP99,Wrong price,,-1\n"
    first = await place.bring(ImportKind.PARTS, content, most=20)

    assert (first.state, first.rows_in_file, first.rows_staged, first.rows_done) == ("DONE", 47, 47, 47)
    assert counts(first) == (45, 0, 0, 2)
    told = await place.report(first.id)
    assert told[0] == (2, "CREATED", [])
    assert told[-2:] == [
        (47, "FAILED", [("number", "CONFLICT")]),
        (48, "FAILED", [("unit_price", "INVALID")]),
    ]
    lines = await place.world.all(ImportLine)
    assert {str(line.cells) for line in lines} == {"{}"}, "what was said is not kept"
    rows = await place.world.all(Part)
    assert {line.entity_id for line in lines if line.outcome == "CREATED"} == {row.id for row in rows}
    assert Counter(await place.facts()) == {("PartCreated", "IMPORT", "test"): 45}

    again = await place.bring(ImportKind.PARTS, content, most=7)
    assert counts(again) == (0, 0, 45, 2)
    assert {row.version for row in await place.world.all(Part)} == {1}
    assert len(await place.facts()) == 45
    assert [(job.state, job.attempts) for job in await place.world.all(Job)] == [("DONE", 1)] * 2


async def test_a_rehearsal_says_what_would_happen_and_writes_nothing(place: Office) -> None:
    await place.world.keep(Part(number="P1", name="Part 1", barcode="B1", unit_price=Decimal("1.5")))
    content = PARTS + "P0,New,,1\nP1,Part 1,B1,1.5\nP1,Twice,,1\nP2,Taken,B1,1\n"
    rehearsed = await place.bring(ImportKind.PARTS, content, dry_run=True)

    assert (rehearsed.state, counts(rehearsed)) == ("DONE", (1, 0, 1, 2))
    assert await place.report(rehearsed.id) == [
        (2, "CREATED", []),
        (3, "UNCHANGED", []),
        (4, "FAILED", [("number", "CONFLICT")]),
        (5, "FAILED", [("barcode", "CONFLICT")]),
    ]
    assert [row.number for row in await place.world.all(Part)] == ["P1"]
    assert await place.facts() == []
    real = await place.bring(ImportKind.PARTS, content)
    assert counts(real) == counts(rehearsed)


async def test_every_kind_comes_in(place: Office) -> None:
    await place.world.keep(Territory(name="North"))
    customers = "system;key;number;name;tier;owner\r\nerp;1;K1;Harbour;key;\r\nerp;2;;Market;;sales:1\r\n"
    sites = (
        "\ufeffsystem;key;customer_number;customer_system;customer_key;name;address;longitude;latitude;"
        "time_zone;geofence_radius_metres;territory\r\n"
        'erp;s1;K1;;;Hall;"Street 1;\nHelsinki";24,94;60,17;Europe/Helsinki;80,5;North\r\n'
        ";;;erp;2;Yard;Street 2;24,95;60,18;Europe/Helsinki;;\r\n"
    )
    assets = (
        "serial,name,site_system,site_key,customer_number,site_name,installed_on\n"
        "S1,Boiler,erp,s1,,,2024-05-01\nS2,Pump,,,K1,Hall,\n,No key,erp,s1,,,\n"
    )
    technicians = (
        "code,name,kind,home_longitude,home_latitude,hourly_cost,territory\n"
        "T9,Ada,subcontractor,24.9,60.2,45.50,North\nT8,Bo,driver,24.9,60.2,40,\n"
    )
    done = [
        await place.bring(ImportKind.CUSTOMERS, customers),
        await place.bring(ImportKind.SITES, sites),
        await place.bring(ImportKind.ASSETS, assets),
        await place.bring(ImportKind.TECHNICIANS, technicians),
    ]
    assert [counts(one) for one in done] == [(2, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, 1), (1, 0, 0, 1)]
    assert (await place.report(done[2].id))[-1] == (4, "FAILED", [("serial", "INVALID")])
    assert (await place.report(done[3].id))[-1] == (3, "FAILED", [("kind", "INVALID")])
    world = place.world
    made = {row.number: row for row in await world.all(Customer)}
    assert (made["K1"].tier, made["C-000001"].owner) == ("KEY", "sales:1")
    hall = (await world.all(Site, name="Hall"))[0]
    assert (hall.address, hall.longitude, hall.geofence_radius_metres) == ("Street 1;\nHelsinki", 24.94, 80.5)
    assert hall.customer_id == made["K1"].id
    assert {row.serial: row.site_id for row in await world.all(Asset)} == {"S1": hall.id, "S2": hall.id}
    assert [(row.kind, str(row.hourly_cost)) for row in await world.all(Technician)] == [
        ("SUBCONTRACTOR", "45.5000")
    ]
    again = [
        await place.bring(ImportKind.CUSTOMERS, customers),
        await place.bring(ImportKind.SITES, sites),
        await place.bring(ImportKind.ASSETS, assets),
        await place.bring(ImportKind.TECHNICIANS, technicians),
    ]
    assert [counts(one) for one in again] == [(0, 0, 2, 0), (0, 0, 2, 0), (0, 0, 2, 1), (0, 0, 1, 1)]


UTF_16 = "The file is not UTF-8, but UTF-16. Save it as CSV in UTF-8, and hand it in again."
WRONG_FILES = {
    b"": "Line 1 is empty; the names of the columns belong there.",
    b"number,colour\n": "There is no column \u201ccolour\u201d; there are system, key, number, name, barcode,"
    " unit_price, unit_cost, currency.",
    b"number,name,number\n": "The column number is there twice.",
    b"key,number\n": "The column system goes with the others of its kind, and is not there.",
    b'number,name\nP1,"open\nP2,more\n': "Line 3: unexpected end of data.",
    b'number,name\nP1,"a"b\n': "Line 2: ',' expected after '\"'.",
    b"number,name\nP1," + b"x" * 1_000_001: "Line 2 is longer than 1000000 bytes.",
    "number,name\nP1,K\xe4se\n".encode("utf-16"): UTF_16,
    "number,name\nP1,K\xe4se\n".encode("utf-16-be"): UTF_16,
    "number;gr\xf6\xdfe\n".encode(
        "latin-1"
    ): "The file is not UTF-8: the names of its columns cannot be read."
    " Save it as CSV in UTF-8, and hand it in again.",
}


@pytest.mark.parametrize("content", WRONG_FILES, ids=range(len(WRONG_FILES)))
async def test_a_file_that_is_none_is_refused_whole(content: bytes, place: Office) -> None:
    with capture_logs() as told:
        row = await place.bring(ImportKind.PARTS, content or b"\n")
    assert [(line["event"], line["log_level"]) for line in told] == [("an import was refused", "info")]
    assert (row.state, row.failure) == ("FAILED", WRONG_FILES[content])
    assert row.finished_at is not None
    assert await place.world.all(Part) == []
    assert [(job.state, job.leased_until) for job in await place.world.all(Job)] == [("FAILED", None)]


async def test_bad_lines_are_named(place: Office) -> None:
    content = (
        b"number,name,unit_price\nP1,K\xe4s,1\nP2,Good,1\n\nP3,N\0L,1\nP4,short\nP5,Good,one\nP6, ,1\n"
        b"P7,ok,1e13\nP8,ok,NaN\n"
    )
    row = await place.bring(ImportKind.PARTS, content)
    assert await place.report(row.id) == [
        (2, "FAILED", [(None, "INVALID")]),
        (3, "CREATED", []),
        (5, "FAILED", [(None, "INVALID")]),
        (6, "FAILED", [(None, "INVALID")]),
        (7, "FAILED", [("unit_price", "INVALID")]),
        (8, "FAILED", [("name", "INVALID")]),
        (9, "FAILED", [("unit_price", "INVALID")]),
        (10, "FAILED", [("unit_price", "INVALID")]),
    ]
    lines = await place.world.all(ImportLine, number=2)
    assert lines[0].user_errors[0]["message"] == "It is not UTF-8: it has the byte 0xe4."


async def test_the_import_of_killed_workers_is_finished_once_by_another(place: Office) -> None:
    """Killed while lines are staged, and while rows are kept; the last one ends it."""
    count = 600
    key = await place.ask(ImportKind.PARTS, parts(count))
    arguments = (place.database.owner_url, place.database.app_url, str(MORNING.timestamp()))
    for past in (("rows_staged", 40), ("rows_done", 20), ("rows_done", 200)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, *arguments, str(place.store.folder), cwd=CHECKOUT
        )
        try:
            row = await reached(place, key, *past)
        finally:
            process.kill()
            await process.wait()
    assert row.state in {ImportState.STAGING, ImportState.WRITING}, "the last one had it no more to do"
    stop = asyncio.Event()
    others = [asyncio.create_task(place.importer(lease_seconds=1).run(stop)) for _ in range(2)]
    try:
        row = await reached(place, key, "rows_done", count)
        async with asyncio.timeout(60):
            while (await place.world.all(Job))[0].state != JobState.DONE:  # noqa: ASYNC110  # of another process
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await asyncio.gather(*others)

    row = await place.world.read(Import, key)
    assert (row.state, row.rows_in_file, counts(row)) == ("DONE", count, (count, 0, 0, 0))
    told = await place.report(key)
    assert told == [(n + 2, "CREATED", []) for n in range(count)]
    made = await place.world.all(Part)
    assert sorted(part.number for part in made) == sorted(f"P{n}" for n in range(count))
    assert Counter(await place.facts()) == {("PartCreated", "IMPORT", "test"): count}


async def reached(place: Office, key: UUID, counter: str, count: int) -> Import:
    async with asyncio.timeout(60):
        while getattr(row := await place.world.read(Import, key), counter) < count:  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.01)
    return row


async def test_a_worker_that_lost_its_lease_writes_no_more(place: Office) -> None:
    key = await place.ask(ImportKind.PARTS, parts(5))
    slow, quick = place.importer(lease_seconds=0), place.importer()
    lost = await slow.queue.take(MORNING)
    assert lost is not None
    assert await quick.turn(asyncio.Event())
    row = await place.world.read(Import, key)
    with pytest.raises(Lost):
        async with slow._held(lost):
            pass
    assert (await place.world.read(Import, key)).version == row.version
    assert len(await place.world.all(Part)) == 5


async def test_told_to_stop_it_gives_the_import_back(place: Office) -> None:
    key = await place.ask(ImportKind.PARTS, parts(5))
    stop = asyncio.Event()
    stop.set()
    assert await place.importer().turn(stop)
    (job,) = await place.world.all(Job)
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert (await place.world.read(Import, key)).state == ImportState.STAGING
    assert await place.importer().turn(asyncio.Event())
    assert counts(await place.world.read(Import, key)) == (5, 0, 0, 0)


async def test_plans_and_imports_wait_for_their_own_kind_only(place: Office) -> None:
    await place.world.keep(Job(kind="plan", subject_id=place.world.customer_id, requested_by="test"))
    await place.ask(ImportKind.PARTS, parts(1))
    importer = place.importer()
    plan = await type(importer.queue)(place.system_pool, "plan").take(MORNING)
    assert plan is not None
    assert await importer.turn(asyncio.Event())
    assert len(await place.world.all(Part)) == 1


async def test_an_import_that_breaks_its_workers_is_given_up(place: Office) -> None:
    key = await place.ask(ImportKind.PARTS, parts(3))
    upload = (await place.world.read(Import, key)).upload_id
    place.store.remove(place.world.organization_id, upload)
    assert await place.importer().turn(asyncio.Event())
    row = await place.world.read(Import, key)
    assert (row.state, row.failure) == ("FAILED", "The file is not here any more; hand it in again.")

    other = await place.ask(ImportKind.PARTS, parts(3))
    async with place.world.unit() as work:
        (await work.get(Import, other)).tries = 3
    assert await place.importer().turn(asyncio.Event())
    row = await place.world.read(Import, other)
    assert (row.state, row.failure) == ("FAILED", "It came no further in 3 tries.")


async def test_keys_of_other_systems_are_kept_with_what_came_in(place: Office) -> None:
    content = "system,key,number,name\nerp,1,C1,Aalto\n"
    assert counts(await place.bring(ImportKind.CUSTOMERS, content)) == (0, 1, 0, 0)
    assert [(one.key, one.entity_id) for one in await place.world.all(ExternalId)] == [
        ("1", place.world.customer_id)
    ]
    assert [fact[0] for fact in await place.facts()] == ["ExternalIdAdded"]


async def test_the_command_line_brings_a_file_in_by_itself(place: Office, tmp_path: Path) -> None:
    urls = {"database_url": place.database.owner_url, "app_database_url": place.database.app_url}
    settings = Settings().model_copy(update={**urls, "data_folder": tmp_path})
    file, said = tmp_path / "parts.csv", list[str]()
    file.write_text(parts(3) + "P9,No price,,\n")
    for dry_run in (True, False):
        wanted = Wanted(ImportKind.PARTS, file, place.world.organization_id, dry_run=dry_run)
        assert await bring(settings, wanted, tell=said.append) is False
        assert len(await place.world.all(Part)) == (0 if dry_run else 3)
    counted = "DONE: 4 lines, 3 created, 0 updated, 0 unchanged, 1 failed"
    refused = "line 5, unit_price: A new one needs it."
    assert said == [refused, f"{counted}; nothing was written", refused, counted]
    assert Counter(await place.facts()) == {("PartCreated", "IMPORT", "fieldgraph:cli"): 3}
