"""Jobs: long work handed to worker processes through the database, taken by lease so that none is lost."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index

from domain.rows import Row, one_of, text, timestamp
from domain.unit_of_work import UnitOfWork


class JobState(StrEnum):
    """QUEUED until a worker takes it; a job whose lease runs out is taken again."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class Job(Row, table=True):
    """One piece of long work. `leased_until` is real time (UTC); `attempts` counts the takes."""

    __table_args__ = (one_of("state", JobState), Index(None, "state", "leased_until"))
    kind: str = text()
    subject_id: UUID
    state: JobState = text(default=JobState.QUEUED)
    attempts: int = 0
    leased_until: datetime | None = timestamp(default=None)
    requested_by: str = text()


async def holds(work: UnitOfWork, key: UUID, attempts: int) -> bool:
    """Whether a worker still has the job that it took: another may have taken it since."""
    job = await work.find(Job, key)
    return job.attempts == attempts and job.state == JobState.RUNNING


async def end(work: UnitOfWork, key: UUID, state: JobState) -> None:
    """In the transaction of what it was about, so that both are over or neither."""
    job = await work.get(Job, key)
    job.state, job.leased_until = state, None
