"""Routes: who takes the events of which topics of which organization."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar
from uuid import UUID

from realtime.log import Entry

Taker = TypeVar("Taker", bound=Hashable)
EVERY = None
"""Stands for whatever topic there is."""


class Routes(Generic[Taker]):
    """Found by organization and topic, so that an event costs nothing for those who take others."""

    def __init__(self) -> None:
        self._takers: dict[Taker, tuple[UUID, frozenset[str] | None]] = {}
        self._organizations: dict[UUID, dict[str | None, dict[Taker, None]]] = {}

    def __len__(self) -> int:
        return len(self._takers)

    def __iter__(self) -> Iterator[Taker]:
        return iter(list(self._takers))

    def add(self, taker: Taker, organization_id: UUID, topics: frozenset[str] | None) -> None:
        self._takers[taker] = (organization_id, topics)
        for topic in (EVERY,) if topics is None else topics:
            by_topic = self._organizations.setdefault(organization_id, {})
            by_topic.setdefault(topic, {})[taker] = None

    def remove(self, taker: Taker) -> None:
        """Once for each that was added; another time does nothing."""
        if taker not in self._takers:
            return
        organization_id, topics = self._takers.pop(taker)
        for topic in (EVERY,) if topics is None else topics:
            by_topic = self._organizations[organization_id]
            del by_topic[topic][taker]
            if not by_topic[topic]:
                del by_topic[topic]
            if not by_topic:
                del self._organizations[organization_id]

    def meet(self, entries: Iterable[Entry]) -> Mapping[Taker, list[Entry]]:
        """What each gets of a page, in its order; who gets nothing of it is not there."""
        met: dict[Taker, list[Entry]] = {}
        for entry in entries:
            by_topic = self._organizations.get(entry.organization_id)
            if by_topic is None:
                continue
            for topic in (EVERY, entry.topic):
                for taker in by_topic.get(topic, ()):
                    met.setdefault(taker, []).append(entry)
        return met
