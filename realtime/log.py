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
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from domain.errors import BadInput, ResyncRequired
from realtime.retention import RETENTION, TOUCHED_RETENTION
from realtime.touches import Interest, Touch

COLUMNS = (
    "xid::text::bigint AS xid, n, organization_id, topic, type, subject_id, subject_version,"
    " payload::text AS payload, scope_before::text AS scope_before, scope_after::text AS scope_after,"
    " origin, actor, reason, occurred_at, recorded_at"
)
# WITH TIES on the transaction id alone is what keeps a transaction whole.
ROWS = (
    "SELECT * FROM event WHERE (xid, n) > ($1::text::xid8, $2::int)"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot()){own}"
    " ORDER BY event.xid FETCH FIRST $3 ROWS WITH TIES"
)
PAGE = f"SELECT {COLUMNS} FROM ({ROWS}) AS page ORDER BY page.xid, page.n"
EVERYBODYS = PAGE.format(own="")
ONE_ORGANIZATIONS = PAGE.format(own=" AND organization_id = $4")
# What lies below the horizon is over; a page without rows says where that is, too.
HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon"
# Days before the bound are not opened. A day's grace, and now(), are for a clock that was put back.
RECENT = " AND recorded_at >= least($4::timestamptz, now()) - interval '1 day'"
NEWER = (
    f"SELECT {HORIZON}, pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS unborn, now() AS at, page.*"
    f" FROM (SELECT) AS once LEFT JOIN (SELECT {COLUMNS} FROM ({ROWS.format(own=RECENT)}) AS rows) AS page"
    " ON true ORDER BY page.xid, page.n"
)
TOUCHED = (
    f"SELECT {HORIZON}, page.* FROM (SELECT) AS once LEFT JOIN"
    " (SELECT xid::text::bigint AS xid, organization_id, table_name, key FROM (SELECT * FROM touched"
    " WHERE xid >= $1::text::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    " ORDER BY touched.xid FETCH FIRST $2 ROWS WITH TIES) AS rows) AS page ON true ORDER BY page.xid"
)
HEAD = (
    "SELECT xid::text::bigint AS xid, n FROM event WHERE xid < pg_snapshot_xmin(pg_current_snapshot())"
    " ORDER BY event.xid DESC, event.n DESC LIMIT 1"
)
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


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in the log: the transaction, and the event's number within it (-1: before its first)."""

    xid: int
    n: int


EARLIEST = Place(0, -1)


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
    recorded_at: datetime
    """When the database took it in: real time, where `occurred_at` is business time."""


MAY_MEET = 1000
FROM_THERE = "greatest(pg_snapshot_xmin($2::text::pg_snapshot), $4::text::xid8)"
# One look for each table: the planner cannot know how few rows lie that high. And a row without a table where
# touches from there on have been dropped, as `Log.reaches` knows it of events.
UNSEEN = (
    "(SELECT t.table_name, t.key FROM unnest($3::text[]) AS read(name) CROSS JOIN LATERAL (SELECT *"
    f" FROM touched WHERE organization_id = $1 AND table_name = read.name AND xid >= {FROM_THERE}"
    f" AND NOT pg_visible_in_snapshot(xid, $2::text::pg_snapshot) LIMIT {MAY_MEET}) AS t LIMIT {MAY_MEET})"
    " UNION ALL SELECT NULL, NULL FROM (SELECT xid, recorded_at FROM touched ORDER BY xid LIMIT 1) AS oldest"
    f" WHERE oldest.recorded_at < now() - $5::interval AND oldest.xid > {FROM_THERE}"
)


class Reading(NamedTuple):
    """A page of events, and when it was read.

    Every transaction below `horizon` was over by then, and none from `unborn` on had begun.
    """

    entries: list[Entry]
    horizon: int
    unborn: int
    at: datetime


EVER = datetime.min.replace(tzinfo=UTC)


