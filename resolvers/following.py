"""Following: the one way from the log to a subscription: snapshot or resume, then live, each fact once."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from domain.credentials import ENDED
from domain.errors import ResyncRequired, Unauthenticated
from domain.viewers import Role, Viewer
from realtime.cohorts import Cohort, Cohorts
from realtime.log import Entry, Place
from realtime.mailboxes import Lagged, Snapshot
from realtime.members import Direct, Member, Told
from resolvers.context import Context
from schema.verbs import Item

Wants = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a subscription starts: whatever lies up to `place` is in its snapshot, and what follows is told.

    The snapshot is read after it, so that it may hold some of that, too: with a place that any of the log's
    events has, a cursor of it leads to just what was told.
    """

    context: Context
    place: Place
    asked: frozenset[str]
    """The fields of the snapshot that are asked for, by their names in the graph."""

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


class Telling(Protocol):
    """Makes items into bytes: responses without their last brace."""

    async def first(self, item: Item) -> tuple[bytes, int]:
        """And what it cost."""
        ...

    async def further(self, item: Item) -> bytes: ...

    def asked(self) -> frozenset[str]:
        """The fields that are asked for of any item, by their names in the graph."""
        ...


class Follower:
    """One subscription from its start: its own past, then as one of a cohort; behind it, its past again."""

    def __init__(
        self,
        context: Context,
        feed: Feed,
        telling: Telling,
        *,
        cohorts: Cohorts,
        direct: Direct | None = None,
    ) -> None:
        self._context = context
        self._feed = feed
        self._topics = feed.topics | {ENDED}
        self._telling = telling
        self._cohorts = cohorts
        self._direct = direct
        self._charge = context.charge
        self._reached = Place(0, -1)
        """How far its own past went: where another process gave the cursor, maybe further than the hub."""
        self._is_first = True
        self._is_over = False

    async def items(self, after: str | None, *, key: Hashable) -> AsyncGenerator[bytes]:
        """Whole results, but for those that were written at once.

        Raises Unauthenticated when what the viewer stands on has ended, TooMany when its points are spent.
        """
        services = self._context.services
        place = services.cursors.decode(after) if after else None
        try:
            while True:
                async with aclosing(self._past(place)) as past:
                    async for told in past:
                        yield told
                if self._is_over:
                    return
                member = self._member()
                leave = self._cohorts.join(key, member, self._cohort)
                try:
                    while (shared := await member.next()) is not None:
                        yield shared.body
                finally:
                    leave()
                if not member.lag:
                    return
                yield await self._whole(self._lagged(Lagged(member.lag, member.reached)))
                place = member.reached
        except ResyncRequired as error:
            cursor = await self._context.cursor()
            yield await self._whole(Item("ResyncRequired", {"cursor": cursor, "cause": str(error)}))

    async def _past(self, place: Place | None) -> AsyncGenerator[bytes]:
        """The snapshot, or what followed a place; until all is taken that the hub has read."""
        services, viewer, feed = self._context.services, self._context.viewer, self._feed
        if place is None:
            await services.hub.level()
        start = Start(self._context, services.hub.place, self._telling.asked())
        subscription = services.hub.subscribe(
            viewer.organization_id, topics=self._topics, wants=self._wants, conflate=self._state, after=place
        )
        async with subscription:
            if place is None:
                for first in await feed.snapshot(start):
                    yield await self._whole(first)
                    if first.is_last:
                        self._is_over = True
                        return
            async with aclosing(subscription.past()) as past:
                async for entry in past:
                    item = await self._item(entry)
                    if item is not None:
                        yield await self._whole(item)
                        if item.is_last:
                            self._is_over = True
                            return
            self._is_over, self._reached = subscription.is_closed, subscription.reached

    def _member(self) -> Member:
        """One that has been told all that the hub has read, or more."""
        reached = max(self._context.services.hub.place, self._reached)
        return Member(reached, self._charge, direct=self._direct, ended_by=self._check)

    def _cohort(self, on_over: Callable[[], None]) -> Cohort:
        """For all that share it; what it does stands on no single member."""
        feed, services = self._feed, self._context.services

        def wants(entry: Entry) -> bool:
            return entry.topic == ENDED or (entry.topic in feed.topics and feed.wants(entry))

        async def answer(entry: Entry) -> Told | None:
            item = await feed.told(entry) if entry.topic in feed.topics else None
            if item is None:
                return None
            body = await self._telling.further(self._placed(item, entry))
            return Told(body + b"}", entry.place, state=self._state(entry), is_last=item.is_last)

        subscription = services.hub.subscribe(
            self._context.viewer.organization_id, topics=self._topics, wants=wants, conflate=self._state
        )
        return Cohort(subscription, answer, on_over=on_over)

    async def _whole(self, item: Item) -> bytes:
        """The first says what it cost; each other one takes a point."""
        if not self._is_first:
            await self._charge.another()
            return await self._telling.further(item) + b"}"
        self._is_first = False
        body, cost = await self._telling.first(item)
        return body + self._charge.told(cost) + b"}"

    async def _item(self, entry: Entry | Lagged) -> Item | None:
        if isinstance(entry, Lagged):
            return self._lagged(entry)
        self._check(entry)
        item = await self._feed.told(entry) if entry.topic in self._feed.topics else None
        return None if item is None else self._placed(item, entry)

    def _lagged(self, entry: Lagged) -> Item:
        cursor = self._context.services.cursors.encode(entry.resume_from)
        return Item("Lagged", {"cursor": cursor, "count": entry.count, "resume_from": cursor})

    def _placed(self, item: Item, entry: Entry) -> Item:
        cursor = self._context.services.cursors.encode(entry.place)
        return replace(item, values={"cursor": cursor, **item.values})

    def _wants(self, entry: Entry) -> bool:
        if entry.topic == ENDED and ends(entry, self._context.viewer):
            return True
        return entry.topic in self._feed.topics and self._feed.wants(entry)

    def _state(self, entry: Entry) -> str | None:
        """Of an end of rights each counts."""
        is_told = self._feed.conflate is not None and entry.topic in self._feed.topics
        return self._feed.conflate(entry) if is_told and self._feed.conflate else None

    def _check(self, entry: Entry) -> None:
        if ends(entry, self._context.viewer):
            raise Unauthenticated("This token has been revoked.")


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
