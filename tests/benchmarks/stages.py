"""Stages: where servers are compared: a folder in memory, in it an embedded Postgres with a company."""

import asyncio
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fieldgraph.addresses import APP_ROLE
from fieldgraph.migrations import migrate
from fieldgraph.postgres import EmbeddedPostgres
from tests.benchmarks.world import World, fill


@dataclass(frozen=True)
class Stage:
    """Gone when the benchmark is over."""

    owner_url: str
    app_url: str
    folder: Path
    world: World


@contextmanager
def staged(world: World, say: Callable[[str], None]) -> Iterator[Stage]:
    memory = Path("/dev/shm")  # noqa: S108  # made by mkdtemp below, so nobody can have guessed the name
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-", dir=parent))
    folder.chmod(0o711)  # the account of the embedded server goes through it
    try:
        with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
            _fill(postgres, world, say)
            yield Stage(postgres.url(), postgres.url(user=APP_ROLE), folder, world)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(postgres: EmbeddedPostgres, world: World, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    asyncio.run(migrate(postgres.url()))
    asyncio.run(fill(postgres.url(), world))
    counts = ", ".join(f"{number:,} {name}" for name, number in world.counts.items())
    say(f"{counts} in {time.monotonic() - began:.1f} s")


def cores() -> set[int]:
    return os.sched_getaffinity(0)


def open_files() -> None:
    """As many as this process and its children are let have: a socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
