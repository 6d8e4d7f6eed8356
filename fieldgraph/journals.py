"""The journal: a line for each operation, written in batches beside the loop, and no flood of refusals."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

import orjson

from domain.viewers import Viewer
from fieldgraph.transport.records import Record, credential_of

FLUSH_SECONDS = 0.25
BATCH_BYTES = 65_536
"""So much is written at once, without waiting for the moment."""
WAITING_BYTES_MOST = 4 * 1_048_576
"""Where nobody reads the log so fast, lines are lost and counted; memory and answers are not."""
REFUSED_A_SECOND = 20
"""Lines about refusals of one code; those beyond are only counted."""
LOGGER = "fieldgraph.requests"
HEAD = frozenset({"timestamp", "level", "logger", "event"})
DRAWN_AT_ONCE = 64
VIEWERS_MOST = 512

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
        self._ended: list[tuple[str, float, Record, float]] = []
        self._viewers: dict[int, tuple[Viewer, Mapping[str, object]]] = {}
        self._lines: list[bytes] = []
        self._waiting = 0
        self._lost = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._second = 0
        self._refused: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._told_at = 0.0
        self._is_closing = self._is_closed = False

    def operation(self, record: Record, seconds: float) -> None:
        """An operation has ended.

        Its line is drawn with those of others: one by one it took three times as much of the processor.
        """
        is_slow = seconds >= self._slow_seconds and record.items is None
        is_warning = is_slow or record.outcome == "INTERNAL_SERVER_ERROR"
        if self._is_silent or (self._only_warnings and not is_warning):
            return
        if record.outcome != "OK" and not self._is_told(record.outcome):
            return
        ended = self._ended
        ended.append(("warning" if is_warning else "info", time.time(), record, seconds))
        if len(ended) >= DRAWN_AT_ONCE or self._is_closed:
            self._draw_ended()
        elif self._timer is None:
            self._arm()

    def closed(self, code: int) -> None:
        """The server has closed a socket; what ran over it tells of itself."""
        if not self._only_warnings and self._is_told(str(code)):
            self._tell("info", "socket_closed", {"door": "websocket", "close": code})

    async def close(self) -> None:
        """Writes what waits, and how much was not told; what ends later yet is written at once."""
        if self._timer is not None:
            self._timer.cancel()
        self._is_closing, self._timer = True, None
        self._draw_ended()
        await self._written_down()
        self._tell_untold()
        await self._written_down()
        self._is_closed = True

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

    def _draw_ended(self) -> None:
        ended, self._ended = self._ended, []
        if not ended:
            return
        lines = []
        for level, at, record, seconds in ended:
            fields: dict[str, object] = {
                "timestamp": _instant(at),
                "level": level,
                "logger": LOGGER,
                "event": "request",
                "door": record.door,
                "kind": record.kind,
                "outcome": record.outcome,
                "ms": round(seconds * 1000, 2),
                "bytes": record.bytes,
                "request_id": record.request_id,
            }
            _add_operation(fields, record)
            if record.viewer is not None:
                fields.update(self._viewer(record.viewer))
            lines.append(self._draw(fields))
        self._add(b"".join(lines), len(lines))

    def _viewer(self, viewer: Viewer) -> Mapping[str, object]:
        """Who asks, asks again: their part of the line is kept, and with it them, so that no id is reused."""
        found = self._viewers.get(id(viewer))
        if found is None:
            if len(self._viewers) >= VIEWERS_MOST:
                self._viewers.clear()
            found = self._viewers[id(viewer)] = (viewer, _viewer_fields(viewer))
        return found[1]

    def _tell(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        head = {"timestamp": _instant(time.time()), "level": level, "logger": LOGGER, "event": event}
        self._add(self._draw({**head, **fields}), 1)

    def _add(self, lines: bytes, number: int) -> None:
        if self._waiting + len(lines) > WAITING_BYTES_MOST:
            self._lost += number
            return
        self._lines.append(lines)
        self._waiting += len(lines)
        if self._is_closed and self._writing is None:
            self._write_late()
        elif self._waiting >= BATCH_BYTES and self._writing is None:
            self._flush()
        else:
            self._arm()

    def _write_late(self) -> None:
        """The loop's threads may be gone already."""
        batch, self._lines = b"".join(self._lines), []
        self._waiting -= len(batch)
        with suppress(OSError):
            self._write(batch)

    def _arm(self) -> None:
        if self._timer is None and not self._is_closing:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        self._draw_ended()
        if time.monotonic() - self._told_at >= 1.0:
            self._tell_untold()
        self._flush()
        if self._ended or self._lines or self._untold:
            self._arm()

    def _tell_untold(self) -> None:
        if self._untold:
            untold, self._untold = dict(self._untold), Counter()
            self._tell("info", "requests_refused", {"untold": untold})
        if self._lost:
            lost, self._lost = self._lost, 0
            self._tell("warning", "requests_not_logged", {"lines": lost})
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


def _instant(at: float) -> str:
    """As structlog writes it."""
    whole = int(at)
    return f"{_second(whole)}.{int((at - whole) * 1e6):06}Z"


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _add_operation(fields: dict[str, object], record: Record) -> None:
    """What is not known is not there."""
    if record.name is not None:
        fields["operation"] = record.name
    if record.document_id is not None:
        fields["document"] = record.document_id
    if record.requested is not None:
        fields["cost_requested"] = record.requested
    if record.actual is not None:
        fields["cost"] = record.actual
    _add_end(fields, record)


def _add_end(fields: dict[str, object], record: Record) -> None:
    if not record.is_compiled:
        fields["plain"] = True
    if record.status is not None:
        fields["status"] = record.status
    if record.close is not None:
        fields["close"] = record.close
    if record.items is not None:
        fields["items"] = record.items
    if record.was_stopped:
        fields["stopped"] = True
    if record.trace_id is not None:
        fields["trace_id"] = record.trace_id


def _viewer_fields(viewer: Viewer) -> dict[str, object]:
    fields: dict[str, object] = {
        "organization": str(viewer.organization_id),
        "role": viewer.role.value,
        "by": credential_of(viewer),
    }
    if viewer.credential_id is not None:
        fields["credential"] = str(viewer.credential_id)
    if viewer.user_id is not None:
        fields["user"] = str(viewer.user_id)
    return fields


def _as_json(fields: Mapping[str, object]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _as_text(fields: Mapping[str, object]) -> bytes:
    """As structlog draws its lines for people."""
    said = " ".join([f"{name}={value}" for name, value in fields.items() if name not in HEAD])
    head = f"{fields['timestamp']} [{fields['level']:<9}] {fields['event']:<30} [{LOGGER}] "
    return f"{head}{said}\n".encode()
