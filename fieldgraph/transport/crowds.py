"""Crowds: how many sockets and event streams are open, of one user, from one address, and in all."""

from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple, TypeVar
from uuid import UUID

from domain.viewers import Role, Viewer


class User(NamedTuple):
    """Who counts as one: the holders of one link or key together, since all look alike."""

    organization_id: UUID
    role: Role
    subject: str
    credential_id: UUID | None

    @property
    def is_guest(self) -> bool:
        return self.role in GUESTS


GUESTS = frozenset({Role.CUSTOMER, Role.TRACKING})
Key = TypeVar("Key", bound=Hashable)


class CrowdLimits(NamedTuple):
    """At most so many open at once, sockets and event streams together, and operations on them.

    Customers and holders of links are guests: a family opens one link on four phones, and a phone that
    changes its network leaves a socket behind until a ping goes unanswered, 35 s later. The page asks for one
    operation.
    """

    of_user: int = 500
    of_guest: int = 10
    operations_of_user: int = 500
    operations_of_guest: int = 20
    of_address: int = 5_000
    of_process: int = 10_000


class Crowd:
    """Counts who is there; whoever entered must leave."""

    def __init__(self, limits: CrowdLimits) -> None:
        self._limits = limits
        self._addresses: Counter[str] = Counter()
        self._users: Counter[User] = Counter()
        self._operations: Counter[User] = Counter()

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
        limits = self._limits
        if self._users[user] >= (min(limits.of_guest, limits.of_user) if user.is_guest else limits.of_user):
            return False
        self._users[user] += 1
        return True

    def release(self, user: User) -> None:
        _take(self._users, user)

    def begin(self, user: User) -> bool:
        """Whether one more operation of this user is let in, over all sockets and streams, and counted."""
        limits = self._limits
        most = limits.operations_of_guest if user.is_guest else limits.operations_of_user
        if self._operations[user] >= most:
            return False
        self._operations[user] += 1
        return True

    def end(self, user: User) -> None:
        _take(self._operations, user)


def user_of(viewer: Viewer) -> User:
    """Whom a viewer counts as."""
    return User(viewer.organization_id, viewer.role, viewer.subject, viewer.credential_id)


def _take(counted: Counter[Key], key: Key) -> None:
    counted[key] -= 1
    if not counted[key]:
        del counted[key]
