"""Watching: a client that follows a subscription through every fault, and writes down each item it got."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.faults.sights import Sight
from tests.fieldgraph.running import PROTOCOL

BROKEN = (OSError, InvalidHandshake, EOFError, TimeoutError)
FOR_GOOD = frozenset({4401, 4403})
MAY_PASS = frozenset({"INTERNAL_SERVER_ERROR", "COST_EXCEEDED", "RATE_LIMITED"})
"""Errors of a stream after which asking again may help."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.5
GREETED_SECONDS = 5.0
GONE_SECONDS = 0.2


class Heard(NamedTuple):
    """One item, whole. `at`: real seconds since 1970."""

    cursor: str
    kind: str
    subject: str | None
    at: float


@dataclass(eq=False)
class Watcher:
    """Goes from door to door, always after the last cursor; the first time there is a snapshot.

    `over` says why it was not let in again, or None while it watches. `ends` counts how sockets ended.
    """

    sight: Sight
    doors: Sequence[str]
    seed: int = 0
    cursor: str | None = None
    heard: list[Heard] = field(default_factory=list)
    lags: list[Heard] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    over: str | None = None
    over_at: float = 0.0
    began: asyncio.Event = field(default_factory=asyncio.Event)
    greeted_at: float = 0.0
    """When it was last subscribed, in real seconds."""

    def __str__(self) -> str:
        return f"{self.sight.stream} {self.sight.must}, {len(self.heard)} heard, {dict(self.ends)}"

    async def run(self) -> None:
        turn, pause, chance = self.seed, FIRST_PAUSE_SECONDS, random.Random(self.seed)  # noqa: S311  # repeatable
        while self.over is None:
            known = self.cursor
            try:
                await self._follow(self.doors[turn % len(self.doors)])
            except ConnectionClosed as closed:
                code = 1006 if closed.rcvd is None else closed.rcvd.code
                self._ended(str(code), for_good=code in FOR_GOOD)
            except BROKEN as error:
                self._ended(type(error).__name__)
            turn += 1
            came_on = self.cursor != known
            pause = FIRST_PAUSE_SECONDS if came_on else min(2 * pause, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * chance.random())

    def _ended(self, why: str, *, for_good: bool = False) -> None:
        self.ends[why] += 1
        if for_good:
            self.over, self.over_at = why, time.time()
            self.began.set()

    async def _follow(self, door: str) -> None:
        """One socket, to its end; what a frame brought whole has been heard."""
        async with connect(
            door,
            subprotocols=PROTOCOL,
            max_size=None,
            proxy=None,
            ping_interval=None,
            close_timeout=GONE_SECONDS,
            open_timeout=GREETED_SECONDS,
        ) as socket:
            async with asyncio.timeout(GREETED_SECONDS):
                await _say(
                    socket, type="connection_init", payload={"authorization": f"Bearer {self.sight.token}"}
                )
                while json.loads(await socket.recv())["type"] != "connection_ack":
                    pass
            variables = {**self.sight.variables, "after": self.cursor}
            payload = {"query": self.sight.document, "variables": variables}
            await _say(socket, type="subscribe", id="1", payload=payload)
            self.greeted_at = time.time()
            while await self._take(socket):
                pass

    async def _take(self, socket: ClientConnection) -> bool:
        """One message; whether there may be more of this operation."""
        message = json.loads(await socket.recv())
        match message["type"]:
            case "next":
                self._hear(message["payload"])
            case "ping":
                await _say(socket, type="pong")
            case "complete":
                self._ended("complete", for_good=True)
                return False
            case "error":
                code = message["payload"][0].get("extensions", {}).get("code", "")
                self._ended(code, for_good=code not in MAY_PASS)
                return False
        return True

    def _hear(self, payload: dict[str, Any]) -> None:
        assert "errors" not in payload, payload
        (item,) = payload["data"].values()
        self.cursor = item["cursor"]
        heard = Heard(item["cursor"], item["__typename"], _subject(item), time.time())
        if heard.kind == "Lagged":
            self.lags.append(heard)
        elif heard.kind.endswith("Snapshot"):
            self.heard.append(heard)
            self.began.set()
        else:
            self.heard.append(heard)


def _subject(item: dict[str, Any]) -> str | None:
    """The uuid of what an item is about, where it says so."""
    for value in (item.get("visit"), item.get("plan"), item.get("workOrder"), item):
        if isinstance(value, dict) and "id" in value:
            return str(value["id"]).partition("_")[2]
    return None


async def _say(socket: ClientConnection, **message: object) -> None:
    with suppress(ConnectionClosed):  # which the next reading says
        await socket.send(json.dumps(message))
