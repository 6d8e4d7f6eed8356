"""Wake-ups: hints between processes that the log has grown; they say nothing else and may be lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from urllib.parse import urlsplit

import asyncpg
import structlog
from broadcaster import Broadcast, BroadcastBackend, Event

CHANNEL = "fieldgraph_wake_up"
LISTENER = "fieldgraph wake-ups"
RESYNC = "resync"
HINT, CANARY = "hint", "canary"
QUEUED = 100
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
ANSWER_SECONDS = 2.0
SILENT_CANARIES = 3
# What a broken connection raises, also when it breaks in the middle of an operation.
BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancels until it has an effect: a failure on the way out may take a cancellation's place."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)


class PostgresBackend(BroadcastBackend):
    """LISTEN on a connection of its own that comes back by itself; NOTIFY through a pool.

    broadcaster's own one (0.3.1) shares a connection without a lock, which loses 19 of 20 publishes at
    once, fails two subscriptions at once, and leaves subscribers hanging when the connection dies.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._channels: set[str] = set()
        self._events: asyncio.Queue[Event] = asyncio.Queue(QUEUED)
        self._lock = asyncio.Lock()
        self._pool: asyncpg.Pool | None = None
        self._listener: asyncpg.Connection | None = None
        self._returning: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url, min_size=0, max_size=2, timeout=ANSWER_SECONDS, command_timeout=ANSWER_SECONDS
        )
        async with self._lock:
            await self._listen()

    async def disconnect(self) -> None:
        listener, self._listener = self._listener, None
        if listener:
            listener.remove_termination_listener(self._lost)
        if self._returning:
            await ended(self._returning)
            listener = self._listener or listener
        if listener:
            listener.remove_termination_listener(self._lost)
            listener.terminate()  # there is nothing to be said that could still matter
        if self._pool:
            with suppress(TimeoutError):  # asyncpg then ends what would not close
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._pool.close()

    async def subscribe(self, group: str) -> None:
        async with self._lock:
            if group not in self._channels:
                self._channels.add(group)
                if self._listener and not self._listener.is_closed():
                    await self._listener.add_listener(group, self._heard)

    async def unsubscribe(self, group: str) -> None:
        async with self._lock:
            self._channels.discard(group)
            if self._listener and not self._listener.is_closed():
                with suppress(*BROKEN):  # what is gone is unsubscribed
                    await self._listener.remove_listener(group, self._heard)

    async def publish(self, channel: str, message: str) -> None:
        if self._pool is None:
            raise ConnectionError("The backend is not connected.")
        await self._pool.execute("SELECT pg_notify($1, $2)", channel, message)

    async def next_published(self) -> Event:
        return await self._events.get()

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": LISTENER},
        )
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._heard)
        except BaseException:
            connection.terminate()
            raise
        connection.add_termination_listener(self._lost)
        if connection.is_closed():  # before it could be noticed
            raise ConnectionError("The connection was lost at once.")
        self._listener = connection

    def _lost(self, _connection: object) -> None:
        if self._returning is None or self._returning.done():
            self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._lock:
                    await self._listen()
                    break
            except BROKEN:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        for channel in self._channels:
            self._put(Event(channel, RESYNC))  # what was said meanwhile nobody has heard

    def _heard(self, _connection: object, _process: int, channel: str, payload: object) -> None:
        self._put(Event(channel, str(payload)))

    def _put(self, event: Event) -> None:
        # A full queue already says everything that one more hint could.
        with suppress(asyncio.QueueFull):
            self._events.put_nowait(event)


def broadcast_of(url: str) -> Broadcast:
    """`postgresql://…` by the backend above; `redis://…` and `memory://` by broadcaster's own."""
    if urlsplit(url).scheme in {"postgres", "postgresql"}:
        return Broadcast(backend=PostgresBackend(url))
    try:
        return Broadcast(url)
    except ModuleNotFoundError as error:
        raise ConnectionError("Redis needs its client: pip install fieldgraph[redis].") from error


