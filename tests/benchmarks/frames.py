"""Frames: a client's half of RFC 6455 by hand, since a library's would cost more than a server's push."""

from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
FINAL = 0x80
MASKED = 0x80
MASK = b"\x00\x00\x00\x00"
"""The protocol asks for one, and the server undoes it; four zeros leave the payload as it is."""
SHORT, LONG = 126, 127


class NotOurs(Exception):
    """A frame that none of the measured servers sends: a part of a message, or one that is masked."""


def handshake(port: int, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    ).encode()


def masked(opcode: int, payload: bytes) -> bytes:
    return _head(opcode, len(payload), MASKED) + MASK + payload


def plain(opcode: int, payload: bytes) -> bytes:
    """As a server sends it."""
    return _head(opcode, len(payload), 0) + payload


def _head(opcode: int, size: int, mask: int) -> bytes:
    if size < SHORT:
        return bytes((FINAL | opcode, mask | size))
    if size < 1 << 16:
        return bytes((FINAL | opcode, mask | SHORT)) + size.to_bytes(2, "big")
    return bytes((FINAL | opcode, mask | LONG)) + size.to_bytes(8, "big")


class Frames:
    """What a server sends, cut into frames; the rest waits for more."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Opcode and payload of each frame that is whole. Raises NotOurs."""
        if self._rest:
            data = self._rest + data
        at, length = 0, len(data)
        while length - at >= 2:
            first, size, body = data[at], data[at + 1], at + 2
            if not first & FINAL or size & MASKED:
                raise NotOurs(data[at : at + 2].hex())
            if size >= SHORT:
                body += 2 if size == SHORT else 8
                if length < body:
                    break
                size = int.from_bytes(data[at + 2 : body], "big")
            if length < body + size:
                break
            at = body + size
            yield first & 0x0F, data[body:at]
        self._rest = data[at:] if at < length else b""
