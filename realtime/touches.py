"""Touches: which rows a transaction has written, and what somebody has read of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Touch:
    """One row that a transaction has written; without a key any row of the table."""

    xid: int
    organization_id: UUID
    table: str
    key: UUID | None


@dataclass(frozen=True, slots=True)
class Interest:
    """What was read, by table: keys of rows, or None for any row of it, also one that is not there yet."""

    tables: Mapping[str, frozenset[UUID] | None]

    def meets(self, touch: Touch) -> bool:
        """Whether what was read may be another after that touch, if it is of the same organization."""
        if touch.table not in self.tables:
            return False
        keys = self.tables[touch.table]
        return keys is None or (bool(keys) if touch.key is None else touch.key in keys)
