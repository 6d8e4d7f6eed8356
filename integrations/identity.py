"""Who a token stands for: our own signed tokens, a provider's, and secrets that are kept only as a hash."""

import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import jwt

from domain import ids
from domain.errors import BadInput, Busy, Unauthenticated
from domain.viewers import Viewer
from integrations import tokens
from integrations.claims import claimed, claims_of
from integrations.lanes import Lane
from integrations.lookups import Known, Lookups
from integrations.providers import Proof, Provider
from integrations.rejections import Rejections
from integrations.tokens import Malformed

ALGORITHM = "HS256"  # of our own tokens the only one accepted, whatever a token's header says
KEY_BYTES_LEAST = 32  # RFC 7518, 3.2: not shorter than the hash
CACHE_MOST = 4096
PROVED_SECONDS = 300.0  # so long a verified token stays so, although its key may have been taken back
ISSUE_SKEW_SECONDS = 5  # clocks of two API machines; for `iat` only, never for `exp`
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "org", "role")
PREFIXES = ("trk_", "key_", "usr_")
SECRET = re.compile(r"(?:trk|key|usr)_[A-Za-z0-9_-]{43}")
NOT_VALID = "The token is not valid"
EXPIRED = "The token has expired"
NOBODY = "No active user has this identity"

Entry = TypeVar("Entry")
FindCredential: TypeAlias = Callable[[bytes], Awaitable[Viewer | None]]
FindUser: TypeAlias = Callable[[tuple[UUID, UUID]], Awaitable[Viewer | None]]
FindSubject: TypeAlias = Callable[[str, str, UUID | None], Awaitable[Viewer | None]]


class People(NamedTuple):
    """How users are found: by organization and id; by issuer and subject, which `provider` proves.

    Of a subject whom several organizations know, `find_subject` answers the one of the organization that it
    is given, or without one the one who was bound first.
    """

    find_user: FindUser
    find_subject: FindSubject
    provider: Provider | None = None


