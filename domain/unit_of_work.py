"""Unit of work: rows, events and the idempotency row of one change commit together or not at all."""

import hashlib
import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy import TextClause, UniqueConstraint, UpdateBase
from sqlalchemy import event as listeners
from sqlalchemy import text as literal
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession as AsyncStatements
from sqlalchemy.orm import Session as Statements
from sqlalchemy.orm.util import identity_key
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ahead import Ahead
from domain.errors import Conflict, DoubleBooking, IdempotencyMismatch, Invalid, NotFound, Refused
from domain.events import Event, Origin
from domain.rows import Row, jsonb, text
from domain.viewers import Role, Viewer

Kind = TypeVar("Kind", bound=Row)
SETTINGS = ("organization_id", "role", "subject", "customer_id", "technician_id", "visit_id", "user_id")
TOLD = ("as_role", "at", "origin")
"""What only the audit's triggers read: who it is whatever role is lent to them, when, by which door."""
ENTER = literal(
    "SELECT " + ", ".join(f"set_config('app.{name}', :{name}, true)" for name in (*SETTINGS, *TOLD))
)
BECAUSE = literal("SELECT set_config('app.reason', :reason, true), set_config('app.reasons', :reasons, true)")
REFUSALS: dict[str, tuple[type[Refused], str, *tuple[str, ...]]] = {
    "23P01": (DoubleBooking, "The technician has another visit at that time."),
    "23505": (Conflict, "Another row already has that key."),
    "23514": (Invalid, "A value lies outside what is allowed."),
    "23503": (NotFound, "Something that was referred to does not exist."),
    "42501": (NotFound, "Nothing with that id exists."),
}
CONSTRAINTS: dict[str, tuple[type[Refused], str, *tuple[str, ...]]] = {
    "ex_contract_asset_one_cover": (Conflict, "Another contract covers some of that equipment in that time."),
    "uq_app_user_organization_id_email": (Conflict, "Another user has that email.", "email"),
    "uq_app_user_organization_id_issuer_subject": (Conflict, "Another user has that subject.", "subject"),
}
"""Where the constraint's own name says better what its kind of error means, and of which input field."""


class Idempotency(Row, table=True):
    """The stored answer to one client's key: ids and userErrors, never the whole payload."""

    __table_args__ = (UniqueConstraint("organization_id", "client", "key"),)
    client: str = text()
    key: str = text()
    input_hash: str = text()
    answer: dict[str, Any] | None = jsonb(default=None)


def settings_of(viewer: Viewer) -> dict[str, str]:
    """What row-level security reads of a viewer, as session settings without their `app.` prefix."""
    return {name: str(getattr(viewer, name) or "") for name in SETTINGS}


class _Session(Session):
    """What the database refuses is a typed refusal, by whichever statement or flush of a verb it comes.

    SQLModel deprecates `execute` for models; SQL that is written as text has no other way.
    """

    def execute(self, *arguments: Any, **options: Any) -> Any:
        with _refusals():
            work = self.info.get("work")
            if isinstance(work, UnitOfWork) and isinstance(arguments[0], TextClause | UpdateBase):
                work.explain(self)
            return Statements.execute(self, *arguments, **options)

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        with _refusals():
            super().flush(objects)


