"""The demo's board: every open visit as the graph has it, read again and again."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from fieldgraph.demo.remote import NotAnswered, RemoteGraph
from integrations.roads import Point
from schema.scalars import parse_duration, parse_instant

UNDER_WAY = ("EN_ROUTE", "ARRIVED", "IN_PROGRESS")
IN_TURN = (*UNDER_WAY, "DISPATCHED", "SCHEDULED")
STOP = """
fragment Stop on Visit {
  id version state duration plannedStart
  actual { arrivedAt startedAt }
  site { location }
  assignments(first: 2, where: {isLead: {eq: true}, state: {in: [OFFERED, ACCEPTED]}}) {
    nodes { state technician { id } }
  }
}
"""
OPEN_VISITS = """
query OpenVisits($after: String) {
  visits(first: 200, after: $after, where: {state: {in: [
    UNSCHEDULED, SCHEDULED, DISPATCHED, EN_ROUTE, ARRIVED, IN_PROGRESS]}}) {
    nodes { ...Stop }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class Stop(NamedTuple):
    """One open visit; `technician` is the lead's global id, `offered` that they have not said yes yet."""

    id: str
    version: int
    state: str
    seconds: int
    place: Point
    technician: str | None
    offered: bool
    planned_start: datetime | None
    arrived_at: datetime | None
    started_at: datetime | None

    @classmethod
    def read(cls, visit: Mapping[str, Any]) -> Self:
        leads = visit["assignments"]["nodes"]
        actual = visit["actual"]
        longitude, latitude = visit["site"]["location"]["coordinates"]
        return cls(
            id=visit["id"],
            version=visit["version"],
            state=visit["state"],
            seconds=parse_duration(visit["duration"]),
            place=(longitude, latitude),
            technician=leads[0]["technician"]["id"] if leads and leads[0]["technician"] else None,
            offered=bool(leads) and leads[0]["state"] == "OFFERED",
            planned_start=_instant(visit["plannedStart"]),
            arrived_at=_instant(actual["arrivedAt"]),
            started_at=_instant(actual["startedAt"]),
        )


class Board:
    """The open visits at the last reading; `held` are those that a plan is being made for."""

    def __init__(self, graph: RemoteGraph, token: str) -> None:
        self.graph = graph
        self.token = token
        self.stops: dict[str, Stop] = {}
        self.held: frozenset[str] = frozenset()
        self._turned = asyncio.Event()

    async def read(self) -> None:
        """All of it anew; a visit of which a later version is known already keeps that."""
        found: dict[str, Stop] = {}
        after = None
        while True:
            page = (await self.graph.ask(self.token, OPEN_VISITS + STOP, {"after": after}))["visits"]
            found |= {visit["id"]: Stop.read(visit) for visit in page["nodes"]}
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        for key, stop in found.items():
            known = self.stops.get(key)
            found[key] = known if known and known.version > stop.version else stop
        self.stops = found
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()

    async def keep(self, seconds: float) -> None:
        """Read for ever, with so many real seconds between."""
        while True:
            try:
                await self.read()
            except NotAnswered:
                await asyncio.sleep(seconds)  # the server restarts, or is busy: what is known stands
            await asyncio.sleep(seconds)

    async def turned(self) -> None:
        """Wait for the next reading."""
        await self._turned.wait()

    def take(self, visit: Mapping[str, Any]) -> Stop:
        """What a mutation answered about a visit."""
        stop = Stop.read(visit)
        self.stops[stop.id] = stop
        return stop

    def of(self, technician: str) -> list[Stop]:
        """Their visits: what is under way first, then in the order of the plan."""
        own = [stop for stop in self.stops.values() if stop.technician == technician and stop.planned_start]
        return sorted(own, key=_turn)

    def movable(self, technicians: Iterable[str]) -> list[Stop]:
        """What a plan may move: the pool, and what is scheduled with these technicians."""
        chosen = set(technicians)
        return [
            stop
            for stop in self.stops.values()
            if stop.state == "UNSCHEDULED" or (stop.state == "SCHEDULED" and stop.technician in chosen)
        ]


def _turn(stop: Stop) -> tuple[int, float]:
    under_way = 0 if stop.state in UNDER_WAY else 1
    return under_way + (
        stop.state == "SCHEDULED"
    ), stop.planned_start.timestamp() if stop.planned_start else 0


def _instant(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None
