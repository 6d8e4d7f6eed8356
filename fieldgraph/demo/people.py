"""The demo's people as users who get in, and two keys of machines: one in use, one revoked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random

from domain.api_keys import HINT, ApiKey
from domain.credentials import Credential
from domain.users import PERSONS, User
from domain.viewers import FIELD, Role, Viewer
from fieldgraph.demo.agreements import Shelf
from fieldgraph.demo.companies import Company

NAMES = {
    "A": {
        Role.ADMIN: "Anna Heino",
        Role.MANAGER: "Mikael Ranta",
        Role.DISPATCHER: "Diana Saari",
        Role.SALES: "Sakari Leino",
        Role.CUSTOMER: "Pirkko Laine",
    },
    "B": {
        Role.ADMIN: "Arto Kallio",
        Role.MANAGER: "Maija Vuori",
        Role.DISPATCHER: "Daniel Lahti",
        Role.SALES: "Satu Oksanen",
        Role.CUSTOMER: "Olli Korpela",
    },
}
"""By the company's letter."""
KEYS = (("Vehicle gateway", ("changes:read", "positions:write"), False), ("Old ERP", ("stock:read",), True))
"""What each is for, its scopes, whether it was revoked."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def admit(company: Company, viewers: Mapping[Role, Viewer], random: Random) -> dict[Role, Viewer]:
    """A user for each viewer who is a person; answers with the viewers as those users.

    `random` is for this alone.
    """
    shelf = Shelf(company, random)
    found = dict(viewers)
    for role in sorted(PERSONS):
        viewer = viewers[role]
        user = User(
            name=_name(company, viewer),
            email=f"{role.lower()}@{company.ground.letter.lower()}.example",
            handle=viewer.subject,
            role=role,
            customer_id=viewer.customer_id,
            technician_id=viewer.technician_id,
        )
        shelf.add(user)
        found[role] = replace(viewer, user_id=user.id)
    _keys(shelf)
    return found


def _name(company: Company, viewer: Viewer) -> str:
    if viewer.role in FIELD:
        return next(one.name for one in company.technicians if one.id == viewer.technician_id)
    return NAMES[company.ground.letter][viewer.role]


def _keys(shelf: Shelf) -> None:
    """Their secrets are nobody's: what stands for them is drawn, and the digest of no known text."""
    for name, scopes, is_revoked in KEYS:
        revoked_at = shelf.company.founded + timedelta(days=20) if is_revoked else None
        credential = Credential(
            digest=shelf.random.randbytes(32),
            role=Role.INTEGRATION,
            subject="",
            scopes=" ".join(scopes),
            revoked_at=revoked_at,
        )
        shelf.add(credential)
        key = ApiKey(
            name=name,
            hint="".join(shelf.random.choices(LETTERS, k=HINT)),
            scopes=list(scopes),
            credential_id=credential.id,
            revoked_at=revoked_at,
        )
        shelf.add(key)
        credential.subject = f"key:{key.id}"
