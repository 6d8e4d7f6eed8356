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

    `expires_at` is real time (UTC), never the Clock's. `credential_id` is the row behind a tracking
    link or key, so that its revocation can end what was opened with it.
    """

    organization_id: UUID
    role: Role
    subject: str
    scopes: frozenset[str] = frozenset()
    customer_id: UUID | None = None
    technician_id: UUID | None = None
    visit_id: UUID | None = None
    credential_id: UUID | None = None
    expires_at: datetime | None = None
