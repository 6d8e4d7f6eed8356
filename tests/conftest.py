"""What every test may ask for: a real Postgres, a database of its own, and no way out to the network."""

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from fieldgraph.addresses import APP_ROLE
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres

TEMPLATE = "template_migrated"


@dataclass(frozen=True, slots=True)
class Database:
    """One migrated, empty database that lives as long as its test."""

    name: str
    owner_url: str
    app_url: str


def pytest_configure() -> None:
    """A run says the same of the same code on every machine, however slow.

    What nobody has drawn yet is sought at length: with FIELDGRAPH_THOROUGH each run draws anew.
    """
    thorough = "FIELDGRAPH_THOROUGH" in os.environ
    settings.register_profile("fieldgraph", derandomize=not thorough, deadline=None)
    settings.load_profile("fieldgraph")


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Only unix sockets and the loopback address can be connected to; tests share this machine alone."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: tuple[str, int] | str | bytes) -> None:
        if self.family != socket.AF_UNIX:
            host = str(address[0])
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise PermissionError(f"A test may not connect to {host}.")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def shared_memory_folder() -> Iterator[Path]:
    """A short path in memory where the account of an embedded server can go, unlike pytest's own folders."""
    memory = Path("/dev/shm")  # noqa: S108  # made by mkdtemp below, so nobody can have guessed the name
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="fieldgraph-", dir=parent))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(shared_memory_folder: Path) -> Iterator[EmbeddedPostgres]:
    """One server for the whole run, with no care for the disk."""
    with EmbeddedPostgres(shared_memory_folder / "tests", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
async def template(postgres: EmbeddedPostgres) -> str:
    """The name of a database that has been migrated once; others are copied from it."""
    await _maintain(postgres, f"CREATE DATABASE {TEMPLATE}")
    await migrate(postgres.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def database_numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
async def database(
    postgres: EmbeddedPostgres, template: str, database_numbers: Iterator[int]
) -> AsyncIterator[Database]:
    """A database of this test's own, so that it may commit, notify and use any number of connections."""
    async with _fresh(postgres, template, f"test_{next(database_numbers)}") as found:
        yield found


@pytest.fixture(scope="module")
async def module_database(
    postgres: EmbeddedPostgres, template: str, database_numbers: Iterator[int]
) -> AsyncIterator[Database]:
    """One for all tests of a module, which then must not mind each other."""
    async with _fresh(postgres, template, f"test_{next(database_numbers)}") as found:
        yield found


@asynccontextmanager
async def _fresh(postgres: EmbeddedPostgres, template: str, name: str) -> AsyncIterator[Database]:
    await _maintain(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield Database(name, postgres.url(name), postgres.url(name, user=APP_ROLE))
    await _maintain(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def connected(url: str, role: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is closed also when the test fails, as `role` if one is named."""
    connection = await asyncpg.connect(url, server_settings={"role": role} if role else None)
    try:
        yield connection
    finally:
        await connection.close()


async def _maintain(postgres: EmbeddedPostgres, statement: str) -> None:
    async with connected(postgres.url("postgres")) as connection:
        await connection.execute(statement)
