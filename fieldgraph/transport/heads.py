"""Heads: uvicorn's HTTP protocol, with bounds for all that is no body: addresses, headers, and silence."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MOST = 65_536
HEAD_SECONDS = 10.0
FRAMING = 8
"""Bytes that may come beside each byte of a body: the smallest chunk of one is six."""
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Head(HttpToolsProtocol):
    """Requests as uvicorn reads them, which holds on to as long a head as comes, for as long as it takes."""

    _beside = 0
    """Bytes of this request so far, without its body: what the parser may be holding."""
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._beside += len(data)
        super().data_received(data)
        if self._beside > HEAD_BYTES_MOST and not self.transport.is_closing():
            self.transport.write(LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        self._wait_no_more()
        super().on_headers_complete()
        self._beside = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._beside = max(0, self._beside - FRAMING * len(body))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._beside = 0

    def _wait(self) -> None:
        self._wait_no_more()
        self._patience = self.loop.call_later(HEAD_SECONDS, self._late)

    def _late(self) -> None:
        """A client that still waits for an answer may have begun its next request, which nobody reads yet."""
        self._patience = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait()
        else:
            self.transport.close()

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
