"""Live: a query's whole result, and a new one whenever a committed fact of the organization changes it."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from domain.errors import ResyncRequired, TooMany, Unauthenticated
from domain.viewers import Viewer
from realtime.hub import Hub
from realtime.log import Entry
from realtime.mailboxes import Lagged
from resolvers.following import ends

PAUSE_SECONDS = 0.1
"""From one run to the next, at least: what is committed in between is answered by one."""
TIMER_SECONDS = 30.0
"""From one run to the next, at most, of a query whose result may change without an event."""


class Result(NamedTuple):
    """One run's response without its last brace: data and errors, and what it cost."""

    body: tuple[bytes, ...]
    told: bytes

    def whole(self) -> bytes:
        return b"".join((*self.body, self.told, b"}"))

    def digest(self) -> bytes:
        """Of the data alone; the plain way writes it in one piece with its errors."""
        data = self.body[1] if len(self.body) > 1 else orjson.dumps(orjson.loads(self.body[0] + b"}")["data"])
        return hashlib.sha256(data).digest()


async def results(
    hub: Hub, viewer: Viewer, run: Callable[[], Awaitable[Result]], *, is_timed: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    """Each whole, and each with other data than the one before it.

    `is_timed` says, after a run, whether the result may change without an event. A client whose bucket is
    empty waits for it to fill up: told later, and of the last change surely. Raises Unauthenticated when
    what the viewer stands on has ended, and what a run raises.
    """
    loop, sent = asyncio.get_running_loop(), b""
    async with Watch(hub, viewer) as watch:
        while not watch.over:
            rested = loop.time() + PAUSE_SECONDS
            try:
                result = await run()
            except TooMany as error:
                if not sent:
                    raise
                await watch.rest(loop.time() + max(error.seconds, PAUSE_SECONDS))
                continue
            digest = result.digest()
            if digest != sent:
                sent = digest
                yield result.whole()
            await watch.stirred(TIMER_SECONDS if is_timed() else None)
            await watch.rest(rested)


class Watch:
    """Whether anything was committed in the viewer's organization since the last look. It has no task."""

    def __init__(self, hub: Hub, viewer: Viewer) -> None:
        self.over = False
        """The hub has stopped: nothing more will come."""
        self._hub = hub
        self._viewer = viewer
        self._subscribe()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscription.close()

    async def stirred(self, seconds: float | None) -> None:
        """Until something was, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._take()

    async def rest(self, until: float) -> None:
        """Whatever is committed until then, by the loop's time, is answered by one run after it."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while not self.over:
                    await self._take()

    def _subscribe(self) -> None:
        """The topics are too coarse to say which tables a verb has written: every fact counts.

        One of them waits at most, and says as much as all: so nobody ever lags behind.
        """
        self._subscription = self._hub.subscribe(
            self._viewer.organization_id, wants=lambda _: True, conflate=self._sort
        )

    def _sort(self, entry: Entry) -> str | None:
        return None if ends(entry, self._viewer) else "something"

    async def _take(self) -> None:
        try:
            entry = await anext(self._subscription)
        except StopAsyncIteration:
            self.over = True
        except ResyncRequired:
            # The database is another one than before: whatever it holds is read by the next run.
            self._subscribe()
        else:
            if not isinstance(entry, Lagged) and ends(entry, self._viewer):
                raise Unauthenticated("This token has been revoked.")