class Frontier:
    """From when on everything must have been recorded that a reader who goes on and on has not read yet.

    What it has not read is of transactions at or above the last horizon. Those that began after an earlier
    reading have recorded nothing before it: so once the horizon has passed what was unborn then, that
    reading's time is the bound. An open transaction holds it back, however long it takes.
    """

    def __init__(self) -> None:
        self.since = EVER
        self._next: tuple[int, datetime] | None = None

    def advance(self, reading: Reading) -> None:
        """After a reading that left nothing below its horizon."""
        if self._next is None:
            self._next = (reading.unborn, reading.at)
        elif reading.horizon >= self._next[0]:
            self.since = self._next[1]
            self._next = (reading.unborn, reading.at)


class Touched(NamedTuple):
    """The touches of all transactions from one on, and from which one on those that follow are to be read."""

    touches: list[Touch]
    until: int
    is_all: bool


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
        """The last event that is readable now: what is read after it was not readable before.

        Never an id without an event: a database that dies gives ids out again that left no trace.
        """
        row = await self._pool.fetchrow(HEAD)
        return Place(row["xid"], row["n"]) if row else EARLIEST

    async def after(
        self, place: Place, *, limit: int = 1000, organization_id: UUID | None = None
    ) -> list[Entry]:
        """What follows a place, in order. A transaction is never split: its rest comes beyond the limit."""
        if organization_id is None:
            rows = await self._pool.fetch(EVERYBODYS, str(place.xid), place.n, limit)
        else:
            rows = await self._pool.fetch(ONE_ORGANIZATIONS, str(place.xid), place.n, limit, organization_id)
        return [_entry(row) for row in rows]

    async def newer(self, place: Place, *, limit: int = 1000, since: datetime = EVER) -> Reading:
        """What follows a place, as `after` reads it, for who reads on and on, and knows its `Frontier`."""
        rows = await self._pool.fetch(NEWER, str(place.xid), place.n, limit, since)
        entries = [_entry(row) for row in rows if row["xid"] is not None]
        return Reading(entries, rows[0]["horizon"], rows[0]["unborn"], rows[0]["at"])

    async def touched(self, xid: int, *, limit: int = 5000) -> Touched:
        """What the transactions from that one on have written. None of them is split."""
        rows = await self._pool.fetch(TOUCHED, str(xid), limit)
        touches = [
            Touch(row["xid"], row["organization_id"], row["table_name"], row["key"])
            for row in rows
            if row["xid"] is not None
        ]
        if len(rows) >= limit:
            return Touched(touches, touches[-1].xid + 1, is_all=False)
        return Touched(touches, rows[0]["horizon"], is_all=True)

    async def untouched(
        self, organization_id: UUID, interest: Interest, snapshot: str, *, below: int = 0
    ) -> bool:
        """Whether nothing of the interest was committed that this pg_current_snapshot() text does not see.

        Exact as of this statement; where a thousand rows come into question it is taken for touched. `below`:
        the caller knows it of every transaction below this (`Hub.told_below`), so that less is looked at.
        """
        tables = list(interest.tables)
        rows = await self._pool.fetch(
            UNSEEN, organization_id, snapshot, tables, str(below), TOUCHED_RETENTION
        )
        if any(row["table_name"] is None for row in rows):
            return False
        touches = (Touch(0, organization_id, row["table_name"], row["key"]) for row in rows)
        return len(rows) < MAY_MEET and not any(map(interest.meets, touches))

    async def oldest(self) -> Place | None:
        """The first event that is kept; None for an empty log."""
        row = await self._pool.fetchrow(OLDEST, RETENTION)
        return Place(row["xid"], row["n"]) if row else None

    async def reaches(self, place: Place) -> bool:
        """Whether everything after a place is still kept; to be asked after reading it.

        What is dropped always leaves an expired event (retention.py). So if the oldest event is younger than
        the retention, nothing was ever dropped before it and the log simply begins there.
        """
        row = await self._pool.fetchrow(OLDEST, RETENTION)
        return row is None or not row["expired"] or Place(row["xid"], row["n"]) <= place


def _entry(row: asyncpg.Record) -> Entry:
    fields = dict(row)
    for name in ("horizon", "unborn", "at"):
        fields.pop(name, None)
    place = Place(fields.pop("xid"), fields.pop("n"))
    for name in ("payload", "scope_before", "scope_after"):
        fields[name] = json.loads(fields[name])
    return Entry(place=place, **fields)