class Wakeups:
    """Tells other processes that something was committed, and waits for such a hint from them.

    A broker that is away or dumb is rejoined for ever; until then waiting simply takes its timeout.
    """

    def __init__(self, url: str, *, canary_seconds: float = 5.0) -> None:
        self._url = url
        self._canary_seconds = canary_seconds
        self._me = token_hex(8)
        self._awake = asyncio.Event()
        self._announced = asyncio.Event()
        self._tried = asyncio.Event()
        self._heard_at: float | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether our own voice came back through the broker lately."""
        longest = SILENT_CANARIES * self._canary_seconds
        return self._heard_at is not None and time.monotonic() - self._heard_at <= longest

    async def start(self) -> None:
        """Returns once subscribed, or once the first attempt has failed: a dead broker stops nobody."""
        if self._task is None:
            self._stopping = False
            self._task = asyncio.create_task(self._rejoin(), name="wake-ups")
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * ANSWER_SECONDS):
                    await self._tried.wait()

    async def stop(self) -> None:
        if self._task:
            self._stopping = True
            await ended(self._task)
            self._task = None
            self._heard_at = None

    def announce(self) -> None:
        """To be called after a commit. Hints that wait for one in flight become a single one."""
        self._announced.set()

    def wake(self) -> None:
        """Ends this process's own waiting at once."""
        self._awake.set()

    async def wait(self, timeout_seconds: float) -> bool:
        """Whether a hint came within the time, or had come since the last wait."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._awake.wait()
        except TimeoutError:
            return False
        self._awake.clear()
        return True

    async def _rejoin(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping:
            try:
                async with self._joined() as broadcast, broadcast.subscribe(CHANNEL) as subscriber:
                    pause = FIRST_PAUSE_SECONDS
                    self.wake()  # others may have spoken before we could hear
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._speak(broadcast), name="wake-ups: speak")
                        while True:
                            self._hear(await subscriber.get())
            except Exception as error:  # noqa: BLE001  # brokers raise anything, and none of it may end us
                self._heard_at = None
                if pause == FIRST_PAUSE_SECONDS:  # once for each time that it goes away
                    _say("The broker of wake-ups is away; polling goes on.", error)
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[Broadcast]:
        broadcast = broadcast_of(self._url)
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                await broadcast.connect()
        except BaseException:
            # Broadcast.disconnect fails after a failed connect and would leave the backend's task behind.
            await broadcast._backend.disconnect()  # noqa: SLF001  # see above; the only handle there is
            raise
        try:
            yield broadcast
        finally:
            await broadcast.disconnect()
            await asyncio.sleep(0)  # it cancels its tasks without waiting for their end

    async def _speak(self, broadcast: Broadcast) -> None:
        """Publishes hints, one at a time, and a canary where there were none; ends us when none returns."""
        started = time.monotonic()
        word = CANARY
        while True:
            with suppress(*BROKEN):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await broadcast.publish(CHANNEL, f"{word} {self._me}")
            silent = time.monotonic() - max(self._heard_at or 0.0, started)
            if silent > SILENT_CANARIES * self._canary_seconds:
                raise ConnectionError("The broker does not answer.")
            word = HINT if await self._asked() else CANARY

    async def _asked(self) -> bool:
        """Whether somebody announced before the next canary is due."""
        try:
            async with asyncio.timeout(self._canary_seconds):
                await self._announced.wait()
        except TimeoutError:
            return False
        self._announced.clear()
        return True

    def _hear(self, event: Event) -> None:
        word, _, sender = event.message.partition(" ")
        if sender == self._me:
            self._heard_at = time.monotonic()
            self._tried.set()
        elif word != CANARY:
            self.wake()


def _say(sentence: str, error: Exception) -> None:
    structlog.get_logger(__name__).warning(sentence, error=repr(error))
