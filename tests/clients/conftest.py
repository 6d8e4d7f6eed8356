"""What the tests with real clients stand on: their packages, their built project, and a seeded server."""

from collections.abc import AsyncIterator, Iterator

import pytest

from fieldgraph.addresses import APP_ROLE
from fieldgraph.postgres import EmbeddedPostgres
from tests.clients import nodes
from tests.clients.nodes import Node, Unavailable
from tests.clients.projects import Project, copied
from tests.conftest import Database, connected
from tests.fieldgraph.driven import Day, day


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with every package; without it, what needs it is skipped."""
    try:
        return nodes.found()
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
async def project(node: Node) -> AsyncIterator[Project]:
    """The project, with everything in it generated and compiled."""
    async with copied(node) as project:
        project.gather()
        await project.generate()
        await project.compile_relay()
        await project.check_types()
        yield project


@pytest.fixture(scope="session")
async def served(
    postgres: EmbeddedPostgres,
    template: str,
    database_numbers: Iterator[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Day]:
    """The seeded demo behind a real server; named after `project`, so that nothing starts to be skipped."""
    name = f"test_{next(database_numbers)}"
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    database = Database(name, postgres.url(name), postgres.url(name, user=APP_ROLE))
    async with day(database, tmp_path_factory.mktemp("clients")) as running:
        yield running
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
