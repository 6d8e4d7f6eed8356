"""Following: the one way from the log to a subscription: snapshot or resume, then live, each fact once."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.credentials import ENDED
from domain.errors import ResyncRequired, Unauthenticated
from domain.viewers import Role, Viewer
from realtime.log import Entry, Place
from realtime.mailboxes import Lagged, Snapshot
from resolvers.context import Context
from schema.verbs import Item

Wants = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a subscription starts: what lies before `place` is in its snapshot."""

    context: Context
    place: Place

    def cursor(self) -> str:
        return self.context.services.cursors.encode(self.place)

    async def first(self, sql: str, *parameters: object) -> Any:
        """One row as the viewer may see it; None without one."""
        rows = await self.context.services.reads.rows(sql, parameters, viewer=self.context.viewer)
        return rows[0] if rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What one subscription tells: which facts, and each as an item.

    Who asks for the same with the same rights shares it: nothing in it is of one person. `wants` is asked for
    every event of the `topics`: keep it cheap. `told` answers None for a fact that is not worth an item; an
    item of it has its own cursor. Both say by `is_last` that nothing can follow.
    """

    topics: frozenset[str]
    wants: Wants
    snapshot: Callable[[Start], Awaitable[Sequence[Item]]]
    told: Callable[[Entry], Awaitable[Item | None]]
    conflate: Callable[[Entry], str | None] | None = None
    """The name of the state that a fact tells: of those that wait only the newest counts."""


async def follow(context: Context, feed: Feed, after: str | None) -> AsyncGenerator[Item]:
    """Items of one subscription. Raises Unauthenticated when what the viewer stands on has ended."""
    services, viewer = context.services, context.viewer
    place = services.cursors.decode(after) if after else None

    def wanted_end(entry: Entry) -> bool:
        # A snapshot holds no end, only what the viewer as they were may read.
        return viewer.seen is not None and ends(entry, viewer)

    def wanted(entry: Entry) -> bool:
        return ends(entry, viewer) or (entry.topic in feed.topics and feed.wants(entry))

    subscription = services.hub.subscribe(
        viewer.organization_id, wants=wanted, conflate=feed.conflate, after=place
    )
    async with subscription:
        try:
            if place is None:
                start, seen = await _begin(context)
                subscription.seen(seen, but=wanted_end)
                for first in await feed.snapshot(start):
                    yield first
                    if first.is_last:
                        return
            async for entry in subscription:
                item = await _item(context, feed, entry)
                if item is None:
                    continue
                yield item
                if item.is_last:
                    return
        except ResyncRequired as error:
            yield Item("ResyncRequired", {"cursor": await context.cursor(), "reason": str(error)})


async def _begin(context: Context) -> tuple[Start, str]:
    """Where the snapshot stands: whatever lies before its oldest open transaction is in it."""
    row = await context.services.reads.rows(
        "SELECT pg_current_snapshot()::text AS seen", (), viewer=context.viewer
    )
    seen = str(row[0]["seen"])
    return Start(context, Place(int(seen.split(":", maxsplit=1)[0]), -1)), seen


async def _item(context: Context, feed: Feed, entry: Entry | Lagged) -> Item | None:
    cursors = context.services.cursors
    if isinstance(entry, Lagged):
        cursor = cursors.encode(entry.resume_from)
        return Item("Lagged", {"cursor": cursor, "count": entry.count, "resume_from": cursor})
    if ends(entry, context.viewer):
        raise Unauthenticated("This token has been revoked.")
    item = await feed.told(entry)
    if item is None:
        return None
    return replace(item, values={"cursor": cursors.encode(entry.place), **item.values})


def ends(entry: Entry, viewer: Viewer) -> bool:
    """Whether a fact is the end of what a viewer stands on: a link, a key, or the user as they were.

    What the look-up of the viewer has seen already is none: they are what it made of them.
    """
    if entry.topic != ENDED or not any(str(ground) in grounds_of(entry) for ground in viewer.grounds):
        return False
    return viewer.seen is None or not Snapshot.parse(viewer.seen).sees(entry.place.xid)


def grounds_of(entry: Entry) -> list[str]:
    """Which credentials or users a fact of the topic ENDED ends."""
    return [entry.payload[name] for name in ("credential_id", "user_id") if name in entry.payload]


def on_behalf(viewer: Viewer, subject: str) -> Viewer:
    """The organization itself, for facts that are measured out to a viewer by a rule of our own."""
    return Viewer(organization_id=viewer.organization_id, role=Role.ADMIN, subject=subject)
