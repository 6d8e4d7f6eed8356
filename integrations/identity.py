"""Who a token stands for: our own signed tokens, and secrets that are kept only as a hash."""

import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

import jwt

from domain.errors import Unauthenticated
from domain.viewers import FIELD, Role, Viewer

ALGORITHM = "HS256"  # the only one accepted, whatever a token's header says
KEY_BYTES_LEAST = 32  # RFC 7518, 3.2: not shorter than the hash
TOKEN_CHARACTERS_MOST = 4096
CACHE_MOST = 4096
CREDENTIAL_CACHE_SECONDS = 1.0  # revocation must hold within 2 s
ISSUE_SKEW_SECONDS = 5  # clocks of two API machines; for `iat` only, never for `exp`
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "org", "role")
PREFIXES = ("trk_", "key_")
SECRET = re.compile(r"(?:trk|key)_[A-Za-z0-9_-]{43}")

Secret = TypeVar("Secret", str, bytes)
FindCredential = Callable[[bytes], Awaitable[Viewer | None]]


class Known(NamedTuple):
    """A token already looked at, good until `until` (seconds since 1970)."""

    viewer: Viewer
    until: float


def new_secret(prefix: str) -> tuple[str, bytes]:
    """A secret of 256 random bits, shown once, and the SHA-256 digest to keep. `prefix`: trk_ or key_."""
    if prefix not in PREFIXES:
        raise ValueError(f"A secret begins with one of {PREFIXES}, not {prefix!r}")
    secret = prefix + secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> bytes:
    """What is stored and looked up in a secret's place; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


class Identity:
    """Issues tokens and tells the viewer of one; tokens themselves are never logged.

    `find_credential` takes the digest of a secret and answers its viewer, or None once revoked.
    """

    def __init__(self, *, key: bytes, issuer: str, audience: str, find_credential: FindCredential) -> None:
        if len(key) < KEY_BYTES_LEAST:
            raise ValueError(f"A signing key has at least {KEY_BYTES_LEAST} bytes, not {len(key)}")
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._find_credential = find_credential
        # Checking a signature costs more than a whole cached read may; both are bounded, oldest out first.
        self._signed: OrderedDict[str, Known] = OrderedDict()
        self._secrets: OrderedDict[bytes, Known] = OrderedDict()

    def issue(self, viewer: Viewer, *, lifetime_seconds: int) -> str:
        """A signed token for `viewer`, good for so long of real time."""
        _check_role(viewer)
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + lifetime_seconds,
            "sub": viewer.subject,
            "org": str(viewer.organization_id),
            "role": viewer.role.value,
            "scopes": sorted(viewer.scopes),
        }
        for name, value in (
            ("customer", viewer.customer_id),
            ("technician", viewer.technician_id),
            ("visit", viewer.visit_id),
        ):
            if value is not None:
                claims[name] = str(value)
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    async def viewer(self, token: str) -> Viewer:
        """The viewer of a token; Unauthenticated when it is not good, without saying why to the client."""
        now = time.time()
        known = self._signed.get(token)
        if known is not None and now < known.until:
            return known.viewer
        if len(token) > TOKEN_CHARACTERS_MOST:
            raise Unauthenticated("The token is not valid")
        if token.startswith(PREFIXES):
            return await self._secret_viewer(token, now)
        viewer = self._verify(token)
        if viewer.expires_at is None or viewer.expires_at.timestamp() <= now:
            raise Unauthenticated("The token has expired")
        _remember(self._signed, token, entry=Known(viewer, viewer.expires_at.timestamp()))
        return viewer

    async def _secret_viewer(self, token: str, now: float) -> Viewer:
        if SECRET.fullmatch(token) is None:
            raise Unauthenticated("The token is not valid")
        hashed = digest(token)
        known = self._secrets.get(hashed)
        if known is not None and now < known.until:
            return known.viewer
        viewer = await self._find_credential(hashed)
        if viewer is None:
            self._secrets.pop(hashed, None)
            raise Unauthenticated("The token is not valid")
        # Counted from before the look-up: an answer is as old as its question.
        until = now + CREDENTIAL_CACHE_SECONDS
        if viewer.expires_at is not None:
            until = min(until, viewer.expires_at.timestamp())
            if viewer.expires_at.timestamp() <= time.time():
                raise Unauthenticated("The token has expired")
        _remember(self._secrets, hashed, entry=Known(viewer, until))
        return viewer

    def _verify(self, token: str) -> Viewer:
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=ISSUE_SKEW_SECONDS,
                options={"require": list(REQUIRED)},
            )
            if decoded["header"].get("typ") != "JWT":
                raise Unauthenticated("The token is not valid")
            return _claimed(decoded["payload"])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Unauthenticated("The token is not valid") from error


def _remember(known: OrderedDict[Secret, Known], key: Secret, *, entry: Known) -> None:
    known[key] = entry
    known.move_to_end(key)
    if len(known) > CACHE_MOST:
        known.popitem(last=False)


def _claimed(claims: Mapping[str, object]) -> Viewer:
    """The viewer that verified claims describe; ValueError or TypeError when they describe none."""
    expires = claims["exp"]
    scopes = claims.get("scopes", [])
    if type(expires) is not int:
        raise TypeError("exp is not a whole number of seconds")
    if not isinstance(scopes, list):
        raise TypeError("scopes are not a list")
    viewer = Viewer(
        organization_id=_uuid(claims["org"]),
        role=Role(_text(claims["role"])),
        subject=_text(claims["sub"]),
        scopes=frozenset(_text(scope) for scope in scopes),
        customer_id=_uuid_or_none(claims.get("customer")),
        technician_id=_uuid_or_none(claims.get("technician")),
        visit_id=_uuid_or_none(claims.get("visit")),
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
