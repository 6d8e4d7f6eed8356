"""Floor: a hand-written route that runs the compiled read's own SQL and knows nothing of GraphQL."""

import pickle
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvicorn

from fieldgraph import lifelines

Message = MutableMapping[str, Any]


class Floor:
    """Each read has its statement, its parameters, and a pool whose connections are its viewer's for good."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.pools: dict[str, asyncpg.Pool] = {}

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        headers = dict(scope["headers"])
        read = self.plan["reads"].get(headers.get(b"authorization", b"").decode())
        if scope["method"] != "POST" or read is None:
            await _reply(send, 401, b"{}")
            return
        body = orjson.loads((await receive())["body"])
        found = read[body["operationName"]]
        parameters = [UUID(body["variables"]["id"]) if one == "id" else one for one in found["parameters"]]
        row = await self.pools[found["viewer"]].fetchval(found["sql"], *parameters)
        await _reply(send, 200, b'{"data":' + row + b"}")

    async def _live(
        self, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        await receive()
        for name, settings in self.plan["viewers"].items():
            self.pools[name] = await asyncpg.create_pool(
                self.plan["url"],
                min_size=1,
                max_size=10,
                init=_set_up,
                reset=_keep,
                server_settings={**self.plan["reading"], **settings},
            )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for pool in self.pools.values():
            await pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _reply(send: Callable[[Message], Awaitable[None]], status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _set_up(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
    )


async def _keep(_connection: asyncpg.Connection) -> None:
    """Nothing is reset between requests, as in what it is compared with."""


def main() -> None:
    lifelines.hold()
    file, port = sys.argv[1:]
    plan = pickle.loads(Path(file).read_bytes())  # noqa: S301  # written a moment ago by our own parent
    uvicorn.run(Floor(plan), port=int(port), access_log=False, log_level="warning", ws="none")


if __name__ == "__main__":
    main()
