"""The demo put together: a database, two companies on real streets, processes as in production, the day."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import asyncpg

import domain
from fieldgraph.addresses import APP_ROLE, SYSTEM_ROLE
from fieldgraph.demo.access import Door, links_by, write_access
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.remote import RemoteGraph
from fieldgraph.files import write_whole
from fieldgraph.lifelines import PARENT, stop_on_signals
from fieldgraph.postgres import EmbeddedPostgres
from fieldgraph.settings import AUDIENCE, ISSUER, Settings
from integrations.identity import Identity

if TYPE_CHECKING:
    from fieldgraph.demo.stage import Scene

READY_SECONDS = 120.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `run.py demo` was asked for."""

    port: int
    speed: float
    headless: bool
    access: Path | None
    osm: Path | None
    fresh: bool
    time_zone: str = "Europe/Helsinki"


def show(options: Options) -> None:
    """Run the demo until SIGINT or SIGTERM."""
    settings = Settings()
    day = datetime.now(ZoneInfo(options.time_zone)).date()
    city = options.osm.stem if options.osm else "helsinki"
    folder = settings.data_folder / f"demo-{city}-{day.isoformat()}"
    if options.fresh and folder.exists():
        rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _free(options.port)
    # Whoever waits for the file must not take the one of the run before for news.
    _access_file(options, folder).unlink(missing_ok=True)
    with EmbeddedPostgres(folder / "postgres") as server:
        named = settings.model_copy(
            update={
                "database_url": server.url(),
                "app_database_url": server.url(user=APP_ROLE),
                "data_folder": folder,
                "port": options.port,
                "host": "127.0.0.1",
                # Its technicians ask without a pause, and a file takes the lines.
                "log_requests": settings.log_requests
                if "log_requests" in settings.model_fields_set
                else "slow",
                "documents_strict": False,  # the demo's technicians ask by text
                "demo_login": settings.public_url is None,  # else it may be reached from elsewhere
            }
        )
        asyncio.run(Show(options, named, folder).run())


