"""Shared: one answer for all who ask the same and may see the same, while nothing newer is committed."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from realtime.touches import Interest
from resolvers.kept import Kept

HEAD = b'{"data":'
MOST_BYTES = 64 * 1024 * 1024
WINDOW_SECONDS = 2.0
ASKED = 3
"""So often within that time, and an answer is kept: until then it is read like any other."""
WORTH_SECONDS = 0.001
"""What a look at what was touched takes, with its way there: an answer that took less is read anew."""
VALUE_BYTES = 300
"""About how many a value takes in what is kept of a question; measured with ids."""
MOST_COUNTED = 10_000
MOST_AGE_SECONDS = 60.0
"""The look goes through all that was touched since the answer; an older one is read anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """One run: the response without extensions, and what of it is data."""

    whole: bytes
    size: int
    """Bytes of the data."""
    objects: int
    """What it cost, as a query."""
    braces: int
    seen: str
    """The text of the snapshot that it saw."""

    @classmethod
    def of(cls, data: bytes, errors: bytes, *, objects: int, seen: str) -> "Ran":
        return cls(b"".join((HEAD, data, errors, b"}")), len(data), objects, data.count(b"{"), seen)

    @property
    def data(self) -> memoryview:
        return memoryview(self.whole)[len(HEAD) : len(HEAD) + self.size]

    @property
    def body(self) -> memoryview:
        """Up to its last brace."""
        return memoryview(self.whole)[:-1]

    @property
    def has_errors(self) -> bool:
        return len(HEAD) + self.size + 1 < len(self.whole)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What somebody asks. Who asks with the same `key` is answered the same; None: nobody else is."""

    key: Hashable | None
    organization_id: UUID
    interest: Interest
    run: Callable[[], Awaitable[Ran]]
    is_timed: bool = False
    """Whether its answer may change though nothing in its interest is touched."""


Untouched = Callable[[UUID, Interest, str, bool], Awaitable[bool]]
"""Whether nothing was committed that touches an interest and that a snapshot has not seen.

