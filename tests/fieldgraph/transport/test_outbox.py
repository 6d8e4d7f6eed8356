"""Clients that read slowly, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection

from fieldgraph.transport.operations import SocketLimits
from tests.fieldgraph.transport.conftest import Doors, House, until
from tests.fieldgraph.transport.speaking import (
    greeted,
    hear,
    nxt,
    subscribe,
)


@asynccontextmanager
async def stalled(doors: Doors) -> AsyncIterator[ClientConnection]:
    """A client that speaks but does not read."""
    async with greeted(doors, ping_interval=None, compression=None) as socket:
        socket.transport.pause_reading()
        yield socket
        socket.transport.abort()


async def test_a_client_that_does_not_read_is_let_go(house: House) -> None:
    async with house.open(SocketLimits(stall_seconds=0.1, linger_seconds=0.05)) as doors:
        async with stalled(doors) as socket:
            await subscribe(socket, "1", "subscription { flood(size: 200000) }")
            await until(lambda: doors.executor.ledger.closed == 1)
            await until(lambda: not doors.websocket._connections)
        text = doors.metrics.text().decode()

    assert 'fieldgraph_socket_closings_total{code="1013"} 1.0' in text


async def test_only_so_much_waits_for_a_client(house: House) -> None:
    limits = SocketLimits(waiting_characters=3_000_000, linger_seconds=0.05)
    async with house.open(limits) as doors:
        async with stalled(doors) as socket:
            for number in range(40):  # the kernel takes the first few megabytes
                await subscribe(socket, str(number), "{ big(size: 1000000) }")
            await until(lambda: not doors.websocket._connections)
        text = doors.metrics.text().decode()

    assert 'fieldgraph_socket_closings_total{code="1013"} 1.0' in text


async def test_a_slow_reader_gets_everything_in_order(house: House) -> None:
    async with house.open(SocketLimits(waiting_characters=1000)) as doors, stalled(doors) as socket:
        await subscribe(socket, "1", "subscription { flood(size: 200000) }")
        await until(lambda: doors.executor.ledger.opened == 1)
        await asyncio.sleep(0.05)
        socket.transport.resume_reading()
        heard = [await hear(socket) for _ in range(100)]

    assert heard == [nxt("1", flood="x" * 200_000)] * 100
