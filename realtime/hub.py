"""The hub: one reader of the log per process, and the subscriptions that it feeds.

Who begins with a snapshot waits until the hub is level, subscribes, and reads the snapshot then: it holds
whatever lies up to the place of that moment, and all that lies behind it is told.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import structlog

from domain.errors import ResyncRequired
from realtime.log import Entry, Frontier, Log, Place
from realtime.mailboxes import Mailbox, Ring, Snapshot
from realtime.routes import Routes
from realtime.subscriptions import Subscription
from realtime.touches import Interest
from realtime.wakeups import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Wakeups, ended
from realtime.watches import Watch, Watches

PAGE = 1000
TOUCHES = 5000
REFILL = 200
READ_SECONDS = 30.0
LEVEL_SECONDS = 2.0
BUSY_SECONDS = 1.0
EPOCH_SECONDS = 5.0  # a pool may replace a lost connection without a word
RESTORED = "The log has been restored; what was read before may never have happened."
TOO_OLD = "The log no longer reaches back to this cursor."


class Found(NamedTuple):
    """Whether a look at the log found anything, and whether there may be more to be read at once."""

    is_any: bool
    is_more: bool


class Hub:
    """Reads what is new once, keeps it for resuming, and gives each organization's events to its subscribers.

    `restored` is called with the new epoch when the database turns out to be another one than at the
    start; every subscription then ends with ResyncRequired. `heard` is called with every event there is, of
    whichever organization: it returns at once and raises nothing.
    """

    def __init__(
        self,
        log: Log,
        wakeups: Wakeups,
        *,
        poll_seconds: float = 0.25,
        busy_poll_seconds: float = 0.05,
        ring: int = 10_000,
        ring_seconds: float = 600,
        restored: Callable[[str], None] | None = None,
        heard: Callable[[Entry], None] | None = None,
    ) -> None:
        self._log = log
        self._wakeups = wakeups
        self._poll_seconds = (poll_seconds, busy_poll_seconds)
        self._ring_bounds = (ring, ring_seconds)
        self._restored = restored
        self._heard = heard
        self._subscriptions: Routes[Subscription] = Routes()
        self._watches = Watches()
        self._horizon = self._unborn = self._told = 0
        self._has_failed = False
        self.doubts = 0
        """How often snapshots that were read before have come to mean nothing any more."""
        self._busy_until = 0.0
        self._read_at = time.monotonic()
        self._stopping = False
        self._looks = self._looked = 0
        """How many looks at the log have begun, and the last of them that had come to its end."""
        self._look_ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def place(self) -> Place:
        """How far this process has read."""
        return self._place

    @property
    def behind_seconds(self) -> float:
        """Since the log was last read: at rest it is read four times a second."""
        return time.monotonic() - self._read_at

    @property
    def is_hinted(self) -> bool:
        """Whether the broker brings hints of other processes; without them polling finds what they wrote."""
        return self._wakeups.healthy

    @property
    def subscriptions(self) -> int:
        return len(self._subscriptions)

    @property
    def told_below(self) -> int:
        """Whoever watches has been told of every transaction below this that touched what they read."""
        return self._told

    async def start(self) -> None:
        """Starts the wake-ups, too. Raises when the database does not answer."""
        self._epoch = await self._log.epoch()
        self._begin(await self._log.head())
        await self._wakeups.start()
        self._task = asyncio.create_task(self._read(), name="hub")

    async def stop(self) -> None:
        """Ends every subscription as if it had been closed, then the wake-ups."""
        if self._task:
            self._stopping = True
            await ended(self._task)
            self._task = None
        self._close_all(None)
        await self._wakeups.stop()

    def committed(self) -> None:
        """This process has committed events: its own reader wakes at once, the others by a hint."""
        self._wakeups.wake()
        self._wakeups.announce()

    async def level(self) -> None:
        """Until all is read that was readable before this; not for ever, where the log cannot be read."""
        wanted = self._looks + 1
        self._wakeups.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEVEL_SECONDS):
                while self._looked < wanted and not self._stopping:
                    await self._look_ended.wait()

    def subscribe(
        self,
        organization_id: UUID,
        *,
        wants: Callable[[Entry], bool],
        topics: frozenset[str] | None = None,
        conflate: Callable[[Entry], str | None] | None = None,
        after: Place | None = None,
    ) -> Subscription:
        """Registered on return: whatever commits later comes, unless `seen` says it is known.

        `topics` are those that something may be wanted of: events of others cost it nothing.
        `after` resumes: what follows that place comes first. A snapshot must be read from the primary.
        """
        reached = self._place if after is None else after
        wanted = wants if topics is None else lambda entry: entry.topic in topics and wants(entry)
        mailbox = Mailbox(reached, live=after is None, wants=wanted, conflate=conflate)
        subscription = Subscription(self, organization_id, mailbox)
        self._subscriptions.add(subscription, organization_id, topics)
        return subscription

    def watch(
        self,
        organization_id: UUID,
        interest: Interest,
        touched: Callable[[int], None],
        *,
        seen: str | None = None,
    ) -> Watch:
        """Calls `touched` with the id of each transaction that touches the interest, once it is over.

        Of every one that a statement which begins after this does not see. With `seen`, the
        pg_current_snapshot() text of a statement of this day, of every one that it did not see;
        it may then be called before this returns. After a time without the database, or when that was
        restored, everybody is called. It is called in the hub's loop: keep it cheap.
        """
        snapshot = Snapshot.parse(seen) if seen else None
        if not self._watches:
            # Nobody read what was touched meanwhile: it lies from here on, or that statement saw it.
            self._told = self._horizon if snapshot is None else min(self._horizon, snapshot.first_open)
            self._watches.begin(self._told)
        watch = Watch(self._watches, organization_id, interest, touched)
        self._watches.add(watch, snapshot)
        return watch

    async def _read(self) -> None:
        pause, verified_at = FIRST_PAUSE_SECONDS, time.monotonic()
        while not self._stopping:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    if time.monotonic() - verified_at > EPOCH_SECONDS:
                        await self._verify_epoch()
                        verified_at = time.monotonic()
                    found = await self._read_once()
            except Exception as error:  # noqa: BLE001  # a dead reader would be silence for every client
                self._doubt()
                if pause == FIRST_PAUSE_SECONDS:  # once for each time that it goes away
                    _say("The log cannot be read; trying again.", error)
                verified_at = -math.inf
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            self._read_at = time.monotonic()
            await self._rest(found)

    def _doubt(self) -> None:
        """A database that died gives ids out again that left no trace: only those of events are sure."""
        self.doubts += 1
        self._has_failed = True
        self._told = min(self._told, self._place.xid)

    async def _read_once(self) -> Found:
        """One page of events, and if anybody watches one of touches: each is told as soon as it is read."""
        self._looks += 1
        reading = await self._log.newer(self._place, limit=PAGE, since=self._frontier.since)
        if reading.unborn < self._unborn:  # the pool has replaced its connection without a word
            self._doubt()
        entries, self._horizon, self._unborn = reading.entries, reading.horizon, reading.unborn
        if len(entries) < PAGE:
            self._frontier.advance(reading)
        self._route(entries)
        if len(entries) < PAGE:
            self._looked = self._looks
            self._look_ended.set()
            self._look_ended = asyncio.Event()
        if not self._watches:
            self._has_failed = False
            return Found(is_any=bool(entries), is_more=len(entries) >= PAGE)
        asked_from = self._told
        touched = await self._log.touched(asked_from, limit=TOUCHES)
        if self._told != asked_from:
            # Meanwhile the last watch was closed, and another began from somewhere else.
            return Found(is_any=bool(entries), is_more=True)
        self._told = touched.until
        self._watches.tell(touched.touches)
        if self._has_failed and touched.is_all:
            self._has_failed = False
            self._watches.tell_all(self._told)
        is_more = len(entries) >= PAGE or not touched.is_all
        return Found(is_any=bool(entries or touched.touches), is_more=is_more)

    async def _rest(self, found: Found) -> None:
        """Until there may be more: at once after a full page, soon after any sign of life, else when idle."""
        idle, busy = self._poll_seconds
        if found.is_more:
            return
        if found.is_any:
            self._busy_until = time.monotonic() + BUSY_SECONDS
        hinted = await self._wakeups.wait(busy if time.monotonic() < self._busy_until else idle)
        if hinted:
            # What was announced may not be readable yet: an older transaction can still be open.
            self._busy_until = time.monotonic() + BUSY_SECONDS

    async def _verify_epoch(self) -> None:
        """After a broken connection the other end may be a restored or promoted database."""
        epoch = await self._log.epoch()
        if epoch == self._epoch:
            return
        self._begin(await self._log.head())
        self._epoch = epoch
        if self._restored:
            self._restored(epoch)
        self._close_all(ResyncRequired(RESTORED))
        self._watches.tell_all(self._told)

    def _begin(self, place: Place) -> None:
        length, seconds = self._ring_bounds
        self._place = place
        self._frontier = Frontier()
        self._horizon = self._told = place.xid
        self._watches.begin(place.xid)
        self._ring = Ring(place, length=length, seconds=seconds)

    def _route(self, entries: Sequence[Entry]) -> None:
        """Without a pause, so that nobody can look between the ring, the place and the mailboxes."""
        if not entries:
            return
        since, self._place = self._place, entries[-1].place
        self._ring.add(entries)
        if self._heard is not None:
            for entry in entries:
                self._heard(entry)
        for subscription, theirs in self._subscriptions.meet(entries).items():
            subscription.offer(theirs, since=since)

    def refill_from_ring(self, subscription: Subscription) -> bool:
        """Without a pause, like `_route`: the mailbox goes live exactly where the ring ends."""
        mailbox = subscription.mailbox
        if mailbox.reached < self._ring.start:
            return False
        newer = self._ring.after(mailbox.reached)
        stretch, live = newer[:REFILL], len(newer) <= REFILL
        theirs = [entry for entry in stretch if entry.organization_id == subscription.organization_id]
        mailbox.refill(theirs, reached=self._place if live else stretch[-1].place, live=live)
        return True

    async def refill_from_log(self, subscription: Subscription) -> None:
        """No further than the hub, where others are joined. Raises ResyncRequired for too old a place."""
        mailbox = subscription.mailbox
        until, place = self._place, mailbox.reached
        async with asyncio.timeout(READ_SECONDS):
            theirs = await self._log.after(place, limit=REFILL, organization_id=subscription.organization_id)
            if not await self._log.reaches(place):
                raise ResyncRequired(TOO_OLD)
        known = [entry for entry in theirs if entry.place <= until]
        # A page that is short, or goes beyond, holds all that the hub had read before it.
        is_full = len(known) >= REFILL and len(known) == len(theirs)
        mailbox.refill(known, reached=known[-1].place if is_full else until, live=False)

    def _close_all(self, reason: Exception | None) -> None:
        for subscription in self._subscriptions:
            subscription.close(reason)

    def forget(self, subscription: Subscription) -> None:
        self._subscriptions.remove(subscription)


def _say(sentence: str, error: Exception) -> None:
    structlog.get_logger(__name__).warning(sentence, error=repr(error))
