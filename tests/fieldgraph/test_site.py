"""The site: no answer of it, whichever file it is, is framed, sniffed, or runs what is not its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fieldgraph.app import App
from fieldgraph.settings import Settings
from fieldgraph.site import PAGES, SECURITY_HEADERS
from tests.conftest import Database

FILES = sorted(f"/pages/{file.name}" for file in PAGES.iterdir() if file.is_file())


@pytest.fixture
async def http(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    given = {
        "database_url": database.owner_url,
        "app_database_url": database.app_url,
        "data_folder": tmp_path,
    }
    app = App(Settings().model_copy(update=given))
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


def guards(answer: httpx.Response) -> dict[str, str | None]:
    return {name: answer.headers.get(name) for name in SECURITY_HEADERS}


async def test_every_answer_has_the_security_headers(http: httpx.AsyncClient) -> None:
    assert "frame-ancestors 'none'" in SECURITY_HEADERS["content-security-policy"]
    assert len([file for file in FILES if file.endswith(".html")]) == 4
    shown = ["/board", "/console", "/track/trk_x", "/login", *FILES, "/pages/streets.json"]
    for path in (*shown, "/leaflet/leaflet.js", "/leaflet/leaflet.css", "/healthz", "/readyz"):
        answer = await http.get(path)
        assert (answer.status_code, guards(answer)) == (200, SECURITY_HEADERS), path
    for path, status in (
        ("/", 307),
        ("/pages", 307),
        ("/pages/none.html", 404),
        ("/pages/../app.py", 404),
        ("/nowhere", 404),
        ("/schema.graphql", 401),
        ("/login/people", 404),
    ):
        answer = await http.get(path)
        assert (answer.status_code, guards(answer)) == (status, SECURITY_HEADERS), path
    assert (await http.get("/pages/streets.json")).headers["cache-control"] == "max-age=3600"
    assert (await http.get("/schema.graphql")).headers["cache-control"] == "private, no-cache"


async def test_an_answer_says_each_header_once(http: httpx.AsyncClient) -> None:
    for path in ("/login", "/board", "/pages/board.html"):
        answer = await http.get(path)
        assert [len(answer.headers.get_list(name)) for name in SECURITY_HEADERS] == [1, 1, 1], path
