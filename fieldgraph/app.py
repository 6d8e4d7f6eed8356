"""The composition: everything an API process has is made here and handed to whoever needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import js_lib_leaflet
import orjson
import structlog
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from domain import credentials
from domain.viewers import Viewer
from fieldgraph.addresses import SYSTEM_ROLE, app_url_of, sqlalchemy_url
from fieldgraph.metrics import Metrics
from fieldgraph.settings import Settings
from fieldgraph.transport.http import GraphQLHTTP
from fieldgraph.transport.websocket import GraphQLWebSocket
from integrations.identity import Identity, new_secret
from integrations.roads import Roads, StraightLines
from realtime.hub import Hub
from realtime.log import Cursors, Log
from realtime.wakeups import Wakeups
from resolvers.context import Services
from resolvers.execution import Executor
from resolvers.reads import open_reads
from resolvers.root import build

ISSUER = "fieldgraph"
AUDIENCE = "fieldgraph"
PAGES = Path(__file__).parent / "pages"
LEAFLET = Path(js_lib_leaflet.__file__).parent / "static" / "js_lib_leaflet"
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:;"
        " style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the databases' doors are: the owner's for migrations, the app's for everything else."""

    owner: str
    app: str

    @classmethod
    def of(cls, settings: Settings) -> "Addresses":
        """Raises ValueError when no database is named; the embedded one is named by whoever starts it."""
        if settings.database_url is None:
            raise ValueError("No database is named: set DATABASE_URL, or start by `run.py serve`.")
        return cls(settings.database_url, settings.app_database_url or app_url_of(settings.database_url))


async def system_pool(app_url: str) -> asyncpg.Pool:
    """Reads across organizations what the process itself needs: events, jobs, credentials."""
    return await asyncpg.create_pool(
        app_url, min_size=1, max_size=3, server_settings={"role": SYSTEM_ROLE, "timezone": "UTC"}
    )


def writing_engine(app_url: str) -> AsyncEngine:
    """For units of work: as the app, which owns nothing."""
    engine = create_async_engine(
        sqlalchemy_url(app_url),
        pool_size=8,
        max_overflow=4,
        connect_args={
            "server_settings": {
                "timezone": "UTC",
                "jit": "off",
                "statement_timeout": "5000",
                "application_name": "fieldgraph writes",
            }
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
    """The pool replaces what the server has ended meanwhile; unlike pool_pre_ping it costs no round trip."""
    driver: asyncpg.Connection = connection.driver_connection
    if driver.is_closed():
        raise DisconnectionError


def roads_of(settings: Settings) -> Roads | StraightLines:
    """The road graph that was prepared (.npz); straight lines where there is none."""
    file = settings.roads_file
    return (
        Roads.load(file) if file is not None and file.suffix == ".npz" and file.exists() else StraightLines()
    )


class App:
    """One API process as an ASGI application; its parts live from start-up to shutdown."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.closing = asyncio.Event()
        self.ready = False
        self._stack = AsyncExitStack()
        self._http: ASGIApp | None = None
        self._websocket: ASGIApp | None = None
        self._rest = Starlette(routes=self._routes(), lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """/graphql goes straight to its door: it answers thousands of requests a second."""
        if scope["type"] == "http" and scope["path"] == "/graphql" and self._http is not None:
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == "/graphql" and self._websocket is not None:
            await self._websocket(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _starlette: Starlette) -> AsyncIterator[None]:
        async with self.running():
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything connected, /readyz green; afterwards everything is closed again."""
        async with self._stack:
            await self._start()
            yield
            self.ready = False
            self.closing.set()

    async def _start(self) -> None:
        settings, stack = self.settings, self._stack
        addresses = Addresses.of(settings)
        key = settings.signing_secret().encode()
        self.reads = await open_reads(addresses.app)
        stack.push_async_callback(self.reads.pool.close)
        engine = writing_engine(addresses.app)
        stack.push_async_callback(engine.dispose)
        self.system = await system_pool(addresses.app)
        stack.push_async_callback(self.system.close)
        log = Log(self.system)
        cursors = Cursors(key, await log.epoch())
        self.hub = Hub(log, Wakeups(settings.broker_url or addresses.app), restored=cursors.renew)
        await self.hub.start()
        stack.push_async_callback(self.hub.stop)
        self.identity = Identity(key=key, issuer=ISSUER, audience=AUDIENCE, find_credential=self._credential)
        self.services = Services(
            reads=self.reads,
            engine=engine,
            clock=settings.clock(),
            log=log,
            hub=self.hub,
            cursors=cursors,
            roads=roads_of(settings),
            new_secret=new_secret,
            secret=key,
            base_url=settings.base_url,
            real_now=lambda: datetime.now(UTC),
        )
        self.executor = Executor(build(), self.services)
        self._http = GraphQLHTTP(self.executor, self.identity, metrics=self.metrics)
        self._websocket = GraphQLWebSocket(
            self.executor, self.identity, metrics=self.metrics, closing=self.closing
        )
        self.ready = True
        structlog.get_logger(__name__).info("ready", roads=type(self.services.roads).__name__)

    async def _credential(self, digest: bytes) -> Viewer | None:
        return await credentials.find_viewer(self.reads.pool, digest)

    def _routes(self) -> list[Route | Mount]:
        return [
            Route("/healthz", _alive),
            Route("/readyz", self._ready),
            Route("/metrics", self.metrics),
            Route("/", _to_board),
            Route("/board", _board),
            Route("/track/{token}", _track),
            Route("/pages/streets.json", self._streets),
            Mount("/pages", StaticFiles(directory=PAGES)),
            Mount("/leaflet", StaticFiles(directory=LEAFLET)),
        ]

    async def _ready(self, _request: Request) -> Response:
        """Green when this process can answer: the database does, and it is not shutting down."""
        if not self.ready or self.closing.is_set():
            return PlainTextResponse("not ready", 503)
        try:
            async with asyncio.timeout(2):
                await self.system.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return PlainTextResponse("the database does not answer", 503)
        return PlainTextResponse("ready")

    async def _streets(self, _request: Request) -> Response:
        """The streets of the road graph, for the pages' map (© OpenStreetMap contributors)."""
        roads = self.services.roads
        lines = roads.streets() if isinstance(roads, Roads) else []
        return Response(
            orjson.dumps({"lines": lines}),
            media_type="application/json",
            headers={**SECURITY_HEADERS, "cache-control": "max-age=3600"},
        )


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("alive")


async def _to_board(_request: Request) -> Response:
    return RedirectResponse("/board")


async def _board(_request: Request) -> Response:
    return FileResponse(PAGES / "board.html", headers=SECURITY_HEADERS)


async def _track(_request: Request) -> Response:
    return FileResponse(PAGES / "track.html", headers=SECURITY_HEADERS)
