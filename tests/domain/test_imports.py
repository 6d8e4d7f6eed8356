"""Imports: rows of a file are what single mutations make of them; in any order of steps each is kept once."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlmodel import col, select

from domain import imports, parts, uploads
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, Refused
from domain.imports import TRANSITIONS, Import, ImportLine, ImportState
from domain.sheets import ImportKind, Line
from domain.stock import Part
from domain.unit_of_work import UnitOfWork
from domain.uploads import UploadState
from integrations import sheets
from tests.conftest import Database
from tests.domain.machines import Bench
from tests.domain.playing import play
from tests.domain.world import MORNING, World

HEADER = "number,name,barcode,unit_price\n"
NUMBERS = [f"P{n}" for n in range(6)]
Kept = dict[str, tuple[str, str | None, Decimal, int]]


async def begun(world: World, *, dry_run: bool = False) -> UUID:
    """An import that is STAGING."""
    async with world.unit() as work:
        said = {"name": "rows.csv", "content_type": "text/csv", "bytes": 9}
        upload = await uploads.create(work, said, real_now=MORNING, most_bytes=10)
        await uploads.store(work, upload.id, "0" * 64, real_now=MORNING)
        row = await imports.request(work, upload, ImportKind.PARTS, dry_run=dry_run)
        return (await imports.begin(work, row.id)).id


async def kept(world: World) -> Kept:
    return {row.number: (row.name, row.barcode, row.unit_price, row.version) for row in await world.all(Part)}


async def written(world: World, content: str, *, most: int) -> UUID:
    """A whole file through all steps."""
    key = await begun(world)
    async with world.unit() as work:
        row = await work.get(Import, key)
        lines = sheets.lines(io.BytesIO(content.encode()), row.sheet)
        while chunk := list(islice(lines, most)):
            await imports.stage(work, row, chunk)
        await imports.staged(work, row)
    more = True
    while more:
        async with world.unit() as work:
            more = await imports.write(work, await work.get(Import, key), most=most)
    return key


async def by_hand(world: World, rows: list[tuple[str, str, str, str]]) -> list[str]:
    """The same by single mutations, each in a transaction of its own; a blank name says nothing."""
    outcomes = []
    for number, name, barcode, price in rows:
        before = len(await events(world))
        try:
            said: dict[str, Any] = {"barcode": barcode or None, "unit_price": Decimal(price)}
            said |= {"name": name} if name.strip() else {}
            async with world.unit() as work:
                found = (await work.session.exec(select(Part).where(col(Part.number) == number))).first()
                if found is None:
                    await parts.create(work, {"number": number, "name": " ", **said})
                else:
                    await parts.update(work, found.id, said)
            changed = len(await events(world)) > before
            outcomes.append("CREATED" if found is None else "UPDATED" if changed else "UNCHANGED")
        except Refused:
            outcomes.append("FAILED")
    return outcomes


async def events(world: World) -> list[str]:
    async with world.engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT set_config('app.organization_id', $1, true), set_config('app.role', 'ADMIN', true)",
            (str(world.organization_id),),
        )
        assert found.one()
        rows = await connection.exec_driver_sql(
            "SELECT type FROM event WHERE topic = 'part' ORDER BY event.xid, event.n"
        )
        return [row[0] for row in rows]


ROW = some.tuples(
    some.sampled_from(["Valve", "Nut", " "]),
    some.sampled_from(["", "B1", "B2", "B3"]),
    some.sampled_from(["1", "2.50", "-1"]),
)


class Ways(RuleBasedStateMachine):
    """Random files, one after the other, in one company by import and in another by hand."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize()
    def companies(self) -> None:
        async def make() -> tuple[World, World]:
            return await World.make(self.bench.engine), await World.make(self.bench.engine)

        self.one, self.other = self.bench.run(make())

    @rule(rows=some.dictionaries(some.sampled_from(NUMBERS), ROW, max_size=6), most=some.integers(1, 7))
    def file(self, rows: dict[str, tuple[str, str, str]], most: int) -> None:
        self.bench.run(self.both([(number, *row) for number, row in rows.items()], most))

    async def both(self, rows: list[tuple[str, str, str, str]], most: int) -> None:
        key = await written(self.one, HEADER + "".join(",".join(row) + "\n" for row in rows), most=most)
        wanted = await by_hand(self.other, rows)
        lines = await self.one.all(ImportLine, import_id=key)
        assert [line.outcome for line in sorted(lines, key=lambda line: line.number)] == wanted
        assert await kept(self.one) == await kept(self.other)
        assert await events(self.one) == await events(self.other)


class Cut(Exception):
    """What a worker that dies does to its transaction."""


