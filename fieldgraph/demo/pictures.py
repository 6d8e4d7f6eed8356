"""The demo's pictures: small PNGs, a function of their key, for signatures and photos that nobody made."""

import math
import struct
import zlib
from random import Random

WIDTH, HEIGHT = 160, 60
INK, PAPER = 30, 255
PERSONS = ("A. Korhonen", "L. Virtanen", "J. Nieminen", "S. Laine", "M. Heikkinen", "P. Koskinen")


def signature(key: object) -> bytes:
    """A pen's way over white paper."""
    random = Random(f"{key}:signature")  # noqa: S311  # draws a picture; guards nothing
    rows = [bytearray([PAPER] * WIDTH) for _ in range(HEIGHT)]
    waves = [(random.uniform(4, 11), random.uniform(0.5, 1.6), random.uniform(0, 6)) for _ in range(3)]
    for step in range(12 * WIDTH):
        along = step / 12
        up = sum(high * math.sin(along / 10 * often + begin) for high, often, begin in waves) / 2
        x, y = int(along * 0.8 + 12 + 4 * math.sin(along)), int(HEIGHT / 2 + up)
        for pixel in (y, y + 1):
            if 0 <= pixel < HEIGHT and 0 <= x < WIDTH:
                rows[pixel][x] = INK
    return _png(rows)


def photo(key: object) -> bytes:
    """Light that falls on a wall from somewhere."""
    random = Random(f"{key}:photo")  # noqa: S311  # as above
    left, top = random.randrange(WIDTH), random.randrange(HEIGHT)
    return _png(
        [
            bytearray(max(20, 240 - abs(x - left) - 2 * abs(y - top)) for x in range(WIDTH))
            for y in range(HEIGHT)
        ]
    )


def _png(rows: list[bytearray]) -> bytes:
    """Eight bits of grey a pixel; filter 0 before each line."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
