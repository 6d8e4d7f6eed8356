"""Ids: UUIDv7 keys, and the global ids that clients see (`wor1_018f…`)."""

import os
import re
import time
from uuid import UUID

from domain.errors import BadInput

VERSION = "1"
PATTERN = re.compile(rf"[a-z]{{3}}{VERSION}_[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\Z")
"""What an id of any type looks like."""


def new() -> UUID:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random bits; sorts by time of making."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    high = tail >> 68 & 0xFFF
    low = tail & 0x3FFFFFFFFFFFFFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def encode(prefix: str, key: UUID) -> str:
    """The global id: three letters of the type, the version, `_`, the uuid."""
    return f"{prefix}{VERSION}_{key}"


def split(text: str) -> tuple[str, UUID]:
    """Prefix and key of a global id. Raises BadInput when it is malformed."""
    if not PATTERN.match(text):
        raise BadInput(f"“{text[:60]}” is not an id of this graph.")
    return text[:3], UUID(text[5:])


def decode(prefix: str, text: str) -> UUID:
    """The key in a global id that must be of one type. Raises BadInput when it is not."""
    found, key = split(text)
    if found != prefix:
        raise BadInput(
            f"“{text[:60]}” is an id of another type; one that begins with {prefix}{VERSION}_ is needed."
        )
    return key
