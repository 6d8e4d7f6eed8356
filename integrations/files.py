"""Files: where the bytes of uploads lie, and the signed doors by which they come in and go out.

A folder that all processes of an installation share. A file is named by its organization and its upload, and
is seen whole or not at all.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO
from uuid import UUID, uuid4

import jwt

from domain.errors import Unauthenticated
from domain.uploads import HANDING_IN
from domain.viewers import Role, Viewer

AUDIENCE = "fieldgraph:upload"
LOAN_AUDIENCE = "fieldgraph:download"
ALGORITHM = "HS256"
BOUND = {
    "customer": "customer_id",
    "technician": "technician_id",
    "visit": "visit_id",
    "user": "user_id",
    "credential": "credential_id",
}
PIECE_BYTES = 1 << 20
FAULTS = (jwt.PyJWTError, ValueError, TypeError, AttributeError)
NOT_GOOD = "This address is not good, or not any more."
ABANDONED_SECONDS = 2 * HANDING_IN.total_seconds()


class WrongLength(Exception):
    """More or fewer bytes came than were announced."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a door lets in: the bytes of one upload, in the name of who asked for it, while they stand."""

    viewer: Viewer
    upload_id: UUID
    bytes: int


@dataclass(frozen=True, slots=True)
class Loan:
    """What a door lets out: the bytes of one upload, to who asked, as what they are called and hold."""

    viewer: Viewer
    upload_id: UUID
    name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Doors:
    """Signs the doors for bytes, in and out, and knows them again. `key` is the installation's."""

    key: bytes

    def open(self, grant: Grant, *, until: float) -> str:
        """A door's name, good until a real time (seconds since 1970)."""
        claims = {
            "aud": AUDIENCE,
            "exp": int(until),
            "upload": str(grant.upload_id),
            "bytes": grant.bytes,
            **_holder(grant.viewer),
        }
        return jwt.encode(claims, self.key, algorithm=ALGORITHM)

    def granted(self, name: str) -> Grant:
        """Raises Unauthenticated for a door that is none of ours, or is closed."""
        try:
            claims = self._claims(name, AUDIENCE, "sub", "role", "bytes")
            return Grant(_held(claims), UUID(claims["upload"]), int(claims["bytes"]))
        except FAULTS as error:
            raise Unauthenticated(NOT_GOOD) from error

    def lend(self, loan: Loan, *, until: float) -> str:
        """The name of a door that lets bytes out, good until a real time (seconds since 1970)."""
        claims = {
            "aud": LOAN_AUDIENCE,
            "exp": int(until),
            "upload": str(loan.upload_id),
            "name": loan.name,
            "type": loan.content_type,
            **_holder(loan.viewer),
        }
        return jwt.encode(claims, self.key, algorithm=ALGORITHM)

    def lent(self, name: str) -> Loan:
        """Raises Unauthenticated for a door that is none of ours, or is closed."""
        try:
            claims = self._claims(name, LOAN_AUDIENCE, "name", "type")
            nobody = {"sub": "", "role": Role.INTEGRATION.value}  # whom the previous release lends to
            return Loan(
                _held(nobody | claims), UUID(claims["upload"]), str(claims["name"]), str(claims["type"])
            )
        except FAULTS as error:
            raise Unauthenticated(NOT_GOOD) from error

    def _claims(self, name: str, audience: str, *wanted: str) -> dict[str, Any]:
        required = ["aud", "exp", "org", "upload", *wanted]
        found: dict[str, Any] = jwt.decode(
            name, self.key, algorithms=[ALGORITHM], audience=audience, options={"require": required}
        )
        return found


def _holder(viewer: Viewer) -> dict[str, str]:
    """Who asked for a door, and on what they stand: what it takes to ask whether they still do."""
    bound = {claim: str(getattr(viewer, column) or "") for claim, column in BOUND.items()}
    return {
        "org": str(viewer.organization_id),
        "sub": viewer.subject,
        "role": viewer.role.value,
        "scopes": " ".join(sorted(viewer.scopes)),
        **bound,
    }


def _held(claims: Mapping[str, Any]) -> Viewer:
    """The previous release opens doors that name a technician at most: they close by themselves."""
    bound: dict[str, Any] = {
        column: UUID(claims[claim]) if claims.get(claim) else None for claim, column in BOUND.items()
    }
    return Viewer(
        organization_id=UUID(claims["org"]),
        role=Role(claims["role"]),
        subject=claims["sub"],
        scopes=frozenset(claims.get("scopes", "").split()),
        **bound,
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """Bytes that have come, not yet in their place."""

    file: Path
    target: Path
    sha256: str

    async def place(self) -> None:
        await asyncio.to_thread(self.file.replace, self.target)


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of an installation's uploads."""

    folder: Path

    @asynccontextmanager
    async def taken(self, grant: Grant, pieces: AsyncIterable[bytes]) -> AsyncIterator[Draft]:
        """The bytes as they come; who does not place them drops them. Raises WrongLength."""
        target = self.path(grant.viewer.organization_id, grant.upload_id)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        file = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            yield Draft(file, target, await _written(file, grant.bytes, pieces))
        finally:
            await asyncio.to_thread(file.unlink, missing_ok=True)

    def copy(self, organization_id: UUID, upload_id: UUID, file: Path) -> str:
        """A file that is here already, such as the command line's; answers with its SHA-256."""
        target = self.path(organization_id, upload_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft, digest = target.with_name(f".{target.name}.{uuid4().hex}"), hashlib.sha256()
        with file.open("rb") as reading, draft.open("wb") as writing:
            while piece := reading.read(PIECE_BYTES):
                digest.update(piece)
                writing.write(piece)
            _settle(writing)
        draft.replace(target)
        return digest.hexdigest()

    def open(self, organization_id: UUID, upload_id: UUID) -> BinaryIO:
        """Raises FileNotFoundError."""
        return self.path(organization_id, upload_id).open("rb")

    def remove(self, organization_id: UUID, upload_id: UUID) -> None:
        """What is not there need not go; drafts that nobody finished go too."""
        target = self.path(organization_id, upload_id)
        target.unlink(missing_ok=True)
        for draft in target.parent.glob(f".{target.name}.*"):
            if time.time() - draft.stat().st_mtime > ABANDONED_SECONDS:
                draft.unlink(missing_ok=True)

    def path(self, organization_id: UUID, upload_id: UUID) -> Path:
        """Where an upload's bytes lie, or would."""
        return self.folder / str(organization_id) / str(upload_id)


async def _written(file: Path, announced: int, pieces: AsyncIterable[bytes]) -> str:
    """The SHA-256 of what was written."""
    digest, length = hashlib.sha256(), 0
    with await asyncio.to_thread(file.open, "wb") as writing:
        async for piece in pieces:
            length += len(piece)
            if length > announced:
                raise WrongLength(f"There are more than the {announced} bytes that were announced.")
            digest.update(piece)
            await asyncio.to_thread(writing.write, piece)
        if length < announced:
            raise WrongLength(f"There are {length} of the {announced} bytes that were announced.")
        await asyncio.to_thread(_settle, writing)
    return digest.hexdigest()


def _settle(file: IO[bytes]) -> None:
    """On the disk before anybody is told that it is there."""
    file.flush()
    os.fsync(file.fileno())
