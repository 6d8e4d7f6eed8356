"""Buckets: how much each client may still ask for, kept in the database and spent from leases in the process.

A leaky bucket for each client of an organization holds a number of points and gets some back each second. A
process takes points from it in chunks by one statement and spends them itself, so that most requests need no
round trip for it; what it does not spend it brings back when the client has been idle for a moment.

All processes together never take more than the full bucket and what came back since. A client who finds the
bucket full again while a process still holds a lease may spend that as well: one lease for each process at
most. Times are real times, never the Clock's; the bucket's own time only goes forward, whoever's clock is
behind.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import Float
from sqlmodel import Field

from domain.errors import TooCostly, TooMany
from domain.rows import Table, text, timestamp
from domain.viewers import Viewer

CHUNKS = 10
"""A lease is that part of the full bucket, but of what is left a quarter, so that others find some, too."""
IDLE_SECONDS = 2.0
TIDY_SECONDS = 1.0
SWEEP_SECONDS = 60.0
LOG = logging.getLogger(__name__)

# $1 organization, $2 client, $3 the full bucket, $4 points a second, $5 now in seconds since 1970;
# $6 the points that are needed, or given back; $7 those that are wanted.
_SINCE = "extract(epoch FROM to_timestamp($5::float8) - b.filled_at)::float8"
_FILLED = f"least($3::float8, b.left_points + $4::float8 * greatest(0, {_SINCE}))"
_GRANT = f"CASE WHEN {_FILLED} >= $6 THEN greatest($6, least($7, {_FILLED} / 4)) ELSE 0 END"
_FIRST = "greatest($6::float8, least($7::float8, $3::float8 / 4))"
_LATEST = "greatest(b.filled_at, to_timestamp($5::float8))"
TAKE = f"""
INSERT INTO bucket AS b (organization_id, client, left_points, granted_points, filled_at)
VALUES ($1, $2, $3::float8 - {_FIRST}, {_FIRST}, to_timestamp($5::float8))
ON CONFLICT (organization_id, client) DO UPDATE
SET left_points = {_FILLED} - ({_GRANT}), granted_points = {_GRANT}, filled_at = {_LATEST}
RETURNING left_points, granted_points
"""  # no value is in it
GIVE = f"""
UPDATE bucket b SET left_points = least($3::float8, {_FILLED} + $6::float8), filled_at = {_LATEST}
WHERE organization_id = $1 AND client = $2
"""  # no value is in it
SWEEP = """
DELETE FROM bucket WHERE left_points
    + $2::float8 * extract(epoch FROM to_timestamp($3::float8) - filled_at)::float8 >= $1::float8
