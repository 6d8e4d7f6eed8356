"""Our own program as an operator runs it, in processes that end with the test, and clients that ask it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from fieldgraph.lifelines import PARENT

CHECKOUT = Path(__file__).parents[2]
PATIENCE_SECONDS = 180.0  # for what has no promise of its own: this machine may be busy with other tests
POLL_SECONDS = 0.05
PROTOCOL = [Subprotocol("graphql-transport-ws")]


class NotAnswered(Exception):
    """The API said no: errors of a request, or userErrors of a mutation."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True, slots=True)
class Program:
    """One process of ours. What it writes goes to `log`, which a failed start shows."""

    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, *arguments: str, log: Path, environment: Mapping[str, str]) -> "Program":
        """`python -m fieldgraph.cli …`; it is told to stop when this process dies."""
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  # our own module
                [sys.executable, "-m", "fieldgraph.cli", *arguments],
                cwd=CHECKOUT,
                env=os.environ | dict(environment) | {PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return cls(process, log)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    async def ended(self, within_seconds: float = PATIENCE_SECONDS) -> int:
        """Its exit code, once it has ended by itself."""
        await until(lambda: not self.is_running, within_seconds)
        return self.process.wait()

    async def kill(self) -> None:
        """As `kill -9` does: it has no time for a last word."""
        self.process.kill()
        await self.ended()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def stop(self) -> None:
        """However it stands, it is gone afterwards."""
        if self.is_running:
            self.terminate()
        try:
            await self.ended(20)
        except TimeoutError:
            await self.kill()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@dataclass(frozen=True, slots=True)
class Server(Program):
    """One API process, and where it listens."""

    port: int = 0

    @classmethod
    def serve(cls, port: int, *, log: Path, environment: Mapping[str, str]) -> "Server":
        program = Program.start("serve", "--port", str(port), log=log, environment=environment)
        return cls(program.process, program.log, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def graph(self) -> str:
        return f"{self.url}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def ready(self, within_seconds: float = PATIENCE_SECONDS) -> None:
        """Waits for /readyz; fails at once with its log when the process ends instead."""

        def settled() -> bool:
            return not self.is_running or status(f"{self.url}/readyz") == 200

        try:
            await until(settled, within_seconds)
        except TimeoutError:
            raise AssertionError(f"not ready after {within_seconds} s:\n{self.said()}") from None
        assert self.is_running, self.said()


async def until(holds: Callable[[], bool], within_seconds: float = PATIENCE_SECONDS) -> float:
    """Waits, asking again and again; answers the seconds it took. Raises TimeoutError."""
    started = time.monotonic()
    async with asyncio.timeout(within_seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110  # other processes ring no bell here
            await asyncio.sleep(POLL_SECONDS)
    return time.monotonic() - started


def status(url: str) -> int | None:
    """The status of a GET; None while nobody listens."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return None


def plain(url: str) -> str:
    return httpx.get(url, timeout=10, trust_env=False).raise_for_status().text


class Asker:
    """One holder of a token at one endpoint, over HTTP."""

    def __init__(self, url: str, token: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.token = token
        self.http = http

    async def send(
        self, document: str, variables: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """The whole answer, errors included. Raises httpx.HTTPError when there is none."""
        headers = {"authorization": f"Bearer {self.token}"} | ({"idempotency-key": key} if key else {})
        body = {"query": document, "variables": dict(variables or {})}
        answer = await self.http.post(self.url, json=body, headers=headers)
        content: dict[str, Any] = answer.json()
        return content

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        content = await self.send(document, variables)
        if "errors" in content:
            raise NotAnswered(json.dumps(content["errors"]))
        data: dict[str, Any] = content["data"]
        return data

    async def change(
        self, field: str, given: Mapping[str, Any], answer: str = "", *, key: str | None = None
    ) -> dict[str, Any]:
        """The payload of one mutation; `answer` is what is asked of it."""
        kind = field[0].upper() + field[1:]
        document = (
            f"mutation Change($input: {kind}Input!)"
            f" {{ payload: {field}(input: $input) {{ {answer} userErrors {{ code message }} }} }}"
        )
        content = await self.send(document, {"input": dict(given)}, key=key)
        if "errors" in content or content["data"]["payload"]["userErrors"]:
            raise NotAnswered(json.dumps(content))
        payload: dict[str, Any] = content["data"]["payload"]
        return payload


@asynccontextmanager
async def asking(url: str, token: str) -> AsyncIterator[Asker]:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False) as http:
        yield Asker(url, token, http)


class Stream:
    """One subscription, read by one test. `heard` keeps every item in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def item(self, within_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next item. Raises NotAnswered for an error, EOFError when the stream has completed."""
        async with asyncio.timeout(within_seconds):
            message = json.loads(await self.socket.recv())
            while message["type"] == "ping":
                await _say(self.socket, type="pong")
                message = json.loads(await self.socket.recv())
        if message["type"] == "error":
            raise NotAnswered(json.dumps(message["payload"]))
        if message["type"] == "complete":
            raise EOFError(f"heard before: {self.heard}")
        assert "errors" not in message["payload"], message
        (item,) = message["payload"]["data"].values()
        assert isinstance(item, dict)
        self.heard.append(item)
        return item

    async def read_to(
        self, last: Callable[[dict[str, Any]], bool], within_seconds: float = PATIENCE_SECONDS
    ) -> list[dict[str, Any]]:
        """Items up to and with the first for which `last` holds."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(within_seconds):
            while not found or not last(found[-1]):
                found.append(await self.item())
        return found

    async def closed(self, within_seconds: float = PATIENCE_SECONDS) -> int | None:
        """The code with which the server closes the socket; 1006 when it died without a word."""
        async with asyncio.timeout(within_seconds):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                return self.socket.close_code


@asynccontextmanager
async def subscribed(
    url: str, token: str, document: str, variables: Mapping[str, Any] | None = None
) -> AsyncIterator[Stream]:
    """A stream on a socket of its own, greeted and subscribed."""
    async with connect(url, subprotocols=PROTOCOL, max_size=None, proxy=None) as socket:
        await _say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        payload = {"query": document, "variables": dict(variables or {})}
        await _say(socket, type="subscribe", id="1", payload=payload)
        yield Stream(socket)


async def _say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))
