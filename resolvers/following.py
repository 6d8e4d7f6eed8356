"""Following: the one way from the log to a subscription: snapshot or resume, then live, each fact once."""

from collections.abc import AsyncIterator, Callable
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


@dataclass
class Following:
    """One follower at its start. `over`: nothing can follow, the stream ends after its snapshot."""

    context: Context
    place: Place
    over: bool = False

    def cursor(self) -> str:
        return self.context.services.cursors.encode(self.place)

    async def first(self, sql: str, *parameters: object) -> Any:
        """One row as the viewer may see it; None without one."""
        rows = await self.context.services.reads.rows(sql, parameters, viewer=self.context.viewer)
        return rows[0] if rows else None


async def follow(
    context: Context,
    after: str | None,
    *,
    wants: Wants,
    snapshot: Callable[[Following], AsyncIterator[Item]],
    told: Callable[[Entry], Item | None],
    conflate: Callable[[Entry], str | None] | None = None,
) -> AsyncIterator[Item]:
    """Items of one subscription. Raises Unauthenticated when what the viewer stands on has ended."""
    services, viewer = context.services, context.viewer
    place = services.cursors.decode(after) if after else None

    def wanted_end(entry: Entry) -> bool:
        # A snapshot holds no end, only what the viewer as they were may read.
        return viewer.seen is not None and ends(entry, viewer)

    def wanted(entry: Entry) -> bool:
        return ends(entry, viewer) or wants(entry)

    subscription = services.hub.subscribe(
        viewer.organization_id, wants=wanted, conflate=conflate, after=place
    )
    async with subscription:
        try:
            if place is None:
                following = await _begin(context)
                subscription.seen(following[1], but=wanted_end)
                async for item in snapshot(following[0]):
                    yield item
                if following[0].over:
                    return
            async for entry in subscription:
                for item in _items(context, entry, told):
                    yield item
        except ResyncRequired as error:
            yield Item("ResyncRequired", {"cursor": await context.cursor(), "reason": str(error)})


async def _begin(context: Context) -> tuple[Following, str]:
    """Where the snapshot stands: whatever lies up to an event that was readable before it is in it."""
    place = await context.services.log.head()
    row = await context.services.reads.rows(
        "SELECT pg_current_snapshot()::text AS seen", (), viewer=context.viewer
    )
    return Following(context, place), str(row[0]["seen"])


def _items(context: Context, entry: Entry | Lagged, told: Callable[[Entry], Item | None]) -> list[Item]:
    cursors = context.services.cursors
    if isinstance(entry, Lagged):
        cursor = cursors.encode(entry.resume_from)
        return [Item("Lagged", {"cursor": cursor, "count": entry.count, "resume_from": cursor})]
    if ends(entry, context.viewer):
        raise Unauthenticated("This token has been revoked.")
    item = told(entry)
    return (
        [] if item is None else [replace(item, values={"cursor": cursors.encode(entry.place), **item.values})]
    )


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
