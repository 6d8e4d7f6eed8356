"""Telemetry: each operation a span, each of its statements one below it, sent by OTLP over HTTP.

The only module that knows OpenTelemetry (the extra `otel`); loaded where OTEL_EXPORTER_OTLP_ENDPOINT is set.
The SDK's own variables say the rest: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS.
"""

import os
import threading
import time
from collections.abc import Sequence
from typing import Any, Self

import asyncpg
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.viewers import Viewer
from fieldgraph.transport.records import Parent, Record
from resolvers.notes import CURRENT
from resolvers.reads import Reads

SEND_SECONDS = 2.0
CLOSE_SECONDS = 3.0
"""A collector that is away keeps a process that stops no longer than this and one more attempt."""


def open_traces(url: str) -> "OpenTelemetry":
    """`url` is that of the collector, to which the standard adds the path of traces."""
    return OpenTelemetry(OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=SEND_SECONDS))


class OpenTelemetry:
    """The spans of one process; what the sampler leaves out costs no attribute."""

    def __init__(self, exporter: SpanExporter) -> None:
        named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "fieldgraph"}
        self._exporter = exporter
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("fieldgraph")

    def begin(self, record: Record) -> None:
        """Its span begins where the request did."""
        parent = None if record.parent is None else set_span_in_context(_remote(record.parent))
        elapsed_ns = int((time.perf_counter() - record.started) * 1e9)
        kind = record.kind
        span = self._tracer.start_span(
            # Names must be few: a client's own are an attribute, those of a manifest are ours.
            f"{kind} {record.name}" if record.document_id and record.name else f"GraphQL {kind}",
            parent,
            SpanKind.SERVER,
            start_time=time.time_ns() - elapsed_ns,
        )
        record.span = span
        record.trace_id = f"{span.get_span_context().trace_id:032x}"

    def end(self, record: Record, seconds: float) -> None:
        """`seconds` after it began, whatever the clock has done meanwhile."""
        del seconds
        if record.span is None:
            self.begin(record)
        span = record.span
        if not isinstance(span, Span):
            return
        if span.is_recording():
            span.set_attributes(_attributes(record))
            if record.outcome == "INTERNAL_SERVER_ERROR":
                span.set_status(Status(StatusCode.ERROR))
        span.end()

    def statement(self, kind: str) -> Span | None:
        """Below the operation that this task answers; the caller ends it. None where no trace is kept."""
        note = CURRENT.get()
        span = None if note is None else note.span
        if not isinstance(span, Span) or not span.is_recording():
            return None
        attributes = {"db.system.name": "postgresql", "db.operation.name": kind}
        return self._tracer.start_span(
            kind, set_span_in_context(span), SpanKind.CLIENT, attributes=attributes
        )

    def read_by(self, reads: Reads) -> Reads:
        """The same reads, each told as a span, with the wait for a connection in it."""
        return TracedReads(self, reads)

    def write_by(self, engine: AsyncEngine) -> None:
        """What the verbs ask and write, too: their statements go through SQLAlchemy."""

        def begun(*told: Any) -> None:
            _connection, _cursor, sql, _values, context, _many = told
            if context is not None:
                context.fieldgraph_span = self.statement(sql.split(None, 1)[0].upper()[:16])

        def done(*told: Any) -> None:
            _end(getattr(told[4], "fieldgraph_span", None), None)

        def failed(context: Any) -> None:
            span = getattr(context.execution_context, "fieldgraph_span", None)
            _end(span, context.original_exception)

        event.listen(engine.sync_engine, "before_cursor_execute", begun)
        event.listen(engine.sync_engine, "after_cursor_execute", done)
        event.listen(engine.sync_engine, "handle_error", failed)

    def close(self) -> None:
        """Sends what waits, as far as there is time."""
        late = threading.Timer(CLOSE_SECONDS, self._exporter.shutdown)
        late.daemon = True
        late.start()
        self._provider.shutdown()
        late.cancel()


class _Statement:
    """One statement's span around the code that runs it."""

    __slots__ = ("_span",)

    def __init__(self, span: Span | None) -> None:
        self._span = span

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        _end(self._span, error)


class TracedReads(Reads):
    """Reads whose statements are spans."""

    def __init__(self, traces: OpenTelemetry, reads: Reads) -> None:
        super().__init__(reads.connections)
        self._traces = traces

    async def value(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> bytes | None:
        with _Statement(self._traces.statement("SELECT")):
            return await super().value(sql, parameters, viewer=viewer)

    async def seen(
        self, sql: str, parameters: Sequence[object], *, viewer: Viewer
    ) -> tuple[bytes | None, int, str]:
        with _Statement(self._traces.statement("SELECT")):
            return await super().seen(sql, parameters, viewer=viewer)

    async def rows(self, sql: str, parameters: Sequence[object], *, viewer: Viewer) -> list[asyncpg.Record]:
        with _Statement(self._traces.statement("SELECT")):
            return await super().rows(sql, parameters, viewer=viewer)


def _end(span: Span | None, error: BaseException | None) -> None:
    """Neither statements nor their errors' words are sent: they may hold what a row holds."""
    if span is None:
        return
    if error is not None:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def _remote(parent: Parent) -> NonRecordingSpan:
    flags = TraceFlags(int(parent.flags, 16))
    ids = (int(parent.trace_id, 16), int(parent.span_id, 16))
    return NonRecordingSpan(SpanContext(*ids, is_remote=True, trace_flags=flags))


def _attributes(record: Record) -> dict[str, str | int | bool]:
    """GraphQL's and HTTP's by their semantic conventions, ours by our name; no text, variable or person."""
    said: dict[str, str | int | bool | None] = {
        "graphql.operation.name": record.name,
        "graphql.operation.type": None if record.kind == "unknown" else record.kind,
        "graphql.document.id": record.document_id,
        "http.response.status_code": record.status,
        "error.type": None if record.outcome == "OK" else record.outcome,
        "fieldgraph.door": record.door,
        "fieldgraph.request_id": record.request_id,
        "fieldgraph.cost.requested": record.requested,
        "fieldgraph.cost.actual": record.actual,
        "fieldgraph.compiled": record.is_compiled,
        "fieldgraph.items": record.items,
        "fieldgraph.bytes": record.bytes,
    }
    if record.viewer is not None:
        said["fieldgraph.organization"] = str(record.viewer.organization_id)
        said["fieldgraph.role"] = record.viewer.role.value
    return {name: value for name, value in said.items() if value is not None}
