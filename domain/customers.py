"""Customers: who is served and billed, their contacts, and the keys other systems know them by."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint

from domain.rows import Row, one_of, refers, searched, text


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
    """A party served and billed. `owner` is the subject of the SALES user who looks after it."""

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


class Contact(Row, table=True):
    """A person at a customer. `language` is a BCP 47 tag."""

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
