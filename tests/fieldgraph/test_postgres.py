"""The embedded server: shared by processes, outliving each of them but the last, with every committed row."""

import asyncio
import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from fieldgraph.cluster import Account, EmbeddedPostgresError, initialise, locate, reachable, server_account
from fieldgraph.keeper import answers
from fieldgraph.postgres import EmbeddedPostgres
from tests.conftest import connected

PATIENCE_SECONDS = 20.0

# Starts or joins the server of argv[1], commits argv[2] rows, says so, and then waits to be killed.
USER = """
import asyncio, sys, time
from pathlib import Path
import asyncpg
from fieldgraph.postgres import EmbeddedPostgres

async def write(url):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS fact (n integer)")
    for n in range(int(sys.argv[2])):
        await connection.execute("INSERT INTO fact VALUES ($1)", n)
        print("committed", n, flush=True)
    await connection.close()

server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
asyncio.run(write(server.url()))
print("waiting", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(shared_memory_folder: Path, request: pytest.FixtureRequest) -> Path:
    return shared_memory_folder / str(abs(hash(request.node.name)) % 10**8)


@pytest.fixture
def start_user(folder: Path) -> Iterator[Callable[[int], "subprocess.Popen[str]"]]:
    """Starts processes that use the server of `folder`; returns once all their rows are committed."""
    users: list[subprocess.Popen[str]] = []

    def start(rows: int) -> "subprocess.Popen[str]":
        user = subprocess.Popen(  # noqa: S603  # our own interpreter and text
            [sys.executable, "-c", USER, str(folder), str(rows)], stdout=subprocess.PIPE, text=True
        )
        users.append(user)
        assert user.stdout is not None
        lines = [line.strip() for line in iter(user.stdout.readline, "waiting\n")]
        assert lines == [f"committed {n}" for n in range(rows)]
        return user

    yield start
    for user in users:
        kill(user)


def kill(user: "subprocess.Popen[str]") -> None:
    user.kill()
    user.wait()
    if user.stdout is not None:
        user.stdout.close()


async def eventually(truth: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not truth():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.02)


def gone(process_id: int) -> bool:
    """Dead, or a zombie that only waits for its parent to look."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(") ")[2].startswith("Z")


def postmaster(folder: Path) -> int:
    home = locate(folder, durable=True).home
    return int((home / "data" / "postmaster.pid").read_text().split("\n")[0])


def parent(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()[1])


@asynccontextmanager
async def joined(folder: Path) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the folder's server, which is started if it does not run."""
    server = EmbeddedPostgres(folder)
    await asyncio.to_thread(server.start)
    try:
        async with connected(server.url()) as connection:
            yield connection
    finally:
        await asyncio.to_thread(server.stop)


async def test_kill_of_its_only_user_ends_the_server_and_loses_no_row(
    folder: Path, start_user: Callable[[int], "subprocess.Popen[str]"]
) -> None:
    # given one process whose server has answered 50 commits
    user = start_user(50)
    server = postmaster(folder)

    # when it is killed without a chance to clean up
    kill(user)

    # then the server goes by itself, and the next start finds every row
    await eventually(lambda: gone(server))
    async with joined(folder) as connection:
        assert await connection.fetchval("SELECT array_agg(n ORDER BY n) FROM fact") == list(range(50))


async def test_the_server_outlives_the_process_that_started_it(
    folder: Path, start_user: Callable[[int], "subprocess.Popen[str]"]
) -> None:
    # given a first process that started the server and a second that joined it
    first = start_user(3)
    server = postmaster(folder)
    async with joined(folder) as connection:
        assert postmaster(folder) == server

        # when the first is killed
        kill(first)
        await asyncio.sleep(0.5)

        # then the second's connection never notices
        assert await connection.fetchval("SELECT count(*) FROM fact") == 3
        assert postmaster(folder) == server

    # and when the second leaves too, nothing is left behind
    assert gone(server)
    assert not answers(locate(folder, durable=True))


async def test_a_killed_server_is_up_again_for_those_who_use_it(
    folder: Path, start_user: Callable[[int], "subprocess.Popen[str]"]
) -> None:
    start_user(20)
    server = postmaster(folder)

    os.kill(server, signal.SIGKILL)

    cluster = locate(folder, durable=True)
    await eventually(lambda: gone(server) and answers(cluster) and postmaster(folder) != server)
    async with joined(folder) as connection:
        assert await connection.fetchval("SELECT count(*) FROM fact") == 20


