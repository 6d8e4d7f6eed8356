"""An identity provider (OpenID Connect): where its keys are, and what one of its tokens proves."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import jwt

from integrations.keyrings import Keyring
from integrations.tokens import Malformed, object_of

DISCOVERY = "/.well-known/openid-configuration"
ANSWER_BYTES_MOST = 262_144
FETCH_SECONDS = 10.0
SKEW_SECONDS = 5  # of `iat` and `nbf`, by the provider's clock; never of `exp`
TEXT_MOST = 255
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
ORGANIZATION = "fieldgraph_organization"
"""The claim by which a token says for which organization it is, for who is a user of several."""


class Proof(NamedTuple):
    """What a verified token says: who it is there, until when, maybe of which organization."""

    issuer: str
    subject: str
    expires_at: int
    organization: str | None


class Provider:
    """Verifies tokens of one issuer for one audience; which user it is, is not the provider's to say."""

    def __init__(self, issuer: str, audience: str, *, keyring: Keyring) -> None:
        self.issuer = issuer
        self.audience = audience
        self.keyring = keyring

    async def prove(self, token: str, header: Mapping[str, Any], *, now: float) -> Proof:
        """Raises Malformed for whatever is not a good token of this issuer for this audience."""
        if str(header.get("typ", "JWT")).lower() not in TYPES:
            raise Malformed("another type of token")
        key_id = header.get("kid")
        if not isinstance(key_id, str) or not 0 < len(key_id) <= TEXT_MOST:
            raise Malformed("no key named")
        algorithm = str(header["alg"])
        key = await self.keyring.key(key_id, algorithm)
        if key is None:
            raise Malformed("an unknown key")
        try:
            payload = jwt.PyJWS().decode_complete(token, key, algorithms=[algorithm])["payload"]
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Malformed("a wrong signature") from error
        return self._proof(object_of(payload), now)

    def _proof(self, claims: Mapping[str, Any], now: float) -> Proof:
        audience = claims.get("aud")
        several = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.issuer:
            raise Malformed("another issuer")
        if not all(isinstance(one, str) for one in several) or self.audience not in several:
            raise Malformed("another audience")
        subject, organization = claims.get("sub"), claims.get(ORGANIZATION)
        if not isinstance(subject, str) or not 0 < len(subject) <= TEXT_MOST or "\0" in subject:
            raise Malformed("no subject")
        if organization is not None and not isinstance(organization, str):
            raise Malformed("no organization")
        if _instant(claims, "iat") > now + SKEW_SECONDS:
            raise Malformed("issued in the future")
        if "nbf" in claims and _instant(claims, "nbf") > now + SKEW_SECONDS:
            raise Malformed("not good yet")
        return Proof(self.issuer, subject, _instant(claims, "exp"), organization)


def provider(issuer: str, audience: str, *, jwks_url: str | None, algorithms: Sequence[str]) -> Provider:
    """Of an issuer whose keys are at an address, or where its discovery document says. Raises ValueError."""
    for url in filter(None, (issuer, jwks_url)):
        check_address(url)

    async def fetch() -> Sequence[Mapping[str, Any]]:
        async with asyncio.timeout(FETCH_SECONDS), _client() as client:
            url = jwks_url or await _discovered(client, issuer)
            keys = (await _read(client, url)).get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise ValueError("No set of keys")
        return keys

    return Provider(issuer, audience, keyring=Keyring(fetch, algorithms=algorithms))


def check_address(url: str) -> None:
    """Raises ValueError for what is not https, unless it is on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_near = host == "localhost" or _is_loopback(host)
    if not host or parts.scheme not in ({"http", "https"} if is_near else {"https"}):
        raise ValueError(f"An identity provider is reached by https: {url[:200]}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _client() -> httpx.AsyncClient:
    """Follows nothing: a redirect could lead past the check of the address."""
    return httpx.AsyncClient(timeout=FETCH_SECONDS / 2, follow_redirects=False)


async def _discovered(client: httpx.AsyncClient, issuer: str) -> str:
    document = await _read(client, issuer.rstrip("/") + DISCOVERY)
    url = document.get("jwks_uri")
    if document.get("issuer") != issuer or not isinstance(url, str):
        raise ValueError("The discovery document is of another issuer")
    check_address(url)
    return url


async def _read(client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    async with client.stream("GET", url, headers={"accept": "application/json"}) as answer:
        if answer.status_code != 200:
            raise ValueError(f"Status {answer.status_code}")
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > ANSWER_BYTES_MOST:
                raise ValueError("The answer is too large")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise Malformed("The answer is no object")
    return found


def _instant(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < 2**40:
        raise Malformed(f"no {name}")
    return value
