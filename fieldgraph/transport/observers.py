"""Observers: told by every door how each operation went, and tell the metrics, the log and the traces."""

import time
from collections.abc import Callable
from typing import Protocol

from fieldgraph.metrics import Metrics
from fieldgraph.transport.records import Record


class Journal(Protocol):
    """Where operations are written down."""

    def operation(self, record: Record, seconds: float) -> None: ...

    def closed(self, code: int) -> None: ...


class Traces(Protocol):
    """Where operations become spans; a record carries its own from `begin` on."""

    def begin(self, record: Record) -> None: ...

    def end(self, record: Record, seconds: float) -> None: ...


class Observer:
    """What a process' doors have in common in this; without a journal or traces nothing is paid for them."""

    def __init__(
        self, metrics: Metrics, *, journal: Journal | None = None, traces: Traces | None = None
    ) -> None:
        self.metrics = metrics
        self._journal = journal
        self._traces = traces
        self.begin: Callable[[Record], None] = _nothing if traces is None else traces.begin
        """An operation is known and about to be answered."""

    def end(self, record: Record) -> None:
        """It is over; an operation that was never known is one as well."""
        seconds = time.perf_counter() - record.started
        if record.failure is not None and record.outcome == "OK":
            record.outcome = record.failure
        self.metrics.operation(record, seconds)
        if self._traces is not None:
            self._traces.end(record, seconds)
        if self._journal is not None:
            self._journal.operation(record, seconds)

    def socket_closed(self, code: int) -> None:
        """The server itself closed a socket, for the reason that `code` names."""
        self.metrics.socket_closed(code)
        if self._journal is not None:
            self._journal.closed(code)


def _nothing(_record: Record) -> None:
    """Nobody keeps traces."""
