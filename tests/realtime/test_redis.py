"""Redis carries the hints of a cluster: they arrive, and its death, deafness and return stop nobody."""

import asyncio
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from realtime.wakeups import Wakeups, broadcast_of
from tests.conftest import Database
from tests.patience import PATIENCE_SECONDS
from tests.realtime.facts import until
from tests.realtime.houses import ONLY_WHEN_WOKEN, house_of, taken

SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="needs redis-server; .ci/run installs Debian's")


@dataclass
class Redis:
    """A server of this test's own, on one port, however often it is killed."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(  # noqa: S603  # found by its name above
            [str(SERVER), *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", urlsplit(self.url).port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """It takes what it is sent and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Redis(tmp_path, port)
    server.start()
    yield server
    server.kill()


@asynccontextmanager
async def started(url: str, canary_seconds: float = 5.0) -> AsyncIterator[Wakeups]:
    one = Wakeups(url, canary_seconds=canary_seconds)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def heard(here: Wakeups, there: Wakeups) -> bool:
    here.announce()
    return await there.wait(5)


async def test_an_announcement_wakes_the_others_and_not_oneself(redis: Redis) -> None:
    async with started(redis.url) as here, started(redis.url) as there:
        assert (here.healthy, there.healthy) == (True, True)
        while await here.wait(0.05) or await there.wait(0.05):
            pass
        for _ in range(3):
            assert await heard(here, there)
        assert await here.wait(0.1) is False


async def test_of_twenty_publishes_at_once_all_arrive_at_two_subscriptions_made_at_once(redis: Redis) -> None:
    async def listening(number: int) -> list[str]:
        async with (
            broadcast_of(redis.url) as broadcast,
            broadcast.subscribe("one") as subscriber,
        ):
            ready[number].set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                return [(await subscriber.get()).message for _ in range(20)]

    ready = [asyncio.Event() for _ in range(2)]
    listeners = [asyncio.create_task(listening(number)) for number in range(2)]
    await asyncio.gather(*(one.wait() for one in ready))
    await asyncio.sleep(0.1)  # subscribing is answered by nobody
    async with broadcast_of(redis.url) as broadcast:
        await asyncio.gather(*(broadcast.publish("one", str(number)) for number in range(20)))
        for told in await asyncio.gather(*listeners):
            assert sorted(told, key=int) == [str(number) for number in range(20)]


async def test_a_killed_server_is_survived_and_its_return_wakes_everybody(redis: Redis) -> None:
    async with started(redis.url, 0.1) as here, started(redis.url, 0.1) as there:
        assert await heard(here, there)
        for _ in range(2):
            # when
            redis.kill()
            await until(lambda: not here.healthy and not there.healthy)
            here.announce()
            while await there.wait(0.05):
                pass
            redis.start()
            # then
            assert await there.wait(10), "others may have spoken before it could hear"
            await until(lambda: here.healthy and there.healthy)
            assert await heard(here, there)


async def test_a_server_that_says_nothing_is_left_and_found_again(redis: Redis) -> None:
    async with started(redis.url, 0.1) as one, started(redis.url, 0.1) as other:
        redis.freeze()
        await until(lambda: not one.healthy)
        redis.thaw()
        await until(lambda: one.healthy and other.healthy)
        assert await heard(one, other)


@pytest.mark.parametrize("fault", ["none", "killed", "frozen"])
async def test_what_is_committed_is_delivered_in_time_with_and_without_the_server(
    redis: Redis, database: Database, fault: str
) -> None:
    async with house_of(database) as house:
        # given two processes, which without a fault would not poll within this test
        options = ONLY_WHEN_WOKEN if fault == "none" else {}
        here, there = await house.hub(redis.url, **options), await house.hub(redis.url, **options)
        async with house.listen(here) as near, house.listen(there) as far:
            if fault == "killed":
                redis.kill()
            elif fault == "frozen":
                redis.freeze()
            for number in range(5):
                # when
                await house.say(str(number))
                here.committed()
                started_at = time.monotonic()
                # then
                assert await taken(near, 1) == await taken(far, 1) == [str(number)]
                assert time.monotonic() - started_at < 2.0
        if fault == "frozen":
            redis.thaw()