The last says that it is watched: of what the hub has told already nothing needs to be looked at.
"""


class Freshness(NamedTuple):
    """How an answer is known to be as new as a fresh read."""

    untouched: Untouched
    doubts: Callable[[], int] = lambda: 0
    """How often snapshots that were read before have come to mean nothing: the database died."""


class Answer:
    """One question's newest run. Who asks is given one that lacks nothing that was committed before.

    One look at a time: who comes while it goes on waits for the next, and all who wait share that. So no
    answer is older than the question, and a viewer's own writes are in it, by whichever process.
    """

    def __init__(
        self, question: Question, freshness: Freshness, looking: "set[asyncio.Task[Ran]] | None" = None
    ) -> None:
        self.question = question
        self.weight = 1_000 + _weight(question.key)
        """About how many bytes it takes beside its run."""
        self.ran: Ran | None = None
        self.is_doubted = False
        """It is known without a look that something newer is committed."""
        self.told: Callable[[Ran], None] | None = None
        """Is called with each run."""
        self.began = 0.0
        """When the newest run did, by the loop's time, and how long it took."""
        self.seconds = 0.0
        self.runs = 0
        self._freshness = freshness
        self._doubts = freshness.doubts()
        self._looking = set() if looking is None else looking
        self._now: asyncio.Task[Ran] | None = None
        self._next: asyncio.Task[Ran] | None = None

    @property
    def is_sure(self) -> bool:
        """Whether the snapshot of the newest run still means something."""
        return self._doubts == self._freshness.doubts()

    async def fresh(self) -> Ran:
        """Raises what the run raises."""
        return await asyncio.shield(self.look())

    def look(self) -> "asyncio.Task[Ran]":
        """The next look, which whoever comes before it begins shares."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._look(self._now), name="answer")
            self._looking.add(self._next)
            self._next.add_done_callback(self._looked)
        return self._next

    def _looked(self, task: "asyncio.Task[Ran]") -> None:
        """Whoever asked may have left; an error is theirs alone."""
        self._looking.discard(task)
        if not task.cancelled():
            task.exception()

    async def _look(self, before: "asyncio.Task[Ran] | None") -> Ran:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._now, self._next = self._next, None
        ran = self.ran
        return ran if ran is not None and await self._holds(ran) else await self._run()

    async def _holds(self, ran: Ran) -> bool:
        if self.is_doubted or self.question.is_timed or ran.has_errors or not self.is_sure:
            return False
        is_watched, question = self.told is not None, self.question
        if not is_watched and asyncio.get_running_loop().time() - self.began > MOST_AGE_SECONDS:
            return False
        return await self._freshness.untouched(
            question.organization_id, question.interest, ran.seen, is_watched
        )

    async def _run(self) -> Ran:
        loop = asyncio.get_running_loop()
        began, doubts, told = loop.time(), self._freshness.doubts(), self.told
        ran = await self.question.run()
        self._doubts = doubts
        # Whoever began to follow meanwhile is not told of what was committed before, which this may not have
        # seen.
        self.is_doubted = self.told is not None and self.told is not told
        self.ran, self.began, self.seconds = ran, began, loop.time() - began
        self.runs += 1
        if self.told is not None:
            self.told(ran)
        return ran


class Shared:
    """The answers that ordinary queries share: those of live ones, and what was asked often of late."""

    def __init__(self, freshness: Freshness, *, most_bytes: int = MOST_BYTES) -> None:
        self.freshness = freshness
        self.answers: Kept[Hashable, Answer] = Kept(most_bytes)
        self.live: dict[Hashable, Answer] = {}
        """Of those that are followed."""
        self.hits = 0
        """Queries that were answered by another's run."""
        self._asked: OrderedDict[int, tuple[int, float]] = OrderedDict()
        self._looking: set[asyncio.Task[Ran]] = set()

    async def close(self) -> None:
        """Ends the looks that go on though nobody waits for them any more."""
        for task in list(self._looking):
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    def found(self, key: Hashable, question: Callable[[], Question]) -> Answer | None:
        """By which a query is to be answered; None where it is to be read by itself."""
        answer = self.live.get(key) or self.answers.get(key)
        if answer is None:
            if not self._is_often(hash(key)):
                return None
            answer = Answer(question(), self.freshness, self._looking)
            self.answers.put(key, answer, size=answer.weight)
        if answer.runs and answer.seconds < WORTH_SECONDS:
            return None
        return answer

    async def fresh(self, answer: Answer) -> Ran:
        before = answer.runs
        ran = await answer.fresh()
        if answer.runs == before:
            self.hits += 1
        key = answer.question.key
        if self.answers.get(key) is answer:
            size = answer.weight + len(ran.whole)
            self.answers.put(key, answer, size=size)
            if size > self.answers.most_bytes and answer.told is None:
                answer.ran = None  # one that is larger than all that may be kept is not
        return ran

    def answer(self, question: Question) -> Answer:
        """For those who follow it; one that is kept already goes on."""
        kept = self.answers.get(question.key) if question.key is not None else None
        return kept or Answer(question, self.freshness, self._looking)

    def _is_often(self, key: int) -> bool:
        now = asyncio.get_running_loop().time()
        count, since = self._asked.pop(key, (0, now))
        if now - since > WINDOW_SECONDS:
            count, since = 0, now
        if count + 1 >= ASKED:
            return True
        self._asked[key] = (count + 1, since)
        while len(self._asked) > MOST_COUNTED:
            self._asked.popitem(last=False)
        return False


def _weight(value: Hashable) -> int:
    """Who asks says how many values there are in a question."""
    if isinstance(value, tuple):
        return VALUE_BYTES + sum(map(_weight, value))
    return VALUE_BYTES + (len(value) if isinstance(value, str | bytes) else 0)
