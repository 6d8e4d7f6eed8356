"""Line-up: the servers that are compared, each started with what it needs and asked in its own words."""

import json
import os
import pickle
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from domain.unit_of_work import settings_of
from domain.viewers import Viewer
from fieldgraph.addresses import APP_ROLE
from fieldgraph.app import App
from fieldgraph.cluster import DATABASE
from fieldgraph.settings import AUDIENCE, CHECKOUT, ISSUER, Settings
from integrations.identity import Identity
from resolvers.context import Context
from resolvers.documents import DocumentRef
from resolvers.questions import bindings_of
from resolvers.reads import SERVER_SETTINGS
from tests.benchmarks.measure import Request, Server, started
from tests.benchmarks.node import Unreachable, install
from tests.benchmarks.queries import OURS, POSTGRAPHILE, USUAL, VIEWERS, Asked, asked
from tests.benchmarks.world import ORGANIZATION, World

LIFETIME_SECONDS = 6 * 3600
NODE_SERVERS = {"postgraphile": POSTGRAPHILE, "mercurius": USUAL}
SERVERS = Path(__file__).parent / "servers"


@dataclass(frozen=True)
class Installation:
    """What the servers share."""

    owner_url: str
    app_url: str
    folder: Path
    world: World
    reads: "Reads"
    server_core: int

    def start(
        self, stack: ExitStack, name: str, command: Sequence[str], *, port: int, **environment: str
    ) -> Server:
        process = stack.enter_context(
            started(
                command,
                port,
                core=self.server_core,
                environment={"FIELDGRAPH_PARENT": str(os.getpid()), **environment},
                log=self.folder / f"{name}.log",
            )
        )
        return Server(name, process, port)


@dataclass(frozen=True)
class Reads:
    """The compiled statements of the four reads, and the key by which tokens are signed."""

    signing_key: str
    compiled: dict[str, dict[str, Any]]


async def compile_reads(owner_url: str, app_url: str, folder: Path, *, world: World) -> Reads:
    """The SQL that our own server would run, taken from its executor."""
    signing_key = secrets.token_urlsafe(32)
    settings = Settings().model_copy(
        update={
            "database_url": owner_url,
            "app_database_url": app_url,
            "data_folder": folder / "data",
            "signing_key": signing_key,
        }
    )
    app, compiled = App(settings), {}
    async with app.running():
        executor = app.executor
        for name, text in OURS.items():
            read = asked(name, world)
            operation = await executor.prepare(DocumentRef(text), None, viewer=read.viewer)
            variables = operation.variables.coerce(read.ours)
            statement = executor._compiled(operation, variables, read.viewer)
            bindings = bindings_of(Context(read.viewer, app.services), variables)
            parameters = [_open(one, read) for one in statement.parameters(bindings)]
            compiled[name] = {"sql": statement.sql, "parameters": parameters, "viewer": name}
    return Reads(signing_key, compiled)


def _open(value: object, read: Asked) -> object:
    """The row asked for is the request's to say; all else, such as the viewer, is the server's."""
    is_key = (
        isinstance(value, UUID) and str(value) == read.plain.get("id") and value != read.viewer.customer_id
    )
    return "id" if is_key else value


def line_up(stack: ExitStack, installation: Installation, names: Sequence[str] | None) -> list[Server]:
    """Those servers that can be had here, ours first."""
    makers: dict[str, Callable[[ExitStack, Installation], Server]] = {
        "fieldgraph": _fieldgraph,
        "floor": _floor,
        "usual": _usual,
    }
    servers = []
    for name, make in makers.items():
        if names is not None and name not in names:
            continue
        servers.append(make(stack, installation))
        if name == "fieldgraph":
            servers.append(_fifty(servers[0], installation))
            servers.append(_static(stack, installation, servers[0]))
    wanted = [name for name in NODE_SERVERS if names is None or name in names]
    return [*servers, *(_on_node(stack, installation, wanted) if wanted else ())]


def _on_node(stack: ExitStack, installation: Installation, names: Sequence[str]) -> Iterator[Server]:
    """None, and a line that says so, where a registry cannot be reached."""
    try:
        node, packages = install(installation.folder / "node")
    except Unreachable as reason:
        sys.stderr.write(f"without {' and '.join(names)}: {reason}\n")
        return
    host = parse_qs(urlsplit(installation.app_url).query)["host"][0]
    viewers = {name: asked(name, installation.world) for name in OURS}
    plan = {
        "connection": {"host": host, "user": APP_ROLE, "database": DATABASE},
        "organization": str(ORGANIZATION),
        "viewers": {name: _settings(read.viewer) for name, read in viewers.items()},
    }
    file = installation.folder / "node.json"
    file.write_text(json.dumps(plan))
    for name in names:
        port, texts = free_port(), NODE_SERVERS[name]
        script = packages / f"{name}.mjs"
        script.write_bytes((SERVERS / f"{name}.mjs").read_bytes())
        command = [str(node), str(script), str(file), str(port)]
        server = installation.start(stack, name, command, port=port, NODE_ENV="production")
        given = {"organization": str(ORGANIZATION)} if name == "postgraphile" else {}
        requests = {
            key: [Request(_body(texts[key], key, {**given, **read.plain}), key)]
            for key, read in viewers.items()
        }
        yield Server(name, server.process, port, requests)


