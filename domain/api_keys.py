"""API keys: what machines get in by: each with scopes, for a role or for one technician."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from domain import credentials, inputs
from domain.audit import TEXTS
from domain.credentials import Credential
from domain.errors import Invalid
from domain.events import Event, Scope
from domain.rows import Row, one_of, refers, text, timestamp
from domain.scopes import SCOPES
from domain.technicians import Technician, TechnicianKind
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD, Role

ACTS_AS = (Role.INTEGRATION, Role.MANAGER, Role.DISPATCHER, Role.SALES, Role.TECHNICIAN, Role.SUBCONTRACTOR)
"""What a key may act as: never what lets others in, and never a customer."""
HINT = 4
"""How many of a secret's last characters are kept, to tell keys apart."""


class ApiKey(Row, table=True):
    """One key. `hint` is the end of its secret; `role` whose rows it sees, `scopes` what of them.

    Times are real time (UTC); without `expires_at` it is good until it is revoked.
    """

    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("role NOT IN ('ADMIN', 'CUSTOMER', 'TRACKING')", name="acts_as"),
        CheckConstraint(
            "(technician_id IS NOT NULL) = (role IN ('TECHNICIAN', 'SUBCONTRACTOR'))", name="technician"
        ),
        CheckConstraint("cardinality(scopes) > 0", name="scopes"),
        Index(None, "organization_id", "name", "id"),
        *refers(("credential_id",), credential_id="credential"),
        *refers(technician_id="technician"),
    )
    name: str = text()
    hint: str = text()
    role: Role = text(default=Role.INTEGRATION)
    scopes: list[str] = Field(sa_type=TEXTS)
    technician_id: UUID | None = None
    credential_id: UUID
    expires_at: datetime | None = timestamp(default=None)
    revoked_at: datetime | None = timestamp(default=None)


async def create(
    work: UnitOfWork, values: Mapping[str, Any], *, secret: tuple[str, bytes], real_now: datetime
) -> ApiKey:
    """A new key for whoever has the secret, of which only its digest and its end are kept."""
    name = inputs.checked({"name": values["name"]}, {"name": inputs.words()})["name"]
    scopes = _scopes(values["scopes"])
    expires_at = values.get("expires_at")
    if expires_at is not None and expires_at <= real_now:
        raise Invalid("A key expires in the future.", "expiresAt")
    technician_id = values.get("technician_id")
    role = await _role(work, values.get("role"), technician_id)
    token, digest = secret
    key = ApiKey(
        name=name, hint=token[-HINT:], role=role, scopes=scopes, technician_id=technician_id,
        expires_at=expires_at, credential_id=UUID(int=0),
    )  # fmt: skip  # one row, one thought
    credential = work.add(
        Credential(
            digest=digest,
            role=role,
            subject=f"key:{key.id}",
            technician_id=technician_id,
            scopes=" ".join(scopes),
            expires_at=expires_at,
        )
    )
    await work.session.flush()
    key.credential_id = credential.id
    work.add(key)
    await work.session.flush()
    whose = Scope()
    work.emit(
        Event(type="ApiKeyCreated", topic="api_key", subject=key, scope_before=whose, scope_after=whose)
    )
    return key


async def revoke(work: UnitOfWork, key_id: UUID, *, real_now: datetime) -> ApiKey:
    """It opens nothing any more, and what it opened ends. Revoking twice changes nothing."""
    key = await work.get(ApiKey, key_id, "apiKey")
    if key.revoked_at is None:
        key.revoked_at = real_now
        await credentials.revoke(work, key.credential_id, real_now=real_now)
        await work.session.flush()
        work.emit(credentials.ended("ApiKeyRevoked", key, credential_id=key.credential_id))
    return key


def _scopes(given: Collection[str]) -> list[str]:
    scopes = sorted(set(given))
    if not scopes:
        raise Invalid("A key without any scope can do nothing.", "scopes")
    if unknown := sorted(set(scopes) - SCOPES):
        raise Invalid(
            f"There is no scope {unknown[0][:60]}; there are {', '.join(sorted(SCOPES))}.", "scopes"
        )
    return scopes


async def _role(work: UnitOfWork, wanted: Role | None, technician_id: UUID | None) -> Role:
    if technician_id is None:
        role = wanted or Role.INTEGRATION
        if role not in ACTS_AS:
            raise Invalid(f"A key does not act as {role.value}.", "role")
        if role in FIELD:
            raise Invalid("Say for which technician.", "technician")
        return role
    technician = await work.find(Technician, technician_id, "technician")
    if technician.archived_at is not None:
        raise Invalid(f"{technician.name} is archived.", "technician")
    employed = technician.kind == TechnicianKind.EMPLOYEE
    role = Role.TECHNICIAN if employed else Role.SUBCONTRACTOR
    if wanted not in {None, role}:
        raise Invalid(f"For this technician a key acts as {role.value}.", "role")
    return role
