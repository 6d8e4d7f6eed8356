"""Erasures: what is personal is taken out of a row and of all that is kept about it; that it was stays."""

from uuid import UUID

from domain import audit, customers, inputs
from domain.customers import Contact
from domain.unit_of_work import UnitOfWork

NOBODY = "Erased"
"""What is left of a name, which a contact cannot be without."""


async def contact(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Contact:
    """A contact without name, addresses and consents, now and in history. Raises NotFound or Conflict.

    Events about contacts never held any of it. Once erased, again changes nothing but takes what came since.
    """
    row = await work.get(Contact, key, "contact")
    inputs.check_version(row, expected_version)
    before = inputs.write(row, {"name": NOBODY, "email": None, "phone": None, **_no_consent()})
    if before:
        await work.session.flush()
        customers.announce(work, row, "ContactErased", dict.fromkeys(before))
    await audit.forget(work, row.id)
    return row


def _no_consent() -> dict[str, bool]:
    return dict.fromkeys(customers.NEEDS, False)
