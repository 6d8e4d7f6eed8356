"""Users: the people who get in: their role, whose rows they see, and by which identity they are known."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlmodel import Field, col, select

from domain import credentials, inputs
from domain.credentials import Credential
from domain.customers import Contact, Customer
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, one_of, refers, text, timestamp
from domain.technicians import Technician, TechnicianKind
from domain.unit_of_work import UnitOfWork
from domain.viewers import FIELD, Role

TOKEN_LIFE = timedelta(days=90)
"""How long a user's own token is good, in real time; an ADMIN gives a new one."""
PERSONS = frozenset(Role) - {Role.TRACKING, Role.INTEGRATION}
BOUND = ("role", "technician_id", "customer_id", "contact_id")
"""The columns that say how far a user sees: when one changes, what they have open ends."""


class User(Row, table=True):
    """One person of an organization. `handle` is what history, events and `owner` call them.

    `issuer` and `subject` are how an identity provider knows them, if one does; `bound_at` (real time, the
    database's own) says since when. Who is known by one identity in several organizations is, by a token that
    names none of them, the one who was bound first: no ADMIN can take away what worked elsewhere.
    """

    __tablename__ = "app_user"  # `user` is Postgres' own word
    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("role NOT IN ('TRACKING', 'INTEGRATION')", name="person"),
        CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="identity"),
        CheckConstraint("(customer_id IS NOT NULL) = (role = 'CUSTOMER')", name="customer"),
        CheckConstraint(
            "(technician_id IS NOT NULL) = (role IN ('TECHNICIAN', 'SUBCONTRACTOR'))", name="technician"
        ),
        CheckConstraint("contact_id IS NULL OR customer_id IS NOT NULL", name="contact"),
        UniqueConstraint("organization_id", "handle"),
        UniqueConstraint("organization_id", "email"),
        UniqueConstraint("organization_id", "issuer", "subject"),
        Index(None, "issuer", "subject", postgresql_where=literal("issuer IS NOT NULL")),
        Index(None, "organization_id", "name", "id"),
        *refers(customer_id="customer", contact_id="contact", technician_id="technician"),
    )
    name: str = text()
    email: str | None = text(default=None)
    handle: str = text()
    role: Role = text()
    issuer: str | None = text(default=None)
    subject: str | None = text(default=None)
    customer_id: UUID | None = None
    contact_id: UUID | None = None
    technician_id: UUID | None = None
    bound_at: datetime | None = timestamp(default=None)
    is_active: bool = Field(default=True)


def _issuer(value: Any) -> str | None:
    found: str | None = inputs.words(optional=True)(value)
    if found is not None and urlsplit(found).scheme not in {"https", "http"}:
        raise ValueError("An issuer is an address, such as https://login.example.")
    return found


def _email(value: Any) -> str | None:
    found: str | None = inputs.email(value)
    return found.lower() if found else None


USER: Mapping[str, Check] = {
    "name": inputs.words(),
    "email": _email,
    "role": inputs.any_of(Role),
    "issuer": _issuer,
    "subject": inputs.words(255, optional=True),
    "customer_id": lambda value: value,
    "contact_id": lambda value: value,
    "technician_id": lambda value: value,
}
"""What may be said of a user, by column."""
NAMES = {"customer_id": "customer", "contact_id": "contact", "technician_id": "technician"}


async def create(work: UnitOfWork, values: Mapping[str, Any], *, digest: bytes, real_now: datetime) -> User:
    """A new user, with a token of their own. Raises Invalid, NotFound or Conflict."""
    user = User(handle="", **inputs.checked(values, USER, names=NAMES))
    user.handle = f"user:{user.id}"
    await _check(work, user)
    work.add(user)
    await work.session.flush()
    await _admit(work, user, digest, real_now)
    _tell(work, user, "UserCreated")
    return user


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> User:
    """Changes what is named and differs; where it changes what they see, what they have open ends."""
    admins = await _admins(work)
    user = await work.get(User, key, "user")
    inputs.check_version(user, expected_version)
    kept = inputs.checked(values, USER, names=NAMES)
    if kept.get("role", user.role) != user.role:
        _may_lose(work, user, admins, "role")
    before = inputs.write(user, kept)
    with work.session.no_autoflush:
        await _check(work, user)
    if before:
        await work.session.flush()
        if set(before) & {*BOUND, "issuer", "subject"}:
            work.emit(credentials.ended("UserAccessChanged", user, user_id=user.id))
        # The names only: the log is no place to erase a person from.
        _tell(work, user, "UserChanged", dict.fromkeys(before))
    return user


