"""Live: a query's whole result, and a new one whenever committed facts touch what it read and change it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from uuid import UUID

from domain.credentials import ENDED
from domain.errors import ResyncRequired, TooMany, Unauthenticated
from domain.viewers import Viewer
from realtime.hub import Hub
from realtime.mailboxes import Lagged
from realtime.members import Direct, Fee
from resolvers.context import Context
from resolvers.following import ends
from resolvers.live_cohorts import PAUSE_SECONDS, LiveCohort, LiveFollower
from resolvers.shared import Question, Shared


class Live:
    """The live queries of one process: a cohort for each question, a guard for each organization."""

    def __init__(self, hub: Hub, shared: Shared) -> None:
        self._hub = hub
        self._shared = shared
        self._cohorts: dict[object, LiveCohort] = {}
        self._guards: dict[UUID, Guard] = {}

    @property
    def cohorts(self) -> int:
        return len(self._cohorts)

    def all(self) -> list[LiveCohort]:
        return list(self._cohorts.values())

    @property
    def followers(self) -> int:
        return sum(len(cohort.followers) for cohort in self._cohorts.values())

    async def results(
        self, question: Question, context: Context, *, patched: bool, direct: Direct | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Each with other data than the one before it; whole, or if `patched` by what makes it of that one.

        The first is paid like a query, by the charge that let it in, each that follows is a point. A client
        whose bucket is empty is told later, and of the last change surely. Raises Unauthenticated when what
        the viewer stands on has ended, and what the query raises.
        """
        charge = context.charge
        viewer = context.viewer
        with self.followed(question, viewer, patched=patched, fee=charge, direct=direct) as follower:
            first = await follower.first()
            if first is None:
                return
            told = charge.told(charge.begun(first.ran.objects, first.ran.braces))
            yield first.first(told, patched=patched)
            while await follower.came():
                try:
                    if not follower.is_paid:
                        await charge.another()
                except TooMany as error:
                    await follower.rest(max(error.seconds, PAUSE_SECONDS))
                    continue
                yield follower.take()

    @contextmanager
    def followed(
        self,
        question: Question,
        viewer: Viewer,
        *,
        patched: bool,
        fee: Fee,
        direct: Direct | None = None,
    ) -> Iterator[LiveFollower]:
        """Who follows, until then: the last one ends the cohort, and the organization's guard."""
        key: object = question.key if question.key is not None else object()
        cohort = self._cohorts.get(key)
        if cohort is None:
            cohort = self._begun(key, question)
        follower = cohort.join(patched=patched, fee=fee, direct=direct)
        guard = self._guards.get(viewer.organization_id)
        if guard is None:
            guard = self._guards[viewer.organization_id] = Guard(self._hub, viewer.organization_id)
        guard.followers[follower] = viewer
        try:
            yield follower
        finally:
            cohort.leave(follower)
            del guard.followers[follower]
            if not guard.followers:
                guard.close()
                if self._guards.get(viewer.organization_id) is guard:
                    del self._guards[viewer.organization_id]

    def _begun(self, key: object, question: Question) -> LiveCohort:
        def emptied(cohort: LiveCohort) -> None:
            if self._cohorts.get(key) is cohort:
                del self._cohorts[key]
            self._shared.live.pop(key, None)

        answer = self._shared.answer(question)
        cohort = self._cohorts[key] = LiveCohort(answer, self._hub, emptied)
        if question.key is not None:
            self._shared.live[question.key] = answer
        return cohort


class Guard:
    """Ends those whose token, key, link or user ends, of one organization; one task for all of them."""

    def __init__(self, hub: Hub, organization_id: UUID) -> None:
        self.followers: dict[LiveFollower, Viewer] = {}
        self._hub = hub
        self._organization_id = organization_id
        self._subscribe()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="guard of live queries")

    def close(self) -> None:
        self._subscription.close()
        self._task.cancel()

    def _subscribe(self) -> None:
        self._subscription = self._hub.subscribe(
            self._organization_id, wants=lambda _: True, topics=frozenset({ENDED})
        )

    async def _run(self) -> None:
        while True:
            try:
                entry = await anext(self._subscription)
            except StopAsyncIteration:
                break
            except ResyncRequired:
                # The database is another one than before: whatever it holds is read by the next run.
                self._subscribe()
                for cohort in {follower.cohort for follower in self.followers}:
                    cohort.doubt()
                continue
            if not isinstance(entry, Lagged):
                for follower, viewer in list(self.followers.items()):
                    if ends(entry, viewer):
                        follower.end(Unauthenticated("This token has been revoked."))
        for follower in list(self.followers):
            follower.end(None)
