"""The doors behind a real server on a loopback port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from domain.viewers import Role, Viewer
from fieldgraph.journals import Journal, Wants
from fieldgraph.metrics import Metrics
from fieldgraph.transport.bodies import BodyLimits
from fieldgraph.transport.crowds import Crowd, CrowdLimits
from fieldgraph.transport.events import EventStreams, StreamLimits
from fieldgraph.transport.heads import Head
from fieldgraph.transport.http import GraphQLHTTP
from fieldgraph.transport.observers import Observer
from fieldgraph.transport.operations import SocketLimits
from fieldgraph.transport.watches import Watch
from fieldgraph.transport.websocket import GraphQLWebSocket
from fieldgraph.transport.wires import Wire
from integrations.identity import Identity, new_secret
from tests.fieldgraph.transport.toy import ToyExecutor
from tests.patience import PATIENCE_SECONDS

ORGANIZATION = UUID("018f0000-0000-7000-8000-000000000001")
CREDENTIAL = UUID("018f0000-0000-7000-8000-00000000000c")
VISIT = UUID("018f0000-0000-7000-8000-00000000000e")


class Limits(NamedTuple):
    """What a test's doors bear."""

    socket: SocketLimits = SocketLimits()
    body: BodyLimits = BodyLimits()
    stream: StreamLimits = StreamLimits()
    crowd: CrowdLimits = CrowdLimits()


class Doors:
    """Both doors on one path, as the house mounts them, with what stands behind them."""

    def __init__(self, house: "House", limits: Limits) -> None:
        self.client = house.client
        self.port = house.port
        self.executor = ToyExecutor()
        self.credentials: dict[bytes, Viewer] = {}
        self.identity = Identity(
            key=b"k" * 32, issuer="fieldgraph", audience="graphql", find_credential=self._find
        )
        self.metrics = Metrics()
        self.lines: list[bytes] = []
        self.journal = Journal(Wants(), self.lines.append)
        self.observer = Observer(self.metrics, journal=self.journal)
        self.closing = asyncio.Event()
        self.crowd, self.watch = Crowd(limits.crowd), Watch(self.identity)
        self.events = EventStreams(
            self.executor, closing=self.closing, crowd=self.crowd, watch=self.watch, limits=limits.stream
        )
        self.http = GraphQLHTTP(
            self.executor, self.identity, observer=self.observer, events=self.events, limits=limits.body
        )
        self.websocket = GraphQLWebSocket(
            self.executor,
            self.identity,
            observer=self.observer,
            closing=self.closing,
            crowd=self.crowd,
            watch=self.watch,
            limits=limits.socket,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self.http if scope["type"] == "http" else self.websocket
        await door(scope, receive, send)

    async def _find(self, digest: bytes) -> Viewer | None:
        return self.credentials.get(digest)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def token(self, lifetime_seconds: int = 600) -> str:
        viewer = Viewer(organization_id=ORGANIZATION, role=Role.DISPATCHER, subject="mira")
        return self.identity.issue(viewer, lifetime_seconds=lifetime_seconds)

    def tracking_secret(self) -> tuple[str, bytes]:
        secret, digest = new_secret("trk_")
        self.credentials[digest] = Viewer(
            organization_id=ORGANIZATION,
            role=Role.TRACKING,
            subject="link",
            visit_id=VISIT,
            credential_id=CREDENTIAL,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        return secret, digest


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what another task will bring about."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  # the condition is the house's own state, which tells no test
            await asyncio.sleep(0.005)


class House:
    """The one server of all tests: starting and stopping it takes longer than most of them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.port = 0
        self._doors: Doors | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._doors is not None
        await self._doors(scope, receive, send)

    @asynccontextmanager
    async def open(self, socket: SocketLimits | None = None, **more: Any) -> AsyncIterator[Doors]:
        """Doors of a test's own, gone without a trace after it."""
        self._doors = Doors(self, Limits(socket or SocketLimits(), **more))
        try:
            yield self._doors
        finally:
            self._doors.closing.set()
            connections = self._doors.websocket._connections
            await until(lambda: not connections)
            await self._doors.journal.close()
            self._doors = None


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    async with httpx.AsyncClient() as client:
        built = House(client)
        config = uvicorn.Config(
            built,
            host="127.0.0.1",
            port=0,
            lifespan="off",
            log_config=None,
            http=Head,
            ws=Wire,
            ws_max_size=65_536,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        built.port = server.servers[0].sockets[0].getsockname()[1]
        yield built
        server.should_exit = True
        await serving


@pytest.fixture
async def doors(house: House) -> AsyncIterator[Doors]:
    async with house.open() as opened:
        yield opened
