"""Crowds: how many sockets and event streams are open, of one user, from one address, and in all."""

from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple, TypeVar

from domain.viewers import Viewer

User = tuple[object, ...]
Key = TypeVar("Key", bound=Hashable)


class CrowdLimits(NamedTuple):
    """At most so many open at once, sockets and event streams together."""

    of_user: int = 500
    of_address: int = 5_000
    of_process: int = 10_000


class Crowd:
    """Counts who is there; whoever entered must leave."""

    def __init__(self, limits: CrowdLimits) -> None:
        self._limits = limits
        self._addresses: Counter[str] = Counter()
        self._users: Counter[User] = Counter()

    def enter(self, address: str) -> bool:
        """Whether one more from this address is let in, and counted."""
        full = self._addresses.total() >= self._limits.of_process
        if full or self._addresses[address] >= self._limits.of_address:
            return False
        self._addresses[address] += 1
        return True

    def leave(self, address: str) -> None:
        _take(self._addresses, address)

    def admit(self, user: User) -> bool:
        """Whether one more of this user is let in, and counted."""
        if self._users[user] >= self._limits.of_user:
            return False
        self._users[user] += 1
        return True

    def release(self, user: User) -> None:
        _take(self._users, user)


def user_of(viewer: Viewer) -> User:
    """Who counts as one: the holders of one link or key together, since all look alike."""
    return (viewer.organization_id, viewer.role, viewer.subject, viewer.credential_id)


def _take(counted: Counter[Key], key: Key) -> None:
    counted[key] -= 1
    if not counted[key]:
        del counted[key]