@pytest.mark.skipif(
    sys.platform != "linux", reason="the death signal is Linux's; elsewhere a start takes over"
)
async def test_a_killed_keeper_takes_the_server_with_it_and_the_next_start_has_a_new_one(
    folder: Path, start_user: Callable[[int], "subprocess.Popen[str]"]
) -> None:
    start_user(20)
    server = postmaster(folder)

    os.kill(parent(server), signal.SIGKILL)

    await eventually(lambda: gone(server))
    async with joined(folder) as connection:
        assert await connection.fetchval("SELECT count(*) FROM fact") == 20


async def test_processes_that_start_together_share_one_server(folder: Path) -> None:
    servers = [EmbeddedPostgres(folder, durable=False) for _ in range(5)]

    await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))

    starts: set[str] = set()
    for server in servers:
        async with connected(server.url()) as connection:
            starts.add(await connection.fetchval("SELECT pg_postmaster_start_time()::text"))
    assert len(starts) == 1
    process_id = postmaster(folder)
    for server in servers[:-1]:
        server.stop()
        assert not gone(process_id)
    servers[-1].stop()
    assert gone(process_id)


async def test_it_never_runs_as_root_and_listens_on_nothing_but_its_own_socket(
    folder: Path, start_user: Callable[[int], "subprocess.Popen[str]"]
) -> None:
    start_user(0)
    process_id = postmaster(folder)
    cluster = locate(folder, durable=True)

    async with joined(folder) as connection:
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW fsync") == "on"
    user_id = os.stat(f"/proc/{process_id}").st_uid  # noqa: PTH116  # /proc never blocks
    account = server_account()
    assert user_id == (account.uid if account else os.geteuid())
    assert user_id != 0
    assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700
    assert cluster.data.stat().st_mode & 0o077 == 0


async def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("a" * 60) / ("b" * 60)

    async with joined(deep) as connection:
        assert await connection.fetchval("SELECT 1") == 1

    socket_folder = locate(deep, durable=True).socket_folder
    assert socket_folder.parent != locate(deep, durable=True).home
    assert list(socket_folder.iterdir()) == []
    socket_folder.rmdir()


def test_data_of_another_major_version_is_left_alone(folder: Path) -> None:
    cluster = locate(folder, durable=False)
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("16\n")

    with pytest.raises(EmbeddedPostgresError, match="written by Postgres 16"):
        initialise(cluster)
    with pytest.raises(EmbeddedPostgresError, match="written by Postgres 16"):
        EmbeddedPostgres(folder, durable=False).start()


def test_half_made_data_is_made_anew(folder: Path) -> None:
    cluster = locate(folder, durable=False)
    (cluster.home / "data.unfinished").mkdir()
    (cluster.home / "data.unfinished" / "rubbish").touch()

    initialise(cluster)

    assert (cluster.data / "PG_VERSION").read_text() == "18\n"
    assert not (cluster.data / "rubbish").exists()


def test_a_folder_that_only_its_owner_enters_is_out_of_the_accounts_reach(tmp_path: Path) -> None:
    closed, opened = tmp_path / "closed", tmp_path / "closed" / "opened"
    opened.mkdir(parents=True)
    opened.chmod(0o755)
    stranger = Account("stranger", os.geteuid() + 1, os.getegid() + 1)

    closed.chmod(0o700)

    assert not reachable(opened, stranger)
    assert reachable(opened, None)
    assert reachable(Path("/usr"), stranger)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start the server of another account")
async def test_root_runs_the_server_of_another_account_as_that_account(folder: Path) -> None:
    # given data that `nobody` made
    nobody = pwd.getpwnam("nobody")
    cluster = replace(locate(folder, durable=False), account=Account("nobody", nobody.pw_uid, nobody.pw_gid))
    for part in (cluster.home, cluster.socket_folder):
        os.chown(part, nobody.pw_uid, nobody.pw_gid)
    initialise(cluster)

    # when root starts it, then it is nobody's still
    async with joined(folder) as connection:
        assert await connection.fetchval("SELECT 1") == 1
        assert os.stat(f"/proc/{postmaster(folder)}").st_uid == nobody.pw_uid  # noqa: PTH116  # /proc never blocks


@pytest.mark.skipif(os.geteuid() == 0, reason="root may take any account's data over")
def test_data_of_another_account_is_refused_with_a_sentence() -> None:
    with pytest.raises(EmbeddedPostgresError, match="belongs to another account"):
        locate(Path("/usr"), durable=False)


def test_an_address_before_the_start_is_a_clear_error(folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="has not been started"):
        EmbeddedPostgres(folder).url()


def test_a_cluster_survives_its_way_to_the_keeper(folder: Path) -> None:
    cluster = locate(folder, durable=False)

    assert type(cluster).from_json(cluster.to_json()) == cluster
    assert json.loads(cluster.to_json())["durable"] is False
