"""An installation of these tests' own: a Postgres that cares for its disk, two servers, a worker."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fieldgraph.addresses import APP_ROLE, sqlalchemy_url
from fieldgraph.cluster import DATABASE
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres
from tests.domain.world import MORNING, World
from tests.faults.scenes import Scene
from tests.fieldgraph.installations import KEY, Installation, token_of


@pytest.fixture(scope="package")
def cluster_folder(shared_memory_folder: Path) -> Path:
    return shared_memory_folder / "faults"


@pytest.fixture(scope="package")
def durable(cluster_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Its commits survive its death, as in production."""
    with EmbeddedPostgres(cluster_folder) as server:
        yield server


@pytest.fixture(scope="package")
async def standing(durable: EmbeddedPostgres, shared_memory_folder: Path) -> AsyncIterator[Installation]:
    """One for all of these tests: each has its own technicians and visits, and judges from its own start."""
    await migrate(durable.url())
    async with standing_on(durable, shared_memory_folder / "faults-files") as standing:
        yield standing


@asynccontextmanager
async def standing_on(
    postgres: EmbeddedPostgres, folder: Path, **environment: str
) -> AsyncIterator[Installation]:
    """An installation of the embedded server's database, with a company of its own."""
    app_url = postgres.url(user=APP_ROLE)
    engine = create_async_engine(sqlalchemy_url(app_url), poolclass=NullPool)
    world = await World.make(engine)
    folder.mkdir()  # noqa: ASYNC240  # in memory, before anybody waits
    standing = Installation(
        database=DATABASE,
        maintenance_url=postgres.url("postgres"),
        owner_url=postgres.url(),
        world=world,
        folder=folder,
        token=token_of(world),
        environment={
            "DATABASE_URL": postgres.url(),
            "APP_DATABASE_URL": app_url,
            "FIELDGRAPH_SIGNING_KEY": KEY,
            "FIELDGRAPH_DATA_FOLDER": str(folder),
            # How much a client may ask for is another test's; these ask for more.
            "FIELDGRAPH_RATE_POINTS": "0",
            "FIELDGRAPH_STREAMS_OF_USER": "2000",
            "FIELDGRAPH_CLOCK_REAL_ORIGIN": str(time.time()),
            "FIELDGRAPH_CLOCK_BUSINESS_ORIGIN": str(MORNING.timestamp()),
            **environment,
        },
    )
    try:
        yield standing
    finally:
        await standing.down()
        await engine.dispose()


@pytest.fixture
async def scene(standing: Installation, cluster_folder: Path) -> AsyncIterator[Scene]:
    await standing.serving()
    async with Scene.on(standing, cluster_folder) as scene:
        yield scene
