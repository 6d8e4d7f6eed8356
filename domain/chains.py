"""Chains: what the audit's digests are over, and what is wrong with an organization's chain.

A seal is one transaction: for each of its changes the id and the digest of all that is said of it, and
    hash = sha256(hash of the seal before || seq || unit || changes).
What was changed, taken out or put in afterwards is told by its row; what was cut off at the end by the head.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

ID_BYTES, CHANGE_BYTES = 16, 48
SAID = (
    "(jsonb_build_array(a.organization_id, a.id, a.unit_id, a.entity_type, a.entity_id, a.entity_version,"
    " a.action, a.actor, a.actor_role, a.origin, a.reason, extract(epoch FROM a.at),"
    " extract(epoch FROM a.recorded_at), a.before, a.after, a.apart, a.readers)"
    " || CASE WHEN a.belongs_to IS NULL THEN '[]' ELSE jsonb_build_array(a.belongs_to) END)::text"
)
"""All that is said of a change, as SQL: in full, because a function of the database may have been changed.

What belongs to nothing says nothing of it, as every change did before there was that column."""


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> UUID: ...


Kept = TypeVar("Kept", bound=Identified)


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the audit: what it is about, and what is said of it."""

    id: UUID
    entity_type: str
    entity_id: UUID
    said: str
    apart: str | None


@dataclass(frozen=True, slots=True)
class Value:
    """What is kept apart from a change."""

    id: UUID
    salt: bytes
    value: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain."""

    seq: int
    unit_id: UUID
    changes: bytes
    hash: bytes

    def named(self) -> Iterator[tuple[UUID, bytes]]:
        """The id and digest of each change."""
        for start in range(0, len(self.changes), CHANGE_BYTES):
            part = self.changes[start : start + CHANGE_BYTES]
            yield UUID(bytes=part[:ID_BYTES]), part[ID_BYTES:]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain goes: as the database has it, or as somebody wrote it down elsewhere."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not as it was sealed: the seal's number, and the row as far as it is known."""

    what: str
    seq: int | None = None
    change: UUID | None = None
    entity_type: str | None = None
    entity_id: UUID | None = None

    def __str__(self) -> str:
        parts = [f"seq {self.seq}" if self.seq is not None else None]
        parts.append(f"change {self.change}" if self.change else None)
        parts.append(f"{self.entity_type} {self.entity_id}" if self.entity_id else None)
        return f"{', '.join(part for part in parts if part) or 'chain'}: {self.what}"


def link(previous: bytes, seal: Seal) -> bytes:
    """The hash that a seal has after the one before it."""
    return hashlib.sha256(previous + seal.seq.to_bytes(8) + seal.unit_id.bytes + seal.changes).digest()


@dataclass
class Ahead(Generic[Kept]):
    """Rows in the order of their ids, read no farther than is asked for, each taken once."""

    rows: AsyncIterator[Kept]
    waiting: dict[UUID, Kept] = field(default_factory=dict)
    next: Kept | None = None

    async def until(self, last: UUID | None) -> None:
        """Everything up to an id waits to be taken; without one, everything."""
        while True:
            if self.next is None:
                self.next = await anext(self.rows, None)
            if self.next is None or (last is not None and self.next.id > last):
                return
            self.waiting[self.next.id] = self.next
            self.next = None


class Examination:
    """One organization's chain from its beginning; it holds only what was written at the same time."""

    def __init__(self, changes: AsyncIterator[Change], values: AsyncIterator[Value]) -> None:
        self.changes = Ahead(changes)
        self.values = Ahead(values)
        self.rows = 0
        self.last: Seal | None = None

    async def faults(
        self, seals: AsyncIterator[Seal], *, head: Head | None, written_down: Head | None = None
    ) -> AsyncIterator[Fault]:
        """In the chain's order, then what no seal names, then what is missing at its end."""
        async for seal in seals:
            for fault in self._place(seal):
                yield fault
            if written_down is not None and seal.seq == written_down.seq and seal.hash != written_down.hash:
                yield Fault(what="is not the head that was written down", seq=seal.seq)
            async for fault in self._sealed(seal):
                yield fault
            self.last = seal
        await self.changes.until(None)
        for change in self.changes.waiting.values():
            yield _of(change, "was put in: no seal names it")
        for fault in self._end(head, written_down):
            yield fault

    def _place(self, seal: Seal) -> Iterator[Fault]:
        """That it follows from the one before it."""
        seq, previous = (self.last.seq, self.last.hash) if self.last else (0, b"")
        if seal.seq == seq + 1:
            if link(previous, seal) != seal.hash:
                yield Fault(what="the seal does not follow from the one before it", seq=seal.seq)
        elif seal.seq == seq + 2:
            yield Fault(what="the seal is missing", seq=seq + 1)
        else:
            yield Fault(what=f"this seal and all up to {seal.seq - 1} are missing", seq=seq + 1)

    async def _sealed(self, seal: Seal) -> AsyncIterator[Fault]:
        named = list(seal.named())
        await self.changes.until(max(key for key, _ in named) if named else seal.unit_id)
        for key, digest in named:
            change = self.changes.waiting.pop(key, None)
            self.rows += 1
            if change is None:
                yield Fault(what="was taken out", seq=seal.seq, change=key)
            elif hashlib.sha256(change.said.encode()).digest() != digest:
                yield _of(change, "was changed", seal.seq)
            elif change.apart is not None:
                for what in await self._apart(json.loads(change.apart)):
                    yield _of(change, what, seal.seq)

    async def _apart(self, apart: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """What is wrong with the values that are kept apart; one that is personal may have been erased."""
        references = {column: UUID(kept["ref"]) for column, kept in apart.items()}
        await self.values.until(max(references.values()))
        found = []
        for column, reference in references.items():
            value = self.values.waiting.pop(reference, None)
            if value is None:
                if not apart[column].get("personal"):
                    found.append(f"its {column} was taken out")
            elif hashlib.sha256(value.salt + value.value.encode()).hexdigest() != apart[column]["digest"]:
                found.append(f"its {column} was changed")
        return found

    def _end(self, head: Head | None, written_down: Head | None) -> Iterator[Fault]:
        last = Head(self.last.seq, self.last.hash) if self.last else Head(0, b"")
        if head is None:
            yield Fault(what="the head of the chain is missing")
        elif head.seq > last.seq:
            yield Fault(what=f"the chain is cut off here: its head is {head.seq}", seq=last.seq + 1)
        elif head != last:
            yield Fault(what=f"the head of the chain is another: {head}", seq=last.seq)
        if written_down is not None and written_down.seq > last.seq:
            yield Fault(
                what=f"the chain is cut off here: {written_down.seq} was written down", seq=last.seq + 1
            )


def _of(change: Change, what: str, seq: int | None = None) -> Fault:
    return Fault(
        what=what, seq=seq, change=change.id, entity_type=change.entity_type, entity_id=change.entity_id
    )
