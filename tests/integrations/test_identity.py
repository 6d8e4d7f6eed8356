"""Tokens: what we issue is read back whole, and everything else is refused."""

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from domain.errors import Unauthenticated
from domain.viewers import Role, Viewer
from integrations import identity
from integrations.identity import Identity, digest, new_secret

KEY = b"k" * 32
ORGANIZATION = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
VIEWER = Viewer(
    organization_id=ORGANIZATION, role=Role.DISPATCHER, subject="mira", scopes=frozenset({"a", "b"})
)
LINK = Viewer(
    organization_id=ORGANIZATION, role=Role.TRACKING, subject="link", visit_id=OTHER, credential_id=OTHER
)


class Credentials:
    """The table of secrets, with a count of how often it was asked."""

    def __init__(self) -> None:
        self.rows: dict[bytes, Viewer] = {}
        self.asked: list[bytes] = []

    async def find(self, hashed: bytes) -> Viewer | None:
        self.asked.append(hashed)
        return self.rows.get(hashed)


@pytest.fixture
def credentials() -> Credentials:
    return Credentials()


@pytest.fixture
def door(credentials: Credentials) -> Identity:
    return Identity(key=KEY, issuer="fieldgraph", audience="graphql", find_credential=credentials.find)


def claims(**changed: object) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "fieldgraph",
        "aud": "graphql",
        "iat": now,
        "exp": now + 60,
        "sub": "mira",
        "org": str(ORGANIZATION),
        "role": "DISPATCHER",
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


def signed(
    key: bytes = KEY, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **more: object
) -> str:
    return jwt.encode(claims(**more), key, algorithm=algorithm, headers=headers)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "viewer",
    [
        VIEWER,
        Viewer(organization_id=ORGANIZATION, role=Role.TECHNICIAN, subject="t", technician_id=OTHER),
        Viewer(organization_id=ORGANIZATION, role=Role.CUSTOMER, subject="c", customer_id=OTHER),
        Viewer(organization_id=ORGANIZATION, role=Role.TRACKING, subject="v", visit_id=OTHER),
    ],
    ids=lambda viewer: viewer.role.value,
)
async def test_what_is_issued_is_read_back(door: Identity, viewer: Viewer) -> None:
    before = int(time.time())

    read = await door.viewer(door.issue(viewer, lifetime_seconds=60))

    assert read.expires_at is not None
    assert before + 60 <= read.expires_at.timestamp() <= time.time() + 60
    assert replace(read, expires_at=None) == viewer


async def test_a_token_of_the_least_claims_is_good(door: Identity) -> None:
    read = await door.viewer(signed())

    assert replace(read, expires_at=None) == replace(VIEWER, scopes=frozenset())


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "someone"},
        {"iss": ...},
        {"aud": "other"},
        {"aud": ...},
        {"exp": int(time.time()) - 1},
        {"exp": ...},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 10**30},
        {"exp": float(int(time.time()) + 600)},
        {"iat": ...},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": ...},
        {"sub": ""},
        {"sub": 1},
        {"org": ...},
        {"org": None},
        {"org": "1"},
        {"org": ORGANIZATION.hex},
        {"org": "{" + str(ORGANIZATION) + "}"},
        {"org": str(ORGANIZATION).upper()},
        {"org": 3},
        {"role": ...},
        {"role": "ROOT"},
        {"role": "dispatcher"},
        {"role": ["ADMIN"]},
        {"role": "CUSTOMER"},
        {"role": "TECHNICIAN"},
        {"role": "SUBCONTRACTOR"},
        {"role": "TRACKING"},
        {"role": "CUSTOMER", "customer": "x"},
        {"technician": 3},
        {"visit": ""},
        {"scopes": "a b"},
        {"scopes": [1]},
    ],
    ids=repr,
)
async def test_a_signed_token_with_a_wrong_claim_is_refused(
    door: Identity, changed: dict[str, object]
) -> None:
    forged = jwt.PyJWS().encode(
        json.dumps(claims(**changed)).encode(), KEY, algorithm="HS256", headers={"typ": "JWT"}
    )

    with pytest.raises(Unauthenticated):
        await door.viewer(forged)