class Course(RuleBasedStateMachine):
    """One import, its steps in any order, each of them cut off or not; a model counts along."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    @initialize(dry_run=some.booleans())
    def asked(self, dry_run: bool) -> None:
        async def make() -> tuple[World, UUID]:
            world = await World.make(self.bench.engine)
            return world, await begun(world, dry_run=dry_run)

        self.world, self.key = self.bench.run(make())
        self.dry_run, self.state, self.staged, self.done = dry_run, "STAGING", 0, 0

    def attempt(self, verb: Callable[[UnitOfWork, Import], Any], *, allowed: bool, cut: bool) -> bool:
        """Whether it went through; what is cut off has not happened."""

        async def perform() -> bool:
            with suppress(InvalidTransition, Cut):
                async with self.world.unit() as work:
                    await verb(work, await work.get(Import, self.key))
                    await work.flush()
                    if cut:
                        raise Cut
                return True
            return False

        went = self.bench.run(perform())
        assert went == (allowed and not cut)
        return went

    @rule(count=some.integers(1, 4), cut=some.booleans())
    def stage(self, count: int, cut: bool) -> None:
        wanted = range(self.staged, self.staged + count)
        lines = [
            Line(n + 2, {"number": f"N{n}", "name": "" if n % 5 == 4 else "Part", "unit_price": "1"})
            for n in wanted
        ]
        allowed = self.state == "STAGING"
        if self.attempt(lambda work, row: imports.stage(work, row, lines), allowed=allowed, cut=cut):
            self.staged += count
        self.look()

    @rule(cut=some.booleans())
    def all_staged(self, cut: bool) -> None:
        if self.attempt(imports.staged, allowed=(self.state, "WRITING") in TRANSITIONS, cut=cut):
            self.state = "WRITING"
        self.look()

    @rule(most=some.integers(1, 3), cut=some.booleans())
    def write(self, most: int, cut: bool) -> None:
        allowed = self.state == "WRITING"
        if self.attempt(lambda work, row: imports.write(work, row, most=most), allowed=allowed, cut=cut):
            if self.done == self.staged:
                self.state = "DONE"
            self.done = min(self.staged, self.done + most)
        self.look()

    @rule(cut=some.booleans(), really=some.integers(0, 9))
    def fail(self, cut: bool, really: int) -> None:
        if really == 0 and self.attempt(
            lambda work, row: imports.fail(work, row, "So."), allowed=True, cut=cut
        ):
            self.state = "FAILED" if self.state in {"STAGING", "WRITING"} else self.state
        self.look()

    def look(self) -> None:
        async def compare() -> None:
            row = await self.world.read(Import, self.key)
            bad = len([n for n in range(self.done) if n % 5 == 4])
            assert (row.state, row.rows_staged, row.rows_done) == (self.state, self.staged, self.done)
            assert (row.created, row.failed, row.updated, row.unchanged) == (self.done - bad, bad, 0, 0)
            made = Counter(part.number for part in await self.world.all(Part))
            wanted = [] if self.dry_run else [f"N{n}" for n in range(self.done) if n % 5 != 4]
            assert made == Counter(wanted)
            assert await events(self.world) == ["PartCreated"] * len(wanted)

        self.bench.run(compare())


@pytest.mark.parametrize(("kind", "examples", "steps"), [(Ways, 12, 5), (Course, 12, 20)])
def test_imports_in_any_order(
    kind: type[Ways | Course], examples: int, steps: int, database: Database
) -> None:
    play(database, kind, examples=examples, steps=steps)


async def test_an_upload_takes_its_bytes_once_and_in_time(world: World) -> None:
    said = {"name": "rows.csv", "content_type": "text/csv", "bytes": 9, "sha256": "a" * 64}

    async def refused(kind: type[Refused], verb: Callable[[UnitOfWork], Any]) -> None:
        with pytest.raises(kind):
            async with world.unit() as work:
                await verb(work)

    async with world.unit() as work:
        upload = await uploads.create(work, said, real_now=MORNING, most_bytes=10)
    key, real = upload.id, {"real_now": MORNING}
    await refused(Invalid, lambda work: uploads.store(work, key, "b" * 64, **real))
    await refused(InvalidTransition, lambda work: uploads.usable(work, key, "file", **real))
    async with world.unit() as work:
        assert (await uploads.store(work, key, "a" * 64, **real)).expires_at == MORNING + uploads.KEPT
        assert (await uploads.store(work, key, "a" * 64, **real)).version == 2
    await refused(Conflict, lambda work: uploads.store(work, key, "b" * 64, **real))
    await refused(NotFound, lambda work: uploads.usable(work, "b" * 64, "sha256", **real))
    late = MORNING + uploads.KEPT * 2
    async with world.unit() as work:
        assert (await uploads.usable(work, "a" * 64, **real)).id == key
        assert await uploads.expire(work, real_now=MORNING, in_use=frozenset()) == []
        assert await uploads.expire(work, real_now=late, in_use=frozenset({key})) == []
        assert await uploads.expire(work, real_now=late, in_use=frozenset()) == [key]
    await refused(Conflict, lambda work: uploads.store(work, key, "a" * 64, **real))
    assert (await world.read(uploads.Upload, key)).state == UploadState.GONE


async def test_two_workers_at_one_chunk_write_it_once(world: World) -> None:
    key = await begun(world)
    async with world.unit() as work:
        row = await work.get(Import, key)
        lines = [Line(n, {"number": f"N{n}", "name": "Part", "unit_price": "1"}) for n in range(2, 12)]
        await imports.stage(work, row, lines)
        await imports.staged(work, row)

    async def write() -> None:
        async with world.unit() as work:
            await imports.write(work, await work.get(Import, key), most=5)

    await asyncio.gather(write(), write(), write())
    row = await world.read(Import, key)
    assert (row.state, row.rows_done, row.created) == (ImportState.DONE, 10, 10)
    assert len(await world.all(Part)) == 10
