"""Tokens at the doors: whatever is not good is a 401 with a challenge over HTTP, and a 4403 on a socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from domain.viewers import Role, Viewer
from integrations.identity import People, digest, new_secret
from integrations.keyrings import ALGORITHMS
from integrations.lanes import Lane
from integrations.providers import provider
from tests.fieldgraph.transport.asking import CURRENT, post
from tests.fieldgraph.transport.conftest import CREDENTIAL, ORGANIZATION, Doors
from tests.fieldgraph.transport.speaking import bare, closed, say
from tests.integrations.issuers import AUDIENCE, SUBJECT, Issuer, serving
from tests.integrations.variants import variants

MIRA = Viewer(organization_id=ORGANIZATION, role=Role.DISPATCHER, subject="user:1", user_id=UUID(int=1))
VARIANTS = variants()
NO_HEADER = {"letters of another script"}
"""What HTTP cannot even carry as a header; a socket can."""


@dataclass(frozen=True)
class Guarded:
    """Doors that trust a provider, too."""

    doors: Doors
    issuer: Issuer

    async def post(self, authorization: str | None) -> tuple[int, str, str]:
        """Status, challenge and the one error's message."""
        headers = {"content-type": "application/json"} | (
            {} if authorization is None else {"authorization": authorization}
        )
        found = await self.doors.client.post(
            self.doors.url, content=b'{"query": "{ hello }"}', headers=headers
        )
        errors = found.json().get("errors", [{"message": "", "extensions": {"code": ""}}])
        assert errors[0]["extensions"]["code"] in {"", "UNAUTHENTICATED"}
        return found.status_code, found.headers.get("www-authenticate", ""), errors[0]["message"]

    async def greet(self, authorization: object) -> tuple[int | None, str | None]:
        """How the socket is closed."""
        async with bare(self.doors) as socket:
            await say(socket, type="connection_init", payload={"authorization": authorization})
            return await closed(socket)


@pytest.fixture
async def guarded(doors: Doors) -> AsyncIterator[Guarded]:
    async with serving() as issuer:

        async def user(_key: tuple[UUID, UUID]) -> Viewer | None:
            return None

        async def subject(_issuer: str, subject: str, organization_id: UUID | None) -> Viewer | None:
            is_mira = subject == SUBJECT and organization_id in {None, MIRA.organization_id}
            return MIRA if is_mira else None

        trusted = provider(issuer.url, AUDIENCE, jwks_url=None, algorithms=ALGORITHMS)
        doors.identity._people = People(user, subject, trusted)
        yield Guarded(doors, issuer)


INVALID = 'Bearer realm="fieldgraph", error="invalid_token"'
LONGEST_REASON = 123  # bytes: RFC 6455, 5.5
WORDS = {"The token is not valid", "The token has expired", "No active user has this identity"}


@pytest.mark.parametrize("name", VARIANTS)
async def test_a_bad_token_of_the_provider_is_refused_at_both_doors(guarded: Guarded, name: str) -> None:
    token = VARIANTS[name](guarded.issuer)
    with capture_logs() as logs:
        if name not in NO_HEADER:
            status, challenge, message = await guarded.post(f"Bearer {token}")
            assert (status, challenge) == (401, INVALID)
            assert message in WORDS
        code, reason = await guarded.greet(f"Bearer {token}")
        assert code == 4403
        assert reason in WORDS
        assert len(reason) <= LONGEST_REASON

    assert [line for line in logs if token in repr(line)] == []
    assert {line["event"] for line in logs} == {"tokens_refused"}


@pytest.mark.parametrize("wrong", ["revoked", "expired", "cut", "longer", "of another kind"])
@pytest.mark.parametrize("prefix", ["trk_", "key_", "usr_"])
async def test_a_bad_secret_is_refused_at_both_doors(guarded: Guarded, prefix: str, wrong: str) -> None:
    secret = prefix + "s" * 43
    holder = replace(MIRA, role=Role.TRACKING, visit_id=CREDENTIAL, credential_id=CREDENTIAL, user_id=None)
    guarded.doors.credentials[digest(secret)] = holder
    assert (await guarded.post(f"Bearer {secret}"))[0] == 200
    guarded.doors.identity.clear()

    if wrong == "revoked":
        guarded.doors.credentials.clear()
    elif wrong == "expired":
        ended = datetime.now(UTC) - timedelta(seconds=1)
        guarded.doors.credentials[digest(secret)] = replace(holder, expires_at=ended)
    else:
        secret = {"cut": secret[:-1], "longer": secret + "s", "of another kind": "adm_" + secret[4:]}[wrong]

    status, challenge, message = await guarded.post(f"Bearer {secret}")
    assert (status, challenge) == (401, INVALID)
    assert message in WORDS
    assert await guarded.greet(f"Bearer {secret}") == (4403, message)


async def test_without_a_token_the_challenge_names_no_error(guarded: Guarded) -> None:
    assert (await guarded.post(None))[:2] == (401, 'Bearer realm="fieldgraph"')
    for scheme in ("Basic bWlyYTpwYXNz", guarded.issuer.token(), "Bearer"):
        assert (await guarded.post(scheme))[0] == 401, scheme
    wrong: tuple[object, ...] = (None, 3, {}, "", "Bearer", ["Bearer x"], guarded.issuer.token())
    for said in wrong:
        assert await guarded.greet(said) == (4403, "A token is needed"), said


async def test_a_good_one_of_the_provider_comes_in(guarded: Guarded) -> None:
    assert (await guarded.post(f"Bearer {guarded.issuer.token('ES256')}"))[0] == 200


async def test_too_many_strangers_at_once_are_told_to_come_back(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By 429 with Retry-After, and on a socket by 1013, which clients do not take for good."""
    monkeypatch.setattr(doors.identity._secrets, "_lane", Lane(most=3))
    stuck = asyncio.Event()

    async def never(_digest: bytes) -> Viewer | None:
        await stuck.wait()
        return None

    monkeypatch.setattr(doors.identity._secrets, "_ask", never)
    headers = {"content-type": "application/json", "accept": CURRENT}

    def ask() -> "asyncio.Task[httpx.Response]":
        bearer = {"authorization": f"Bearer {new_secret('key_')[0]}"}
        return asyncio.create_task(
            doors.client.post(doors.url, content=b'{"query": "{ hello }"}', headers=headers | bearer)
        )

    waiting = [ask() for _ in range(5)]
    while doors.identity._secrets._lane.waiting < 3:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)
    refused = await ask()
    async with bare(doors) as socket:
        payload = {"authorization": f"Bearer {new_secret('usr_')[0]}"}
        await say(socket, type="connection_init", payload=payload)
        told = await closed(socket)
    assert (await post(doors)).status_code == 200  # who has a signed token

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["errors"] == [
        {
            "message": "Too many unknown tokens at once: ask again.",
            "extensions": {"code": "RATE_LIMITED", "retryAfterSeconds": 1},
        }
    ]
    assert told == (1013, "Too many unknown tokens at once: ask again.")
    stuck.set()
    assert [one.status_code for one in await asyncio.gather(*waiting)] == [401] * 5
