"""Telemetry: spans as a collector receives them, and nothing of it where none is asked for."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.viewers import Role, Viewer
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.app import App
from fieldgraph.settings import Settings
from fieldgraph.telemetry import CLOSE_SECONDS, SEND_SECONDS
from tests.conftest import Database
from tests.domain.world import World

HERE = "http://127.0.0.1:8000"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CUSTOMERS = "query Customers { customers(first: 1) { nodes { name } } }"


class Collector:
    """What one of those that speak OTLP over HTTP has received."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.requests: list[ExportTraceServiceRequest] = []
        self.url = ""

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def take(self, path: str, body: bytes) -> None:
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        self.paths.add(path)
        self.requests.append(request)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """A test is quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = Thread(target=server.serve_forever)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def running(database: Database, folder: Path, **given: object) -> AsyncIterator[App]:
    names = {
        "database_url": database.owner_url,
        "app_database_url": database.app_url,
        "data_folder": folder,
        "log_requests": "off",
    }
    app = App(Settings().model_copy(update={**names, **given}))
    async with app.running():
        yield app


@pytest.fixture
async def viewer(database: Database) -> Viewer:
    engine = create_async_engine(sqlalchemy_url(database.app_url), poolclass=NullPool)
    world = await World.make(engine)
    return Viewer(organization_id=world.organization_id, role=Role.ADMIN, subject="mira")


async def ask(app: App, viewer: Viewer, body: dict[str, object], **headers: str) -> dict[str, Any]:
    token = app.identity.issue(viewer, lifetime_seconds=60)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
        response = await client.post(
            "/graphql", json=body, headers={"authorization": f"Bearer {token}", **headers}
        )
    answered: dict[str, Any] = response.json()
    return answered


def attributes(span: Span) -> dict[str, object]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in span.attributes
    }


async def test_an_operation_is_a_span_below_the_clients_with_its_statement_below_it(
    database: Database, tmp_path: Path, viewer: Viewer
) -> None:
    with collecting() as collector:
        async with running(database, tmp_path, traces_url=collector.url) as app:
            traceparent = f"00-{TRACE}-{SPAN}-01"
            answered = await ask(app, viewer, {"query": CUSTOMERS}, traceparent=traceparent)
            assert "errors" not in answered

    assert collector.paths == {"/v1/traces"}
    statement, operation = sorted(collector.spans, key=lambda span: span.name, reverse=True)
    assert {span.trace_id.hex() for span in (statement, operation)} == {TRACE}
    assert operation.parent_span_id.hex() == SPAN
    assert statement.parent_span_id == operation.span_id
    assert operation.start_time_unix_nano <= statement.start_time_unix_nano
    assert statement.end_time_unix_nano <= operation.end_time_unix_nano
    assert (operation.name, operation.kind) == ("GraphQL query", Span.SPAN_KIND_SERVER)
    assert (statement.name, statement.kind) == ("SELECT", Span.SPAN_KIND_CLIENT)
    assert attributes(statement) == {"db.system.name": "postgresql", "db.operation.name": "SELECT"}
    said = attributes(operation)
    assert said.pop("fieldgraph.request_id")
    assert said.pop("fieldgraph.bytes") == len(httpx.Response(200, json=answered).content)
    cost = answered["extensions"]["cost"]
    assert said == {
        "graphql.operation.name": "Customers",
        "graphql.operation.type": "query",
        "http.response.status_code": 200,
        "fieldgraph.door": "http",
        "fieldgraph.cost.requested": cost["requestedQueryCost"],
        "fieldgraph.cost.actual": cost["actualQueryCost"],
        "fieldgraph.compiled": True,
        "fieldgraph.organization": str(viewer.organization_id),
        "fieldgraph.role": "ADMIN",
    }


async def test_a_mutations_statements_are_below_it(
    database: Database, tmp_path: Path, viewer: Viewer
) -> None:
    text = 'mutation { createCustomer(input: {name: "Secret Oy"}) { customer { name } userErrors { code } } }'
    with collecting() as collector:
        async with running(database, tmp_path, traces_url=collector.url) as app:
            answered = await ask(app, viewer, {"query": text})

    assert answered["data"]["createCustomer"]["userErrors"] == []
    (operation,) = [span for span in collector.spans if span.name == "GraphQL mutation"]
    below = [span for span in collector.spans if span.parent_span_id == operation.span_id]
    assert "INSERT" in {span.name for span in below}
    assert len(below) == len(collector.spans) - 1
    assert "Secret" not in str(collector.requests)


async def test_what_is_refused_is_a_span_with_its_code(
    database: Database, tmp_path: Path, viewer: Viewer
) -> None:
    with collecting() as collector:
        async with running(database, tmp_path, traces_url=collector.url) as app:
            await ask(app, viewer, {"query": "{ nothing }"})

    (span,) = collector.spans
    assert span.name == "GraphQL unknown"
    assert attributes(span)["error.type"] == "GRAPHQL_VALIDATION_FAILED"
    assert span.status.code == 0  # a client's mistake is no fault of the server's
    assert "nothing" not in str(collector.requests)


async def test_a_trace_that_its_client_does_not_keep_is_not_sent(
    database: Database, tmp_path: Path, viewer: Viewer
) -> None:
    with collecting() as collector:
        async with running(database, tmp_path, traces_url=collector.url) as app:
            await ask(app, viewer, {"query": CUSTOMERS}, traceparent=f"00-{TRACE}-{SPAN}-00")

    assert collector.spans == []


async def test_a_collector_that_is_away_holds_up_nobody(
    database: Database, tmp_path: Path, viewer: Viewer
) -> None:
    async with running(database, tmp_path, traces_url="http://127.0.0.1:9") as app:
        answered = await ask(app, viewer, {"query": CUSTOMERS})
        stopping_at = time.monotonic()

    assert answered["data"]["customers"] is not None
    assert time.monotonic() - stopping_at < CLOSE_SECONDS + SEND_SECONDS + 1


PROGRAM = """
import asyncio, sys
from pathlib import Path
sys.modules["opentelemetry"] = None  # as where the extra is not installed
from fieldgraph.app import App
from fieldgraph.settings import Settings

async def run():
    async with App(Settings()).running():
        print(sorted(name for name in sys.modules if name.startswith("opentelemetry.")))

asyncio.run(run())
"""


async def run_without_the_extra(database: Database, folder: Path, **more: str) -> tuple[int, str, str]:
    environment = {
        "DATABASE_URL": database.owner_url,
        "APP_DATABASE_URL": database.app_url,
        "FIELDGRAPH_DATA_FOLDER": str(folder),
        **more,
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def test_a_process_runs_without_the_extra(database: Database, tmp_path: Path) -> None:
    code, said, _ = await run_without_the_extra(database, tmp_path)

    assert (code, said.splitlines()[-1]) == (0, "[]")


async def test_an_endpoint_without_the_extra_is_told_at_the_start(database: Database, tmp_path: Path) -> None:
    code, said, trouble = await run_without_the_extra(
        database, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
    )

    assert (code, said) == (1, "")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set: pip install fieldgraph[otel]" in trouble
