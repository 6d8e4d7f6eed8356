"""The demo's door: who is on this machine is let in as one of its people, by its own page only."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.users import User
from domain.viewers import Role
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.app import App
from fieldgraph.settings import Settings
from tests.conftest import Database
from tests.domain.world import World

HERE = "http://127.0.0.1:8000"
GOOD = {"origin": HERE, "content-type": "application/json"}


def installation(database: Database, folder: Path, *, demo: bool, trusted_proxies: str | None = None) -> App:
    given = {
        "database_url": database.owner_url,
        "app_database_url": database.app_url,
        "data_folder": folder,
        "demo_login": demo,
        "trusted_proxies": trusted_proxies,
    }
    return App(Settings().model_copy(update=given))


def client(app: App, *, address: str = "127.0.0.1", base: str = HERE) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url=base)


@pytest.fixture
async def mira(database: Database) -> User:
    engine = create_async_engine(sqlalchemy_url(database.app_url), poolclass=NullPool)
    world = await World.make(engine)
    user = User(name="Mira", handle="user:mira", role=Role.DISPATCHER)
    await world.keep(user, User(name="Gone", handle="user:gone", role=Role.ADMIN, is_active=False))
    return user


@pytest.fixture
async def app(database: Database, tmp_path: Path, mira: User) -> AsyncIterator[App]:
    del mira
    opened = installation(database, tmp_path, demo=True)
    async with opened.running():
        yield opened


def asked(user: User) -> dict[str, str]:
    return {"organization": str(user.organization_id), "user": str(user.id)}


async def test_the_demos_people_are_listed_and_let_in(app: App, mira: User) -> None:
    async with client(app) as near:
        near.headers["sec-fetch-site"] = "same-origin"
        page = await near.get("/login")
        listed = (await near.get("/login/people")).json()
        let_in = await near.post("/login", json=asked(mira), headers=GOOD)

    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    person = {**asked(mira), "name": "Mira", "role": "DISPATCHER"}
    assert listed == {"companies": [{"name": "North", "people": [person]}]}
    assert let_in.headers["cache-control"] == "no-store"
    viewer = await app.identity.viewer(let_in.json()["token"])
    assert (viewer.role, viewer.user_id) == (Role.DISPATCHER, mira.id)


@pytest.mark.parametrize(
    ("where", "headers"),
    [
        ({"address": "192.168.1.5"}, {}),
        ({"base": "http://demo.example:8000"}, {}),
        ({"base": "http://127.0.0.1.demo.example:8000"}, {}),
        ({}, {"x-forwarded-for": "10.0.0.1"}),
        ({}, {"forwarded": "for=10.0.0.1"}),
        ({}, {"x-forwarded-proto": "https"}),
        ({}, {"x-forwarded-for": ""}),
        ({}, {"x-real-ip": "127.0.0.1"}),
        ({}, {"via": "1.1 proxy"}),
        ({}, {"sec-fetch-site": "cross-site"}),
        ({}, {"sec-fetch-site": "same-site"}),
        ({}, {"sec-fetch-site": "none"}),
    ],
    ids=str,
)
async def test_from_elsewhere_there_is_no_such_door(
    app: App, mira: User, where: dict[str, Any], headers: Mapping[str, str]
) -> None:
    base = where.get("base", HERE)
    async with client(app, **where) as far:
        assert (await far.get("/login/people", headers=headers)).status_code == 404
        told = await far.post("/login", json=asked(mira), headers={**GOOD, "origin": base, **headers})
        assert (told.status_code, told.json()) == (404, {})
        assert (await far.get("/login")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {**GOOD, "origin": "http://evil.example"},
        {**GOOD, "origin": "http://127.0.0.1:9999"},
        {**GOOD, "origin": "null"},
        {**GOOD, "content-type": "text/plain"},
        {**GOOD, "content-type": "application/x-www-form-urlencoded"},
    ],
    ids=str,
)
async def test_another_pages_request_is_not_answered(
    app: App, mira: User, headers: Mapping[str, str]
) -> None:
    async with client(app) as near:
        told = await near.post("/login", json=asked(mira), headers=headers)
    assert (told.status_code, told.json()) == (404, {})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"organization": 1, "user": 2}', 400),
        (b'{"organization": "x", "user": "y"}', 400),
        (b"{" * 900, 400),
        (b" " * 2_000, 413),
        (b'{"organization": "%b", "user": "%b"}' % ((b"018f0000-0000-7000-8000-000000000000",) * 2), 404),
    ],
)
async def test_who_is_not_one_of_them_is_not_let_in(app: App, body: bytes, status: int) -> None:
    async with client(app) as near:
        told = await near.post("/login", content=body, headers=GOOD)
    assert (told.status_code, told.json()) == (status, {})


async def test_behind_a_proxy_that_is_known_there_are_no_people(
    database: Database, tmp_path: Path, mira: User
) -> None:
    app = installation(database, tmp_path, demo=True, trusted_proxies="127.0.0.1")
    async with app.running(), client(app) as near:
        assert (await near.get("/login/people")).status_code == 404
        assert (await near.post("/login", json=asked(mira), headers=GOOD)).status_code == 404


async def test_serve_has_the_page_and_no_people(database: Database, tmp_path: Path, mira: User) -> None:
    app = installation(database, tmp_path, demo=False)
    async with app.running(), client(app) as near:
        assert (await near.get("/login")).status_code == 200
        assert (await near.get("/login/people")).status_code == 404
        assert (await near.post("/login", json=asked(mira), headers=GOOD)).status_code == 404
