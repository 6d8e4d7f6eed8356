"""Subscriptions: one organization's wanted events, as who takes them iterates them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

import structlog

from domain.errors import ResyncRequired
from realtime.log import Entry, Place
from realtime.mailboxes import Lagged, Mailbox
from realtime.wakeups import BROKEN, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

LOG = structlog.get_logger(__name__)


class Source(Protocol):
    """What a subscription needs of the hub: where its past is, and to be forgotten."""

    def forget(self, subscription: "Subscription") -> None: ...

    def refill_from_ring(self, subscription: "Subscription") -> bool: ...

    async def refill_from_log(self, subscription: "Subscription") -> None: ...


class Subscription:
    """One organization's wanted events, in order and each once. To be used as a context, by one taker."""

    def __init__(self, source: Source, organization_id: UUID, mailbox: Mailbox) -> None:
        self.organization_id = organization_id
        self._source = source
        self.mailbox = mailbox
        self._stirred = asyncio.Event()
        self._closed = False
        self._reason: Exception | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Entry | Lagged:
        while not self._closed:
            item = self.mailbox.take()
            if item is not None:
                return item
            if not self.mailbox.live:
                await self._catch_up()
                continue
            self._stirred.clear()
            await self._stirred.wait()
        if self._reason:
            raise self._reason
        raise StopAsyncIteration

    async def past(self) -> AsyncGenerator[Entry | Lagged, None]:
        """What there is until now: at its end all that the hub has read was taken.

        Raises the reason where the subscription was closed with one.
        """
        while not self._closed:
            item = self.mailbox.take()
            if item is not None:
                yield item
            elif self.mailbox.live:
                return
            else:
                await self._catch_up()
        if self._reason:
            raise self._reason

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def reached(self) -> Place:
        """Whatever was wanted up to here has been taken, once `past` has ended."""
        return self.mailbox.reached

    def close(self, reason: Exception | None = None) -> None:
        """Ends the iteration at once, raising the reason if there is one. The first call counts."""
        if not self._closed:
            self._closed = True
            self._reason = reason
            self._source.forget(self)
            self._stirred.set()

    def offer(self, entries: Sequence[Entry], *, since: Place) -> None:
        """By the hub: what it has just read of these topics."""
        try:
            self.mailbox.offer(entries, since=since)
        except Exception as error:  # noqa: BLE001  # a predicate that fails must end its own stream only
            self.close(error)
        if self.mailbox.is_stirred:
            self._stirred.set()

    async def _catch_up(self) -> None:
        """One more stretch of the past; waits for the database as long as it takes."""
        pause = FIRST_PAUSE_SECONDS
        while not self._closed:
            try:
                if not self._source.refill_from_ring(self):
                    await self._source.refill_from_log(self)
            except ResyncRequired as error:
                self.close(error)
            except BROKEN as error:
                LOG.warning("The past cannot be read; trying again.", error=repr(error))
                self._stirred.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._stirred.wait()
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return
