"""Customers: who is served and billed, their contacts, and the keys other systems know them by."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlmodel import Field, col, select

from domain import inputs
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.events import Event, Scope
from domain.inputs import Check
from domain.organizations import Counter
from domain.rows import Row, one_of, refers, searched, text, timestamp
from domain.unit_of_work import UnitOfWork
from domain.work_orders import OPEN, WorkOrder

UNASKED = {"server_default": literal("false")}
"""The previous release writes contacts without these columns."""


class Tier(StrEnum):
    """How much a customer is worth to the company; the optimizer weighs it."""

    STANDARD = "STANDARD"
    PREFERRED = "PREFERRED"
    KEY = "KEY"


class Channel(StrEnum):
    """How a contact wants to be told."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    PHONE = "PHONE"


class Customer(Row, table=True):
    """A party served and billed. `owner` is the subject of the SALES user who looks after it.

    One with `archived_at` is kept for what was, and gets no new work.
    """

    __table_args__ = (
        one_of("tier", Tier),
        UniqueConstraint("organization_id", "number"),
        Index(None, "organization_id", "name", "id"),
        *searched("number", "name"),
    )
    number: str = text()
    name: str = text()
    tier: Tier = text(default=Tier.STANDARD)
    owner: str | None = text(default=None)
    archived_at: datetime | None = timestamp(default=None)

    def scope(self) -> Scope:
        return Scope(customers=(self.id,))


class Contact(Row, table=True):
    """A person at a customer. `language` is a BCP 47 tag.

    `channel` is how they would rather be told; the three `…_opt_in` are what they agreed to.
    """

    __table_args__ = (
        one_of("channel", Channel),
        Index(None, "organization_id", "name", "id"),
        *refers(customer_id="customer"),
        *searched("name", "email", "phone"),
    )
    customer_id: UUID
    name: str = text()
    email: str | None = text(default=None)
    phone: str | None = text(default=None)
    language: str = text(default="en")
    channel: Channel = text(default=Channel.EMAIL)
    email_opt_in: bool = Field(default=False, sa_column_kwargs=UNASKED)
    phone_opt_in: bool = Field(default=False, sa_column_kwargs=UNASKED)
    sms_opt_in: bool = Field(default=False, sa_column_kwargs=UNASKED)

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,))


class ExternalId(Row, table=True):
    """The (system, key) of an entity in another system; `entity_type` is a table's name."""

    __table_args__ = (
        UniqueConstraint("organization_id", "system", "entity_type", "key"),
        Index(None, "organization_id", "entity_id"),
    )
    system: str = text()
    key: str = text()
    entity_type: str = text()
    entity_id: UUID


CUSTOMER: Mapping[str, Check] = {
    "number": inputs.words(60),
    "name": inputs.words(),
    "tier": inputs.any_of(Tier),
    "owner": inputs.words(optional=True),
}
CONTACT: Mapping[str, Check] = {
    "name": inputs.words(),
    "email": inputs.email,
    "phone": inputs.phone,
    "language": inputs.language,
    "channel": inputs.any_of(Channel),
    "email_opt_in": inputs.given,
    "phone_opt_in": inputs.given,
    "sms_opt_in": inputs.given,
}
"""What may be said of each, by column."""
NEEDS = {"email_opt_in": "email", "phone_opt_in": "phone", "sms_opt_in": "phone"}
ONE_AT_A_TIME = literal(
    "SELECT pg_advisory_xact_lock(hashtextextended('customer number ' || :organization, 0))"
)


async def create(work: UnitOfWork, values: Mapping[str, Any]) -> Customer:
    """A new customer; without a number it gets the next of the series. Raises Invalid or Conflict."""
    kept = inputs.checked(values, CUSTOMER)
    if kept.get("number") is None:
        kept["number"] = await _next_number(work)
    await _unused(work, kept["number"])
    customer = work.add(Customer(**kept))
    await work.session.flush()
    announce(work, customer, "CustomerCreated")
    return customer


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Customer:
    """Changes what is named and differs. Raises NotFound, Invalid or Conflict."""
    customer = await work.get(Customer, key, "customer")
    inputs.check_version(customer, expected_version)
    kept = inputs.checked(values, CUSTOMER)
    if kept.get("number", customer.number) != customer.number:
        await _unused(work, kept["number"])
    if before := inputs.write(customer, kept):
        await work.session.flush()
        announce(work, customer, "CustomerChanged", before)
    return customer