def new_secret(prefix: str) -> tuple[str, bytes]:
    """A secret of 256 random bits, shown once, and the SHA-256 digest to keep. `prefix`: one of PREFIXES."""
    if prefix not in PREFIXES:
        raise ValueError(f"A secret begins with one of {PREFIXES}, not {prefix!r}")
    secret = prefix + secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> bytes:
    """What is stored and looked up in a secret's place; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


class Identity:
    """Issues tokens and tells the viewer of one; tokens themselves are never logged.

    `find_credential` takes the digest of a secret and answers its viewer, or None once revoked. Without
    `people` no token is a user's.
    """

    def __init__(
        self,
        *,
        key: bytes,
        issuer: str,
        audience: str,
        find_credential: FindCredential,
        people: People | None = None,
    ) -> None:
        if len(key) < KEY_BYTES_LEAST:
            raise ValueError(f"A signing key has at least {KEY_BYTES_LEAST} bytes, not {len(key)}")
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._people = people
        self.rejections = Rejections()
        # Checking a signature costs more than a whole cached read may; both are bounded, oldest out first.
        self._signed: OrderedDict[str, Known] = OrderedDict()
        self._proved: OrderedDict[str, tuple[Proof, float]] = OrderedDict()
        self._secrets = Lookups[bytes](find_credential, lane=Lane())
        # Whose token is signed has not made it up: they do not stand behind those who have.
        proven = Lane()
        self._users = Lookups[tuple[UUID, UUID]](self._user, lane=proven)
        self._subjects = Lookups[tuple[str, str, str | None]](self._subject, lane=proven)

    def issue(self, viewer: Viewer, *, lifetime_seconds: int) -> str:
        """A signed token for `viewer`, good for so long of real time, and a user's while they are active."""
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + lifetime_seconds,
            **claims_of(viewer),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    async def viewer(self, token: str, *, address: str = "") -> Viewer:
        """The viewer of a token; Unauthenticated when it is not good, without saying why to the client.

        `address` is where it came from, if that is known; Busy when too many strangers come at once.
        """
        now = time.time()
        known = self._signed.get(token)
        if known is not None and known.viewer.user_id is None and now < known.until:
            return known.viewer
        try:
            return await self._viewer(token, now, address)
        except Malformed as error:
            self.rejections.note(str(error))
            raise Unauthenticated(NOT_VALID) from error
        except Unauthenticated as error:
            self.rejections.note(str(error))
            raise
        except Busy:
            self.rejections.note("too many strangers at once")
            raise

    @property
    def asked(self) -> int:
        """How often the database was asked who somebody is."""
        return sum(lookups.asked for lookups in (self._secrets, self._users, self._subjects))

    def forget(self, ground: UUID) -> None:
        """What stands on this credential or user has ended or changed: the next answer is a new one."""
        for lookups in (self._secrets, self._users, self._subjects):
            lookups.forget(ground)

    def clear(self) -> None:
        """Of credentials and users nothing is known any more: the database has been restored."""
        for lookups in (self._secrets, self._users, self._subjects):
            lookups.clear()

    async def _viewer(self, token: str, now: float, address: str) -> Viewer:
        if len(token) > tokens.CHARACTERS_MOST:
            raise Malformed("too long")
        if token.startswith(PREFIXES):
            return await self._holder(token, address)
        known = self._signed.get(token)
        if known is not None and now < known.until:
            return await self._current(known.viewer, address)
        proved = self._proved.get(token)
        if proved is not None and now < proved[1]:
            return await self._proven(proved[0], address)
        header = tokens.header_of(token)
        if header["alg"] != ALGORITHM:
            return await self._provided(token, header, now, address=address)
        viewer = self._verify(token, header)
        if viewer.expires_at is None or viewer.expires_at.timestamp() <= now:
            raise Unauthenticated(EXPIRED)
        _remember(self._signed, token, entry=Known(viewer, viewer.expires_at.timestamp()))
        return await self._current(viewer, address)

    async def _holder(self, token: str, address: str) -> Viewer:
        """Of a tracking link, key or user's own token."""
        if SECRET.fullmatch(token) is None:
            raise Malformed("no secret")
        viewer = await self._secrets.find(digest(token), address)
        if viewer is None:
            raise Malformed("an unknown secret")
        if viewer.expires_at is not None and viewer.expires_at.timestamp() <= time.time():
            raise Unauthenticated(EXPIRED)
        return viewer

    async def _provided(
        self, token: str, header: Mapping[str, object], now: float, *, address: str
    ) -> Viewer:
        """Of a token of the identity provider."""
        if self._people is None or self._people.provider is None:
            raise Malformed("another algorithm")
        proof = await self._people.provider.prove(token, header, now=now)
        if proof.expires_at <= now:
            raise Unauthenticated(EXPIRED)
        _remember(self._proved, token, entry=(proof, min(proof.expires_at, now + PROVED_SECONDS)))
        return await self._proven(proof, address)

    async def _proven(self, proof: Proof, address: str) -> Viewer:
        """Role and scope are those of our own row: a provider says who somebody is, not what they may."""
        viewer = await self._subjects.find((proof.issuer, proof.subject, proof.organization), address)
        if viewer is None:
            raise Unauthenticated(NOBODY)
        return _until(viewer, datetime.fromtimestamp(proof.expires_at, UTC))

    async def _current(self, viewer: Viewer, address: str) -> Viewer:
        """A signed token that names a user is good while they are, and for what they are now."""
        if viewer.user_id is None:
            return viewer
        found = await self._users.find((viewer.organization_id, viewer.user_id), address)
        if found is None:
            raise Unauthenticated(NOBODY)
        return _until(found, viewer.expires_at)

    async def _user(self, key: tuple[UUID, UUID]) -> Viewer | None:
        return await self._people.find_user(key) if self._people else None

    async def _subject(self, key: tuple[str, str, str | None]) -> Viewer | None:
        """Of the organization that the token names; one that is none of ours is not asked about."""
        issuer, subject, named = key
        organization = None if named is None else _organization(named)
        if self._people is None or (named is not None and organization is None):
            return None
        return await self._people.find_subject(issuer, subject, organization)

    def _verify(self, token: str, header: Mapping[str, object]) -> Viewer:
        if header.get("typ") != "JWT":
            raise Malformed("another type of token")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=ISSUE_SKEW_SECONDS,
                options={"require": list(REQUIRED)},
            )
            return claimed(claims)
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(EXPIRED) from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Malformed("not ours") from error


def _remember(known: OrderedDict[str, Entry], key: str, *, entry: Entry) -> None:
    known[key] = entry
    known.move_to_end(key)
    if len(known) > CACHE_MOST:
        known.popitem(last=False)


def _until(viewer: Viewer, expires_at: datetime | None) -> Viewer:
    """As long as the token by which they came."""
    return viewer if viewer.expires_at == expires_at else replace(viewer, expires_at=expires_at)


def _organization(text: str) -> UUID | None:
    """Named by its global id, or by the bare one."""
    try:
        return ids.decode("org", text) if text.startswith("org") else UUID(text)
    except (BadInput, ValueError):
        return None
