"""Leases: jobs of one kind taken from the queue, held by real time, renewed, given back.

A worker that dies loses its lease, and another takes the job. `attempts` counts the takes and is the token by
which a worker knows that it still holds one. An organization has one running job of a kind.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from domain.jobs import JobState

LEASE_SECONDS = 15.0
MOST_ATTEMPTS = 3
# The lock makes takes one after another, so that two workers cannot start two jobs of one organization.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7220141, hashtext($1))"
TAKE = """
UPDATE job SET state = 'RUNNING', attempts = attempts + 1, leased_until = clock_timestamp() + $1::interval,
    version = version + 1, updated_at = $2
WHERE (organization_id, id) IN (
    SELECT organization_id, id FROM job AS waiting
    WHERE kind = $3 AND (state = 'QUEUED' OR (state = 'RUNNING' AND leased_until < clock_timestamp()))
    AND NOT EXISTS (
        SELECT 1 FROM job AS other WHERE other.organization_id = waiting.organization_id
        AND other.kind = waiting.kind AND other.id <> waiting.id
        AND other.state = 'RUNNING' AND other.leased_until >= clock_timestamp())
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING organization_id, id, subject_id, attempts, requested_by
"""
RENEW = """
UPDATE job SET leased_until = clock_timestamp() + $4::interval
WHERE organization_id = $1 AND id = $2 AND attempts = $3 AND state = 'RUNNING' RETURNING id
"""
# A worker that was told to stop has not failed: its take is not counted.
GIVE_BACK = """
UPDATE job SET state = 'QUEUED', attempts = attempts - 1, leased_until = NULL, version = version + 1
WHERE organization_id = $1 AND id = $2 AND attempts = $3 AND state = 'RUNNING'
"""
CLOSE = """
UPDATE job SET state = $4, leased_until = NULL, version = version + 1, updated_at = $5
WHERE organization_id = $1 AND id = $2 AND attempts = $3 AND state = 'RUNNING'
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that this worker holds."""

    organization_id: UUID
    job_id: UUID
    subject_id: UUID
    attempts: int
    requested_by: str

    @property
    def key(self) -> tuple[UUID, UUID, int]:
        return self.organization_id, self.job_id, self.attempts


@dataclass(frozen=True, slots=True)
class Queue:
    """The jobs of one kind, of every organization."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    kind: str
    lease_seconds: float = LEASE_SECONDS

    async def take(self, at: datetime) -> Lease | None:
        """The oldest that waits, or whose worker has let go."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(ONE_AT_A_TIME, self.kind)
            row = await connection.fetchrow(TAKE, timedelta(seconds=self.lease_seconds), at, self.kind)
        return Lease(*row) if row else None

    async def renew(self, lease: Lease) -> bool:
        """False: another worker has it."""
        held = await self.pool.fetchval(RENEW, *lease.key, timedelta(seconds=self.lease_seconds))
        return held is not None

    async def give_back(self, lease: Lease) -> None:
        await self.pool.execute(GIVE_BACK, *lease.key)

    async def close(self, lease: Lease, end: JobState, at: datetime) -> None:
        await self.pool.execute(CLOSE, *lease.key, end.value, at)