NONE = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}."


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "\u00e9.\u00e9.\u00e9",
        "x" * 5000,
        NONE,
        NONE + "x",
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims())}.",
        signed(key=b"o" * 32),
        signed(key=b"k" * 64, algorithm="HS512"),
        signed(key=b"k" * 48, algorithm="HS384"),
        signed(headers={"typ": "at+jwt"}),
        signed(headers={"typ": None}),
        signed(headers={"crit": ["b64"], "b64": False}),
        "eyJ" + "[" * 3000 + ".e30.x",
        base64.urlsafe_b64encode(b"[" * 2900).decode().rstrip("=") + ".e30.eA",
    ],
    ids=range(17),
)
async def test_a_token_that_we_did_not_sign_so_is_refused(door: Identity, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await door.viewer(token)


async def test_every_changed_character_spoils_a_token(door: Identity) -> None:
    token = door.issue(VIEWER, lifetime_seconds=60)
    await door.viewer(token)

    for place in range(len(token) - 1):  # the last carries spare bits
        spoiled = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Unauthenticated):
            await door.viewer(spoiled)


async def test_a_remembered_token_still_ends(door: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    token = door.issue(VIEWER, lifetime_seconds=60)
    read = await door.viewer(token)
    assert await door.viewer(token) is read

    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(Unauthenticated):
        await door.viewer(token)


async def test_only_so_many_tokens_are_remembered(door: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "CACHE_MOST", 3)
    tokens = [door.issue(replace(VIEWER, subject=str(number)), lifetime_seconds=60) for number in range(5)]

    for token in tokens:
        await door.viewer(token)

    assert list(door._signed) == tokens[2:]


@pytest.mark.parametrize("prefix", ["trk_", "key_"])
def test_a_secret_has_256_random_bits(prefix: str) -> None:
    secret, hashed = new_secret(prefix)
    other, _ = new_secret(prefix)

    assert secret.startswith(prefix)
    assert len(secret) == 47
    assert len(base64.urlsafe_b64decode(secret[4:] + "=")) == 32
    assert secret != other
    assert hashed == digest(secret)
    assert len(hashed) == 32


def test_a_secret_of_another_kind_is_not_made() -> None:
    with pytest.raises(ValueError, match="begins with"):
        new_secret("tok_")


async def test_a_secret_is_found_by_its_hash(door: Identity, credentials: Credentials) -> None:
    secret, hashed = new_secret("trk_")
    credentials.rows[hashed] = LINK

    assert await door.viewer(secret) == LINK
    assert await door.viewer(secret) == LINK
    assert credentials.asked == [hashed]


async def test_a_revoked_secret_is_refused_within_two_seconds(
    door: Identity, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, hashed = new_secret("key_")
    credentials.rows[hashed] = LINK
    await door.viewer(secret)
    del credentials.rows[hashed]

    later = time.time() + 1.5
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(Unauthenticated):
        await door.viewer(secret)
    assert credentials.asked == [hashed, hashed]


async def test_a_secret_that_has_ended_is_refused(door: Identity, credentials: Credentials) -> None:
    secret, hashed = new_secret("trk_")
    credentials.rows[hashed] = replace(LINK, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    with pytest.raises(Unauthenticated):
        await door.viewer(secret)


@pytest.mark.parametrize(
    "token", ["trk_", "trk_short", "key_" + "x" * 44, "trk_" + "x" * 42 + "!", "key_" + "\u00e9" * 43]
)
async def test_what_cannot_be_a_secret_is_not_looked_up(
    door: Identity, credentials: Credentials, token: str
) -> None:
    with pytest.raises(Unauthenticated):
        await door.viewer(token)
    assert credentials.asked == []


async def test_an_unknown_secret_is_not_remembered(door: Identity, credentials: Credentials) -> None:
    secret, hashed = new_secret("trk_")
    with pytest.raises(Unauthenticated):
        await door.viewer(secret)
    credentials.rows[hashed] = LINK

    assert await door.viewer(secret) == LINK


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.TRACKING])
def test_a_role_of_one_row_is_not_issued_without_it(door: Identity, role: Role) -> None:
    with pytest.raises(ValueError, match="names its"):
        door.issue(replace(VIEWER, role=role), lifetime_seconds=60)


async def test_a_short_key_is_refused(credentials: Credentials) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Identity(key=b"short", issuer="i", audience="a", find_credential=credentials.find)
