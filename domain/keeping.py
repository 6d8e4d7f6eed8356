"""Keeping: how the rows that a CRM holds are found, made and changed, by the verbs of their capabilities."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain import assets, contracts, customers, parts, sites, technicians, territories
from domain.errors import Invalid
from domain.inputs import Check
from domain.rows import Row
from domain.stock import Part
from domain.unit_of_work import UnitOfWork

Make = Callable[[UnitOfWork, UUID | None, Mapping[str, Any]], Awaitable[Row]]
Change = Callable[..., Awaitable[Row]]


class Kind(StrEnum):
    """What is kept in bulk."""

    CUSTOMERS = "CUSTOMERS"
    CONTACTS = "CONTACTS"
    SITES = "SITES"
    ASSETS = "ASSETS"
    PARTS = "PARTS"
    TECHNICIANS = "TECHNICIANS"
    CONTRACTS = "CONTRACTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """One table. `make(work, parent, values)` and `change(work, id, values, expected_version=)` are verbs.

    A row is found by another system's key, by our id, or by `number`, the column of its own number; where it
    has none, by its name within its parent. `parent` is the column of what a new row is made at; `moves` says
    that it may change later. `references` are all columns that lead to other tables.
    """

    table: type[Row]
    checks: Mapping[str, Check]
    needed: tuple[str, ...]
    make: Make
    change: Change
    number: str | None = None
    unique: tuple[str, ...] = ()
    parent: str | None = None
    moves: bool = False
    references: Mapping[str, type[Row]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.table.__tablename__)

    @property
    def columns(self) -> tuple[str, ...]:
        """What may be said of a row, apart from what it refers to."""
        return tuple(name for name in self.checks if name not in self.references)


def alone(make: Callable[..., Awaitable[Row]]) -> Make:
    """A verb that makes a row which stands by itself."""

    async def made(work: UnitOfWork, _parent: UUID | None, values: Mapping[str, Any]) -> Row:
        return await make(work, values)

    return made


def placed(make: Callable[[UnitOfWork, UUID, Mapping[str, Any]], Awaitable[Row]]) -> Make:
    """A verb that makes a row at another."""

    async def made(work: UnitOfWork, parent: UUID | None, values: Mapping[str, Any]) -> Row:
        if parent is None:
            raise Invalid("A new one needs the place where it is made.")
        return await make(work, parent, values)

    return made


KEPT: Mapping[Kind, Keeping] = {
    Kind.CUSTOMERS: Keeping(
        table=customers.Customer,
        checks=customers.CUSTOMER,
        needed=("name",),
        make=alone(customers.create),
        change=customers.update,
        number="number",
        unique=("number",),
    ),
    Kind.CONTACTS: Keeping(
        table=customers.Contact,
        checks=customers.CONTACT,
        needed=("name",),
        make=placed(customers.create_contact),
        change=customers.update_contact,
        parent="customer_id",
        references={"customer_id": customers.Customer},
    ),
    Kind.SITES: Keeping(
        table=sites.Site,
        checks=sites.SITE,
        needed=("name", "address", "location", "time_zone"),
        make=placed(sites.create),
        change=sites.update,
        parent="customer_id",
        references={"customer_id": customers.Customer, "territory_id": territories.Territory},
    ),
    Kind.ASSETS: Keeping(
        table=assets.Asset,
        checks=assets.ASSET,
        needed=("name",),
        make=placed(assets.create),
        change=assets.update,
        number="serial",
        unique=("serial",),
        parent="site_id",
        moves=True,
        references={"site_id": sites.Site},
    ),
    Kind.PARTS: Keeping(
        table=Part,
        checks=parts.PART,
        needed=("number", "name", "unit_price"),
        make=alone(parts.create),
        change=parts.update,
        number="number",
        unique=parts.ITS_OWN,
    ),
    Kind.TECHNICIANS: Keeping(
        table=technicians.Technician,
        checks=technicians.TECHNICIAN,
        needed=("code", "name", "home", "hourly_cost"),
        make=alone(technicians.create),
        change=technicians.update,
        number="code",
        unique=("code",),
        references={"territory_id": territories.Territory},
    ),
    Kind.CONTRACTS: Keeping(
        table=contracts.Contract,
        checks=contracts.CONTRACT,
        needed=("number", "name", "starts_on", "ends_on", "price"),
        make=placed(contracts.create),
        change=contracts.update,
        number="number",
        unique=("number",),
        parent="customer_id",
        references={"customer_id": customers.Customer},
    ),
}
OWN_NAMES: Mapping[type[Row], str] = {
    customers.Customer: "number",
    territories.Territory: "name",
    sites.Site: "name",
}
"""By which column of their own the rows that others refer to are found; a site's name within its customer."""