async def archive(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Customer:
    """Kept, but out of use. Raises InvalidTransition while it has open work orders, or when it is already."""
    customer = await work.get(Customer, key, "customer")
    inputs.check_version(customer, expected_version)
    if customer.archived_at is not None:
        raise InvalidTransition(f"Customer {customer.number} is archived already.", "customer")
    statement = (
        select(WorkOrder.number)
        .where(col(WorkOrder.customer_id) == key, col(WorkOrder.state).in_(OPEN))
        .order_by(col(WorkOrder.number))
    )
    if opened := (await work.session.exec(statement.limit(1))).first():
        raise InvalidTransition(f"Customer {customer.number} has open work, such as {opened}.", "customer")
    customer.archived_at = work.at
    await work.session.flush()
    announce(work, customer, "CustomerArchived", {"archived_at": None})
    return customer


async def in_use(work: UnitOfWork, key: UUID, *path: str) -> Customer:
    """A customer that may get something new; it is not archived until this unit ends.

    Raises NotFound, or Invalid for one that is archived.
    """
    customer = await work.share(Customer, key)
    if customer is None:
        raise NotFound("No Customer has that id.", *path)
    if customer.archived_at is not None:
        raise Invalid(f"Customer {customer.number} is archived.", *path)
    return customer


async def create_contact(work: UnitOfWork, customer_id: UUID, values: Mapping[str, Any]) -> Contact:
    """A new person at a customer. Raises NotFound or Invalid."""
    kept = inputs.checked(values, CONTACT)
    customer = await in_use(work, customer_id, "customer")
    contact = Contact(customer_id=customer.id, **kept)
    _reachable(contact)
    work.add(contact)
    await work.session.flush()
    announce(work, contact, "ContactCreated")
    return contact


async def update_contact(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Contact:
    """Changes what is named and differs. Raises NotFound, Invalid or Conflict."""
    contact = await work.get(Contact, key, "contact")
    inputs.check_version(contact, expected_version)
    before = inputs.write(contact, inputs.checked(values, CONTACT))
    _reachable(contact)
    if before:
        await work.session.flush()
        # The names only: what a person was called or where they were reached must not outlive an erasure.
        announce(work, contact, "ContactChanged", dict.fromkeys(before))
    return contact


def announce(
    work: UnitOfWork, row: Customer | Contact, type: str, before: Mapping[str, Any] | None = None
) -> None:
    scope, topic = row.scope(), str(row.__tablename__)
    work.emit(
        Event(type=type, topic=topic, subject=row, before=before or {}, scope_before=scope, scope_after=scope)
    )


def _reachable(contact: Contact) -> None:
    for consent, address in NEEDS.items():
        if getattr(contact, consent) and getattr(contact, address) is None:
            raise Invalid(f"Nobody can agree to it without {address}.", inputs.field_name(consent))


async def _unused(work: UnitOfWork, number: str) -> None:
    if await work.owner(Customer, "number", number):
        raise Conflict("Another customer has that number.", "number")


async def _next_number(work: UnitOfWork) -> str:
    """The next of the series that no customer has, such as C-000042; one unit at a time."""
    counter = await _counter(work)
    counter.value += 1
    while await work.owner(Customer, "number", numbered(counter.value)):
        counter.value += 1
    return numbered(counter.value)


async def coming_numbers(work: UnitOfWork, count: int) -> list[str]:
    """What the next of the series would be: for who reads ahead which of them somebody has."""
    value = (await _counter(work)).value
    return [numbered(value + one) for one in range(1, count + 1)]


def numbered(value: int) -> str:
    return f"C-{value:06d}"


async def _counter(work: UnitOfWork) -> Counter:
    """The series, which is this unit's until its end."""
    found = work.ahead.kept.get("customer numbers")
    if not isinstance(found, Counter):
        await work.session.execute(ONE_AT_A_TIME, {"organization": str(work.viewer.organization_id)})
        statement = select(Counter).where(col(Counter.series) == "CUSTOMER").with_for_update()
        found = (await work.session.exec(statement)).first() or work.add(Counter(series="CUSTOMER"))
        work.ahead.kept["customer numbers"] = found
    return found