class _AsyncSession(AsyncSession):
    sync_session_class = _Session
    execute = AsyncStatements.execute
    gathers = False

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Postponed while a unit gathers what many verbs write."""
        if not self.gathers:
            await super().flush(objects)


Look = Callable[["UnitOfWork", Collection[Any]], Awaitable[None]]
"""Looks once more at what a unit changed, before its commit, and does what follows from it."""


@dataclass
class UnitOfWork:
    """One transaction of one viewer. `at` is the change's business time; verbs read it, never a clock."""

    engine: AsyncEngine
    viewer: Viewer
    at: datetime
    origin: Origin = Origin.API
    reason: str | None = None
    events: list[tuple[Event, str | None]] = field(default_factory=list)
    """Each with the reason of when it was said: one unit may do things for several."""
    last: dict[Look, set[Any]] = field(default_factory=dict)
    """What is looked at before the commit, by the function that does."""
    acts_as: Role | None = None
    """The role that it has for now, in the viewer's place."""
    written: int = 0
    xid: int | None = None
    """The transaction's id once something was written: what a reader of the log has to have passed."""
    ahead: Ahead = field(default_factory=Ahead)

    async def __aenter__(self) -> Self:
        self.session: _AsyncSession = _AsyncSession(self.engine, expire_on_commit=False, autoflush=True)
        self._because: tuple[str | None, str] | None = (None, "")
        await self.session.begin()
        told = {"as_role": self.viewer.role.value, "at": self.at.isoformat(), "origin": self.origin.value}
        await self.session.execute(ENTER, {**settings_of(self.viewer), **told})
        self.session.sync_session.info["work"] = self
        _count_versions(self.session.sync_session, self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for look, subjects in self.last.items():
                    await look(self, subjects)
                await self.flush()
                with _refusals():
                    await self.session.commit()
        finally:
            await self.session.close()

    def add(self, row: Kind) -> Kind:
        row.organization_id = self.viewer.organization_id
        self.session.add(row)
        self.ahead.added.append(row)
        return row

    def emit(self, event: Event) -> None:
        self.events.append((event, self.reason))

    def look_at(self, look: Look, subjects: Iterable[Any]) -> None:
        """Before the commit, whichever verbs come after: one look at all that several of them name.

        Where nothing is named there is nothing to look at.
        """
        if named := set(subjects):
            self.last.setdefault(look, set()).update(named)

    async def get(self, table: type[Kind], key: UUID, *path: str) -> Kind:
        """The row, locked until the end. Raises NotFound, also for what the viewer may not see."""
        held = self.ahead.locked.get((table, key))
        if isinstance(held, table):
            return held
        # NO KEY UPDATE: a plain lock would meet the one that another unit's foreign key has on this row.
        lock = {"key_share": True}
        own = (self.viewer.organization_id, key)
        # What was found before the lock is read anew under it; what this unit changed has been locked by it.
        known = self.session.sync_session.identity_map.get(identity_key(table, own))
        anew = known is not None and not self.session.is_modified(known)
        row = await self.session.get(table, own, with_for_update=lock, populate_existing=anew)
        if row is None:
            raise NotFound(f"No {table.__name__} has that id.", *path)
        return row

    async def lock(self, table: type[Kind], keys: Collection[UUID]) -> dict[UUID, Kind]:
        """Rows by id, locked in that order by one statement. Raises NotFound as `get` does."""
        statement = (
            select(table)
            .where(col(table.organization_id) == self.viewer.organization_id, col(table.id).in_(keys))
            .order_by(col(table.id))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        rows = {row.id: row for row in (await self.session.exec(statement)).all()}
        if len(rows) < len(set(keys)):
            raise NotFound(f"No {table.__name__} has that id.")
        return rows

    async def find(self, table: type[Kind], key: UUID, *path: str) -> Kind:
        """The row, unlocked: for what is read and not changed. Raises NotFound."""
        row = await self.session.get(table, (self.viewer.organization_id, key))
        if row is None:
            raise NotFound(f"No {table.__name__} has that id.", *path)
        return row

    async def share(self, table: type[Kind], key: UUID) -> Kind | None:
        """The row, which nobody else changes until the end; None where there is none to be seen."""
        held = self.ahead.locked.get((table, key)) or self.ahead.shared.get((table, key))
        if isinstance(held, table):
            return held
        return await self.session.get(
            table, (self.viewer.organization_id, key), with_for_update={"read": True}
        )

    async def owner(self, table: type[Kind], column: str, value: object) -> UUID | None:
        """Whose value of a column it is that one row at most has; None while it is nobody's."""
        known = self.ahead.owners.get((table, column), {})
        if value in known:
            return known[value]
        own = col(table.organization_id) == self.viewer.organization_id
        statement = select(table.id).where(own, getattr(table, column) == value)
        return (await self.session.exec(statement)).first()

    @asynccontextmanager
    async def gathering(self) -> AsyncIterator[None]:
        """Verbs in here write together, at its end; what was read `ahead` costs them no statement."""
        self.session.gathers = True
        try:
            with self.session.no_autoflush:
                yield
        finally:
            self.session.gathers = False
        await self.session.flush()

    async def flush(self) -> None:
        """Rows to the database, then the events about them."""
        await self.session.flush()
        events, self.events = self.events, []
        if not events:
            return
        rows = [self._row(event, reason, n) for n, (event, reason) in enumerate(events, self.written)]
        self.written += len(rows)
        await self.session.execute(APPEND, rows)
        if self.xid is None:
            self.xid = int((await self.session.execute(THIS)).scalar_one())

    @asynccontextmanager
    async def unscoped(self) -> AsyncIterator[None]:
        """Every row of the organization, for what is derived from all of them, whoever the viewer is.

        One within another leaves the other as it is.
        """
        outer, self.acts_as = self.acts_as, Role.ADMIN
        await self.session.flush()
        await self.session.execute(AS_ROLE, {"role": Role.ADMIN.value})
        try:
            yield
            await self.session.flush()
        finally:
            self.acts_as = outer
        # After an error the transaction is rolled back, or its savepoint, and the role with it.
        await self.session.execute(AS_ROLE, {"role": (outer or self.viewer.role).value})

    def explain(self, session: Statements) -> None:
        """Tells the audit why, before rows are written: the unit's reason, or that of the event about it."""
        said = {str(event.subject.id): reason for event, reason in self.events if reason != self.reason}
        because = (self.reason, _json(said) if said else "")
        if because != self._because:
            self._because = because
            reason, reasons = because
            session.connection().execute(BECAUSE, {"reason": reason or "", "reasons": reasons})

    def forget(self) -> None:
        """What was rolled back to a savepoint: its events, what it would look at, what it knew of rows."""
        self.events.clear()
        self.last.clear()
        self.ahead = Ahead()
        self._because = None  # the settings went back, too

    async def connection(self) -> Any:
        """The asyncpg connection of this transaction: for the payload's compiled read."""
        raw = await (await self.session.connection()).get_raw_connection()
        return raw.driver_connection

    def _row(self, event: Event, reason: str | None, n: int) -> dict[str, Any]:
        return {
            "n": n,
            "organization_id": self.viewer.organization_id,
            "topic": event.topic,
            "type": event.type,
            "subject_id": event.subject.id,
            "subject_version": event.subject.version,
            "payload": _json({"before": event.before, **event.values}),
            "scope_before": _json(event.scope_before.to_json()),
            "scope_after": _json(event.scope_after.to_json()),
            "origin": self.origin.value,
            "actor": self.viewer.subject,
            "reason": reason,
            "occurred_at": self.at,
        }

    async def replay(self, key: str, arguments: Mapping[str, Any]) -> tuple[Idempotency, bool]:
        """The idempotency row of a key, and whether it already holds an answer.

        Two at once: the second waits here for the first. Raises IdempotencyMismatch for another input.
        """
        wanted = hashlib.sha256(_json(arguments).encode()).hexdigest()
        found = await self.session.execute(
            CLAIM,
            {
                "organization_id": self.viewer.organization_id,
                "client": self.viewer.subject,
                "key": key,
                "input_hash": wanted,
                "at": self.at,
            },
        )
        claimed, row_id = found.one()
        row = await self.get(Idempotency, row_id)
        if row.input_hash != wanted:
            raise IdempotencyMismatch("This idempotency key was used with another input.")
        return row, not claimed


AS_ROLE = literal("SELECT set_config('app.role', :role, true)")
THIS = literal("SELECT pg_current_xact_id()::text::bigint")
APPEND = literal(
    # house: business_time_comes_from_the_clock: recorded_at is real time, by which the log is kept 30 days
    "INSERT INTO event (xid, n, organization_id, topic, type, subject_id, subject_version, payload,"
    " scope_before, scope_after, origin, actor, reason, occurred_at, recorded_at) VALUES"
    " (pg_current_xact_id(), :n, :organization_id, :topic, :type, :subject_id, :subject_version,"
    " CAST(:payload AS jsonb),"
    " CAST(:scope_before AS jsonb), CAST(:scope_after AS jsonb), :origin, :actor, :reason, :occurred_at,"
    " clock_timestamp())"
)
# A no-op update waits for a concurrent holder of the key and returns its row; xmax is 0 only on an insert.
CLAIM = literal(
    "INSERT INTO idempotency (organization_id, id, version, created_at, updated_at, client, key, input_hash)"
    " VALUES (:organization_id, gen_random_uuid(), 1, :at, :at, :client, :key, :input_hash)"
    " ON CONFLICT (organization_id, client, key) DO UPDATE SET client = excluded.client"
    " RETURNING (xmax = 0) AS claimed, id"
)


def _json(value: object) -> str:
    return json.dumps(value, default=_plain, separators=(",", ":"), sort_keys=True)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state not in REFUSALS:
            raise
        constraint = getattr(error.orig.__cause__, "constraint_name", None) if error.orig else None
        kind, message, *path = CONSTRAINTS.get(str(constraint), REFUSALS[state])
        raise kind(message, *path) from error


def _count_versions(session: Session, work: UnitOfWork) -> None:
    @listeners.listens_for(session, "before_flush")
    def stamp(opened: Session, *_rest: object) -> None:
        work.explain(opened)
        for row in opened.new:
            if isinstance(row, Row):
                row.created_at = row.updated_at = work.at
        for row in opened.dirty:
            if isinstance(row, Row) and opened.is_modified(row):
                row.version += 1
                row.updated_at = work.at
