"""Viewer: who is asking, what they are, and how far they may see."""

from dataclasses import dataclass
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

    @property
    def grounds(self) -> tuple[UUID, ...]:
        """The rows on which this identity stands; without any it ends with its token only."""
        return tuple(key for key in (self.credential_id, self.user_id) if key is not None)

    @property
    def is_limited(self) -> bool:
        """Whether scopes say what it may do: a machine's do, and those of a key that acts for a role."""
        return self.role is Role.INTEGRATION or bool(self.scopes)
