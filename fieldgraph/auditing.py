"""Auditing: walks the audit's chains as they are stored, and tells what is not as it was sealed."""

import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import asyncpg

from domain import chains, ids
from domain.chains import Change, Examination, Head, Seal, Value
from fieldgraph.addresses import SYSTEM_ROLE

AT_ONCE = 5_000
ORGANIZATIONS = """
WITH RECURSIVE found AS (
    (SELECT organization_id FROM audit ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT a.organization_id FROM audit a WHERE a.organization_id > found.organization_id
        ORDER BY 1 LIMIT 1) FROM found WHERE found.organization_id IS NOT NULL
)
SELECT organization_id FROM found WHERE organization_id IS NOT NULL
UNION SELECT organization_id FROM audit_chain ORDER BY 1
"""
CHANGES = f"""
SELECT a.id, a.entity_type, a.entity_id, {chains.SAID}, a.apart::text FROM audit a
WHERE a.organization_id = $1 ORDER BY a.id
"""
VALUES = "SELECT id, salt, value::text FROM audit_value WHERE organization_id = $1 ORDER BY id"
SEALS = "SELECT seq, unit_id, changes, hash FROM audit_seal WHERE organization_id = $1 ORDER BY seq"
HEAD = "SELECT seq, hash FROM audit_chain WHERE organization_id = $1"


async def verify(
    app_url: str, organization: str | None, written_down: str | None, *, tell: Callable[[str], object]
) -> bool:
    """Whether every chain is whole, as of one moment. Raises ValueError for what is no id or no head."""
    if written_down is not None and organization is None:
        raise ValueError("A head is of one organization: name it.")
    kept = head_of(written_down) if written_down is not None else None
    connection = await asyncpg.connect(app_url, server_settings={"role": SYSTEM_ROLE, "timezone": "UTC"})
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if organization is not None:
                keys = [ids.decode("org", organization)]
            else:
                keys = [row[0] for row in await connection.fetch(ORGANIZATIONS)]
            return all([await _verify(connection, key, kept, tell=tell) for key in keys])
    finally:
        await connection.close()


def head_of(text: str) -> Head:
    """What was written down as SEQ:HASH. Raises ValueError."""
    seq, _, digest = text.partition(":")
    return Head(int(seq), bytes.fromhex(digest))


async def _verify(
    connection: asyncpg.Connection, key: UUID, written_down: Head | None, *, tell: Callable[[str], object]
) -> bool:
    name, started, found = ids.encode("org", key), time.perf_counter(), 0
    row = await connection.fetchrow(HEAD, key)
    examination = Examination(_changes(connection, key), _values(connection, key))
    head = Head(*row) if row else None
    async for fault in examination.faults(_seals(connection, key), head=head, written_down=written_down):
        found += 1
        tell(f"{name}: {fault}")
    seconds = time.perf_counter() - started
    pace = f"{examination.rows / max(seconds, 1e-6):,.0f} a second"
    tell(f"{name}: {examination.rows} changes ({pace}), {found or 'no'} faults; head {head or 'missing'}")
    return found == 0


async def _rows(connection: asyncpg.Connection, query: str, key: UUID) -> AsyncIterator[asyncpg.Record]:
    cursor = await connection.cursor(query, key)
    while rows := await cursor.fetch(AT_ONCE):
        for row in rows:
            yield row


async def _changes(connection: asyncpg.Connection, key: UUID) -> AsyncIterator[Change]:
    async for row in _rows(connection, CHANGES, key):
        yield Change(*row)


async def _values(connection: asyncpg.Connection, key: UUID) -> AsyncIterator[Value]:
    async for row in _rows(connection, VALUES, key):
        yield Value(*row)


async def _seals(connection: asyncpg.Connection, key: UUID) -> AsyncIterator[Seal]:
    async for row in _rows(connection, SEALS, key):
        yield Seal(*row)
