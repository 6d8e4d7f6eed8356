"""Rights are those of the moment: over no door does anything outlast, or begin after, the loss of them."""

import asyncio
import time
from dataclasses import replace

import pytest

from domain.viewers import Role, Viewer
from resolvers.documents import DocumentRef
from tests.fieldgraph.transport.asking import code, post, query
from tests.fieldgraph.transport.conftest import CREDENTIAL, Doors, until
from tests.fieldgraph.transport.speaking import FOREVER, closed, greeted, hear, nxt, subscribe
from tests.fieldgraph.transport.test_events import COMPLETE, error, reading, told
from tests.fieldgraph.transport.toy import ToyOperation

SECONDS = 2.0
TOUCH = query("mutation { touch }")
WHO = query("{ whoami }")


class Holder:
    """Who holds one token, and what becomes of them."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self.token, self._digest = doors.tracking_secret()

    def leave(self) -> None:
        """Out, and this process has heard of it."""
        del self._doors.credentials[self._digest]
        self._doors.identity.forget(CREDENTIAL)

    def become(self, subject: str, *, role: Role = Role.TRACKING) -> None:
        """Somebody else, without a word: the event that tells it may be missed."""
        now: Viewer = replace(self._doors.credentials[self._digest], role=role, subject=subject)
        self._doors.credentials[self._digest] = now


@pytest.fixture
def holder(doors: Doors) -> Holder:
    return Holder(doors)


class Slow:
    """A request over a socket of its own, of which only the first byte of the body is sent."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def begin(self, doors: Doors, token: str) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", doors.port)
        head = (
            "POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(self._body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + self._body[:1])
        await self._writer.drain()
        await asyncio.sleep(0.2)

    async def finish(self) -> tuple[int, bytes]:
        """The rest of it; the answer's status and body."""
        self._writer.write(self._body[1:])
        head, _, body = (await self._reader.read()).partition(b"\r\n\r\n")
        self._writer.close()
        return int(head.split()[1]), body


class Queue:
    """Documents wait here for their turn."""

    def __init__(self, doors: Doors) -> None:
        self._prepare = doors.executor.prepare
        self.waiting, self.turn = 0, asyncio.Event()
        doors.executor.prepare = self.prepare  # type: ignore[method-assign]  # a queue before the toy

    async def prepare(self, ref: DocumentRef, operation_name: str | None, *, viewer: Viewer) -> ToyOperation:
        self.waiting += 1
        await self.turn.wait()
        return await self._prepare(ref, operation_name, viewer=viewer)


async def test_whoever_is_shut_out_while_their_body_comes_changes_nothing(
    doors: Doors, holder: Holder
) -> None:
    slow, quick = Slow(TOUCH), Slow(TOUCH)
    await slow.begin(doors, holder.token)
    await quick.begin(doors, holder.token)
    assert await quick.finish() == (200, b'{"data":{"touch":1}}')

    holder.leave()
    status, body = await slow.finish()

    assert (status, b"UNAUTHENTICATED" in body) == (401, True)
    assert doors.executor.ledger.touches == 1


async def test_whose_rights_change_while_their_body_comes_has_the_new_ones(
    doors: Doors, holder: Holder
) -> None:
    slow = Slow(WHO)
    await slow.begin(doors, holder.token)
    holder.become("aino")
    doors.identity.forget(CREDENTIAL)
    assert await slow.finish() == (200, b'{"data":{"whoami":"aino"}}')


async def test_whoever_is_shut_out_while_their_document_waits_changes_nothing(
    doors: Doors, holder: Holder
) -> None:
    queue, token = Queue(doors), f"Bearer {holder.token}"
    async with greeted(doors, holder.token) as socket:
        await subscribe(socket, "1", "mutation { touch }")
        asked = asyncio.create_task(post(doors, TOUCH, authorization=token))
        streamed = asyncio.create_task(
            post(doors, TOUCH, authorization=token, accept="text/event-stream"),
        )
        await until(lambda: queue.waiting == 3)

        holder.leave()
        queue.turn.set()

        assert await closed(socket) == (4403, "Token revoked")
    for answer in (await asked, await streamed):
        assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
    assert doors.executor.ledger.touches == 0


async def test_a_revocation_ends_the_event_streams_that_stand_on_it_and_no_other(
    doors: Doors, holder: Holder
) -> None:
    body = query(FOREVER)
    async with reading(doors, body, holder.token) as theirs, reading(doors, body) as others:
        assert [await theirs.frame(), await others.frame()] == [told(forever="first")] * 2

        began = time.monotonic()
        doors.events.revoke(CREDENTIAL)

        assert error(str(await theirs.frame())) == ("event: next", "UNAUTHENTICATED")
        assert [await theirs.frame(), await theirs.frame()] == [COMPLETE, None]
        assert time.monotonic() - began < SECONDS
        doors.executor.ledger.release.set()
        assert await others.frame() == told(forever="second")
    await until(lambda: doors.executor.ledger.closed == 2)


async def test_a_role_that_changes_without_a_word_ends_what_is_open(doors: Doors, holder: Holder) -> None:
    async with reading(doors, query(FOREVER), holder.token) as events, greeted(doors, holder.token) as socket:
        await subscribe(socket, "1", FOREVER)
        assert await events.frame() == told(forever="first")
        assert await hear(socket) == nxt("1", forever="first")

        began = time.monotonic()
        holder.become("aino", role=Role.CUSTOMER)

        assert error(str(await events.frame())) == ("event: next", "UNAUTHENTICATED")
        assert [await events.frame(), await events.frame()] == [COMPLETE, None]
        assert await closed(socket) == (4403, "Token revoked")
        assert time.monotonic() - began < SECONDS
    await until(lambda: doors.executor.ledger.closed == 2)


async def test_a_new_name_ends_nothing(doors: Doors, holder: Holder) -> None:
    async with reading(doors, query(FOREVER), holder.token) as events:
        assert await events.frame() == told(forever="first")
        holder.become("aino")
        await asyncio.sleep(SECONDS)
        doors.executor.ledger.release.set()
        assert await events.frame() == told(forever="second")
