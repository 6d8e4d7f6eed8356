"""The claims of our own signed tokens: a viewer written down, and read back strictly."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.viewers import FIELD, Role, Viewer

KEYS = {"customer": "customer_id", "technician": "technician_id", "visit": "visit_id", "user": "user_id"}


def claims_of(viewer: Viewer) -> dict[str, object]:
    """Raises ValueError for a role whose scope is one row, without that row."""
    _check_role(viewer)
    claims: dict[str, object] = {
        "sub": viewer.subject,
        "org": str(viewer.organization_id),
        "role": viewer.role.value,
        "scopes": sorted(viewer.scopes),
    }
    named = {claim: getattr(viewer, column) for claim, column in KEYS.items()}
    return claims | {claim: str(key) for claim, key in named.items() if key is not None}


def claimed(claims: Mapping[str, object]) -> Viewer:
    """The viewer that verified claims describe; ValueError or TypeError when they describe none."""
    expires = claims["exp"]
    scopes = claims.get("scopes", [])
    if type(expires) is not int:
        raise TypeError("exp is not a whole number of seconds")
    if not isinstance(scopes, list):
        raise TypeError("scopes are not a list")
    bound: dict[str, Any] = {column: _uuid_or_none(claims.get(claim)) for claim, column in KEYS.items()}
    viewer = Viewer(
        organization_id=_uuid(claims["org"]),
        role=Role(_text(claims["role"])),
        subject=_text(claims["sub"]),
        scopes=frozenset(_text(scope) for scope in scopes),
        **bound,
        expires_at=datetime.fromtimestamp(expires, UTC),
    )
    _check_role(viewer)
    return viewer


def _check_role(viewer: Viewer) -> None:
    """A role whose scope is one row must name that row, or its scope would be anybody's guess."""
    if viewer.role is Role.CUSTOMER and viewer.customer_id is None:
        raise ValueError("A CUSTOMER token names its customer")
    if viewer.role in FIELD and viewer.technician_id is None:
        raise ValueError(f"A {viewer.role.value} token names its technician")
    if viewer.role is Role.TRACKING and viewer.visit_id is None:
        raise ValueError("A TRACKING token names its visit")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a text")
    return value


def _uuid(value: object) -> UUID:
    text = _text(value)
    identifier = UUID(text)
    if str(identifier) != text:  # UUID() also reads braces, urn: and bare digits
        raise ValueError("not a canonical UUID")
    return identifier


def _uuid_or_none(value: object) -> UUID | None:
    return None if value is None else _uuid(value)