def _fieldgraph(stack: ExitStack, installation: Installation) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "fieldgraph.cli", "serve", "--port", str(port)]
    server = installation.start(
        stack,
        "fieldgraph",
        command,
        port=port,
        DATABASE_URL=installation.owner_url,
        APP_DATABASE_URL=installation.app_url,
        FIELDGRAPH_SIGNING_KEY=installation.reads.signing_key,
        FIELDGRAPH_DATA_FOLDER=str(installation.folder / "data"),
        FIELDGRAPH_MIGRATES="false",
        FIELDGRAPH_SHARE_ANSWERS="false",  # it is the reads that are compared
        FIELDGRAPH_RATE_POINTS="1000000000",  # counted as ever, and never refused
        FIELDGRAPH_RATE_RESTORE="1000000000",
    )
    return Server("fieldgraph", server.process, port, _ours(installation, viewers=1))


def _fifty(server: Server, installation: Installation) -> Server:
    """The same process, asked by another viewer each time."""
    return Server("fieldgraph_fifty", server.process, server.port, _ours(installation, viewers=VIEWERS))


def _static(stack: ExitStack, installation: Installation, ours: Server) -> Server:
    """Knows one answer by heart: what our server says to the point read."""
    file = installation.folder / "static.json"
    answer = json.dumps({"data": ours.answer("point")}, separators=(",", ":"), ensure_ascii=False)
    file.write_text(answer)
    port = free_port()
    command = [sys.executable, str(SERVERS / "static.py"), str(file), str(port)]
    server = installation.start(stack, "static", command, port=port)
    return Server("static", server.process, port, {"point": ours.requests["point"]})


def _ours(installation: Installation, *, viewers: int) -> dict[str, list[Request]]:
    identity = Identity(
        key=installation.reads.signing_key.encode(),
        issuer=ISSUER,
        audience=AUDIENCE,
        find_credential=_nobody,
    )
    found: dict[str, list[Request]] = {}
    for name, text in OURS.items():
        reads = [asked(name, installation.world, n) for n in range(viewers)]
        found[name] = [
            Request(
                _body(text, name, read.ours),
                f"Bearer {identity.issue(read.viewer, lifetime_seconds=LIFETIME_SECONDS)}",
            )
            for read in reads
        ]
    return found


async def _nobody(_digest: bytes) -> Viewer | None:
    return None


def _floor(stack: ExitStack, installation: Installation) -> Server:
    viewers = {name: asked(name, installation.world) for name in OURS}
    plan = {
        "url": installation.app_url,
        "reading": SERVER_SETTINGS,
        "reads": {"Bearer floor": installation.reads.compiled},
        "viewers": {name: _settings(read.viewer) for name, read in viewers.items()},
    }
    file = installation.folder / "floor.plan"
    file.write_bytes(pickle.dumps(plan))
    port = free_port()
    command = [sys.executable, str(SERVERS / "floor.py"), str(file), str(port)]
    server = installation.start(stack, "floor", command, port=port)
    requests = {
        name: [Request(_body(OURS[name], name, read.plain), "Bearer floor")] for name, read in viewers.items()
    }
    return Server("floor", server.process, port, requests)


def _usual(stack: ExitStack, installation: Installation) -> Server:
    port = free_port()
    viewers = {name: asked(name, installation.world) for name in OURS}
    file = installation.folder / "usual.json"
    settings = {name: _settings(read.viewer) for name, read in viewers.items()}
    file.write_text(json.dumps({"url": installation.app_url, "viewers": settings}))
    command = [sys.executable, "-m", "tests.benchmarks.servers.usual", str(file), str(port)]
    server = installation.start(stack, "usual", command, port=port, PYTHONPATH=str(CHECKOUT))
    requests = {name: [Request(_body(USUAL[name], name, read.plain), name)] for name, read in viewers.items()}
    return Server("usual", server.process, port, requests)


def _settings(viewer: Viewer) -> dict[str, str]:
    return {f"app.{name}": value for name, value in settings_of(viewer).items()}


def _body(text: str, name: str, variables: dict[str, str]) -> bytes:
    return json.dumps({"query": text, "operationName": name, "variables": variables}).encode()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
