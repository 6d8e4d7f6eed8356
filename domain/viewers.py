"""Viewer: who is asking, what they are, and how far they may see."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a viewer is; row and field scope hang on it (domain/access.py)."""

    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    DISPATCHER = "DISPATCHER"
    TECHNICIAN = "TECHNICIAN"
    SUBCONTRACTOR = "SUBCONTRACTOR"
    SALES = "SALES"
    CUSTOMER = "CUSTOMER"
    TRACKING = "TRACKING"
    INTEGRATION = "INTEGRATION"


OFFICE = frozenset({Role.ADMIN, Role.MANAGER, Role.DISPATCHER})
FIELD = frozenset({Role.TECHNICIAN, Role.SUBCONTRACTOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """One identity within one organization.

    `expires_at` is real time (UTC), never the Clock's. `credential_id` is the row behind a tracking link, key
    or user's token, `user_id` the user's own: when one of them ends, what was opened with it ends, too.
    `seen` tells how old this is: the text of the pg_current_snapshot() in which it was looked up.
    """

    organization_id: UUID
    role: Role
    subject: str
    scopes: frozenset[str] = frozenset()
    customer_id: UUID | None = None
    technician_id: UUID | None = None
    visit_id: UUID | None = None
    user_id: UUID | None = None
    credential_id: UUID | None = None
    expires_at: datetime | None = None
    seen: str | None = field(default=None, compare=False, repr=False)

    @property
    def grounds(self) -> tuple[UUID, ...]:
        """The rows on which this identity stands; without any it ends with its token only."""
        return tuple(key for key in (self.credential_id, self.user_id) if key is not None)

    @property
    def standing(self) -> tuple[object, ...]:
        """What it may and how far it sees, apart from how long: whoever's differs is somebody else now."""
        bound = (self.customer_id, self.technician_id, self.visit_id, *self.grounds)
        return (self.organization_id, self.role, self.scopes, *bound)

    @property
    def is_limited(self) -> bool:
        """Whether scopes say what it may do: a machine's do, and those of a key that acts for a role."""
        return self.role is Role.INTEGRATION or bool(self.scopes)
