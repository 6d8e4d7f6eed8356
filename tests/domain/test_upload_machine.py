"""Uploads in any order of steps: what a model says of each, of its bytes on the disk and of its events."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain import imports, uploads
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound, Refused
from domain.events import Origin
from domain.imports import Import
from domain.sheets import ImportKind
from domain.unit_of_work import UnitOfWork
from domain.uploads import TRANSITIONS, Upload
from domain.viewers import Role, Viewer
from integrations.files import Grant, Store, WrongLength
from tests.conftest import Database
from tests.domain.machines import Bench, Verb
from tests.domain.playing import play
from tests.domain.world import MORNING, World

RIGHT, OTHER, SHORT, LONG = b"a,b\n", b"c,d\n", b"a\n", b"a,b\nc\n"
FILES = (RIGHT, RIGHT, RIGHT, RIGHT, OTHER, SHORT, LONG)
WAITS = (timedelta(minutes=10), timedelta(minutes=15), timedelta(hours=14), timedelta(hours=24))
STEPS = ("announce", "put", "put", "use", "use", "use_by_hash", "keep", "finish", "wait", "tidy")
OVER = frozenset({"GONE", "KEPT"})
HELD = frozenset({"STORED", "KEPT"})
"""Of these the bytes are on the disk."""
Refusal = type[Refused] | type[WrongLength] | None
EVENTS = (
    "SELECT array_agg(type ORDER BY xid, n) FROM event"
    " WHERE organization_id = $1 AND topic = 'upload' AND subject_id = $2"
)


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


@dataclass
class Told:
    """What the model knows of a file."""

    hashed: bool
    until: datetime
    state: str = "WAITING"
    content: bytes | None = None
    events: list[str] = field(default_factory=lambda: ["UploadAnnounced"])
    users: set[UUID] = field(default_factory=set)
    """The imports that are not over."""


class Desks(RuleBasedStateMachine):
    """A company hands files in, uses them and lets them lie; another one tries the same with its files."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name))

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize()
    def companies(self) -> None:
        async def make() -> tuple[World, World]:
            return await World.make(self.bench.engine), await World.make(self.bench.engine)

        self.here, self.there = self.bench.run(make())
        self.real = MORNING + timedelta(days=400)  # real time is not the graph's
        self.files: dict[UUID, Told] = {}
        self.asked = 0

    def attempt(self, verb: Verb, expected: Refusal, *, own: bool = True) -> None:
        """Done, or refused as expected; either way everything is as the model says."""

        async def perform() -> Refusal:
            try:
                async with (self.here if own else self.there).unit() as work:
                    await verb(work)
            except (Refused, WrongLength) as refusal:
                return type(refusal)
            return None

        assert self.bench.run(perform()) is expected
        self.bench.run(self.look())

    async def look(self) -> None:
        rows = await self.here.all(Upload)
        assert {row.id for row in rows} == set(self.files)
        for row in rows:
            told = self.files[row.id]
            kept = digest(told.content) if told.content else digest(RIGHT) if told.hashed else None
            assert (row.state, row.sha256, row.expires_at) == (told.state, kept, told.until)
            assert (row.stored_at is None) == (told.content is None)
            seen = await self.bench.owner.fetchval(EVENTS, self.here.organization_id, row.id)
            assert seen == told.events
        self.look_at_the_disk()
        assert len(await self.here.all(Import)) == self.asked
        assert await self.there.all(Upload) == []
        assert await self.there.all(Import) == []

    def look_at_the_disk(self) -> None:
        """Nothing but the bytes of what is STORED: no draft, nothing of another company."""
        found = {one.name: one.read_bytes() for one in self.store.folder.rglob("*") if one.is_file()}
        assert found == {str(key): told.content for key, told in self.files.items() if told.state in HELD}

    def known(self, number: int) -> tuple[UUID, Told] | None:
        """One of two, those that are not over first, so that each gets far."""
        latest = sorted(self.files.items(), key=lambda one: one[1].state in OVER)[:2]
        return latest[number % len(latest)] if latest else None

    def becomes(self, told: Told, state: str, event: str) -> None:
        self.bench.steps.add((told.state, state))
        told.state = state
        told.events.append(event)

    @rule(
        step=some.sampled_from(STEPS),
        number=some.integers(0, 1),
        content=some.sampled_from(FILES),
        wait=some.sampled_from(WAITS),
        stranger=some.integers(0, 4),
    )
    def somebody(self, step: str, number: int, content: bytes, wait: timedelta, stranger: int) -> None:
        """One rule for all: a run leaves some rules out, and a file needs several to get far."""
        own, found = stranger > 0, self.known(number)
        if step == "announce" or found is None:
            self.announce(hashed=number == 0)
        elif step == "put":
            self.put(*found, content, own=own)
        elif step == "use":
            self.use(*found, own=own)
        elif step == "use_by_hash":
            self.use_by_hash(content, own=own)
        elif step == "keep":
            self.keep(*found, own=own)
        elif step == "finish":
            self.finish(found[1])
        elif step == "tidy":
            self.tidy()
        else:
            self.real += wait

    def announce(self, *, hashed: bool) -> None:
        async def verb(work: UnitOfWork) -> None:
            said = {"name": "parts.csv", "content_type": "text/csv", "bytes": len(RIGHT)}
            said |= {"sha256": digest(RIGHT)} if hashed else {}
            row = await uploads.create(work, said, real_now=self.real, most_bytes=len(RIGHT))
            self.files[row.id] = Told(hashed, self.real + timedelta(minutes=15))

        if sum(told.state not in OVER for told in self.files.values()) < 2:
            self.attempt(verb, None)

    def put(self, key: UUID, told: Told, content: bytes, *, own: bool) -> None:
        """As the door takes bytes: into a draft, told to the domain, then into their place."""
        expected = self.refusal_of_bytes(told, content, own=own)
        if expected is None and told.state == "WAITING":
            told.content, told.until = content, self.real + timedelta(hours=24)
            self.becomes(told, "STORED", "UploadStored")
        company = self.here if own else self.there
        viewer = Viewer(organization_id=company.organization_id, role=Role.ADMIN, subject="test")

        async def pieces() -> AsyncIterator[bytes]:
            yield content[:1]
            yield content[1:]

        async def verb(work: UnitOfWork) -> None:
            async with self.store.taken(Grant(viewer, key, len(RIGHT)), pieces()) as draft:
                await uploads.store(work, key, draft.sha256, real_now=self.real)
                await draft.place()

        self.attempt(verb, expected, own=own)

    def refusal_of_bytes(self, told: Told, content: bytes, *, own: bool) -> Refusal:
        if len(content) != len(RIGHT):
            return WrongLength
        if not own:
            return NotFound
        if told.state == "STORED" and told.content == content:
            return None
        if told.state != "WAITING" or self.real >= told.until:
            return Conflict
        return Invalid if told.hashed and content != RIGHT else None

    def usable(self, told: Told) -> bool:
        return told.state == "STORED" and self.real < told.until

    def use(self, key: UUID, told: Told, *, own: bool) -> None:
        """Twice as well as once: a rehearsal comes before the import."""
        allowed = own and self.usable(told)
        self.ask(key, key if allowed else None, own=own, refusal=InvalidTransition if own else NotFound)

    def use_by_hash(self, content: bytes, *, own: bool) -> None:
        """The newest of those that may be used."""
        good = [key for key, told in self.files.items() if self.usable(told) and told.content == content]
        self.ask(digest(content), max(good) if own and good else None, own=own, refusal=NotFound)

    def ask(self, named: UUID | str, wanted: UUID | None, *, own: bool, refusal: type[Refused]) -> None:
        async def verb(work: UnitOfWork) -> None:
            upload = await uploads.usable(work, named, "file", real_now=self.real)
            assert upload.id == wanted
            row = await imports.request(work, upload, ImportKind.PARTS, dry_run=True)
            self.files[upload.id].users.add(row.id)
            self.asked += 1

        self.attempt(verb, None if wanted else refusal, own=own)

    def keep(self, key: UUID, told: Told, *, own: bool) -> None:
        """For good, also after its time: evidence that came late is not dropped."""
        expected = None if own and told.state == "STORED" else InvalidTransition if own else NotFound
        if expected is None:
            self.bench.steps.add((told.state, "KEPT"))
            told.state = "KEPT"

        async def verb(work: UnitOfWork) -> None:
            await uploads.keep(work, key, "file")

        self.attempt(verb, expected, own=own)

    def finish(self, told: Told) -> None:
        """One of the imports that read the file is over."""
        if told.users:
            key = told.users.pop()

            async def verb(work: UnitOfWork) -> None:
                await imports.fail(work, await work.get(Import, key), "So.")

            self.attempt(verb, None)

    def tidy(self) -> None:
        """As the worker does: what is over and not in use goes, its bytes after it."""
        over = [
            key
            for key, told in sorted(self.files.items())
            if told.state not in OVER and self.real >= told.until and not told.users
        ]
        for key in over:
            self.becomes(self.files[key], "GONE", "UploadExpired")

        async def verb(work: UnitOfWork) -> None:
            work.origin = Origin.IMPORT
            in_use = await imports.uploads_in_use(work)
            gone = await uploads.expire(work, real_now=self.real, in_use=in_use)
            assert gone == over
            for key in gone:
                self.store.remove(self.here.organization_id, key)

        self.attempt(verb, None)


def test_uploads_in_any_order_are_used_in_time_and_by_their_own_company_alone(database: Database) -> None:
    assert play(database, Desks, examples=30, steps=50) == TRANSITIONS
