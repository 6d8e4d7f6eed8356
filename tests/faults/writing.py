"""Writing: known, numbered changes that go on through every fault, each with an effect exactly once."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from domain import ids, visits
from domain.visits import Visit, VisitState
from realtime.wakeups import BROKEN
from tests.conftest import connected
from tests.domain.world import World

STEPS: Sequence[tuple[str, dict[str, str]]] = (("dispatchVisit", {}), ("recallVisit", {"reason": "a test"}))
FACTS = ("VisitDispatched", "VisitRecalled")
"""What each of STEPS makes. Done twice in a row it is refused: a doubled effect shows at once."""
ANSWER_SECONDS = 10.0
PAUSE_SECONDS = 0.05
RAW = (
    "INSERT INTO event (xid, n, organization_id, topic, type, subject_id, subject_version, payload,"
    " scope_before, scope_after, origin, actor, reason, occurred_at, recorded_at) VALUES"
    " (pg_current_xact_id(), $1, $2, 'visit', 'VisitProgressed', $3, 1, '{\"before\": {}}', $4, $4, 'API',"
    " 'tester', NULL, $5, clock_timestamp())"
)


class Refused(Exception):
    """A change that must have been possible was refused: something was done twice, or not at all."""


@dataclass
class Writer:
    """One visit, dispatched and recalled in turn over HTTP. Whatever is not answered is asked again."""

    visit: UUID
    doors: Sequence[str]
    token: str
    pause_seconds: float = 0.05
    seed: int = 0
    answered: list[float] = field(default_factory=list)
    """When each change was answered, in real seconds; its length is how many there are."""
    tries: Counter[str] = field(default_factory=Counter)
    _stopping: bool = False

    def stop(self) -> None:
        """After the change that it is at."""
        self._stopping = True

    async def run(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311  # repeatable
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
            while not self._stopping:
                await self._change(http, chance)
                await asyncio.sleep(self.pause_seconds * (0.5 + chance.random()))

    async def _change(self, http: httpx.AsyncClient, chance: random.Random) -> None:
        number = len(self.answered)
        field_, given = STEPS[number % 2]
        kind = field_[0].upper() + field_[1:]
        document = (
            f"mutation Change($input: {kind}Input!)"
            f" {{ payload: {field_}(input: $input) {{ visit {{ state }} userErrors {{ code }} }} }}"
        )
        body = {
            "query": document,
            "variables": {"input": {**given, "visit": ids.encode("vis", self.visit)}},
        }
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": f"{self.visit}:{number}"}
        while True:
            answer = await self._asked(http, chance.choice(self.doors), body, headers)
            if answer is not None:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        if answer["userErrors"]:
            raise Refused(f"change {number} of {self.visit}: {answer}")
        self.answered.append(time.time())

    async def _asked(
        self, http: httpx.AsyncClient, door: str, body: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, Any] | None:
        """The payload; None where there was no answer, or none but that something was away."""
        try:
            response = await http.post(door, json=body, headers=headers)
            content = response.json()
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            self.tries[type(error).__name__] += 1
            return None
        if "errors" in content:
            self.tries[content["errors"][0].get("extensions", {}).get("code", "?")] += 1
            return None
        payload: dict[str, Any] = content["data"]["payload"]
        return payload


async def effects(owner: asyncpg.Connection, visit: UUID) -> list[str]:
    """What was done with a visit, in the log's order."""
    rows = await owner.fetch(
        "SELECT type FROM event WHERE subject_id = $1 AND type = ANY($2) ORDER BY event.xid, event.n",
        visit,
        list(FACTS),
    )
    return [row["type"] for row in rows]


def expected(writer: Writer) -> list[str]:
    """The same as a writer's answers say: each change once, in its order."""
    return [FACTS[number % 2] for number in range(len(writer.answered))]


async def write_slowly(world: World, visit: UUID, seconds: float, *, times: int) -> None:
    """Transactions of our own verbs that stay open so long; as a writer's steps, but answered to nobody."""
    for _ in range(times):
        async with world.unit() as work:
            if (await work.find(Visit, visit)).state == VisitState.SCHEDULED:
                await visits.dispatch(work, visit)
            else:
                await visits.recall(work, visit, reason="a test")
            await work.flush()
            await asyncio.sleep(seconds)


@dataclass
class Torrent:
    """Facts about visits, each with its scope, straight into the log: in transactions of several.

    One in ten of these is rolled back.
    """

    url: str
    organization_id: UUID
    scopes: Mapping[UUID, str]
    most: int
    a_second: float = 200.0
    seed: int = 0
    committed: int = 0
    _stopping: bool = False

    def stop(self) -> None:
        self._stopping = True

    async def run(self) -> None:
        """Until there are `most`, through every loss of the database."""
        chance = random.Random(self.seed)  # noqa: S311  # repeatable
        while not self._stopping and self.committed < self.most:
            try:
                async with connected(self.url) as owner:
                    await self._write(owner, chance)
            except BROKEN:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _write(self, owner: asyncpg.Connection, chance: random.Random) -> None:
        for _ in itertools.count():
            if self._stopping or self.committed >= self.most:
                return
            size = chance.randint(1, 20)
            now = datetime.now(UTC)
            chosen = chance.choices(list(self.scopes.items()), k=size)
            rows = [(n, self.organization_id, *about, now) for n, about in enumerate(chosen)]
            transaction = owner.transaction()
            await transaction.start()
            await owner.executemany(RAW, rows)
            if chance.random() < 0.1:
                await transaction.rollback()
                continue
            await transaction.commit()
            self.committed += size
            await asyncio.sleep(size / self.a_second)
