"""Rights are those of the moment, in the whole house: what was begun with others ends, or changes nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from domain import ids
from domain.viewers import Role
from fieldgraph.transport.websocket import GraphQLWebSocket
from integrations.files import Doors, Loan
from tests.resolvers.houses import CREATE, KEY, SECONDS, House, mira

RESUMED = "subscription R($after: Cursor) { scheduleChanges(after: $after) { __typename } }"
UPLOAD = """mutation {
  createUpload(input: {name: "a.png", contentType: "image/png", bytes: 3}) { url userErrors { code } } }"""


class Slow:
    """A request of which all but the first byte of the body is kept back."""

    def __init__(self, query: str, **given: Any) -> None:
        self._body = json.dumps({"query": query, "variables": given}).encode()

    async def begin(self, port: int, token: str) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            "POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(self._body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + self._body[:1])
        await self._writer.drain()
        await asyncio.sleep(0.2)

    async def finish(self) -> tuple[int, str]:
        """The answer's status, and the code of its error."""
        self._writer.write(self._body[1:])
        head, _, body = (await self._reader.read()).partition(b"\r\n\r\n")
        self._writer.close()
        return int(head.split()[1]), json.loads(body)["errors"][0]["extensions"]["code"]


async def _made(house: House, role: str) -> tuple[str, str]:
    """A user's token and id."""
    made = await house.create(CREATE, name="Mira", role=role)
    return made["token"], made["user"]["id"]


@asynccontextmanager
async def following(house: House, port: int, token: str, **given: Any) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of an event stream that say something."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{house.ports[port]}/graphql"
    body = {"query": RESUMED, "variables": given}
    async with httpx.AsyncClient() as client, client.stream("POST", url, json=body, headers=headers) as found:
        assert found.status_code == 200
        lines = found.aiter_lines()
        yield (line async for line in lines if line.startswith("data: "))


async def test_a_deactivated_admin_finishes_nothing_that_they_had_begun(house: House) -> None:
    token, user = await _made(house, "ADMIN")
    created = Slow(CREATE, input={"name": "Backdoor", "role": "ADMIN"})
    await created.begin(house.ports[1], token)
    await house.do("deactivateUser", user=user)
    await asyncio.sleep(SECONDS)

    assert await created.finish() == (401, "UNAUTHENTICATED")

    found = await house.company.data('{ users(where: {name: {eq: "Backdoor"}}) { totalCount } }')
    assert found == {"users": {"totalCount": 0}}


@pytest.mark.parametrize("how", ["role", "gone", "key"])
async def test_an_event_stream_ends_with_what_it_stands_on(house: House, how: str) -> None:
    if how == "key":
        key = await house.create(KEY, name="Gateway", scopes=["changes:read"])
        token, ending = key["token"], ("revokeApiKey", {"apiKey": key["apiKey"]["id"]})
    else:
        token, user = await _made(house, "DISPATCHER")
        changed = ("updateUser", {"user": user, "role": "SALES"})
        ending = changed if how == "role" else ("deactivateUser", {"user": user})
    async with following(house, 1, token) as lines:
        assert "ScheduleSnapshot" in await anext(lines)
        began = time.monotonic()
        await house.do(ending[0], **ending[1])
        async with asyncio.timeout(SECONDS + 3):
            said = [line async for line in lines]
        assert time.monotonic() - began < SECONDS
    assert [json.loads(line[6:])["errors"][0]["extensions"]["code"] for line in said] == ["UNAUTHENTICATED"]


async def test_a_socket_opened_while_a_role_changes_has_the_new_one_or_goes(house: House) -> None:
    """Whenever it comes, from before the change until well after it: never the old role for long."""
    for pause in (0.0, 0.01, 0.05, 0.2):
        token, user = await _made(house, "DISPATCHER")
        assert await house.ask(token, port=1) == mira("DISPATCHER")
        change = asyncio.create_task(house.do("updateUser", user=user, role="SALES"))
        await asyncio.sleep(pause)
        with suppress(ConnectionClosed):
            async with house.socket(token, 1):
                await change
                await asyncio.sleep(SECONDS)
                websocket = house.apps[1]._websocket
                assert isinstance(websocket, GraphQLWebSocket)
                sockets = list(websocket._connections)
                assert [one._viewer.role for one in sockets if one._viewer] in ([], [Role.SALES])
        await change


async def test_a_good_token_resumes_from_before_its_role_changed(house: House) -> None:
    token, user = await _made(house, "DISPATCHER")
    cursor = (await house.ask(token, "{ cursor }", port=1))["cursor"]
    await house.do("updateUser", user=user, role="MANAGER")
    await asyncio.sleep(SECONDS)
    assert await house.ask(token, port=1) == mira("MANAGER")
    async with following(house, 1, token, after=cursor) as lines:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(lines)
    async with following(house, 1, token, after=cursor) as lines:
        await house.do("updateUser", user=user, role="SALES")
        async with asyncio.timeout(SECONDS):
            assert "UNAUTHENTICATED" in await anext(lines)


@pytest.mark.parametrize("how", ["gone", "role", "token", "slowly"])
async def test_the_doors_for_files_close_behind_who_asked_for_them(house: House, how: str) -> None:
    token, user = await _made(house, "DISPATCHER")
    doors = [(await house.ask(token, UPLOAD))["createUpload"]["url"].rpartition("/")[2] for _ in range(2)]
    begun, going_on = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        begun.set()
        await going_on.wait()
        yield b"bc"

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.ports[0]}") as client:
        assert (await client.put(f"/uploads/{doors[0]}", content=b"abc")).status_code == 204
        late = asyncio.create_task(client.put(f"/uploads/{doors[1]}", content=pieces()))
        await begun.wait()
        if how == "role":
            await house.do("updateUser", user=user, role="SALES")
        elif how == "token":
            await house.do("renewUserToken", user=user)
        else:
            await house.do("deactivateUser", user=user)
        if how != "slowly":
            assert (await client.put(f"/uploads/{doors[1]}", content=b"abc")).status_code == 401
        going_on.set()
        assert (await late).status_code == 401


async def test_what_was_lent_is_given_back_with_the_rights(house: House) -> None:
    """No bytes lie behind this door: it is good while the answer is that they are not here."""
    token, user = await _made(house, "DISPATCHER")
    viewer = await house.apps[0].identity.viewer(token)
    doors = Doors(house.company.app.settings.signing_secret().encode())
    door = doors.lend(Loan(viewer, ids.new(), "a.png", "image/png"), until=time.time() + 60)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.ports[0]}") as client:
        assert (await client.get(f"/files/{door}")).status_code == 404
        await house.do("deactivateUser", user=user)
        assert (await client.get(f"/files/{door}")).status_code == 401
