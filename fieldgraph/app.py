"""The composition: everything an API process has is made here and handed to whoever needs it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.buckets import Buckets, Terms
from fieldgraph import manifests
from fieldgraph.databases import Addresses, system_pool, writing_engine
from fieldgraph.doorkeeping import Doorkeeper
from fieldgraph.gauges import Gauges, Lag, Parts
from fieldgraph.journals import Journal, Wants, to_standard_error
from fieldgraph.metrics import Metrics
from fieldgraph.scraping import MetricsDoor
from fieldgraph.settings import Settings
from fieldgraph.site import PAGES, SECURITY_HEADERS, Guarded, Site
from fieldgraph.transport.crowds import Crowd, CrowdLimits
from fieldgraph.transport.events import EventStreams
from fieldgraph.transport.http import GraphQLHTTP
from fieldgraph.transport.observers import Observer, Traces
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
from resolvers.reads import open_reads
from resolvers.root import build


class App:
    """One API process as an ASGI application; its parts live from start-up to shutdown."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.closing = asyncio.Event()
        self.ready = False
        self._stack = AsyncExitStack()
        # Who names a proxy has visitors from elsewhere, whom it may show as of this machine.
        is_demo = settings.demo_login and settings.trusted_proxies is None
        self._welcome = Welcome(PAGES / "login.html", SECURITY_HEADERS, is_demo=is_demo)
        self._http: ASGIApp | None = None
        self._websocket: ASGIApp | None = None
        self._site = Site(lambda: self.ready and not self.closing.is_set())
        self._rest = Guarded(Starlette(routes=self._routes(), lifespan=self._lifespan))

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
        observer = self._open_observer(engine)
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
        self.executor.shares = settings.share_answers
        stack.push_async_callback(self.executor.shared.close)
        self._watch()
        self._site.open(self.identity, system=self.system, roads=self.services.roads)
        await doorkeeper.start(stack, self._open_doors(observer))
        self.ready = True
        structlog.get_logger(__name__).info("ready", roads=type(self.services.roads).__name__)

    def _open_observer(self, engine: AsyncEngine) -> Observer:
        """What every door tells how an operation went."""
        settings, journal, traces = self.settings, None, None
        if settings.log_requests != "off":
            wants = Wants(
                settings.log_requests,
                settings.log_slow_ms,
                level=settings.log_level,
                as_json=settings.log_json,
            )
            journal = Journal(wants, to_standard_error)
            self._stack.push_async_callback(journal.close)
        if settings.traces_url is not None:
            traces = self._open_traces(settings.traces_url, engine)
        return Observer(self.metrics, journal=journal, traces=traces)

    def _open_traces(self, url: str, engine: AsyncEngine) -> Traces:
        """Only here is OpenTelemetry loaded; without a place to send spans to nothing of it is."""
        try:
            from fieldgraph import telemetry  # noqa: PLC0415  # an extra, and no small one
        except ImportError as error:
            raise RuntimeError("OTEL_EXPORTER_OTLP_ENDPOINT is set: pip install fieldgraph[otel]") from error
        traces = telemetry.open_traces(url)
        self._stack.push_async_callback(asyncio.to_thread, traces.close)
        self.reads = traces.read_by(self.reads)
        traces.write_by(engine)
        return traces

    def _watch(self) -> None:
        """What /metrics asks of the parts."""
        lag, executor = Lag(), self.executor
        self._stack.callback(asyncio.create_task(lag.run(), name="lag").cancel)
        self.metrics.watch_uncompiled(executor.uncompiled)
        connections = self.reads.connections
        parts = Parts(executor, connections, self.identity, self.hub, self.buckets, lag)
        self.metrics.watch(Gauges(parts))

    def _open_doors(self, observer: Observer) -> Callable[[UUID], None]:
        """All three on one path; sockets and event streams are counted, watched and revoked together."""
        settings = self.settings
        crowd = Crowd(CrowdLimits(of_user=settings.streams_of_user, of_address=settings.streams_of_address))
        watch = Watch(self.identity)
        events = EventStreams(self.executor, closing=self.closing, crowd=crowd, watch=watch)
        self._http = GraphQLHTTP(self.executor, self.identity, observer=observer, events=events)
        websocket = self._websocket = GraphQLWebSocket(
            self.executor,
            self.identity,
            observer=observer,
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
            Route("/metrics", MetricsDoor(self.metrics, self.settings.metrics_token)),
            Route("/uploads/{door}", self._upload, methods=["PUT"]),
            Route("/files/{door}", self._download),
            *self._welcome.routes(),
            *self._site.routes(),
        ]

    async def _upload(self, request: Request) -> Response:
        return await self.uploads.answer(request)

    async def _download(self, request: Request) -> Response:
        return await self.downloads.answer(request)


def _real_now() -> datetime:
    return datetime.now(UTC)
