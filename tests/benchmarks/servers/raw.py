"""Raw: what a request's body holds goes to every socket as it is, with nothing in between: the floor.

At / it goes as uvicorn sends a message; at /written the frame is made once and given to the transports.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from fieldgraph import lifelines
from tests.benchmarks.frames import TEXT, plain

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Raw:
    """Knows its sockets and no protocol on them."""

    def __init__(self) -> None:
        self.sockets: set[Send] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._hold(receive, send)
            return
        body = (await receive()).get("body", b"")
        if scope["path"] == "/written":
            frame = plain(TEXT, body)
            for one in self.sockets:
                one.__self__.transport.write(frame)  # type: ignore[attr-defined]  # uvicorn's protocol
        elif body:
            message = {"type": "websocket.send", "text": body.decode()}
            for one in list(self.sockets):
                await one(message)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _hold(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        self.sockets.add(send)
        try:
            while (await receive())["type"] != "websocket.disconnect":
                continue
        finally:
            self.sockets.discard(send)


def main() -> None:
    lifelines.hold()
    uvicorn.run(
        Raw(),
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
        ws="websockets-sansio",
        ws_ping_interval=None,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
