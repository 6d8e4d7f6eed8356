"""Welcoming: /login, where a token is pasted, and the demo lists its people to its own machine."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from domain import credentials
from domain.viewers import Role, Viewer
from fieldgraph.transport import origins
from integrations.identity import Identity
from resolvers.following import on_behalf
from resolvers.reads import Reads

LIFETIME_SECONDS = 12 * 3600
BODY_BYTES_MOST = 1_000
FORWARDED = ("forwarded", "via", "x-real-ip", "x-client-ip", "x-original-host")
PEOPLE = """
SELECT organization_id, id, name, role FROM app_user WHERE is_active
ORDER BY organization_id, array_position($1::text[], role), name, id LIMIT 500
"""


class Welcome:
    """The routes of /login; `is_demo`: whether anybody on this machine may be one of the demo's people."""

    def __init__(self, page: Path, headers: dict[str, str], *, is_demo: bool) -> None:
        self._page = page
        self._headers = headers
        self._is_demo = is_demo
        self._identity: Identity | None = None

    def open(self, identity: Identity, *, reads: Reads, system: asyncpg.Pool) -> None:
        self._identity, self._reads, self._system = identity, reads, system

    def routes(self) -> list[Route]:
        return [
            Route("/login", self._show, methods=["GET"]),
            Route("/login", self._sign_in, methods=["POST"]),
            Route("/login/people", self._people, methods=["GET"]),
        ]

    async def _show(self, _request: Request) -> Response:
        return FileResponse(self._page, headers={**self._headers, "cache-control": "no-store"})

    async def _people(self, request: Request) -> Response:
        """The demo's people by company; to everybody else as if there were no such place."""
        if self._identity is None or not self._is_demo or not is_near(request):
            return self._answer(404, {})
        companies: dict[UUID, dict[str, Any]] = {}
        for row in await self._system.fetch(PEOPLE, [role.value for role in Role]):
            key = row["organization_id"]
            if key not in companies:
                companies[key] = {"name": await self._name(key), "people": []}
            companies[key]["people"].append(
                {"organization": str(key), "user": str(row["id"]), "name": row["name"], "role": row["role"]}
            )
        return self._answer(200, {"companies": list(companies.values())})

    async def _sign_in(self, request: Request) -> Response:
        """A token of one of them, for a page of our own."""
        if self._identity is None or not self._is_demo or not is_near(request) or not _is_own(request):
            return self._answer(404, {})
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_BYTES_MOST:
                return self._answer(413, {})
        try:
            asked = orjson.loads(body)
            organization_id, user_id = UUID(asked["organization"]), UUID(asked["user"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            return self._answer(400, {})
        viewer = await credentials.find_user(self._reads, organization_id, user_id)
        if viewer is None:
            return self._answer(404, {})
        token = self._identity.issue(viewer, lifetime_seconds=LIFETIME_SECONDS)
        return self._answer(200, {"token": token, "role": viewer.role.value})

    async def _name(self, organization_id: UUID) -> str:
        nobody = Viewer(organization_id=organization_id, role=Role.ADMIN, subject="fieldgraph:login")
        viewer = on_behalf(nobody, nobody.subject)
        rows = await self._reads.rows("SELECT name FROM organization", (), viewer=viewer)
        return str(rows[0]["name"]) if rows else ""

    def _answer(self, status: int, content: dict[str, Any]) -> Response:
        headers = {**self._headers, "cache-control": "no-store"}
        return Response(orjson.dumps(content), status, headers, media_type="application/json")


def is_near(request: Request) -> bool:
    """Whether it comes from this machine, by its own address and name, through nobody's hands.

    The name, too: a page elsewhere may make its own name mean this machine. A proxy may rewrite it; then what
    the browser says of where its page is from, or what the proxy adds, tells.
    """
    client = request.client.host if request.client else ""
    host = request.url.hostname or ""
    forwarded = any(name in FORWARDED or name.startswith("x-forwarded-") for name in request.headers)
    near = _is_loopback(client) and (host == "localhost" or _is_loopback(host)) and not forwarded
    return near and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _is_own(request: Request) -> bool:
    """From a page of this very address, by JSON: no form of another page sends that unasked."""
    origin = request.headers.get("origin")
    json = request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    host = request.headers.get("host", "")
    return json and origin is not None and origins.is_allowed(origin, host, allowed=())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
