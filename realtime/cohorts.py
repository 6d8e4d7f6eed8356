"""Cohorts: who follows the same with the same rights is told the same bytes, worked out once.

A member joins where its own past ends: it has been told all that the hub has read. What the cohort still
works on from before is not for it, and nothing lies in between. Who is too slow leaves and reads its past
alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

import asyncpg
import structlog

from domain.credentials import ENDED
from realtime.log import Entry
from realtime.mailboxes import Lagged
from realtime.members import Member, Told
from realtime.subscriptions import Subscription
from realtime.wakeups import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""The database is away or has no room, which passes; what it refuses does not."""
AWAY_SECONDS = 60.0
LOG = structlog.get_logger(__name__)
BREATH = 256
"""So many members are told before others get their turn."""


class Cohort:
    """Follows the log for its members, in a task of its own; ends with the last of them.

    `answer` makes an item of an event, or None; it is asked again while the database is away. `on_over` is
    called once, when nobody can join any more. That the cohort itself was too slow is no loss to its members:
    it reads on from where it was.
    """

    def __init__(
        self,
        subscription: Subscription,
        answer: Callable[[Entry], Awaitable[Told | None]],
        *,
        on_over: Callable[[], None],
    ) -> None:
        self._subscription = subscription
        self._answer = answer
        self._on_over = on_over
        self._members: dict[Member, None] = {}
        self._is_over = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name="cohort")

    def __len__(self) -> int:
        return len(self._members)

    def add(self, member: Member) -> None:
        self._members[member] = None

    def remove(self, member: Member) -> None:
        """Nothing is told to it any more, also if that goes on just now; the last one ends the cohort."""
        member.end(True)
        self._members.pop(member, None)
        if not self._members:
            self._close()
            self._task.cancel()

    async def _run(self) -> None:
        reason: BaseException | bool = True
        try:
            async for entry in self._subscription:
                told = None if isinstance(entry, Lagged) else await self._taken(entry)
                if told is not None:
                    await self._tell(told)
                    if told.is_last:
                        break
        except Exception as error:  # noqa: BLE001  # each member raises it where it is told
            reason = error
        self._close()
        for member in list(self._members):
            member.end(reason)

    def _close(self) -> None:
        self._subscription.close()
        if not self._is_over:
            self._is_over = True
            self._on_over()

    async def _taken(self, entry: Entry) -> Told | None:
        if entry.topic == ENDED:
            self._judge(entry)
        started, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._answer(entry)
            except AWAY as error:
                if time.monotonic() - started > AWAY_SECONDS:
                    raise
                if pause == FIRST_PAUSE_SECONDS:
                    LOG.warning("An item waits for the database.", error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _tell(self, told: Told) -> None:
        for number, member in enumerate(list(self._members), 1):
            member.tell(told)
            if number % BREATH == 0:
                await asyncio.sleep(0)

    def _judge(self, entry: Entry) -> None:
        """What ends a member's rights ends it there, between what was told before and after."""
        for member in list(self._members):
            try:
                member.ended_by(entry)
            except Exception as error:  # noqa: BLE001  # it is what the member is ended with
                member.end(error)


class Cohorts:
    """All cohorts of a process, by what they share."""

    def __init__(self) -> None:
        self._cohorts: dict[Hashable, Cohort] = {}

    def __len__(self) -> int:
        return len(self._cohorts)

    @property
    def members(self) -> int:
        return sum(map(len, self._cohorts.values()))

    def join(
        self, key: Hashable, member: Member, make: Callable[[Callable[[], None]], Cohort]
    ) -> Callable[[], None]:
        """To be called without a pause after the member's past ended; answers how to leave.

        `make` makes the cohort where there is none, given what it is to call when it is over.
        """
        cohort = self._cohorts.get(key)
        if cohort is None:
            cohort = self._cohorts[key] = make(lambda: self._forget(key))
        cohort.add(member)
        return lambda: cohort.remove(member)

    def _forget(self, key: Hashable) -> None:
        del self._cohorts[key]
