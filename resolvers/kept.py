"""Kept: what was worked out once and may be asked for again, within a bound of bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Keeps values up to so many bytes in all; the one not used for the longest time goes first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, *, size: int) -> None:
        """Keeps a value of about so many bytes; one that is larger than the bound is not kept."""
        if size > self.most_bytes:
            return
        _, before = self._values.pop(key, (None, 0))
        self._values[key] = (value, size)
        self.bytes += size - before
        while self.bytes > self.most_bytes:
            _, (_, freed) = self._values.popitem(last=False)
            self.bytes -= freed
