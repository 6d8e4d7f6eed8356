"""Bodies: read whole, counted as they come, waited for only so long."""

import asyncio
from typing import NamedTuple

from starlette.types import Message, Receive

from fieldgraph.transport.patience import Patience
from fieldgraph.transport.replies import CLOSE, Rejected


class BodyLimits(NamedTuple):
    """How much of a body is read, and for how long."""

    body_bytes: int = 262_144
    drained_bytes: int = 1_048_576  # read and dropped, so that the client hears the 413 and not a reset
    read_seconds: float = 10.0


class Gone(Exception):
    """The client left before its body was whole."""


class Bodies:
    """Reads the bodies of one door's requests."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._patience = Patience(limits.read_seconds)

    async def read(self, receive: Receive) -> bytes:
        task = self._patience.begin()
        try:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                return self._whole(message.get("body", b""))
            return await self._collect(message, receive)
        except asyncio.CancelledError as error:
            if not self._patience.ran_out(task):
                raise
            seconds = self._limits.read_seconds
            raise Rejected(408, f"The body did not arrive within {seconds:g} s", CLOSE) from error
        finally:
            self._patience.end(task)

    async def _collect(self, message: Message, receive: Receive) -> bytes:
        """The rest of a body that comes in pieces, counted as it comes."""
        pieces: list[bytes] = []
        total = 0
        while True:
            if message["type"] != "http.request":
                raise Gone
            piece = message.get("body", b"")
            total += len(piece)
            if total > self._limits.drained_bytes:
                raise self._too_large(CLOSE)
            if total <= self._limits.body_bytes:
                pieces.append(piece)
            if not message.get("more_body", False):
                break
            message = await receive()
        if total > self._limits.body_bytes:
            raise self._too_large()
        return b"".join(pieces)

    def _whole(self, body: bytes) -> bytes:
        if len(body) > self._limits.body_bytes:
            raise self._too_large()
        return body

    def _too_large(self, *headers: tuple[bytes, bytes]) -> Rejected:
        return Rejected(413, f"The body is larger than {self._limits.body_bytes} bytes", *headers)
