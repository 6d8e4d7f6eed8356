"""Retention: the days of the log and of what was touched: made ahead, and dropped when they have been kept.

A table loses its oldest transactions only, and always keeps an expired row behind them: what is left then
says by itself from where on it is whole (`Log.reaches`). No writer waits longer than 200 ms for any of it.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

RETENTION = timedelta(days=30)
TOUCHED_RETENTION = timedelta(days=1)
KEPT = {"event": RETENTION, "touched": TOUCHED_RETENTION}
TRIES = 4
PAUSE_SECONDS = 0.5
AHEAD = "SELECT log_ahead()"
EXPIRED = "SELECT name, since, until FROM log_days WHERE parent = $1 AND until <= $2 ORDER BY since"
# Of what lies in no day's partition, because there was none when it came.
STRAY = (
    "SELECT DISTINCT date_trunc('day', recorded_at, 'UTC') FROM {table}_rest"
    " WHERE recorded_at < date_trunc('day', $1::timestamptz, 'UTC')"
)
NEWEST = (
    "SELECT xid::text FROM {table} WHERE recorded_at >= $1 AND recorded_at < $2"
    " ORDER BY {table}.xid DESC LIMIT 1"
)
MARKED = (
    "SELECT EXISTS (SELECT FROM {table} WHERE recorded_at >= $1 AND recorded_at < $2"
    " AND xid > $3::text::xid8)"
)
# A transaction that was open at midnight goes as a whole, and so does what began before one that goes.
LATE = "DELETE FROM {table} WHERE recorded_at >= $1 AND xid <= $2::text::xid8"
TAKE = "DELETE FROM {table} WHERE recorded_at >= $1 AND recorded_at < $2"
DROP = "SELECT log_drop($1)"


class Span(NamedTuple):
    """A day, or what was kept before there were days; without a name it has no partition of its own."""

    since: datetime
    until: datetime
    name: str | None


async def make_ahead(pool: asyncpg.Pool) -> int:
    """Partitions for today and the two days after it; says how many were missing and could be made.

    What comes on a day without one is kept in the partition for the rest, and that day then stays there.
    """
    made: int = await pool.fetchval(AHEAD)
    return made


async def drop_expired(pool: asyncpg.Pool, table: str) -> list[str]:
    """Drops every day past its time, the oldest first, but what the mark lies in; says which."""
    cutoff = await pool.fetchval("SELECT clock_timestamp() - $1::interval", KEPT[table])
    rows = await pool.fetch(EXPIRED, table, cutoff)
    spans = [Span(row["since"], row["until"], row["name"]) for row in rows]
    for (day,) in await pool.fetch(STRAY.format(table=table), cutoff):
        spans.append(Span(day, day + timedelta(days=1), None))
    gone = []
    for span in sorted(spans, key=lambda span: span.until):
        if not await _gone(pool, table, span, cutoff):
            break
        gone.append(span.name or f"{table}_rest {span.until - timedelta(days=1):%Y%m%d}")
    return gone


class _Stays(Exception):  # no error, but a way out of a transaction
    """The mark would go with it."""


class _Busy(Exception):  # as above
    """Somebody has read or written the table for too long."""


async def _gone(pool: asyncpg.Pool, table: str, span: Span, cutoff: datetime) -> bool:
    for _ in range(TRIES):
        try:
            async with pool.acquire() as connection, connection.transaction():
                await _take(connection, table, span, cutoff)
        except _Stays:
            return False
        except _Busy:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return True
    return False


async def _take(
    connection: asyncpg.pool.PoolConnectionProxy, table: str, span: Span, cutoff: datetime
) -> None:
    newest = await connection.fetchval(NEWEST.format(table=table), span.since, span.until)
    if newest is not None:
        if not await connection.fetchval(MARKED.format(table=table), span.until, cutoff, newest):
            raise _Stays
        await connection.execute(LATE.format(table=table), span.until, newest)
    if span.name is None:
        await connection.execute(TAKE.format(table=table), span.since, span.until)
    elif not await connection.fetchval(DROP, span.name):
        raise _Busy
