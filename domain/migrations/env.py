"""Runs migrations: on the connection that is handed in, or for Alembic's own commands."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from domain import tables


def run_on(connection: Connection) -> None:
    """Each migration in its own transaction, so that a refused one leaves those before it in place."""
    tables.resolve()
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        transaction_per_migration=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    """For `alembic revision` and the like; the address is the owner's."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run_on)
    await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations look at the database they change; give DATABASE_URL instead of --sql.")
if (handed_in := context.config.attributes.get("connection")) is not None:
    run_on(handed_in)
else:
    asyncio.run(run_alone())
