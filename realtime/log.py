"""The event log's reader: committed events in one order that no concurrent writer can step behind.

Commit order is not the order of sequences or of transaction ids, so a reader takes only what lies below the
snapshot's xmin: every such transaction is over, and none with a lower id can still appear (REALTIME.md).
"""

import base64
import hashlib
import hmac
import json
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from domain.errors import BadInput, ResyncRequired

RETENTION = timedelta(days=30)
COLUMNS = (
    "xid::text::bigint AS xid, n, organization_id, topic, type, subject_id, subject_version,"
    " payload::text AS payload, scope_before::text AS scope_before, scope_after::text AS scope_after,"
    " origin, actor, reason, occurred_at"
)
# WITH TIES on the transaction id alone is what keeps a transaction whole.
PAGE = (
    f"SELECT {COLUMNS} FROM (SELECT * FROM event WHERE (xid, n) > ($1::text::xid8, $2::int)"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot()){own}"
    " ORDER BY event.xid FETCH FIRST $3 ROWS WITH TIES) AS page ORDER BY page.xid, page.n"
)
EVERYBODYS = PAGE.format(own="")
ONE_ORGANIZATIONS = PAGE.format(own=" AND organization_id = $4")
HEAD = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
OLDEST = (
    "SELECT xid::text::bigint AS xid, n, recorded_at < clock_timestamp() - $1::interval AS expired"
    " FROM event ORDER BY event.xid, event.n LIMIT 1"
)
# After a fail-over the write-ahead log names the timeline at once, the control file at the next checkpoint.
EPOCH = (
    "SELECT (SELECT system_identifier FROM pg_control_system())::text || '.' || CASE WHEN pg_is_in_recovery()"
    " THEN (SELECT timeline_id FROM pg_control_checkpoint())::text"
    " ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END || '.' || oid::text"
    " FROM pg_database WHERE datname = current_database()"
)
EPOCH_OF_DATABASE = "SELECT 'database.' || oid::text FROM pg_database WHERE datname = current_database()"
FIRST_YOUNG = (
    "SELECT xid::text AS xid, n FROM event WHERE recorded_at >= clock_timestamp() - $1::interval"
    " ORDER BY event.xid, event.n LIMIT 1"
)
LAST_EXPIRED = (
    "SELECT xid::text AS xid, n FROM event WHERE recorded_at < clock_timestamp() - $1::interval"
    " AND (xid, n) < ($2::text::xid8, $3::int) ORDER BY event.xid DESC, event.n DESC LIMIT 1"
)
PRUNE = "DELETE FROM event WHERE (xid, n) < ($1::text::xid8, $2::int)"
END = (str(2**64 - 1), 0)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in the log: the transaction, and the event's number within it (-1: before its first)."""

    xid: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as the log keeps it. Times are aware UTC; both scopes are keys by which it is somebody's."""

    place: Place
    organization_id: UUID
    topic: str
    type: str
    subject_id: UUID
    subject_version: int
    payload: dict[str, Any]
    scope_before: dict[str, Any]
    scope_after: dict[str, Any]
    origin: str
    actor: str
    reason: str | None
    occurred_at: datetime


class Cursors:
    """Places as clients hold them: opaque, url-safe, signed, and good for one epoch of the log only."""

    BODY = struct.Struct(">8sQi")
    SIGNATURE_BYTES = 13  # 33 bytes in all: base64 without padding

    def __init__(self, key: bytes, epoch: str) -> None:
        self._key = key
        self.renew(epoch)

    def renew(self, epoch: str) -> None:
        """From now on the log is of this epoch: the database was restored or failed over."""
        self._epoch = hashlib.sha256(epoch.encode()).digest()[:8]

    def encode(self, place: Place) -> str:
        body = self.BODY.pack(self._epoch, place.xid, place.n)
        return base64.urlsafe_b64encode(body + self._signature(body)).decode()

    def decode(self, text: str) -> Place:
        """Raises BadInput for what we have not signed, ResyncRequired for a cursor of another epoch."""
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii"))
        except ValueError:
            raw = b""
        body, signature = raw[: self.BODY.size], raw[self.BODY.size :]
        ours = len(body) == self.BODY.size and hmac.compare_digest(signature, self._signature(body))
        # Lenient decoders skip foreign characters: only the one spelling that we gave out is good.
        if not ours or base64.urlsafe_b64encode(raw).decode() != text:
            raise BadInput("The cursor is not one of ours.")
        epoch, xid, n = self.BODY.unpack(body)
        if epoch != self._epoch:
            raise ResyncRequired("The log has been restored since this cursor was given out.")
        return Place(xid, n)

    def _signature(self, body: bytes) -> bytes:
        return hmac.digest(self._key, b"cursor:" + body, "sha256")[: self.SIGNATURE_BYTES]


class Log:
    """Reads the log over a pool whose role is fieldgraph_system, which sees every organization's events.

    It must be the primary: a replica's snapshot may lie behind the one that a subscriber has seen.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def epoch(self) -> str:
        """Which life of the database this is: cluster, timeline and database, so any restore changes it.

        Where the control functions are closed to the role it is the database's own number, which a restore
        into a new database changes and a point-in-time recovery or fail-over does not.
        """
        try:
            return str(await self._pool.fetchval(EPOCH))
        except asyncpg.InsufficientPrivilegeError:
            return str(await self._pool.fetchval(EPOCH_OF_DATABASE))

    async def head(self) -> Place:
        """The place behind everything readable now: what is read after it was not readable before."""
        return Place(await self._pool.fetchval(HEAD), -1)

    async def after(
        self, place: Place, *, limit: int = 1000, organization_id: UUID | None = None
    ) -> list[Entry]:
        """What follows a place, in order. A transaction is never split: its rest comes beyond the limit."""
        if organization_id is None:
            rows = await self._pool.fetch(EVERYBODYS, str(place.xid), place.n, limit)
        else:
            rows = await self._pool.fetch(ONE_ORGANIZATIONS, str(place.xid), place.n, limit, organization_id)
        return [_entry(row) for row in rows]

    async def oldest(self) -> Place | None:
        """The first event that is kept; None for an empty log."""
        row = await self._pool.fetchrow(OLDEST, RETENTION)
        return Place(row["xid"], row["n"]) if row else None

    async def reaches(self, place: Place) -> bool:
        """Whether everything after a place is still kept; to be asked after reading it.

        Pruning always leaves the newest expired event. So if the oldest event is younger than the
        retention, nothing was ever deleted before it and the log simply begins there.
        """
        row = await self._pool.fetchrow(OLDEST, RETENTION)
        return row is None or not row["expired"] or Place(row["xid"], row["n"]) <= place

    async def prune(self) -> int:
        """Deletes what is past retention except the newest of it (see `reaches`); says how many."""
        young = await self._pool.fetchrow(FIRST_YOUNG, RETENTION)
        last = await self._pool.fetchrow(LAST_EXPIRED, RETENTION, *(young or END))
        if last is None:
            return 0
        done: str = await self._pool.execute(PRUNE, *last)
        return int(done.rpartition(" ")[2])


def _entry(row: asyncpg.Record) -> Entry:
    fields = dict(row)
    place = Place(fields.pop("xid"), fields.pop("n"))
    for name in ("payload", "scope_before", "scope_after"):
        fields[name] = json.loads(fields[name])
    return Entry(place=place, **fields)