"""
"""A bucket that is full again is what one is that is not there."""


class Bucket(Table, table=True):
    """What one client has left, as of `filled_at` (real time), and what was taken last."""

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
    organization_id: UUID = Field(primary_key=True, foreign_key="organization.id")
    client: str = text(primary_key=True)
    left_points: float = Field(sa_type=Float)
    granted_points: float = Field(sa_type=Float)
    filled_at: datetime = timestamp()


class Terms(NamedTuple):
    """The full bucket, and how many points come back each second."""

    maximum: int
    restore: int


class Status(NamedTuple):
    """What a client is told of its bucket."""

    maximum: int
    available: int
    restore: int


class Queries(Protocol):
    """What the buckets need of a pool, whose role reads and writes all of them."""

    async def fetchrow(self, query: str, *values: Any) -> Any: ...

    async def execute(self, query: str, *values: Any) -> Any: ...


@dataclass(eq=False, slots=True)
class Lease:
    """Points that this process holds for one client, below nothing when more was spent than expected."""

    organization_id: UUID
    client: str
    used_at: float
    points: float = 0.0
    left: float = 0.0
    """In the bucket, as of `asked_at`."""
    asked_at: float = 0.0
    running: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def client_of(viewer: Viewer) -> str:
    """Whose bucket it is: that of the key or link, else of the person."""
    return f"key {viewer.credential_id}" if viewer.credential_id else f"subject {viewer.subject}"


class Buckets:
    """One process' leases; `now` is real time in seconds since 1970."""

    def __init__(self, queries: Queries, terms: Terms, *, now: Callable[[], float]) -> None:
        self.queries = queries
        self.terms = terms
        self.now = now
        self.chunk = max(1, terms.maximum // CHUNKS)
        self.spent = 0
        """Points that operations were let in with."""
        self.refused = 0
        """Points that operations asked for in vain."""
        self._leases: dict[tuple[UUID, str], Lease] = {}
        self._swept_at = now()

    async def spend(self, viewer: Viewer, points: int) -> Lease:
        """Takes what an operation may cost; `settle` afterwards. Raises TooMany when it is not there."""
        key = (viewer.organization_id, client_of(viewer))
        now = self.now()
        lease = self._leases.get(key)
        if lease is None:
            lease = self._leases[key] = Lease(*key, used_at=now)
        lease.used_at = now
        lease.running += 1
        try:
            await self.more(lease, points)
        except BaseException:
            lease.running -= 1
            raise
        self.spent += points
        return lease

    async def more(self, lease: Lease, points: int) -> None:
        """Takes more for what runs already: a subtraction where the lease has it. Raises TooMany."""
        while lease.points < points:
            await self._take(lease, points)
        lease.points -= points

    def settle(self, lease: Lease, back: int) -> None:
        """An operation is over: what it did not cost is there again, what it cost beyond is owed."""
        lease.running -= 1
        lease.points += back

    @property
    def leases(self) -> int:
        """Clients for whom this process holds points."""
        return len(self._leases)

    def status(self, lease: Lease) -> Status:
        """As far as this process knows: what others took since it last asked is not in it."""
        maximum, restore = self.terms
        left = min(maximum, lease.left + restore * max(0.0, self.now() - lease.asked_at))
        return Status(maximum, max(0, int(min(maximum, left + lease.points))), restore)

    async def _take(self, lease: Lease, points: int) -> None:
        maximum, restore = self.terms
        if points > maximum:
            self.refused += points
            raise TooCostly(points, maximum)
        async with lease.lock:
            need = min(points - lease.points, maximum)
            if need <= 0:
                return  # another operation's lease was enough for both
            now = self.now()
            owner = (lease.organization_id, lease.client)
            want = max(need, self.chunk)
            row = await self.queries.fetchrow(TAKE, *owner, maximum, restore, now, need, want)
            left, granted = row
            lease.left, lease.asked_at = left, now
            lease.points += granted
            if not granted:
                self.refused += points
                seconds = max(0.0, need - left) / restore
                raise TooMany(points, self.status(lease), math.ceil(max(seconds, 0.001)))
            if need == maximum:
                lease.points = max(lease.points, points)  # a debt beyond a full bucket is forgiven

    async def run(self) -> None:
        """Until it is cancelled: brings back what idle clients do not use."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                await self.tidy()
            except Exception:  # the database is away; the next turn tries again
                LOG.warning("leases could not be brought back", exc_info=True)

    async def tidy(self) -> None:
        """Leases of clients that were idle for a moment go back, and of others what is too much."""
        now = self.now()
        for key, lease in list(self._leases.items()):
            if lease.running == 0 and now - lease.used_at >= IDLE_SECONDS:
                del self._leases[key]
                await self._give(lease, lease.points)
            elif lease.points > 2 * self.chunk:
                surplus = lease.points - self.chunk
                lease.points -= surplus
                await self._give(lease, surplus)
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            await self.queries.execute(SWEEP, self.terms.maximum, self.terms.restore, now)

    async def close(self) -> None:
        """Brings everything back; what cannot be is restored by time."""
        with contextlib.suppress(Exception):
            for lease in self._leases.values():
                await self._give(lease, lease.points)
        self._leases.clear()

    async def _give(self, lease: Lease, points: float) -> None:
        maximum, restore = self.terms
        owner = (lease.organization_id, lease.client)
        await self.queries.execute(GIVE, *owner, maximum, restore, self.now(), points)
