"""The embedded Postgres as its users see it: start or join the one server of a data folder, leave it again.

Any number of processes may use one folder. The first starts the server, the others join it, the last one
out ends it, whether they leave by `stop()` or by `kill -9` (fieldgraph/keeper.py says how). A process that
starts others may hand them its `url()` as DATABASE_URL; they are then clients only and must end before it.
"""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from fieldgraph.cluster import DATABASE, OWNER, Cluster, EmbeddedPostgresError, locate
from fieldgraph.keeper import READY_SECONDS, answers, keeper_lock, open_lock, try_lock, users_lock

LEAVE_SECONDS = 20.0
POLL_SECONDS = 0.01


class EmbeddedPostgres:
    """A share in the server of one data folder, held from `start` to `stop`.

    `durable=False` is for tests only: it turns off every guard of the disk.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._durable = durable
        self._cluster: Cluster | None = None
        self._share: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns once the server answers; does nothing when already started."""
        if self._share is not None:
            return
        cluster = locate(self._folder, durable=self._durable)
        share = open_lock(users_lock(cluster))
        try:
            # Waits here while a keeper, which saw nobody, is still shutting its server down.
            fcntl.flock(share, fcntl.LOCK_SH)
            _ensure(cluster)
        except BaseException:
            os.close(share)
            raise
        self._cluster, self._share = cluster, share

    def stop(self) -> None:
        """Gives the share back; when it was the last one, returns after the server has written everything."""
        if self._share is None or self._cluster is None:
            return
        last = try_lock(self._share, fcntl.LOCK_EX)
        os.close(self._share)
        self._share = None
        if last:
            _wait_for_end(self._cluster)

    def url(self, database: str = DATABASE, user: str = OWNER) -> str:
        """An asyncpg address by the socket; nobody but us can enter its folder, so there is no password."""
        if self._cluster is None:
            raise EmbeddedPostgresError("The embedded Postgres has not been started.")
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._cluster.socket_folder))}"


def _ensure(cluster: Cluster) -> None:
    """One starter at a time: a keeper that is there is waited for, else one is made."""
    turn = open_lock(cluster.home / "start.lock")
    keeper = open_lock(keeper_lock(cluster))
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if try_lock(keeper, fcntl.LOCK_SH):
            fcntl.flock(keeper, fcntl.LOCK_UN)
            _start_keeper(cluster)
        deadline = time.monotonic() + READY_SECONDS
        while not answers(cluster):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"The embedded Postgres in {cluster.home} does not answer.")
            time.sleep(POLL_SECONDS)
    finally:
        os.close(keeper)
        os.close(turn)


def _start_keeper(cluster: Cluster) -> None:
    """In a fresh interpreter: forking a process that has threads and event loops is not safe."""
    started = subprocess.run(  # noqa: S603  # our own module with our own arguments
        [sys.executable, "-m", "fieldgraph.keeper", cluster.to_json()],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if started.returncode != 0:
        raise EmbeddedPostgresError(started.stderr.strip())


def _wait_for_end(cluster: Cluster) -> None:
    keeper = open_lock(keeper_lock(cluster))
    deadline = time.monotonic() + LEAVE_SECONDS
    while not try_lock(keeper, fcntl.LOCK_SH) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    os.close(keeper)
