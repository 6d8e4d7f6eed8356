"""Records: what is known of one operation at its door, for the log, the metrics and the traces."""

import re
import time
from typing import NamedTuple

from domain.viewers import Role, Viewer
from fieldgraph.metrics import Door, Kind
from fieldgraph.transport.ports import Operation
from resolvers.notes import Note

TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
"""W3C Trace Context, 3.2; what a version of the future adds follows these 55 characters."""
NAME_MOST = 80
"""Characters; GraphQL bounds which, not how many."""


class Parent(NamedTuple):
    """What in the client's trace asked: W3C's ids, in hexadecimal."""

    trace_id: str
    span_id: str
    flags: str


class Record(Note):
    """One operation, from the request to its last byte."""

    # Of the class, until something is known: most of it never is, and each costs when it is set.
    kind: Kind = "unknown"
    name: str | None = None
    document_id: str | None = None
    """In the manifest; of a text that a client made up there is none."""
    viewer: Viewer | None = None
    trace_id: str | None = None
    parent: Parent | None = None
    outcome: str = "OK"
    status: int | None = None
    close: int | None = None
    """The code with which the server closed the socket under it."""
    was_stopped = False
    """Before it had ended: by the client, or with its socket."""
    items: int | None = None
    """Results of a subscription."""
    bytes = 0

    def __init__(self, door: Door) -> None:
        self.started = time.perf_counter()
        self.door: Door = door

    def follow(self, traceparent: str | None) -> None:
        """Takes part in the client's trace; what is none counts for nothing, as W3C asks."""
        if traceparent is None:
            return
        found = parent_of(traceparent)
        if found is not None:
            self.parent = found
            self.trace_id = found.trace_id

    def know(self, operation: Operation) -> None:
        self.kind = operation.kind
        name = operation.name
        self.name = name if name is None else name[:NAME_MOST]
        self.document_id = operation.document_id
        if operation.is_streamed:
            self.items = 0

    def sent(self, size: int) -> None:
        self.bytes += size
        if self.items is not None:
            self.items += 1


def parent_of(traceparent: str) -> Parent | None:
    head = traceparent[:55]
    found = TRACEPARENT.fullmatch(head)
    if found is None or (len(traceparent) > 55 and (head.startswith("00") or traceparent[55] != "-")):
        return None
    return Parent(*found.groups())


def credential_of(viewer: Viewer) -> str:
    """The kind of what somebody showed."""
    if viewer.role is Role.TRACKING:
        return "link"
    if viewer.credential_id is None:
        return "token"
    return "key" if viewer.user_id is None else "secret"
