"""The composition: everything an API process has is made here and handed to whoever needs it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import js_lib_leaflet
import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.buckets import Buckets, Terms
from domain.errors import FieldgraphError, Unauthenticated
from fieldgraph import manifests
from fieldgraph.databases import Addresses, system_pool, writing_engine
from fieldgraph.doorkeeping import Doorkeeper
from fieldgraph.metrics import Metrics
from fieldgraph.settings import Settings
from fieldgraph.transport.crowds import Crowd, CrowdLimits
from fieldgraph.transport.events import EventStreams
from fieldgraph.transport.http import GraphQLHTTP
from fieldgraph.transport.uploads import DownloadDoor, UploadDoor
from fieldgraph.transport.watches import Watch
from fieldgraph.transport.websocket import GraphQLWebSocket
from fieldgraph.welcoming import Welcome
from integrations import maps
from integrations.files import Doors, Store
from integrations.identity import new_secret
from realtime.hub import Hub
from realtime.log import Cursors, Log
from realtime.wakeups import Wakeups
from resolvers import catalogue
from resolvers.compiler.shapes import Graph
from resolvers.context import Services
from resolvers.derived import DERIVED
from resolvers.documents import Policy
from resolvers.execution import Executor
from resolvers.permissions import check_introspection
from resolvers.reads import open_reads
from resolvers.root import build

PAGES = Path(__file__).parent / "pages"
LEAFLET = Path(js_lib_leaflet.__file__).parent / "static" / "js_lib_leaflet"
CONTRACT = Path(__file__).parents[1] / "schema" / "schema.graphql"
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:;"
        " style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


SCHEMA_HEADERS = {"cache-control": "private, no-cache", "vary": "authorization"}


class App:
    """One API process as an ASGI application; its parts live from start-up to shutdown."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.closing = asyncio.Event()
        self.ready = False
        self._stack = AsyncExitStack()
        self._welcome = Welcome(PAGES / "login.html", SECURITY_HEADERS, is_demo=settings.demo_login)
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
        stack.push_async_callback(self.reads.connections.close)
        whole = build()
        await catalogue.check(Graph(whole), DERIVED, self.reads)
        engine = writing_engine(addresses.app)
        stack.push_async_callback(engine.dispose)
        self.system = await system_pool(addresses.app)
        stack.push_async_callback(self.system.close)
        log = Log(self.system)
        cursors = Cursors(key, await log.epoch())
        doorkeeper = self.doorkeeper = Doorkeeper(settings, key, reads=self.reads, system=self.system)
        self.identity = doorkeeper.identity
        self._welcome.open(self.identity, reads=self.reads, system=self.system)
        self.hub = await self._open_hub(log, cursors, Wakeups(settings.broker_url or addresses.app))
        self.buckets = await self._open_buckets()
        doors = Doors(key)
        self.uploads = self._upload_door(doors, engine)
        self.downloads = DownloadDoor(doors=doors, store=self.uploads.store, check=doorkeeper.check)
        self.services = Services(
            reads=self.reads,
            engine=engine,
            clock=settings.clock(),
            log=log,
            hub=self.hub,
            cursors=cursors,
            roads=maps.opened(settings.roads_file),
            new_secret=new_secret,
            secret=key,
            base_url=settings.base_url,
            real_now=_real_now,
            derived=DERIVED,
            doors=doors,
            upload_bytes=settings.upload_bytes,
            buckets=self.buckets,
        )
        policy = Policy(self._trusted(), strict=settings.documents_strict, registers=settings.apq)
        self.executor = Executor(whole, self.services, policy)
        self.metrics.watch_uncompiled(self.executor.uncompiled)
        await doorkeeper.start(stack, self._open_doors())
        self.ready = True
        structlog.get_logger(__name__).info("ready", roads=type(self.services.roads).__name__)

    def _open_doors(self) -> Callable[[UUID], None]:
        """All three on one path; sockets and event streams are counted, watched and revoked together."""
        settings = self.settings
        crowd = Crowd(CrowdLimits(of_user=settings.streams_of_user, of_address=settings.streams_of_address))
        watch = Watch(self.identity)
        events = EventStreams(self.executor, closing=self.closing, crowd=crowd, watch=watch)
        self._http = GraphQLHTTP(self.executor, self.identity, metrics=self.metrics, events=events)
        websocket = self._websocket = GraphQLWebSocket(
            self.executor,
            self.identity,
            metrics=self.metrics,
            closing=self.closing,
            crowd=crowd,
            watch=watch,
        )

        def revoke(ground: UUID) -> None:
            websocket.revoke(ground)
            events.revoke(ground)

        return revoke

    def _trusted(self) -> dict[str, str]:
        """The pages' own operations, and those of the installation's manifest."""
        given = self.settings.documents_file
        own = manifests.read(PAGES / "documents.json")
        return own if given is None else own | manifests.read(given)

    async def _open_buckets(self) -> Buckets | None:
        """None where clients may ask for as much as they like."""
        terms = Terms(self.settings.rate_points, self.settings.rate_restore)
        if not terms.maximum:
            return None
        buckets = Buckets(self.system, terms, now=time.time)
        task = asyncio.create_task(buckets.run(), name="buckets")
        self._stack.push_async_callback(buckets.close)
        self._stack.callback(task.cancel)
        return buckets

    async def _open_hub(self, log: Log, cursors: Cursors, wakeups: Wakeups) -> Hub:
        doorkeeper = self.doorkeeper

        def restored(epoch: str) -> None:
            cursors.renew(epoch)
            doorkeeper.identity.clear()

        hub = Hub(log, wakeups, restored=restored, heard=doorkeeper.heard)
        await hub.start()
        self._stack.push_async_callback(hub.stop)
        return hub

    def _upload_door(self, doors: Doors, engine: AsyncEngine) -> UploadDoor:
        return UploadDoor(
            doors=doors,
            store=Store(self.settings.uploads_folder),
            engine=engine,
            clock=self.settings.clock(),
            real_now=_real_now,
            committed=self.hub.committed,
            check=self.doorkeeper.check,
        )

    def _routes(self) -> list[Route | Mount]:
        return [
            Route("/healthz", _alive),
            Route("/readyz", self._ready),
            Route("/metrics", self.metrics),
            Route("/", _to_board),
            Route("/board", _board),
            Route("/console", _console),
            Route("/track/{token}", _track),
            Route("/schema.graphql", self._schema),
            *self._welcome.routes(),
            Route("/pages/streets.json", self._streets),
            Route("/uploads/{door}", self._upload, methods=["PUT"]),
            Route("/files/{door}", self._download),
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

    async def _upload(self, request: Request) -> Response:
        return await self.uploads.answer(request)

    async def _download(self, request: Request) -> Response:
        return await self.downloads.answer(request)

    async def _schema(self, request: Request) -> Response:
        """The published contract, for whoever may read the schema through the graph itself."""
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        try:
            viewer = await self.identity.viewer(token)
            check_introspection(viewer.role)
        except FieldgraphError as error:
            status = 401 if isinstance(error, Unauthenticated) else 403
            return PlainTextResponse(str(error), status, headers=SCHEMA_HEADERS)
        return FileResponse(CONTRACT, media_type="application/graphql", headers=SCHEMA_HEADERS)

    async def _streets(self, _request: Request) -> Response:
        """The streets of the road graph, for the pages' map (© OpenStreetMap contributors)."""
        return Response(
            orjson.dumps({"lines": self.services.roads.streets()}),
            media_type="application/json",
            headers={**SECURITY_HEADERS, "cache-control": "max-age=3600"},
        )


def _real_now() -> datetime:
    return datetime.now(UTC)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("alive")


async def _to_board(_request: Request) -> Response:
    return RedirectResponse("/board")


async def _board(_request: Request) -> Response:
    return FileResponse(PAGES / "board.html", headers=SECURITY_HEADERS)


async def _console(_request: Request) -> Response:
    return FileResponse(PAGES / "console.html", headers=SECURITY_HEADERS)


async def _track(_request: Request) -> Response:
    return FileResponse(PAGES / "track.html", headers=SECURITY_HEADERS)
