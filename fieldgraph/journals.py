"""The journal: a line for each operation, written in batches beside the loop, and no flood of refusals."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import orjson

from fieldgraph.transport.records import Record, credential_of

FLUSH_SECONDS = 0.25
BATCH_BYTES = 65_536
"""So much is written at once, without waiting for the moment."""
WAITING_BYTES_MOST = 4 * 1_048_576
"""Where nobody reads the log so fast, lines are lost and counted; memory and answers are not."""
REFUSED_A_SECOND = 20
"""Lines about refusals of one code; those beyond are only counted."""
LOGGER = "fieldgraph.requests"
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z

LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3}
Wanted = Literal["all", "slow", "off"]


class Wants(NamedTuple):
    """Which operations are told, and how."""

    wanted: Wanted = "all"
    slow_ms: float = 500.0
    level: str = "info"
    """The least that is written; an operation that was slow or met a bug is a warning."""
    as_json: bool = True


class Journal:
    """Lines about operations: no token, no variable, no text of a document, no name of anybody is in them."""

    def __init__(self, wants: Wants, write: Callable[[bytes], None]) -> None:
        self._slow_seconds = wants.slow_ms / 1000
        self._only_warnings = wants.wanted == "slow" or LEVELS[wants.level] >= LEVELS["warning"]
        self._is_silent = LEVELS[wants.level] > LEVELS["warning"]
        self._write = write
        self._draw = _as_json if wants.as_json else _as_text
        self._lines: list[bytes] = []
        self._waiting = 0
        self._lost = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._second = 0
        self._refused: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._told_at = 0.0

    def operation(self, record: Record, seconds: float) -> None:
        """An operation has ended."""
        is_slow = seconds >= self._slow_seconds and record.items is None
        is_warning = is_slow or record.outcome == "INTERNAL_SERVER_ERROR"
        if self._is_silent or (self._only_warnings and not is_warning):
            return
        if record.outcome != "OK" and not self._is_told(record.outcome):
            return
        self._add("warning" if is_warning else "info", "request", _fields(record, seconds))

    def closed(self, code: int) -> None:
        """The server has closed a socket; what ran over it tells of itself."""
        if not self._only_warnings and self._is_told(str(code)):
            self._add("info", "socket_closed", {"door": "websocket", "close": code})

    async def close(self) -> None:
        """Writes what waits, and how much was not told."""
        if self._timer is not None:
            self._timer.cancel()
        await self._written_down()
        self._tell_untold()
        await self._written_down()

    async def _written_down(self) -> None:
        while self._lines or self._writing is not None:
            self._flush()
            if self._writing is not None:
                await asyncio.wait([self._writing])

    def _is_told(self, code: str) -> bool:
        """Whether one more refusal of this code is a line of its own in this second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._refused.clear()
        self._refused[code] += 1
        if self._refused[code] <= REFUSED_A_SECOND:
            return True
        self._untold[code] += 1
        self._arm()
        return False

    def _add(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        line = self._draw(level, event, fields)
        size = len(line)
        if self._waiting + size > WAITING_BYTES_MOST:
            self._lost += 1
            return
        self._lines.append(line)
        self._waiting += size
        if self._waiting >= BATCH_BYTES and self._writing is None:
            self._flush()
        elif self._timer is None:
            self._arm()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if time.monotonic() - self._told_at >= 1.0:
            self._tell_untold()
        self._flush()
        if self._lines or self._untold:
            self._arm()

    def _tell_untold(self) -> None:
        if self._untold:
            fields = {"untold": dict(self._untold)}
            self._untold = Counter()
            self._add("info", "requests_refused", fields)
        if self._lost:
            lost, self._lost = self._lost, 0
            self._add("warning", "requests_not_logged", {"lines": lost})
        self._told_at = time.monotonic()

    def _flush(self) -> None:
        """On a thread: whoever reads the log may be slow, and one batch is on its way at a time."""
        if self._writing is not None or not self._lines:
            return
        batch, self._lines = b"".join(self._lines), []
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._write, batch)
        self._writing.add_done_callback(lambda done: self._written(done, len(batch)))

    def _written(self, done: "asyncio.Future[None]", size: int) -> None:
        self._writing = None
        self._waiting -= size
        if not done.cancelled():
            done.exception()  # seen: where nothing can be written, nobody can be told of it either


def to_standard_error(batch: bytes) -> None:
    """Where all other lines go; whole lines at once, so that they do not run into each other."""
    sys.stderr.flush()
    sys.stderr.buffer.write(batch)
    sys.stderr.buffer.flush()


def _fields(record: Record, seconds: float) -> dict[str, object]:
    """In the order in which people read them; what is not known is not there."""
    fields: dict[str, object] = {
        "door": record.door,
        "kind": record.kind,
        "outcome": record.outcome,
        "ms": round(seconds * 1000, 2),
        "bytes": record.bytes,
        "request_id": record.request_id,
    }
    if record.name is not None:
        fields["operation"] = record.name
    if record.document_id is not None:
        fields["document"] = record.document_id
    if record.requested is not None:
        fields["cost_requested"] = record.requested
        if record.actual is not None:
            fields["cost"] = record.actual
    if not record.is_compiled:
        fields["plain"] = True
    if record.viewer is not None:
        _add_viewer(fields, record)
    for name in ("status", "close", "items", "trace_id"):
        value = getattr(record, name)
        if value is not None:
            fields[name] = value
    if record.was_stopped:
        fields["stopped"] = True
    return fields


def _add_viewer(fields: dict[str, object], record: Record) -> None:
    viewer = record.viewer
    if viewer is None:
        return
    fields["organization"] = viewer.organization_id
    fields["role"] = viewer.role.value
    fields["by"] = credential_of(viewer)
    if viewer.credential_id is not None:
        fields["credential"] = viewer.credential_id
    if viewer.user_id is not None:
        fields["user"] = viewer.user_id


def _as_json(level: str, event: str, fields: Mapping[str, object]) -> bytes:
    head = {"timestamp": datetime.now(UTC), "level": level, "logger": LOGGER, "event": event}
    return orjson.dumps({**head, **fields}, option=OPTIONS)


def _as_text(level: str, event: str, fields: Mapping[str, object]) -> bytes:
    """As structlog draws its lines for people."""
    when = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    said = " ".join(f"{name}={value}" for name, value in fields.items())
    return f"{when} [{level:<9}] {event:<30} [{LOGGER}] {said}\n".encode()
