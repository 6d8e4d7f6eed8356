"""Live cohorts: who follow one query's answer: run once, however many look, told when its data differ."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from domain.errors import FieldgraphError, TooSlow
from realtime import patches
from realtime.cohorts import AWAY
from realtime.hub import Hub
from realtime.mailboxes import Snapshot
from realtime.members import Direct, Fee, Packet
from realtime.wakeups import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from realtime.watches import Watch
from resolvers.shared import Answer, Ran

PAUSE_SECONDS = 0.1
"""From one run to the next, at least: what is committed in between is answered by one."""
POINTS_A_SECOND = 2_500
"""So much is read for one question at most, as a bucket gets it back: what is dear runs less often."""
LONGEST_REST_SECONDS = 2.0
MOST_PATCHED_BYTES = 262_144
"""Of larger results a patch would hold up the loop: they are told whole."""
TIMER_SECONDS = 30.0
"""From one run to the next, at most, of a query whose answer may change though nothing is touched."""
MOST_SLOW = 3
"""Runs in turn that the database has given up as too slow before the query is."""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What everybody who follows is told, as the same bytes."""

    ran: Ran
    revision: int
    patch: bytes | None = None
    """What makes these data of those one revision before (RFC 6902), where that is shorter."""
    _patched: dict[int, Packet] = field(default_factory=dict)
    _whole: list[Packet] = field(default_factory=list)

    @property
    def whole(self) -> Packet:
        if not self._whole:
            self._whole.append(Packet(self.ran.whole))
        return self._whole[0]

    def first(self, told: bytes, *, patched: bool) -> bytes:
        """For one alone: with what it cost them."""
        return b"".join((self.ran.body, told, b',"revision":1}' if patched else b"}"))

    def patched(self, revision: int) -> Packet:
        """The patch under the number that it has for those who came when this was not the first."""
        found = self._patched.get(revision)
        if found is None:
            found = Packet(b'{"patch":%b,"revision":%d}' % (self.patch or b"[]", revision))
            self._patched[revision] = found
        return found