async def deactivate(
    work: UnitOfWork, key: UUID, *, real_now: datetime, expected_version: int | None = None
) -> User:
    """They get in no more, and what they have open ends. Never the last ADMIN, nor oneself."""
    admins = await _admins(work)
    user = await work.get(User, key, "user")
    inputs.check_version(user, expected_version)
    if not user.is_active:
        raise InvalidTransition("The user is not active.", "user")
    _may_lose(work, user, admins, "user")
    user.is_active = False
    await credentials.revoke_all(work, user.id, real_now=real_now)
    await work.session.flush()
    work.emit(credentials.ended("UserDeactivated", user, user_id=user.id))
    return user


async def restore(
    work: UnitOfWork, key: UUID, *, digest: bytes, real_now: datetime, expected_version: int | None = None
) -> User:
    """They get in again, with a new token: the old ones stay revoked."""
    user = await work.get(User, key, "user")
    inputs.check_version(user, expected_version)
    if user.is_active:
        raise InvalidTransition("The user is active.", "user")
    user.is_active = True
    await _check(work, user)
    await work.session.flush()
    await _admit(work, user, digest, real_now)
    _tell(work, user, "UserRestored")
    return user


async def renew_token(work: UnitOfWork, key: UUID, *, digest: bytes, real_now: datetime) -> User:
    """A new token; those before it are revoked, and what was opened with them ends."""
    user = await work.get(User, key, "user")
    if not user.is_active:
        raise InvalidTransition("The user is not active.", "user")
    revoked = await credentials.revoke_all(work, user.id, real_now=real_now)
    await _admit(work, user, digest, real_now)
    for one in revoked:
        work.emit(credentials.ended("UserTokenRevoked", user, credential_id=one.id))
    return user


async def _admit(work: UnitOfWork, user: User, digest: bytes, real_now: datetime) -> None:
    expires_at = real_now + TOKEN_LIFE
    work.add(Credential(digest=digest, subject=user.handle, user_id=user.id, expires_at=expires_at))
    await work.session.flush()


async def _admins(work: UnitOfWork) -> set[UUID]:
    """The active ADMINs, locked in order before any of them is changed: two at once wait for each other."""
    statement = (
        select(User.id)
        .where(col(User.role) == Role.ADMIN, col(User.is_active))
        .order_by(col(User.id))
        .with_for_update(key_share=True)
    )
    return set((await work.session.exec(statement)).all())


def _may_lose(work: UnitOfWork, user: User, admins: set[UUID], *path: str) -> None:
    """Raises Invalid for the ADMIN without whom nobody could let others in, and for whoever asks."""
    if user.id == work.viewer.user_id:
        raise Invalid("Nobody takes their own access away: ask another ADMIN.", *path)
    if user.is_active and user.role == Role.ADMIN and admins <= {user.id}:
        raise Invalid("It is the last active ADMIN.", *path)


async def _check(work: UnitOfWork, user: User) -> None:
    """Raises Invalid, NotFound or Conflict for what no user can be."""
    if user.role not in PERSONS:
        raise Invalid(f"Nobody is {user.role.value}: links and keys are.", "role")
    if (user.issuer is None) != (user.subject is None):
        missing = "issuer" if user.issuer is None else "subject"
        raise Invalid("An identity is an issuer and a subject.", missing)
    await _check_customer(work, user)
    await _check_technician(work, user)
    for path, columns in (("email", ("email",)), ("subject", ("issuer", "subject"))):
        wanted = [getattr(User, column) == getattr(user, column) for column in columns]
        taken = select(User.id).where(*wanted, col(User.id) != user.id)
        if getattr(user, columns[0]) is not None and (await work.session.exec(taken)).first():
            raise Conflict(f"Another user has that {path}.", path)


async def _check_customer(work: UnitOfWork, user: User) -> None:
    if (user.role == Role.CUSTOMER) != (user.customer_id is not None):
        raise Invalid("A CUSTOMER has a customer, and nobody else has.", "customer")
    if user.customer_id is not None:
        await work.find(Customer, user.customer_id, "customer")
    if user.contact_id is not None:
        contact = await work.find(Contact, user.contact_id, "contact")
        if contact.customer_id != user.customer_id:
            raise Invalid("It is not a contact of that customer.", "contact")


async def _check_technician(work: UnitOfWork, user: User) -> None:
    if (user.role in FIELD) != (user.technician_id is not None):
        raise Invalid("A TECHNICIAN or SUBCONTRACTOR has a technician, and nobody else has.", "technician")
    if user.technician_id is None:
        return
    technician = await work.find(Technician, user.technician_id, "technician")
    employed = technician.kind == TechnicianKind.EMPLOYEE
    if employed != (user.role == Role.TECHNICIAN):
        kind = Role.TECHNICIAN if employed else Role.SUBCONTRACTOR
        raise Invalid(f"{technician.name} is a {kind.value}.", "technician")


def _tell(work: UnitOfWork, user: User, type: str, before: Mapping[str, Any] | None = None) -> None:
    nobody = Scope()
    work.emit(
        Event(
            type=type,
            topic="user",
            subject=user,
            before=before or {},
            scope_before=nobody,
            scope_after=nobody,
        )
    )
