"""The demo's access file: a token for every role, and a tracking link, for whoever comes to try the graph."""

import asyncio
import json
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from domain import ids
from domain.viewers import Role
from fieldgraph.demo.cast import Seeded, technician_viewer
from fieldgraph.demo.remote import RemoteGraph
from integrations.identity import Identity

LIFETIME = timedelta(days=7)
LINK = """
mutation Link($input: CreateTrackingLinkInput!) {
  createTrackingLink(input: $input) { token userErrors { code } }
}
"""
Link: TypeAlias = Callable[[Seeded, UUID], Awaitable[str | None]]
"""Opens a link to a visit; answers its secret, or None when the visit can no longer be tracked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the graph is to be found, what issues the keys, and what opens links."""

    identity: Identity
    base_url: str
    link: Link


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
    for visit_id in seeded.tracked:
        token = await door.link(seeded, visit_id)
        if token is not None:
            url = f"{door.base_url}/track/{token}"
            return {"token": token, "visit_id": ids.encode("vis", visit_id), "url": url}
    return None


def links_by(graph: RemoteGraph, identity: Identity) -> Link:
    """Links opened through the public API, as its ADMIN."""

    async def link(seeded: Seeded, visit_id: UUID) -> str | None:
        admin = identity.issue(seeded.viewers[Role.ADMIN], lifetime_seconds=60)
        expires_at = (datetime.now(UTC) + LIFETIME).isoformat()
        given = {"visit": ids.encode("vis", visit_id), "expiresAt": expires_at}
        answer = (await graph.ask(admin, LINK, {"input": given}))["createTrackingLink"]
        return None if answer["userErrors"] else str(answer["token"])

    return link


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
