"""The doors for files: a signed address takes the bytes of one upload by PUT, another gives them by GET."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from domain import media, uploads
from domain.clock import Clock
from domain.errors import Refused, Unauthenticated
from domain.unit_of_work import UnitOfWork
from domain.viewers import Viewer
from integrations.files import Doors, Grant, Store, WrongLength

Check = Callable[[Viewer], Awaitable[None]]
"""Raises Unauthenticated when what a viewer stands on is not good any more."""
STATUSES = {"NOT_FOUND": 404, "CONFLICT": 409, "INVALID": 422, "INVALID_TRANSITION": 409}
LONGEST_SECONDS = 600.0
HEADERS = {
    "cache-control": "private, max-age=900",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDoor:
    """Answers PUT /uploads/<door>: 204, or a status with a sentence."""

    doors: Doors
    store: Store
    engine: AsyncEngine
    clock: Clock
    real_now: Callable[[], datetime]
    committed: Callable[[], None]
    check: Check
    seconds: float = LONGEST_SECONDS

    async def answer(self, request: Request) -> Response:
        try:
            grant = self.doors.granted(request.path_params["door"])
            announced = request.headers.get("content-length")
            if announced is not None and announced != str(grant.bytes):
                return _told(400, "BAD_REQUEST", f"{grant.bytes} bytes were announced, not {announced[:20]}.")
            await self.check(grant.viewer)
            async with asyncio.timeout(self.seconds):
                await self._take(grant, request)
        except Unauthenticated as error:
            return _told(401, error.code, str(error))
        except WrongLength as error:
            return _told(400, "BAD_REQUEST", str(error))
        except TimeoutError:
            return _told(408, "BAD_REQUEST", f"The bytes did not arrive within {self.seconds:g} s.")
        except ClientDisconnect:
            return _told(400, "BAD_REQUEST", "The client left.")
        except Refused as refused:
            return _told(STATUSES.get(refused.code, 400), refused.code, refused.message)
        return Response(status_code=204, headers={"cache-control": "no-store"})

    async def _take(self, grant: Grant, request: Request) -> None:
        """The bytes are in their place before the commit, so that a stored upload has its file."""
        async with self.store.taken(grant, request.stream()) as draft:
            await self.check(grant.viewer)  # the bytes may have taken their time
            work = UnitOfWork(self.engine, grant.viewer, self.clock.now())
            async with work:
                await uploads.store(work, grant.upload_id, draft.sha256, real_now=self.real_now())
                await draft.place()
            if work.xid is not None:
                self.committed()


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadDoor:
    """Answers GET /files/<door>: the bytes, never as a page of ours; or a status with a sentence."""

    doors: Doors
    store: Store
    check: Check

    async def answer(self, request: Request) -> Response:
        try:
            loan = self.doors.lent(request.path_params["door"])
            await self.check(loan.viewer)
        except Unauthenticated as error:
            return _told(401, error.code, str(error))
        file = self.store.path(loan.viewer.organization_id, loan.upload_id)
        if not await asyncio.to_thread(file.is_file):
            return _told(404, "NOT_FOUND", "These bytes are not here.")
        return FileResponse(
            file, media_type=media.served(loan.content_type), filename=loan.name, headers=HEADERS
        )


def _told(status: int, code: str, message: str) -> Response:
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    headers = {"cache-control": "no-store", "connection": "close"}
    return Response(body, status, media_type="application/json", headers=headers)
