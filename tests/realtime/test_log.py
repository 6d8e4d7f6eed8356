"""The log's reader: nothing lost, nothing twice, no transaction split, no forged cursor."""

import asyncio
import re
from itertools import count

import asyncpg
import pytest

from domain.errors import BadInput, ResyncRequired
from realtime.log import EARLIEST, Cursors, Entry, Log, Place
from realtime.retention import drop_expired
from tests.conftest import Database, connected
from tests.realtime.facts import AT, fact, facts, organization, system_pool, write_slowly

BEGINNING = Place(0, -1)


def names_of(entries: list[Entry]) -> list[str]:
    return [entry.type for entry in entries]


def test_a_cursor_comes_back_as_its_place() -> None:
    cursors = Cursors(b"key", "epoch")
    for place in (Place(0, -1), Place(731, 4), Place(2**64 - 1, 2**31 - 1)):
        assert cursors.decode(cursors.encode(place)) == place
    assert re.fullmatch("[A-Za-z0-9_-]{44}", cursors.encode(Place(731, 4)))


@pytest.mark.parametrize("text", ["", "abc", "ä", "731:4", "=" * 44, "A" * 44, "A" * 4000, "%%%"])
def test_what_was_never_a_cursor_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        Cursors(b"key", "epoch").decode(text)


def test_no_character_of_a_cursor_can_be_changed() -> None:
    cursors = Cursors(b"key", "epoch")
    good = cursors.encode(Place(731, 4))
    for index, character in enumerate(good):
        other = good[:index] + ("B" if character == "A" else "A") + good[index + 1 :]
        with pytest.raises(BadInput):
            cursors.decode(other)
    for other in (good + "\n", " " + good, good[:-1], good + good):
        with pytest.raises(BadInput):
            cursors.decode(other)


def test_a_cursor_of_another_key_is_forged_and_one_of_another_epoch_needs_a_resync() -> None:
    given = Cursors(b"key", "epoch").encode(Place(731, 4))
    with pytest.raises(BadInput):
        Cursors(b"other", "epoch").decode(given)
    restored = Cursors(b"key", "epoch")
    restored.renew("later")
    with pytest.raises(ResyncRequired):
        restored.decode(given)


async def test_an_entry_has_every_field_of_its_row(database: Database) -> None:
    # given
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        heatworks = await organization(owner)
        await fact(owner, heatworks, "VisitArrived", n=3)
        row = await owner.fetchrow("SELECT xid::text AS xid, subject_id FROM event")
        # when
        [entry] = await Log(pool).after(BEGINNING)
    # then
    assert row is not None
    scope: dict[str, object] = {"technicians": [], "start": None}
    assert entry == Entry(
        place=Place(int(row["xid"]), 3),
        organization_id=heatworks,
        topic="visits",
        type="VisitArrived",
        subject_id=row["subject_id"],
        subject_version=1,
        payload={"before": {}},
        scope_before=scope,
        scope_after=scope,
        origin="API",
        actor="tester",
        reason=None,
        occurred_at=AT,
        recorded_at=entry.recorded_at,
    )
    assert entry.occurred_at.utcoffset() == AT.utcoffset()


async def test_a_page_never_ends_inside_a_transaction(database: Database) -> None:
    # given
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        heatworks, coolworks = await organization(owner), await organization(owner, "Coolworks")
        await facts(owner, heatworks, ["a"])
        await facts(owner, coolworks, ["b0", "b1", "b2", "b3"])
        await facts(owner, heatworks, ["c"])
        log = Log(pool)
        # when
        first = await log.after(BEGINNING, limit=2)
        second = await log.after(first[-1].place, limit=2)
        theirs = await log.after(BEGINNING, limit=2, organization_id=coolworks)
        inside = await log.after(first[2].place, limit=1)
    # then
    assert names_of(first) == ["a", "b0", "b1", "b2", "b3"]
    assert names_of(second) == ["c"]
    assert names_of(theirs) == ["b0", "b1", "b2", "b3"]
    assert names_of(inside) == ["b2", "b3"]


async def test_an_open_transaction_holds_back_what_commits_after_it(database: Database) -> None:
    # given
    async with (
        connected(database.owner_url) as early,
        connected(database.owner_url) as late,
        system_pool(database.owner_url) as pool,
    ):
        log = Log(pool)
        heatworks = await organization(late)
        await fact(late, heatworks, "before")
        opened = early.transaction()
        await opened.start()
        await fact(early, heatworks, "early")
        await fact(late, heatworks, "late")
        # when
        head = await log.head()
        while_open = await log.after(BEGINNING)
        await opened.commit()
        from_head = await log.after(head)
    # then
    assert names_of(while_open) == ["before"]
    assert names_of(from_head) == ["early", "late"]
    assert head == while_open[0].place


async def test_the_head_is_never_an_id_that_came_to_nothing(database: Database) -> None:
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        log = Log(pool)
        assert await log.head() == EARLIEST
        heatworks = await organization(owner)
        await facts(owner, heatworks, ["one", "two"])
        opened = owner.transaction()
        await opened.start()
        await fact(owner, heatworks, "nothing")
        await opened.rollback()
        [_, two] = await log.after(EARLIEST)
        assert await log.head() == two.place


