"""What every test of the domain may ask for: the app's engine on a database of its own, and a company."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fieldgraph.addresses import sqlalchemy_url
from tests.conftest import Database
from tests.domain.world import World


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(sqlalchemy_url(database.app_url), pool_size=20, max_overflow=40)
    yield engine
    await engine.dispose()


@pytest.fixture
async def world(engine: AsyncEngine) -> World:
    return await World.make(engine)
