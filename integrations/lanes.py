"""Lanes: few strangers are asked about at once, each address in its turn, and not too many wait."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address

from domain.errors import Busy

WIDTH = 2
"""How many questions about strangers run at once: the rest of the database is for those who are known."""
WAITING_MOST = 200
RETRY_SECONDS = 1
NETWORK_BITS = 64
"""How much of an IPv6 address is given to one house: who has one has the rest of it, too."""

Line = deque["asyncio.Future[None]"]


class Lane:
    """Lets in `width` at once. Who floods it waits behind themselves, and is the first to be refused."""

    def __init__(self, *, width: int = WIDTH, most: int = WAITING_MOST) -> None:
        self._free = width
        self._most = most
        self._lines: OrderedDict[str, Line] = OrderedDict()
        """Those who wait, by address; whose turn it is in front."""
        self.waiting = 0

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Raises Busy when too many wait."""
        await self._enter(_house(address))
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, house: str) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._most:
            self._make_room(house)
        line = self._lines.setdefault(house, deque())
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            self._drop(house, turn)
            if turn.cancelled():
                raise
            if turn.exception() is None:
                self._leave()  # it was let in at the moment at which it left
            raise

    def _make_room(self, house: str) -> None:
        """The last of the longest line goes, unless it is no longer than one's own would be."""
        longest = max(self._lines, key=lambda one: len(self._lines[one]))
        own = self._lines.get(house, ())
        if len(self._lines[longest]) <= len(own) + 1:
            raise _busy()
        last = self._lines[longest][-1]
        self._drop(longest, last)
        if not last.done():  # else whoever waited has left, and only did not get round to it
            last.set_exception(_busy())

    def _drop(self, house: str, turn: "asyncio.Future[None]") -> None:
        line = self._lines.get(house)
        if line is None or turn not in line:
            return
        line.remove(turn)
        self.waiting -= 1
        if not line:
            del self._lines[house]

    def _leave(self) -> None:
        while self._lines:
            house, line = next(iter(self._lines.items()))
            turn = line[0]
            self._drop(house, turn)
            if line:
                self._lines.move_to_end(house)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _busy() -> Busy:
    return Busy("Too many unknown tokens at once: ask again.", RETRY_SECONDS)


def _house(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> (128 - NETWORK_BITS))
    return address
