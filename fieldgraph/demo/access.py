"""The demo's access file: a token for every role, and a tracking link, for whoever comes to try the graph."""

import asyncio
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from domain import ids, tracking
from domain.errors import InvalidTransition
from domain.events import Origin
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from fieldgraph.demo.tales import Seeded, technician_viewer
from integrations.identity import Identity, new_secret

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the graph is to be found, and what issues the keys. `at` is business time."""

    engine: AsyncEngine
    identity: Identity
    base_url: str
    at: datetime


async def write_access(path: Path, organizations: tuple[Seeded, ...], *, door: Door) -> dict[str, Any]:
    """Write the access file, readable by its owner only, whole or not at all; answers what it holds."""
    first = organizations[0]
    content = {
        "url": f"{door.base_url}/graphql",
        "ws_url": f"{door.base_url.replace('http', 'ws', 1)}/graphql",
        "day": first.day.isoformat(),
        "time_zone": first.time_zone,
        "organizations": [
            {
                "name": seeded.name,
                "id": ids.encode("org", seeded.id),
                "tokens": tokens(seeded, door.identity),
                "tracking": await _tracking(seeded, door),
            }
            for seeded in organizations
        ],
    }
    await asyncio.to_thread(_write_whole, path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return content


def tokens(seeded: Seeded, identity: Identity) -> dict[str, str]:
    """By role."""
    seconds = int(LIFETIME.total_seconds())
    return {
        role.value: identity.issue(viewer, lifetime_seconds=seconds)
        for role, viewer in seeded.viewers.items()
    }


def device_tokens(seeded: Seeded, identity: Identity) -> dict[UUID, str]:
    """By simulated technician: what their phones sign in with."""
    seconds = int(LIFETIME.total_seconds())
    return {
        key: identity.issue(technician_viewer(seeded.id, key), lifetime_seconds=seconds)
        for key in seeded.simulated
    }


async def _tracking(seeded: Seeded, door: Door) -> dict[str, str] | None:
    """A new link to the first visit that is not over yet; None when all are."""
    now = datetime.now(UTC)
    for visit_id in seeded.tracked:
        token, digest = new_secret("trk_")
        work = UnitOfWork(door.engine, seeded.viewers[Role.ADMIN], door.at, origin=Origin.SEED)
        try:
            async with work:
                await tracking.create_link(
                    work, visit_id, digest=digest, expires_at=now + LIFETIME, real_now=now
                )
        except InvalidTransition:
            continue
        url = f"{door.base_url}/track/{token}"
        return {"token": token, "visit_id": ids.encode("vis", visit_id), "url": url}
    return None


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as writing:
            writing.write(text)
            writing.flush()
            os.fsync(writing.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