async def test_a_resuming_reader_loses_none_of_many_concurrent_events(database: Database) -> None:
    # given eight writers whose transactions overlap
    cursors, names, read = Cursors(b"key", "epoch"), map(str, count()), list[str]()
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        heatworks = await organization(owner)
        writing = asyncio.gather(
            *(write_slowly(database.owner_url, heatworks, names, count=30) for _ in range(8))
        )
        cursor = cursors.encode(await Log(pool).head())
        # when a reader comes back with nothing but its cursor, again and again
        for last in (False, True):
            while last or not writing.done():
                entries = await Log(pool).after(cursors.decode(cursor), limit=7)
                read += names_of(entries)
                if entries:
                    cursor = cursors.encode(entries[-1].place)
                elif last:
                    break
                await asyncio.sleep(0.002)
        await writing
    # then
    assert len(read) == 1200
    assert sorted(read, key=int) == [str(number) for number in range(1200)]


async def test_who_reads_past_an_open_transaction_loses_what_it_wrote(database: Database) -> None:
    """The counter-proof: without the bound of the snapshot the same reader loses events."""
    async with (
        connected(database.owner_url) as early,
        connected(database.owner_url) as late,
        system_pool(database.owner_url) as pool,
    ):
        log, heatworks = Log(pool), await organization(late)
        # given a transaction with the lower id that commits last
        opened = early.transaction()
        await opened.start()
        await fact(early, heatworks, "early")
        await fact(late, heatworks, "late")
        # when both read, it commits, and both read on from where they came to
        hasty, place = await _read_hastily(late, BEGINNING)
        careful = await log.after(BEGINNING)
        assert (hasty, names_of(careful)) == (["late"], [])
        await opened.commit()
        hasty += (await _read_hastily(late, place))[0]
        careful += await log.after(BEGINNING)
    # then
    assert hasty == ["late"]
    assert names_of(careful) == ["early", "late"]


async def _read_hastily(owner: asyncpg.Connection, place: Place) -> tuple[list[str], Place]:
    """What can be seen behind a place, and the place of the last of it."""
    rows = await owner.fetch(
        "SELECT xid::text AS xid, n, type FROM event WHERE (xid, n) > ($1::text::xid8, $2)"
        " ORDER BY event.xid, event.n",
        str(place.xid),
        place.n,
    )
    reached = Place(int(rows[-1]["xid"]), rows[-1]["n"]) if rows else place
    return [row["type"] for row in rows], reached


async def test_the_epoch_is_the_databases_own_and_stays(database: Database) -> None:
    async with system_pool(database.owner_url) as pool:
        epoch = await Log(pool).epoch()
        assert await Log(pool).epoch() == epoch
    async with system_pool(database.owner_url.replace(database.name, "postgres")) as other:
        elsewhere = await Log(other).epoch()
    assert epoch.split(".")[:2] == elsewhere.split(".")[:2]
    assert epoch.split(".")[2] != elsewhere.split(".")[2]


async def test_the_epoch_is_the_databases_number_where_the_cluster_hides_its_own(database: Database) -> None:
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        await owner.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        number = await owner.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
        assert await Log(pool).epoch() == f"database.{number}"


async def test_an_empty_log_reaches_everywhere(database: Database) -> None:
    async with system_pool(database.owner_url) as pool:
        log = Log(pool)
        assert (await log.oldest(), await log.reaches(BEGINNING)) == (None, True)
        assert await drop_expired(pool, "event") == []


async def test_pruning_leaves_the_newest_expired_event_as_a_mark(database: Database) -> None:
    # given
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        log, heatworks = Log(pool), await organization(owner)
        for days in (40, 35, 31, 29, 0):
            await fact(owner, heatworks, f"{days} days", age_days=days)
        before = await log.after(BEGINNING)
        # when
        gone = [len(await drop_expired(pool, "event")) for _ in range(2)]
        after = await log.after(BEGINNING)
        reached = [await log.reaches(entry.place) for entry in before]
        oldest = await log.oldest()
    # then
    assert gone == [2, 0]
    assert names_of(after) == ["31 days", "29 days", "0 days"]
    assert reached == [False, False, True, True, True]
    assert oldest == before[2].place


async def test_pruning_a_log_that_is_past_retention_altogether_keeps_its_last_event(
    database: Database,
) -> None:
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        log, heatworks = Log(pool), await organization(owner)
        await facts(owner, heatworks, ["young"])
        await owner.execute("UPDATE event SET recorded_at = recorded_at - interval '50 days'")
        await fact(owner, heatworks, "last", age_days=45)
        assert len(await drop_expired(pool, "event")) == 1
        assert names_of(await log.after(BEGINNING)) == ["last"]


async def test_a_young_log_reaches_back_before_its_first_event(database: Database) -> None:
    async with connected(database.owner_url) as owner, system_pool(database.owner_url) as pool:
        log = Log(pool)
        head = await log.head()
        await fact(owner, await organization(owner), "first")
        oldest = await log.oldest()
        assert oldest is not None
        assert oldest > head
        assert await log.reaches(head) is True
