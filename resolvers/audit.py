"""Audit: the mutations that take personal data out of the graph and its history."""

from collections.abc import Mapping
from typing import Any

import strawberry

from domain import erasures
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from resolvers.context import Context, key
from schema.audit import EraseContactInput, EraseContactPayload
from schema.verbs import verb


async def erase_contact(work: UnitOfWork, given: EraseContactInput, _context: Context) -> Mapping[str, Any]:
    contact = await erasures.contact(work, key("cnt", given.contact), expected_version=given.expected_version)
    return {"contact_id": contact.id}


@strawberry.type
class Erasing:
    """Fields of Mutation; a type of its own only in Python."""

    erase_contact: EraseContactPayload = verb(
        erase_contact,
        EraseContactInput,
        "Take what is personal of a contact out of the graph and its history, for good; the audit still"
        " verifies, and tells that it was erased, when and by whom.",
        roles=(Role.ADMIN,),
        scope="customers:write",
    )
