"""The site: the pages and plain files of an API process, what guards them, and how it says that it lives."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import js_lib_leaflet
import orjson
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import Busy, FieldgraphError, Unauthenticated
from integrations.identity import Identity
from resolvers.context import Roads
from resolvers.permissions import check_introspection

PAGES = Path(__file__).parent / "pages"
LEAFLET = Path(js_lib_leaflet.__file__).parent / "static" / "js_lib_leaflet"
CONTRACT = Path(__file__).parents[1] / "schema" / "schema.graphql"
SHOWN = ("board", "console")
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:;"
        " style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
SCHEMA_HEADERS = {"cache-control": "private, no-cache", "vary": "authorization"}


class Site:
    """Its routes are there from the start; `open` gives what some of them ask once all is connected."""

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def open(self, identity: Identity, *, system: asyncpg.Pool, roads: Roads) -> None:
        self._identity, self._system, self._roads = identity, system, roads

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/healthz", _alive),
            Route("/readyz", self._ready),
            Route("/", _to_board),
            *(Route(f"/{name}", _page(name)) for name in SHOWN),
            Route("/track/{token}", _page("track")),
            Route("/schema.graphql", self._schema),
            Route("/pages/streets.json", self._streets),
            Mount("/pages", StaticFiles(directory=PAGES)),
            Mount("/leaflet", StaticFiles(directory=LEAFLET)),
        ]

    async def _ready(self, _request: Request) -> Response:
        """Green when this process can answer: the database does, and it is not shutting down."""
        if not self._is_ready():
            return PlainTextResponse("not ready", 503)
        try:
            async with asyncio.timeout(2):
                await self._system.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return PlainTextResponse("the database does not answer", 503)
        return PlainTextResponse("ready")

    async def _schema(self, request: Request) -> Response:
        """The published contract, for whoever may read the schema through the graph itself."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            headers = {**SCHEMA_HEADERS, "www-authenticate": 'Bearer realm="fieldgraph"'}
            return PlainTextResponse("A token is needed: Authorization: Bearer …", 401, headers=headers)
        try:
            address = request.client.host if request.client else ""
            viewer = await self._identity.viewer(token.strip(), address=address)
            check_introspection(viewer.role)
        except Busy as error:
            headers = {**SCHEMA_HEADERS, "retry-after": str(error.seconds)}
            return PlainTextResponse(str(error), 429, headers=headers)
        except FieldgraphError as error:
            status = 401 if isinstance(error, Unauthenticated) else 403
            return PlainTextResponse(str(error), status, headers=SCHEMA_HEADERS)
        return FileResponse(CONTRACT, media_type="application/graphql", headers=SCHEMA_HEADERS)

    async def _streets(self, _request: Request) -> Response:
        """The streets of the road graph, for the pages' map (© OpenStreetMap contributors)."""
        return Response(
            orjson.dumps({"lines": self._roads.streets()}),
            media_type="application/json",
            headers={"cache-control": "max-age=3600"},
        )


class Guarded:
    """Every answer with the security headers, whoever made it; what it says of its own stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def show(_request: Request) -> Response:
        return FileResponse(PAGES / f"{name}.html")

    return show


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("alive")


async def _to_board(_request: Request) -> Response:
    return RedirectResponse("/board")
