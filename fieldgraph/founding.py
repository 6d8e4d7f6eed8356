"""Founding: a company's first row and its first ADMIN, or one more ADMIN where nobody gets in any more.

From the machine of the installation alone: through the graph an ADMIN is let in by an ADMIN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from domain import ids, organizations, users
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role, Viewer
from fieldgraph.databases import Addresses, writing_engine
from fieldgraph.settings import Settings
from integrations.identity import new_secret

SUBJECT = "fieldgraph:cli"


@dataclass(frozen=True, slots=True)
class Company:
    """What is said of a new company."""

    name: str
    time_zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who is let in."""

    name: str
    email: str | None


async def found(
    settings: Settings, company: Company, admin: Person, *, tell: Callable[[str], object]
) -> None:
    """The company with its ADMIN, in one transaction. Raises Invalid."""
    values = {"name": company.name, "time_zone": company.time_zone, "currency": company.currency}
    await _let_in(settings, ids.new(), admin, values, tell=tell)


async def admit(
    settings: Settings, organization_id: UUID, admin: Person, *, tell: Callable[[str], object]
) -> None:
    """One more ADMIN of a company that is there. Raises NotFound, Invalid or Conflict."""
    await _let_in(settings, organization_id, admin, None, tell=tell)


async def _let_in(
    settings: Settings,
    organization_id: UUID,
    admin: Person,
    values: dict[str, str] | None,
    *,
    tell: Callable[[str], object],
) -> None:
    viewer = Viewer(organization_id=organization_id, role=Role.ADMIN, subject=SUBJECT)
    secret, digest = new_secret("usr_")
    engine = writing_engine(Addresses.of(settings).app)
    try:
        async with UnitOfWork(engine, viewer, settings.clock().now()) as work:
            if values is None:
                await organizations.home_zone(work)
            else:
                await organizations.found(work, values)
            said = {"name": admin.name, "email": admin.email, "role": Role.ADMIN}
            await users.create(work, said, digest=digest, real_now=datetime.now(UTC))
    finally:
        await engine.dispose()
    tell(f"organization {ids.encode('org', organization_id)}")
    tell(f"token {secret}")
    tell(f"It is shown this once and good for {users.TOKEN_LIFE.days} days: Authorization: Bearer …")
