"""Static: the same server with nothing behind it: constant bytes, as many as the point read's answer has."""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn

from fieldgraph import lifelines

Message = MutableMapping[str, Any]


class Static:
    """Takes the request's body in, gives the same answer always."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            continue
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def main() -> None:
    lifelines.hold()
    file, port = sys.argv[1:]
    answer = Static(Path(file).read_bytes())
    uvicorn.run(answer, port=int(port), access_log=False, log_level="warning", ws="none", lifespan="off")


if __name__ == "__main__":
    main()
