"""Customers: the mutations that keep customers and their contacts."""

from collections.abc import Mapping
from typing import Any

from domain import customers
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.customers import (
    ArchiveCustomerInput,
    CreateContactInput,
    CreateCustomerInput,
    UpdateContactInput,
    UpdateCustomerInput,
)

Values = Mapping[str, Any]
CUSTOMER = tuple(customers.CUSTOMER)
CONTACT = tuple(customers.CONTACT)


async def create_customer(work: UnitOfWork, given: CreateCustomerInput, _context: Context) -> Values:
    customer = await customers.create(work, stated(given, *CUSTOMER))
    return {"customer_id": customer.id}


async def update_customer(work: UnitOfWork, given: UpdateCustomerInput, _context: Context) -> Values:
    customer = await customers.update(
        work, key("cus", given.customer), told(given, *CUSTOMER), expected_version=given.expected_version
    )
    return {"customer_id": customer.id}


async def archive_customer(work: UnitOfWork, given: ArchiveCustomerInput, _context: Context) -> Values:
    customer = await customers.archive(
        work, key("cus", given.customer), expected_version=given.expected_version
    )
    return {"customer_id": customer.id}


async def create_contact(work: UnitOfWork, given: CreateContactInput, _context: Context) -> Values:
    contact = await customers.create_contact(work, key("cus", given.customer), stated(given, *CONTACT))
    return {"contact_id": contact.id}


async def update_contact(work: UnitOfWork, given: UpdateContactInput, _context: Context) -> Values:
    contact = await customers.update_contact(
        work, key("cnt", given.contact), told(given, *CONTACT), expected_version=given.expected_version
    )
    return {"contact_id": contact.id}
