"""Fixtures: a company to read, shared by the session; a company to write in, for one test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fieldgraph.addresses import APP_ROLE
from fieldgraph.demo.cast import Seeded
from fieldgraph.postgres import EmbeddedPostgres
from tests.conftest import Database, connected
from tests.resolvers.companies import Companies, running, seed_companies
from tests.resolvers.houses import House, opened
from tests.resolvers.proposals import proposed
from tests.resolvers.scopes import LIVE

SEEDED = "seeded_companies"


@pytest.fixture(scope="session")
async def seeded(postgres: EmbeddedPostgres, template: str) -> tuple[Seeded, Seeded]:
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {SEEDED} TEMPLATE {template} STRATEGY file_copy")
    organizations = await seed_companies(postgres.url(SEEDED, user=APP_ROLE))
    async with connected(postgres.url(SEEDED)) as connection:
        await connection.execute("ANALYZE")
    return organizations


async def copied(postgres: EmbeddedPostgres, name: str) -> Database:
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {SEEDED} STRATEGY file_copy")
    return Database(name, postgres.url(name), postgres.url(name, user=APP_ROLE))


async def dropped(postgres: EmbeddedPostgres, name: str) -> None:
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def companies(
    postgres: EmbeddedPostgres, seeded: tuple[Seeded, Seeded], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Companies]:
    """To be read only."""
    database = await copied(postgres, "read_companies")
    async with running(database, seeded, tmp_path_factory.mktemp("data")) as found:
        yield found
    await dropped(postgres, database.name)


@pytest.fixture(scope="session")
async def lively(
    postgres: EmbeddedPostgres, seeded: tuple[Seeded, Seeded], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Companies]:
    """To be read only: with rows of every type, those that only come to be while a day is driven, too."""
    database = await copied(postgres, "lively_companies")
    async with connected(database.owner_url) as connection:
        await connection.execute(LIVE)
        await connection.execute("ANALYZE")
    async with running(database, seeded, tmp_path_factory.mktemp("data")) as found:
        await proposed(found, seed=1)
        yield found
    await dropped(postgres, database.name)


@pytest.fixture
async def company(
    postgres: EmbeddedPostgres,
    seeded: tuple[Seeded, Seeded],
    tmp_path: Path,
    database_numbers: Iterator[int],
) -> AsyncIterator[Companies]:
    """To be written in: this test's own copy."""
    database = await copied(postgres, f"company_{next(database_numbers)}")
    async with running(database, seeded, tmp_path) as found:
        yield found
    await dropped(postgres, database.name)


@pytest.fixture(scope="session")
async def plan(companies: Companies) -> str:
    """A PROPOSED plan in the company that is only read."""
    return (await proposed(companies, seed=1))[0]


@pytest.fixture
async def house(company: Companies) -> AsyncIterator[House]:
    async with opened(company) as found:
        yield found
