"""Wires: uvicorn's WebSocket protocol, with bounds where a client could make it hold ever more."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

FRAGMENTS_MOST = 1_024
"""Of one message; the bytes of all are bounded by `ws_max_size`, empty ones were not."""


class Wire(WebSocketsSansIOProtocol):
    """Frames as uvicorn reads them; it answers pings whether or not anybody reads the answers."""

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS_MOST:
            super().handle_cont(event)
        else:
            self.transport.abort()
