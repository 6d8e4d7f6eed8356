"""The demo's seed: rows that hold every rule of the business, the same for the same seed and start."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pyrosm
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from domain import ids, tracking
from domain.contracts import Contract, Entitlement
from domain.credentials import find_user, find_viewer
from domain.customers import Contact, Customer, ExternalId
from domain.rows import Row
from domain.sites import Site
from domain.stock import (
    Part,
    StockLocation,
)
from domain.technicians import Certification, Shift, ShiftPattern, Technician, TechnicianSkill
from domain.territories import Territory
from domain.tracking import Arrival
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Assignment, Visit
from domain.work_orders import WorkOrder, WorkType
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.demo import city
from fieldgraph.demo.access import Door, device_tokens, write_access
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.city import City
from fieldgraph.demo.hours import Hours
from fieldgraph.demo.seed import seed
from fieldgraph.demo.tales import Tale, tell
from integrations import osm
from integrations.identity import Identity, People, digest, new_secret
from integrations.roads import metres_between
from tests.conftest import Database, connected

START = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)  # 10:10 in Helsinki
HELSINKI = ZoneInfo("Europe/Helsinki")
Kind = TypeVar("Kind", bound=Row)


@cache
def helsinki() -> City:
    return city.build(osm.read(Path(pyrosm.get_data("helsinki_pbf"))), seed=1)


@pytest.fixture(scope="module")
def tales() -> tuple[Tale, Tale]:
    return tell(helsinki(), seed=1, start=START)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    opened = create_async_engine(sqlalchemy_url(database.app_url))
    yield opened
    await opened.dispose()


def rows(tale: Tale, kind: type[Kind]) -> list[Kind]:
    return [row for _, told in tale.chapters for row in told if isinstance(row, kind)]


def plain(tale: Tale) -> list[tuple[datetime, str, object]]:
    return [(at, type(row).__name__, row.model_dump()) for at, told in tale.chapters for row in told]


@pytest.mark.parametrize(
    ("start", "opens", "closes", "day"),
    [
        ("2026-11-23 10:10", "2026-11-23 09:00", "2026-11-23 18:00", date(2026, 11, 23)),
        ("2026-11-23 10:30", "2026-11-23 09:30", "2026-11-23 18:30", date(2026, 11, 23)),
        ("2026-11-23 19:29", "2026-11-23 18:00", "2026-11-23 23:45", date(2026, 11, 23)),
        ("2026-11-23 19:31", "2026-11-23 18:30", "2026-11-24 03:30", date(2026, 11, 23)),
        ("2026-11-24 00:10", "2026-11-23 23:00", "2026-11-24 08:00", date(2026, 11, 24)),
        ("2026-10-25 02:10", "2026-10-25 01:00", "2026-10-25 09:00", date(2026, 10, 25)),  # 25 hours long
    ],
)
def test_a_working_day_has_just_begun_whenever_the_demo_starts(
    start: str, opens: str, closes: str, day: date
) -> None:
    def utc(local: str) -> datetime:
        return datetime.fromisoformat(local).replace(tzinfo=HELSINKI).astimezone(UTC)

    hours = Hours.around(utc(start), HELSINKI)

    assert (hours.opens, hours.closes, hours.day) == (utc(opens), utc(closes), day)
    assert hours.closes - hours.start >= timedelta(hours=4, minutes=14)


def test_two_tellings_are_equal_row_by_row_and_another_seed_is_not(tales: tuple[Tale, Tale]) -> None:
    again = tell(helsinki(), seed=1, start=START)
    other = tell(helsinki(), seed=2, start=START)

    for tale, same, different in zip(tales, again, other, strict=True):
        assert plain(tale) == plain(same)
        assert tale.organization.model_dump() == same.organization.model_dump()
        assert tale.seeded == same.seeded
        assert tale.organization.id != different.organization.id


def test_ids_are_version_7_and_never_met_twice(tales: tuple[Tale, Tale]) -> None:
    keys = [row.id for tale in tales for _, told in tale.chapters for row in told]

    assert len(set(keys)) == len(keys)
    assert {key.version for key in keys} == {7}
    assert {key.int >> 80 for key in keys} == {int(START.timestamp() * 1000)}


def test_the_first_organization_is_a_whole_company(tales: tuple[Tale, Tale]) -> None:
    tale, _ = tales

    counts = {
        kind: len(rows(tale, kind))
        for kind in (
            *(Customer, Site, Territory, WorkType, Technician, Shift, ShiftPattern, Certification),
            *(Part, StockLocation, ExternalId),
        )
    }
    assert counts == {
        Customer: 110,
        Site: 130,
        Territory: 4,
        WorkType: 10 + 1,
        Technician: 29,
        Shift: 29,
        ShiftPattern: 29,
        Certification: 9 + 2,
        Part: 40 + 1 + 3,
        StockLocation: 3 + 29 + 1,
        ExternalId: 110 + 3,
    }
    assert {contact.language for contact in rows(tale, Contact)} == {"fi", "sv", "en"}
    assert {customer.tier for customer in rows(tale, Customer)} == {"KEY", "PREFERRED", "STANDARD"}
    active = [contract for contract in rows(tale, Contract) if contract.state == "ACTIVE"]
    assert len(active) >= 70
    assert len({one.arrive_minutes for one in rows(tale, Entitlement)}) == 4
    assert [str(one.kind) for one in rows(tale, Technician)].count("SUBCONTRACTOR") == 2
    ended = [
        one for one in rows(tale, TechnicianSkill) if one.certified_until == tale.seeded.day - timedelta(1)
    ]
    assert len(ended) == 1


def test_today_has_150_visits_for_the_optimizer_and_five_that_stand(tales: tuple[Tale, Tale]) -> None:
    tale, _ = tales
    visits = rows(tale, Visit)

    states = [str(visit.state) for visit in visits]
    assert states.count("UNSCHEDULED") == 150 + 4  # of two drafts, one to approve and one on hold
    assert states.count("DISPATCHED") == 1
    assert states.count("SCHEDULED") == 4
    assert states.count("COMPLETED") == 200 + 1
    assert states.count("CANCELLED") == 1 + 2
    assert states.count("INCOMPLETE") == 2
    assert states.count("NO_ACCESS") == 1
    assert len(visits) == 366
    plannable = {order.id for order in rows(tale, WorkOrder) if order.state == "READY"}
    assert sum(visit.work_order_id in plannable for visit in visits) == 150
    hours = Hours.around(START, HELSINKI)
    for visit in visits:
        if visit.state == "UNSCHEDULED" and visit.window_start and visit.window_end:
            assert hours.opens <= visit.window_start < visit.window_end
            assert visit.window_end + timedelta(seconds=visit.duration_seconds) <= hours.closes
            assert visit.window_end >= START + timedelta(hours=2)
    numbers = [order.number for order in rows(tale, WorkOrder)]
    assert sorted(numbers) == [f"WO-{number:06d}" for number in range(1, 364)]
    due = [order.due_at for order in rows(tale, WorkOrder) if order.state == "READY"]
    assert sum(at is not None for at in due) >= 100
    assert all(at > START for at in due if at)


def test_the_visitors_visit_lies_alone_and_starts_soon(tales: tuple[Tale, Tale]) -> None:
    tale, _ = tales
    places = {site.id: (site.longitude, site.latitude) for site in rows(tale, Site)}
    today = [visit for visit in rows(tale, Visit) if visit.state not in {"COMPLETED", "CANCELLED"}]
    own = next(visit for visit in today if visit.state == "DISPATCHED")
    others = [visit for visit in today if visit is not own]

    assert min(metres_between(places[own.site_id], places[other.site_id]) for other in others) >= 400
    assert own.id == tale.seeded.tracked[0]
    assert own.planned_start == START + timedelta(minutes=20)
    assert own.window_end == Hours.around(START, HELSINKI).closes
    assert tale.seeded.viewers[Role.CUSTOMER].customer_id == own.customer_id
    technician = tale.seeded.viewers[Role.TECHNICIAN].technician_id
    assert technician not in tale.seeded.simulated
    assert len(tale.seeded.simulated) == 27
    assigned = [one.visit_id for one in rows(tale, Assignment) if one.technician_id == technician]
    assert set(tale.seeded.tracked) <= set(assigned)


def test_history_is_consistent(tales: tuple[Tale, Tale]) -> None:
    tale, _ = tales
    assignments = {one.visit_id: one for one in rows(tale, Assignment)}
    arrivals = {one.visit_id: one for one in rows(tale, Arrival)}
    orders = {one.id: one for one in rows(tale, WorkOrder)}
    for visit in rows(tale, Visit):
        if visit.state != "COMPLETED":
            continue
        assert visit.en_route_at and visit.arrived_at and visit.started_at and visit.ended_at  # noqa: PT018  # one fact
        assert visit.en_route_at < visit.arrived_at < visit.started_at < visit.ended_at < START
        assert not assignments[visit.id].occupies
        assert arrivals[visit.id].occurred_at == visit.arrived_at
        assert arrivals[visit.id].technician_id == assignments[visit.id].technician_id
        assert orders[visit.work_order_id].state in {"COMPLETED", "CLOSED"}


def test_the_second_organization_is_small_and_elsewhere(tales: tuple[Tale, Tale]) -> None:
    first, second = tales

    assert len(rows(second, Customer)) == 5
    assert len(rows(second, Technician)) == 3
    states = [str(visit.state) for visit in rows(second, Visit)]
    assert sorted(states) == ["DISPATCHED", *["SCHEDULED"] * 4, *["UNSCHEDULED"] * 3]
    taken = {(site.longitude, site.latitude) for site in rows(first, Site)}
    assert taken.isdisjoint({(site.longitude, site.latitude) for site in rows(second, Site)})


async def test_the_database_takes_it_all_and_a_second_seed_changes_nothing(
    database: Database, engine: AsyncEngine, tales: tuple[Tale, Tale]
) -> None:
    first, second = await seed(engine, helsinki(), seed=1, start=START)
    assert (first, second) == (tales[0].seeded, tales[1].seeded)

    async with connected(database.owner_url) as owner:
        counted = await _counts(owner)
        told = [row for tale in tales for _, told in tale.chapters for row in told]
        for kind in {type(row) for row in told}:
            expected = sum(type(row) is kind for row in told)
            assert counted[str(kind.__tablename__)] == expected
        assert counted["organization"] == 2
        assert counted["event"] == 159 + 8
        assert await owner.fetchval("SELECT array_agg(DISTINCT origin) FROM event") == ["SEED"]
        assert await owner.fetchval("SELECT max(updated_at) FROM visit") < START

        await seed(engine, helsinki(), seed=1, start=START)
        assert await _counts(owner) == counted


async def test_an_interrupted_seed_is_finished_by_the_next(
    database: Database, engine: AsyncEngine, tales: tuple[Tale, Tale]
) -> None:
    async with connected(database.owner_url) as owner:
        # given a seed that was cut off after its first transactions
        cut = asyncio.create_task(seed(engine, helsinki(), seed=1, start=START))
        while not await owner.fetchval("SELECT count(*) FROM customer"):  # noqa: ASYNC110  # a row is awaited
            await asyncio.sleep(0.005)
        cut.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cut
        assert await owner.fetchval("SELECT count(*) FROM visit") < 366

        # when it is repeated
        await seed(engine, helsinki(), seed=1, start=START)

        # then every row is there once
        assert await owner.fetchval("SELECT count(*) FROM customer") == 115
        assert await owner.fetchval("SELECT count(*) FROM visit") == sum(
            len(rows(tale, Visit)) for tale in tales
        )
        assert await owner.fetchval("SELECT count(*) FROM event") == 159 + 8


def issuing(pool: asyncpg.Pool) -> Identity:
    """Who issues tokens, and knows users and secrets by this pool."""

    async def find(hashed: bytes) -> Viewer | None:
        return await find_viewer(pool, hashed)

    async def user(key: tuple[UUID, UUID]) -> Viewer | None:
        return await find_user(pool, *key)

    async def nobody(_issuer: str, _subject: str, _organization_id: UUID | None) -> None:
        return None

    people = People(user, nobody)
    return Identity(key=b"k" * 32, issuer="here", audience="us", find_credential=find, people=people)


async def test_the_access_file_opens_every_door(
    database: Database, engine: AsyncEngine, tmp_path: Path
) -> None:
    # given a seeded database and who issues tokens
    seeded = await seed(engine, helsinki(), seed=1, start=START)
    pool = await asyncpg.create_pool(database.app_url, min_size=1, max_size=1)

    identity = issuing(pool)

    async def link(company: Seeded, visit_id: UUID) -> str | None:
        secret, hashed = new_secret("trk_")
        now = datetime.now(UTC)
        async with UnitOfWork(engine, company.viewers[Role.ADMIN], START) as work:
            expires_at = now + timedelta(days=7)
            await tracking.create_link(work, visit_id, digest=hashed, expires_at=expires_at, real_now=now)
        return secret

    door = Door(identity=identity, base_url="http://127.0.0.1:8000", link=link)
    path = tmp_path / "deep" / "a.json"

    # when the file is written, twice
    await write_access(path, seeded, door=door)
    content = await write_access(path, seeded, door=door)

    # then it is as OPERATIONS.md says, readable by its owner only
    assert json.loads(path.read_text()) == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert content["ws_url"] == "ws://127.0.0.1:8000/graphql"
    assert content["day"] == "2026-11-23"
    for organization, one in zip(content["organizations"], seeded, strict=True):
        assert organization["id"] == ids.encode("org", one.id)
        assert set(organization["tokens"]) == {role.value for role in Role} - {"TRACKING"}
        for role, token in organization["tokens"].items():
            assert (await identity.viewer(token)).role == role
        tracked = organization["tracking"]
        viewer = await find_viewer(pool, digest(tracked["token"]))
        assert viewer is not None
        assert tracked["visit_id"] == ids.encode("vis", one.tracked[0])
        assert (viewer.role, viewer.visit_id) == (Role.TRACKING, one.tracked[0])
        assert tracked["url"] == f"http://127.0.0.1:8000/track/{tracked['token']}"
    assert set(device_tokens(seeded[0], identity)) == set(seeded[0].simulated)
    await pool.close()


async def _counts(owner: asyncpg.Connection) -> dict[str, int]:
    tables = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        " AND NOT relispartition"
    )
    return {row[0]: await owner.fetchval(f'SELECT count(*) FROM "{row[0]}"') for row in tables}
