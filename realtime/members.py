"""Members: one follower among many, told bytes that were worked out once, and what of them waits, bounded."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from realtime.log import Entry, Place
from realtime.mailboxes import QUEUED

WAITING_BYTES = 262_144


class Packet:
    """Bytes for many; a door keeps beside them how it frames them, by what it puts before them."""

    __slots__ = ("body", "framed")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.framed: dict[bytes, bytes] = {}


class Told(Packet):
    """One item for all members. Of those with one `state` that wait only the newest counts."""

    __slots__ = ("is_last", "place", "state")

    def __init__(self, body: bytes, place: Place, *, state: str | None = None, is_last: bool = False) -> None:
        super().__init__(body)
        self.place = place
        self.state = state
        self.is_last = is_last


Direct = Callable[[Packet], bool]
"""Writes it at once, whole, where nothing else waits to be written; else does nothing and answers False."""


class Fee(Protocol):
    """What each item costs the one who is told it."""

    def at_once(self) -> bool:
        """Takes it where it is at hand."""
        ...

    async def another(self) -> None:
        """Takes it; raises what ends a stream where it is not there."""
        ...


class Member:
    """One of them. `reached` is the place up to which it has been told.

    `ended_by` says whether a fact of the topic ENDED ends this member, and raises what it is ended with.
    """

    def __init__(
        self,
        reached: Place,
        fee: Fee,
        *,
        direct: Direct | None = None,
        ended_by: Callable[[Entry], None],
    ) -> None:
        self.reached = reached
        self.ended_by = ended_by
        self.lag = 0
        """How many items it was too slow for; then it is no member any more."""
        self._fee = fee
        self._direct = direct
        self._waiting: dict[str | Place, tuple[Told, bool]] = {}
        self._bytes = 0
        self._over: BaseException | bool = False
        self._stirred: asyncio.Future[None] | None = None

    async def next(self) -> Told | None:
        """What could not be written at once; None at the end. Raises what the member was ended with."""
        while await self._is_waiting():
            key, (told, is_paid) = next(iter(self._waiting.items()))
            if is_paid:
                del self._waiting[key]
                self._bytes -= len(told.body)
                self.reached = max(self.reached, told.place)
                return told
            await self._fee.another()
            # By now a newer one of its state may wait behind others: that one is paid, and its turn comes.
            if key in self._waiting:
                self._waiting[key] = (self._waiting[key][0], True)
        return None

    async def _is_waiting(self) -> bool:
        """Waits until something does; False at the end. Raises what the member was ended with."""
        while not self._waiting:
            if self._over:
                if isinstance(self._over, BaseException):
                    raise self._over
                return False
            self._stirred = asyncio.get_running_loop().create_future()
            try:
                await self._stirred
            finally:
                self._stirred = None
        return True

    def tell(self, told: Told) -> None:
        """By its cohort, in the log's order; never waits."""
        if self._over or told.place <= self.reached:
            return
        is_paid = self._direct is not None and not self._waiting and self._fee.at_once()
        if is_paid and self._direct is not None and self._direct(told):
            self.reached = told.place
            if told.is_last:
                self.end(True)
            return
        self._wait(told, is_paid=is_paid)
        if told.is_last:
            self.end(True)

    def end(self, reason: BaseException | bool) -> None:
        """No item comes after it; those that wait are still taken. The first reason counts."""
        if not self._over:
            self._over = reason
            self._stir()

    def _wait(self, told: Told, *, is_paid: bool) -> None:
        key = told.state or told.place
        before = self._waiting.pop(key, None)
        self._waiting[key] = (told, is_paid or (before is not None and before[1]))
        self._bytes += len(told.body) - (len(before[0].body) if before else 0)
        if len(self._waiting) > QUEUED or self._bytes > WAITING_BYTES:
            self.lag = len(self._waiting)
            self._waiting.clear()
            self._over = True
        self._stir()

    def _stir(self) -> None:
        if self._stirred is not None and not self._stirred.done():
            self._stirred.set_result(None)