class Show:
    """One run of the demo."""

    def __init__(self, options: Options, settings: Settings, folder: Path) -> None:
        self.options = options
        self.settings = settings
        self.folder = folder
        self.roads_file = folder / "roads.npz"
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    async def run(self) -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        began = time.monotonic()
        with ExitStack() as stack:
            stack.callback(self._end)
            cast = self._cast_before()
            if cast is None:
                cast = await self._set_up()
            await self._serve()
            await self._until_ready(stop)
            self._launch("worker")  # not before: its kernels take the processor from who is waited for
            identity = self._identity()
            access = await self._admit(cast, identity)
            self._tell(access, seconds=time.monotonic() - began)
            watching = asyncio.create_task(self._watch(stop))
            from fieldgraph.demo.stage import play  # noqa: PLC0415  # takes seconds to load: after all is told

            await play(self.settings, self._scene(), cast[0], identity=identity, stop=stop)
            watching.cancel()

    def _cast_before(self) -> tuple[Seeded, ...] | None:
        """Who is who, when this release has migrated and seeded this database to its end."""
        file = self.folder / "cast.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        if kept.get("release") != self._release():
            return None
        return tuple(Seeded.from_json(row) for row in kept["cast"])

    def _release(self) -> list[str]:
        """What a database is migrated to."""
        folder = Path(domain.__path__[0]) / "migrations" / "versions"
        return sorted(file.name for file in folder.glob("*.py"))

    async def _set_up(self) -> tuple[Seeded, ...]:
        """The first start on this folder, or with this release."""
        from fieldgraph.demo.stage import set_up  # noqa: PLC0415  # takes seconds to load
        from fieldgraph.migrations import migrate  # noqa: PLC0415  # loads Alembic

        await migrate(str(self.settings.database_url), self.settings.app_database_url)
        cast = await set_up(self.settings, self._scene())
        rows = [one.to_json() for one in cast]
        write_whole(self.folder / "cast.json", {"release": self._release(), "cast": rows})
        return cast

    def _scene(self) -> "Scene":
        from fieldgraph.demo.stage import Scene  # noqa: PLC0415  # as above

        file = self.folder / "beginning.json"
        if not file.exists():
            write_whole(file, datetime.now(UTC).replace(microsecond=0).isoformat())
        return Scene(
            extract=self.options.osm,
            roads_file=self.roads_file,
            time_zone=self.options.time_zone,
            start=datetime.fromisoformat(json.loads(file.read_text())),
        )

    def _identity(self) -> Identity:
        async def nobody(_digest: bytes) -> None:
            return None

        key = self.settings.signing_secret().encode()
        return Identity(key=key, issuer=ISSUER, audience=AUDIENCE, find_credential=nobody)

    async def _admit(self, cast: tuple[Seeded, ...], identity: Identity) -> dict[str, Any]:
        base_url = self.settings.base_url
        async with RemoteGraph.http_client() as http:
            graph = RemoteGraph(f"{base_url}/graphql", http)
            door = Door(identity=identity, base_url=base_url, link=links_by(graph, identity))
            return await write_access(self._access_file, cast, door=door)

    @property
    def _access_file(self) -> Path:
        return _access_file(self.options, self.folder)

    async def _serve(self) -> None:
        """An API process with our clock and roads, on the database that we have migrated."""
        given = {"roads_file": self.roads_file, "migrates": False}
        self.settings = self.settings.model_copy(update=given | await self._clock())
        self._launch("serve")

    async def _clock(self) -> dict[str, float]:
        """Business time starts now, or where an earlier, faster run has left it: it never goes back."""
        real = time.time()
        connection = await asyncpg.connect(
            str(self.settings.app_database_url), server_settings={"role": SYSTEM_ROLE}
        )
        try:
            last = await connection.fetchval("SELECT extract(epoch FROM max(occurred_at))::float8 FROM event")
        finally:
            await connection.close()
        return {
            "clock_real_origin": real,
            "clock_business_origin": max(real, float(last or 0.0)),
            "clock_speed": self.options.speed,
        }

    def _launch(self, verb: str) -> None:
        environment = os.environ | self.settings.environment() | {PARENT: str(os.getpid())}
        command = [sys.executable, "-m", "fieldgraph.cli", verb]
        log = (self.folder / f"{verb}.log").open("ab")
        with log:
            self.children[verb] = subprocess.Popen(  # noqa: S603  # our own module
                command, env=environment, stdout=log, stderr=log
            )

    async def _until_ready(self, stop: asyncio.Event) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(_answers, f"{self.settings.base_url}/readyz"):
            ended = [child for child in self.children.values() if child.poll() is not None]
            if ended or time.monotonic() > deadline or stop.is_set():
                sys.exit(f"The demo could not start; {self.folder}/serve.log and worker.log say why.")
            await asyncio.sleep(0.05)

    def _tell(self, access: dict[str, Any], *, seconds: float) -> None:
        base = self.settings.base_url
        first = access["organizations"][0]
        token = first["tokens"]["DISPATCHER"]
        tracking = first["tracking"]["url"] if first["tracking"] else "no visit is open"
        curl = f"curl {base}/graphql -H 'Authorization: Bearer {token}'"
        lines = [
            f"Fieldgraph answers at {base}/graphql after {seconds:.1f} s; tokens are in {self._access_file}."
        ]
        if not self.options.headless:
            lines += [
                "",
                f"Sign in as anybody       {base}/login",
                f"The dispatcher's board   {base}/board#token={token}",
                f"A customer's tracking    {tracking}",
                f"Who speaks GraphQL       {curl} \\",
                "                             -H 'Content-Type: application/json' \\",
                """                             -d '{"query": "{ viewer { role } }"}'""",
                "",
                f"Business time runs {self.options.speed:g} times as fast.",
                "Streets © OpenStreetMap contributors.",
                "Ctrl-C ends it; the next start goes on from here, --fresh begins anew.",
            ]
        print("\n".join(lines), flush=True)  # noqa: T201  # what the newcomer came for

    async def _watch(self, stop: asyncio.Event) -> None:
        """A child that ends by itself is started again."""
        while not stop.is_set():
            await asyncio.sleep(1)
            for verb, child in list(self.children.items()):
                if child.poll() is not None and not stop.is_set():
                    self._launch(verb)

    def _end(self) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()


def _access_file(options: Options, folder: Path) -> Path:
    return options.access or folder / "access.json"


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:  # noqa: S310  # our own loopback address
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _free(port: int) -> None:
    """Say it at once, rather than after a minute, when somebody else has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"Port {port} is taken; choose another with --port.")