class LiveFollower:
    """One who follows: keeps the newest result and no other, however slowly it is taken.

    What can be written at once by `direct` is, where nothing waits and the `fee` is at hand.
    """

    def __init__(
        self, cohort: "LiveCohort", *, patched: bool, fee: Fee, direct: Direct | None = None
    ) -> None:
        self.cohort = cohort
        self.patched = patched
        self.over = False
        self.is_paid = False
        """Whether the newest result is, which could not be written at once."""
        self._fee = fee
        self._direct = direct
        self._error: Exception | None = None
        self._newest: Result | None = None
        self._taken = 0
        """The revision that was taken last, and the one before the last that was taken whole."""
        self._base = 0
        self._came = asyncio.Event()

    def offer(self, result: Result) -> None:
        """Called without a pause, for each follower in turn."""
        is_free = self._taken > 0 and (self._newest is None or self._newest.revision <= self._taken)
        self._newest = result
        if not (is_free and self._direct is not None and self._written(self._direct, result)):
            self._came.set()

    def _written(self, direct: Direct, result: Result) -> bool:
        if self.over or not self._fee.at_once():
            return False
        told, base = self._told(result)
        self.is_paid = not direct(told)
        if not self.is_paid:
            self._taken, self._base = result.revision, base
        return not self.is_paid

    def end(self, error: Exception | None) -> None:
        """Nothing more comes. The first call counts."""
        if not self.over:
            self.over, self._error = True, error
            self._came.set()

    async def first(self) -> Result | None:
        """Lacks nothing committed before; None where it is over. Waits for a database that is away."""
        pause = FIRST_PAUSE_SECONDS
        while not self.over:
            try:
                await self.cohort.answer.fresh()
            except AWAY:
                await self.rest(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            result = self.cohort.result
            if result is not None and not self.over:
                self._taken, self._base = result.revision, result.revision - 1
                return result
        self._check()
        return None

    async def came(self) -> bool:
        """Whether there is a result that was not taken; without one it is over."""
        while not self.over:
            if self._newest is not None and self._newest.revision > self._taken:
                return True
            self._came.clear()
            await self._came.wait()
        self._check()
        return False

    async def rest(self, seconds: float) -> None:
        """For so long, or until it is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.over and loop.time() < until:
            self._came.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._came.wait()
            except TimeoutError:
                return

    def take(self) -> bytes:
        """The newest result as this one is to be told it."""
        result = self._newest
        if result is None:
            raise LookupError("no result has come")
        told, base = self._told(result)
        self._taken, self._base, self.is_paid = result.revision, base, False
        return told.body

    def _told(self, result: Result) -> tuple[Packet, int]:
        """The patch for who has taken the one before; else all of it, from which patches go on."""
        if not self.patched:
            return result.whole, self._base
        if result.revision == self._taken + 1 and result.patch is not None:
            return result.patched(result.revision - self._base), self._base
        return Packet(result.first(b"", patched=True)), result.revision - 1

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


class LiveCohort:
    """One question's followers. It has no task: it runs when something was touched, and then once."""

    def __init__(self, answer: Answer, hub: Hub, emptied: Callable[["LiveCohort"], None]) -> None:
        self.answer = answer
        self.question = answer.question
        self.followers: dict[LiveFollower, None] = {}
        self.result: Result | None = None
        self._hub = hub
        self._emptied = emptied
        self._newer: dict[int, float] = {}
        """Transactions that touched it and that the newest run has not seen, and since when that is known."""
        self._seen: Snapshot | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[Ran] | None = None
        self._pause = 0.0
        self._slow = 0
        answer.told = self._tell
        if answer.ran is not None:
            self._tell(answer.ran)
        self._watch = self._watched()

    def join(self, *, patched: bool, fee: Fee, direct: Direct | None = None) -> LiveFollower:
        follower = LiveFollower(self, patched=patched, fee=fee, direct=direct)
        self.followers[follower] = None
        return follower

    def leave(self, follower: LiveFollower) -> None:
        """The last one ends it."""
        self.followers.pop(follower, None)
        if not self.followers:
            self._watch.close()
            self._rest(None)
            self.answer.told = None
            self._emptied(self)

    def doubt(self) -> None:
        """Anything may have changed: the database is another one than before."""
        self.answer.is_doubted = True
        self._seen = None
        self._soon()

    def _watched(self) -> Watch:
        ran, question = self.answer.ran, self.question
        seen = ran.seen if ran is not None else None
        return self._hub.watch(question.organization_id, question.interest, self._touched, seen=seen)

    def _touched(self, xid: int) -> None:
        if self._seen is None or not self.answer.is_sure or not self._seen.sees(xid):
            self._newer[xid] = asyncio.get_running_loop().time()
            self.answer.is_doubted = True
            self._soon()

    def _soon(self) -> None:
        """One run, not before the last one's pause is over."""
        if self._looking is None:
            ran = self.answer.ran
            dear = 0.0 if ran is None else min(ran.objects / POINTS_A_SECOND, LONGEST_REST_SECONDS)
            self._rest(self.answer.began + max(PAUSE_SECONDS, self._pause, dear))

    def _rest(self, at: float | None) -> None:
        if self._handle is not None:
            self._handle.cancel()
        loop = asyncio.get_running_loop()
        self._handle = None if at is None else loop.call_at(max(at, loop.time()), self._look)

    def _look(self) -> None:
        self._handle = None
        if self.question.is_timed:
            self.answer.is_doubted = True
        self._looking = self.answer.look()
        self._looking.add_done_callback(self._looked)

    def _looked(self, task: "asyncio.Task[Ran]") -> None:
        self._looking = None
        if not self.followers or task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._pause, self._slow = 0.0, 0
            if self.answer.is_doubted:
                self._soon()
            return
        self._slow += isinstance(error, TooSlow)
        if isinstance(error, AWAY) or (isinstance(error, TooSlow) and self._slow < MOST_SLOW):
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._rest(asyncio.get_running_loop().time() + self._pause)
            return
        for follower in list(self.followers):
            follower.end(error if isinstance(error, Exception) else FieldgraphError(repr(error)))

    def _tell(self, ran: Ran) -> None:
        """What a run says that is new; also one that somebody else has asked for."""
        self._seen = seen = Snapshot.parse(ran.seen)
        # A run that began later sees it, whatever the id: that of "anything up to here" may be nobody's yet.
        began, is_sure = self.answer.began, self.answer.is_sure
        self._newer = {
            xid: at for xid, at in self._newer.items() if at >= began and not (is_sure and seen.sees(xid))
        }
        if self._newer or self.answer.is_doubted:
            self.answer.is_doubted = True
            self._soon()
        elif self.question.is_timed:
            self._rest(self.answer.began + TIMER_SECONDS)
        before = self.result
        if before is not None and before.ran.data == ran.data:
            return
        revision = 1 if before is None else before.revision + 1
        self.result = Result(ran, revision, self._patch(before, ran))
        for follower in list(self.followers):
            follower.offer(self.result)

    def _patch(self, before: Result | None, ran: Ran) -> bytes | None:
        """Only where somebody wants one, and where there is no error to be told beside it."""
        if before is None or before.ran.has_errors or ran.has_errors:
            return None
        if max(before.ran.size, ran.size) > MOST_PATCHED_BYTES:
            return None
        if not any(follower.patched for follower in self.followers):
            return None
        return patches.between(orjson.loads(before.ran.data), orjson.loads(ran.data))
