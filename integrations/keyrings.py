"""The public keys of an identity provider: fetched, kept while it is down, and rotated without a gap."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import jwt
import structlog

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""All that a provider may sign with: never HS…, whose key would be the public one, and never none."""
CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
RSA_BITS_LEAST = 2048
KEYS_MOST = 100
REFRESH_SECONDS = 300.0
RETRY_SECONDS = 15.0
PAUSE_SECONDS = 5.0
STALE_SECONDS = 86_400.0

Fetch = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Answers the keys as JSON Web Keys, or raises."""


class Keyring:
    """Keys by their id and algorithm.

    They are fetched every `REFRESH_SECONDS`, and at once for an id that is not known, at most every
    `PAUSE_SECONDS` however many such tokens are forged. While the provider is down the last good ones count,
    for a day; a key that it has taken back counts until the next fetch.
    """

    def __init__(self, fetch: Fetch, *, algorithms: Collection[str] = ALGORITHMS) -> None:
        if not algorithms or not set(algorithms) <= set(ALGORITHMS):
            raise ValueError(f"Algorithms are of {', '.join(ALGORITHMS)}")
        self._fetch = fetch
        self._algorithms = frozenset(algorithms)
        self._keys: dict[tuple[str, str], jwt.PyJWK] = {}
        self._asked_at = self._kept_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def key(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """The key of a token's header; None where the provider has no such."""
        found = self._known(key_id, algorithm)
        if found is None and algorithm in self._algorithms and self._may_ask():
            await self.refresh()
            found = self._known(key_id, algorithm)
        return found

    async def keep(self) -> None:
        """Fetches again and again, until it is cancelled."""
        while True:
            await self.refresh()
            is_fresh = self._kept_at >= self._asked_at
            await asyncio.sleep(REFRESH_SECONDS if is_fresh else RETRY_SECONDS)

    async def refresh(self) -> None:
        """One fetch at a time: who comes while it runs waits for the same. A failure is logged, no more."""
        if self._loading is None:
            self._asked_at = time.monotonic()
            self._loading = asyncio.get_running_loop().create_task(self._load())
        await asyncio.shield(self._loading)

    def _known(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        if time.monotonic() - self._kept_at > STALE_SECONDS:
            return None
        return self._keys.get((key_id, algorithm))

    def _may_ask(self) -> bool:
        return self._loading is not None or time.monotonic() - self._asked_at >= PAUSE_SECONDS

    async def _load(self) -> None:
        try:
            keys = _usable(await self._fetch(), self._algorithms)
        except Exception as error:  # noqa: BLE001  # whatever it answers, the last good keys count
            structlog.get_logger(__name__).warning("keys_not_fetched", error=repr(error)[:300])
        else:
            self._keys, self._kept_at = keys, time.monotonic()
        finally:
            self._loading = None


def _usable(
    keys: Sequence[Mapping[str, Any]], algorithms: Collection[str]
) -> dict[tuple[str, str], jwt.PyJWK]:
    """Those that can verify, under each algorithm that they are for. Raises ValueError for none at all."""
    found: dict[tuple[str, str], jwt.PyJWK] = {}
    for key in keys[:KEYS_MOST]:
        key_id = key.get("kid")
        if not isinstance(key_id, str) or not key_id or not _verifies(key):
            continue
        for algorithm in set(_algorithms_of(key)) & set(algorithms):
            try:
                made = jwt.PyJWK(dict(key), algorithm=algorithm)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            if getattr(made.key, "key_size", RSA_BITS_LEAST) >= RSA_BITS_LEAST or key["kty"] != "RSA":
                found[key_id, algorithm] = made
    if not found:
        raise ValueError("The provider has no key that could be used")
    return found


def _verifies(key: Mapping[str, Any]) -> bool:
    """A public key for signatures: no secret, none for encryption, and no private one that slipped out."""
    operations = key.get("key_ops", ["verify"])
    return key.get("use", "sig") == "sig" and "d" not in key and "verify" in operations


def _algorithms_of(key: Mapping[str, Any]) -> tuple[str, ...]:
    kind, said = key.get("kty"), key.get("alg")
    possible: tuple[str, ...] = ()
    if kind == "RSA":
        possible = tuple(name for name in ALGORITHMS if name[:2] in {"RS", "PS"})
    elif kind in {"EC", "OKP"} and key.get("crv") in CURVES:
        possible = (CURVES[key["crv"]],)
    return possible if said is None else tuple(name for name in possible if name == said)
