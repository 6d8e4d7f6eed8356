"""The process that owns an embedded Postgres: keeps it up while anybody uses it, and ends it after the last.

Whoever uses the server holds a shared lock on one file, which the kernel lets go of however that process
ends. The keeper waits for the exclusive lock; when it gets it nobody is left, and it stops the server.
So the first to start is free to die before the others, and `kill -9` of the last leaves nothing behind.
"""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from fieldgraph.cluster import Cluster, EmbeddedPostgresError, identity, initialise, server_command

READY_SECONDS = 30.0  # crash recovery of a large cluster takes its time
POLL_SECONDS = 0.1
HASTY_SECONDS = 1.0  # a server that ends sooner than this did not really start
HASTY_LIMIT = 100  # so many tries, POLL_SECONDS apart: an orphan's fast shutdown fits well inside
LOG_LIMIT_BYTES = 16_000_000
PR_SET_PDEATHSIG = 1


def users_lock(cluster: Cluster) -> Path:
    return cluster.home / "users.lock"


def keeper_lock(cluster: Cluster) -> Path:
    return cluster.home / "keeper.lock"


def log_file(cluster: Cluster) -> Path:
    return cluster.home / "postgres.log"


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def answers(cluster: Cluster) -> bool:
    """Whether a server that has finished its recovery listens on the socket."""
    try:
        status = (cluster.data / "postmaster.pid").read_text().split("\n")
    except OSError:
        return False
    if len(status) < 8 or status[7].strip() != "ready":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(cluster.socket))
        except OSError:
            return False
    return True


def run(cluster: Cluster) -> None:
    """Returns in the caller once the server answers; the keeper itself lives on detached."""
    initialise(cluster)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _detach(cluster)
        code = 1
        try:
            _keep(cluster, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        if pipe.read() != "ready":
            tail = log_file(cluster).read_text(errors="replace").splitlines()[-8:]
            raise EmbeddedPostgresError("The embedded Postgres did not start:\n" + "\n".join(tail))


def _detach(cluster: Cluster) -> None:
    """Own session, so that Ctrl-C in the terminal reaches those who use the server and not the server."""
    os.setsid()
    log = log_file(cluster)
    too_long = log.exists() and log.stat().st_size > LOG_LIMIT_BYTES
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if too_long else 0)
    output = os.open(log, flags, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _keep(cluster: Cluster, ready_pipe: int) -> None:
    alone = open_lock(keeper_lock(cluster))
    fcntl.flock(alone, fcntl.LOCK_EX)
    users = open_lock(users_lock(cluster))
    server, started, hasty = _spawn(cluster), time.monotonic(), 0
    told = False
    while not try_lock(users, fcntl.LOCK_EX):
        if not told and answers(cluster):
            os.write(ready_pipe, b"ready")
            os.close(ready_pipe)
            told = True
        if server.poll() is not None:
            hasty = hasty + 1 if time.monotonic() - started < HASTY_SECONDS else 0
            if hasty > HASTY_LIMIT:
                raise EmbeddedPostgresError("The server ends as soon as it starts.")
            server, started = _spawn(cluster), time.monotonic()
        time.sleep(POLL_SECONDS if told else POLL_SECONDS / 10)
    _stop(server)


def _spawn(cluster: Cluster) -> subprocess.Popen[bytes]:
    keeper = os.getpid()

    def die_with_keeper() -> None:
        # After the change of account, which would clear it; the keeper may have died in between.
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != keeper:
            os._exit(1)

    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603  # `identity` holds keywords of one overload; our own binary
        server_command(cluster),
        stdin=subprocess.DEVNULL,
        cwd=cluster.home,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        preexec_fn=die_with_keeper,  # noqa: PLW1509  # the keeper has one thread, so nothing can be locked here
        **identity(cluster.account),
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown: sessions are ended, everything is written."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        server.wait()


if __name__ == "__main__":
    try:
        run(Cluster.from_json(sys.argv[1]))
    except EmbeddedPostgresError as error:
        sys.exit(str(error))
