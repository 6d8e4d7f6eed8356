"""A provider's tokens: the good ones name a user of ours, every other one is refused; keys come and go."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID

import pytest

from domain.errors import Unauthenticated
from domain.viewers import Role, Viewer
from integrations import keyrings
from integrations.identity import NOBODY, NOT_VALID, Identity, People
from integrations.keyrings import ALGORITHMS, Keyring
from integrations.providers import check_address, provider
from tests.integrations.issuers import AUDIENCE, PRIVATE, STRANGER, SUBJECT, Issuer, jwk, serving
from tests.integrations.variants import variants

NORTH = UUID("018f0000-0000-7000-8000-000000000001")
SOUTH = UUID("018f0000-0000-7000-8000-000000000002")
MIRA = Viewer(organization_id=NORTH, role=Role.DISPATCHER, subject="user:1", user_id=UUID(int=1))
VARIANTS = variants()


class House:
    """Our side: users by subject, and an Identity that trusts one provider."""

    def __init__(self, issuer: Issuer, *, jwks_url: str | None = None) -> None:
        self.users: dict[str, list[Viewer]] = {SUBJECT: [MIRA]}
        """By subject, whoever was bound first in front."""
        self.asked = 0
        self.provider = provider(issuer.url, AUDIENCE, jwks_url=jwks_url, algorithms=ALGORITHMS)
        people = People(self._user, self._subject, self.provider)
        self.identity = Identity(
            key=b"k" * 32,
            issuer="fieldgraph",
            audience="fieldgraph",
            find_credential=self._none,
            people=people,
        )

    async def _none(self, _digest: bytes) -> None:
        return None

    async def _user(self, _key: tuple[UUID, UUID]) -> None:
        return None

    async def _subject(self, _issuer: str, subject: str, organization_id: UUID | None) -> Viewer | None:
        self.asked += 1
        found = self.users.get(subject, [])
        return next((one for one in found if organization_id in {None, one.organization_id}), None)

    async def refuses(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as caught:
            await self.identity.viewer(token)
        return str(caught.value)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serving() as running:
        yield running


@pytest.fixture
def house(issuer: Issuer) -> House:
    return House(issuer)


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_a_good_token_is_a_user_as_our_own_row_says(
    house: House, issuer: Issuer, algorithm: str
) -> None:
    claims = issuer.claims(role="ADMIN", scopes=["all"], aud=["other", AUDIENCE], nbf=int(time.time()) + 3)
    viewer = await house.identity.viewer(issuer.token(algorithm, **claims))

    assert replace(viewer, expires_at=None) == MIRA
    assert viewer.expires_at is not None
    assert viewer.expires_at.timestamp() == claims["exp"]
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize("name", VARIANTS)
async def test_every_other_token_is_refused_in_the_same_words(
    house: House, issuer: Issuer, name: str
) -> None:
    said = await house.refuses(VARIANTS[name](issuer))

    ends = {"expired", "expired long ago"}
    wanted = "The token has expired" if name in ends else NOT_VALID
    assert said == (NOBODY if name == "an organization that is none" else wanted)
    assert (await house.identity.viewer(issuer.token())).role is Role.DISPATCHER


async def test_who_is_verified_but_unknown_is_nobody_and_of_several_companies_the_first_or_the_named(
    house: House, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await house.refuses(issuer.token(sub="auth|stranger")) == NOBODY
    house.users[SUBJECT].append(replace(MIRA, organization_id=SOUTH))

    assert (await house.identity.viewer(issuer.token())).organization_id == NORTH
    for organization, claim in ((SOUTH, str(SOUTH)), (NORTH, f"org1_{NORTH}")):
        found = await house.identity.viewer(issuer.token(fieldgraph_organization=claim))
        assert found.organization_id == organization
    house.users.clear()
    later = time.time() + 1.5
    monkeypatch.setattr(time, "time", lambda: later)
    assert await house.refuses(issuer.token()) == NOBODY


async def test_a_verified_token_is_not_verified_again_but_its_user_is_asked_for(
    house: House, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    for _ in range(3):
        await house.identity.viewer(token)
    assert house.asked == 1
    house.identity.forget(UUID(int=1))
    await house.identity.viewer(token)
    assert house.asked == 2
    # and it ends when it says so
    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    assert await house.refuses(token) == "The token has expired"


async def test_keys_rotate_without_a_gap_and_forged_names_cost_one_fetch(
    house: House, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.identity.viewer(issuer.token())
    fetches = issuer.asked.count("/keys")

    # when fifty tokens name keys that there are not
    await asyncio.gather(
        *(house.refuses(issuer.raw({"alg": "RS256", "kid": f"forged-{n}", "typ": "JWT"})) for n in range(50))
    )
    assert issuer.asked.count("/keys") == fetches  # it was asked a moment ago

    # when the provider signs with a new key, and the pause is over
    monkeypatch.setattr(keyrings, "PAUSE_SECONDS", 0.0)
    issuer.keys.append(jwk("RS256", STRANGER, "new"))
    new = [issuer.signed(_payload(issuer, n), key=STRANGER, header={"kid": "new"}) for n in range(20)]
    found = await asyncio.gather(*(house.identity.viewer(token) for token in (*new, issuer.token())))
    assert {viewer.role for viewer in found} == {Role.DISPATCHER}
    assert issuer.asked.count("/keys") == fetches + 1

    # when the old one is taken back, its tokens end with the next fetch
    issuer.keys = [jwk("RS256", STRANGER, "new")]
    await house.provider.keyring.refresh()
    assert await house.refuses(issuer.token(note=1)) == NOT_VALID


def _payload(issuer: Issuer, number: int) -> bytes:
    import json  # noqa: PLC0415  # only here

    return json.dumps(issuer.claims(note=number)).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"keys": {}}', b'{"keys": [3]}', b'{"keys": []}', b"{" * 9000, b"x" * 300_000],
    ids=lambda body: str(body[:14]),
)
async def test_the_last_good_keys_count_while_the_provider_is_down(
    house: House, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    await house.identity.viewer(issuer.token())
    issuer.body, issuer.down = body, not body
    await house.provider.keyring.refresh()

    assert (await house.identity.viewer(issuer.token(note=1))).role is Role.DISPATCHER
    later = time.monotonic() + keyrings.STALE_SECONDS + 1
    # Of this module alone: the loop's timers go by the same clock, and one set meanwhile would never ring.
    monkeypatch.setattr(keyrings, "time", SimpleNamespace(monotonic=lambda: later))
    assert await house.refuses(issuer.token(note=2)) == NOT_VALID


async def test_without_any_keys_nobody_comes_in_and_with_them_everybody(
    house: House, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.down = True
    assert await house.refuses(issuer.token()) == NOT_VALID
    issuer.down = False
    assert await house.refuses(issuer.token()) == NOT_VALID  # a moment later
    monkeypatch.setattr(keyrings, "PAUSE_SECONDS", 0.0)
    assert (await house.identity.viewer(issuer.token())).role is Role.DISPATCHER


async def test_a_discovery_document_of_another_issuer_is_not_believed(house: House, issuer: Issuer) -> None:
    issuer.names = "https://login.example"

    assert await house.refuses(issuer.token()) == NOT_VALID
    assert issuer.asked == ["/.well-known/openid-configuration"]


async def test_keys_at_an_address_of_their_own_need_no_discovery(issuer: Issuer) -> None:
    house = House(issuer, jwks_url=f"{issuer.url}/keys")

    assert (await house.identity.viewer(issuer.token())).role is Role.DISPATCHER
    assert issuer.asked == ["/keys"]


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"kty": "oct", "k": "a2V5"},
        {"kid": 3},
        {"d": "AQAB"},
        {"n": "AQAB"},
    ],
    ids=str,
)
async def test_a_key_that_is_not_for_this_is_not_used(
    house: House, issuer: Issuer, changed: dict[str, object]
) -> None:
    issuer.keys = [jwk("RS256", PRIVATE["RS256"], "key-RS256", **changed), *issuer.keys[1:]]

    assert await house.refuses(issuer.token()) == NOT_VALID
    assert (await house.identity.viewer(issuer.token("ES256"))).role is Role.DISPATCHER


@pytest.mark.parametrize("url", ["http://login.example", "ftp://127.0.0.1", "login.example", "https://", ""])
def test_a_provider_is_reached_by_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        check_address(url)
    for good in (
        "https://login.example/realm",
        "http://127.0.0.1:9000",
        "http://localhost:9",
        "http://[::1]:9",
    ):
        check_address(good)


@pytest.mark.parametrize("algorithms", [["HS256"], ["none"], ["RS256", "HS512"], []])
def test_a_keyring_takes_no_shared_secret(algorithms: list[str]) -> None:
    async def nothing() -> list[dict[str, object]]:
        return []

    with pytest.raises(ValueError, match="Algorithms"):
        Keyring(nothing, algorithms=algorithms)
