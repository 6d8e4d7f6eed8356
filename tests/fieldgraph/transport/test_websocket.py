"""The WebSocket door: who may come in, and how all are sent home."""

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from fieldgraph.transport.crowds import CrowdLimits
from fieldgraph.transport.operations import SocketLimits
from tests.fieldgraph.transport.conftest import CREDENTIAL, Doors, House, until
from tests.fieldgraph.transport.speaking import (
    FOREVER,
    PROTOCOL,
    bare,
    closed,
    greeted,
    hear,
    init,
    nxt,
    subscribe,
)


@pytest.mark.parametrize("protocols", [None, ["graphql-ws"], ["graphql-ws", "mqtt"]])
async def test_no_other_subprotocol_is_spoken(doors: Doors, protocols: list[Subprotocol] | None) -> None:
    async with bare(doors, subprotocols=protocols) as socket:
        assert await closed(socket) == (4406, "Subprotocol not acceptable")


async def test_the_subprotocol_is_found_among_others(doors: Doors) -> None:
    async with greeted(doors, subprotocols=[Subprotocol("graphql-ws"), *PROTOCOL]) as socket:
        assert socket.subprotocol == "graphql-transport-ws"


async def test_a_revoked_credential_ends_its_sockets_and_no_other(doors: Doors) -> None:
    secret, _ = doors.tracking_secret()
    async with greeted(doors, secret) as theirs, greeted(doors) as other:
        await subscribe(theirs, "1", FOREVER)
        await hear(theirs)
        doors.websocket.revoke(CREDENTIAL)
        assert await closed(theirs) == (4403, "Token revoked")
        await subscribe(other, "1", "{ hello }")
        assert await hear(other) == nxt("1", hello="Hello world")
    assert doors.executor.ledger.closed == 1


async def test_a_shutdown_closes_every_socket(doors: Doors) -> None:
    async with greeted(doors) as one, bare(doors) as two:
        await subscribe(one, "1", FOREVER)
        await hear(one)
        doors.closing.set()
        assert await closed(one) == (1012, "Service restart")
        assert await closed(two) == (1012, "Service restart")
        async with bare(doors) as late:
            assert await closed(late) == (1012, "Service restart")
    await until(lambda: doors.executor.ledger.closed == 1)


async def test_there_are_only_so_many_sockets(house: House) -> None:
    async with house.open(crowd=CrowdLimits(of_user=1, of_address=2)) as doors:
        async with greeted(doors), bare(doors) as second, bare(doors) as third:
            assert await closed(third) == (1013, "Too many sockets and streams are open")
            await init(second, doors.token())
            assert await closed(second) == (1013, "You have too many sockets and streams open")
        await until(lambda: not doors.crowd._addresses)
        async with greeted(doors):
            assert (doors.crowd._addresses.total(), doors.crowd._users.total()) == (1, 1)


async def test_a_process_has_only_so_many_sockets(house: House) -> None:
    async with house.open(crowd=CrowdLimits(of_process=1)) as doors, bare(doors), bare(doors) as second:
        assert await closed(second) == (1013, "Too many sockets and streams are open")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:{port}", True),
        ("https://portal.example", True),
        ("http://127.0.0.1", False),
        ("https://evil.example", False),
        ("null", False),
    ],
)
async def test_a_page_of_another_origin_opens_nothing(house: House, origin: str, allowed: bool) -> None:
    limits = SocketLimits(allowed_origins=frozenset({"https://portal.example"}))
    async with house.open(limits) as doors:
        sent = Origin(origin.format(port=doors.port))
        if allowed:
            async with greeted(doors, origin=sent) as socket:
                await subscribe(socket, "1", "{ hello }")
                assert await hear(socket) == nxt("1", hello="Hello world")
            return
        with pytest.raises(InvalidStatus) as refused:
            async with bare(doors, origin=sent):
                pass
        assert refused.value.response.status_code == 403
