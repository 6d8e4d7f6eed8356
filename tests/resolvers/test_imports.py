"""Imports as clients ask for them: a file goes through its door, is brought in, and reports on every line."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from domain import ids
from domain.clock import Clock
from domain.viewers import Role
from fieldgraph.addresses import SYSTEM_ROLE
from fieldgraph.importing import Importer
from fieldgraph.working import Files
from integrations.files import Doors, Grant, Store
from tests.resolvers.companies import START, Companies
from tests.resolvers.mutations.cases import Stage

CREATE = """mutation C($input: CreateUploadInput!) { createUpload(input: $input) {
  upload { id state bytes expiresAt } url method headers { name value } userErrors { path code } } }"""
IMPORT = """mutation I($input: ImportRowsInput!) { importRows(input: $input) {
  import { id state dryRun rowsTotal } userErrors { path code } } }"""
REPORT = """query R($id: ID!, $where: ImportLineWhere) { import(id: $id) {
  state rowsTotal rowsStaged rowsDone created updated unchanged failed upload { name state }
  lines(where: $where) { nodes { number outcome userErrors { column code message }
    entity { __typename ... on Customer { number externalIds { key } } } } totalCount } } }"""
PROGRESS = """subscription P($import: ID!) { importProgress(import: $import) { __typename
  ... on ImportSnapshot { rowsDone } ... on ImportProgressed { rowsStaged rowsDone }
  ... on ImportEnded { rowsTotal rowsDone failed import { state } } } }"""
CONTENT = b"system,key,number,name,tier\nerp,1,K-1,Harbour,KEY\nerp,2,K-2,,\nerp,3,K-3,Market,GOLD\n"


@pytest.fixture
async def http(company: Companies) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=company.app)
    async with httpx.AsyncClient(transport=transport, base_url=company.app.settings.base_url) as client:
        yield client


def store(company: Companies) -> Store:
    return Store(company.app.settings.uploads_folder)


async def announced(company: Companies, content: bytes = CONTENT, **more: Any) -> dict[str, Any]:
    said = {"name": "customers.csv", "contentType": "text/csv", "bytes": len(content), **more}
    viewer = company.viewer(Role.INTEGRATION)
    payload = (await company.data(CREATE, {"input": said}, viewer=viewer))["createUpload"]
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload
    return found


async def asked(company: Companies, **given: Any) -> dict[str, Any]:
    viewer = company.viewer(Role.INTEGRATION)
    payload = (await company.data(IMPORT, {"input": {"kind": "CUSTOMERS", **given}}, viewer=viewer))[
        "importRows"
    ]
    found: dict[str, Any] = payload
    return found


async def brought_in(company: Companies) -> None:
    """What a worker does."""
    app = company.app
    url = str(app.settings.database_url)
    async with asyncpg.create_pool(url, server_settings={"role": SYSTEM_ROLE}, min_size=1) as pool:
        importer = Importer(
            engine=app.services.engine,
            system_pool=pool,
            clock=Clock(business_origin=START.timestamp()),
            store=store(company),
            hub_announce=app.hub.committed,
        )
        assert await importer.turn(asyncio.Event())


async def test_a_file_is_handed_in_brought_in_and_reported_on(
    company: Companies, http: httpx.AsyncClient
) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    upload = await announced(company, sha256=digest)
    assert (upload["method"], upload["headers"]) == ("PUT", [{"name": "content-type", "value": "text/csv"}])
    assert upload["upload"]["state"] == "WAITING"
    early = await asked(company, file=upload["upload"]["id"])
    assert early["userErrors"] == [{"path": ["input", "file"], "code": "INVALID_TRANSITION"}]

    answers = [await http.put(upload["url"], content=CONTENT) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    asking = await asked(company, sha256=digest)
    assert asking["import"] == {
        "id": asking["import"]["id"],
        "state": "QUEUED",
        "dryRun": False,
        "rowsTotal": None,
    }
    viewer = company.viewer(Role.MANAGER)
    async with company.stream(PROGRESS, {"import": asking["import"]["id"]}, viewer=viewer) as stream:
        assert await anext(stream) == {"__typename": "ImportSnapshot", "rowsDone": 0}
        await brought_in(company)
        heard = [item async for item in stream]
    assert heard[-1] == {
        "__typename": "ImportEnded",
        "rowsTotal": 3,
        "rowsDone": 3,
        "failed": 2,
        "import": {"state": "DONE"},
    }
    assert [(one["rowsStaged"], one["rowsDone"]) for one in heard[:-1]] == [(0, 0), (3, 0), (3, 0), (3, 3)]

    await reported(company, asking["import"]["id"])


async def reported(company: Companies, key: str) -> None:
    """What the import of CONTENT says of itself."""
    found = (await company.data(REPORT, {"id": key}))["import"]
    lines = found.pop("lines")
    assert found == {
        "state": "DONE",
        "rowsTotal": 3,
        "rowsStaged": 3,
        "rowsDone": 3,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "failed": 2,
        "upload": {"name": "customers.csv", "state": "STORED"},
    }
    assert lines["nodes"] == [
        {
            "number": 2,
            "outcome": "CREATED",
            "userErrors": [],
            "entity": {"__typename": "Customer", "number": "K-1", "externalIds": [{"key": "1"}]},
        },
        {
            "number": 3,
            "outcome": "FAILED",
            "userErrors": [{"column": "name", "code": "INVALID", "message": "A new one needs it."}],
            "entity": None,
        },
        {
            "number": 4,
            "outcome": "FAILED",
            "userErrors": [
                {
                    "column": "tier",
                    "code": "INVALID",
                    "message": "It is one of STANDARD, PREFERRED, KEY.",
                }
            ],
            "entity": None,
        },
    ]
    some = {"id": key, "where": {"outcome": {"eq": "FAILED"}}}
    assert (await company.data(REPORT, some))["import"]["lines"]["totalCount"] == 2


async def test_a_door_takes_what_was_announced_and_nothing_else(
    company: Companies, http: httpx.AsyncClient
) -> None:
    upload = await announced(company, b"0123456789", sha256=hashlib.sha256(b"0123456789").hexdigest())
    url, key = upload["url"], ids.decode("upl", upload["upload"]["id"])

    async def pieces(*given: bytes) -> AsyncIterator[bytes]:
        for one in given:
            yield one

    longer, shorter = pieces(b"01234", b"56789", b"!"), pieces(b"01234")
    statuses = [
        (await http.put(url, content=b"012345678")).status_code,
        (await http.put(url, content=longer)).status_code,
        (await http.put(url, content=shorter)).status_code,
        (await http.put(url, content=b"abcdefghij")).status_code,
        (await http.put(url[:-3] + "xxx", content=b"0123456789")).status_code,
        (await http.get(url)).status_code,
    ]
    assert statuses == [400, 400, 400, 422, 401, 405]
    folder = company.app.settings.uploads_folder / str(company.first.id)
    assert list(folder.iterdir()) == []
    assert (await http.put(url, content=pieces(b"01234", b"56789"))).status_code == 204
    assert [one.name for one in folder.iterdir()] == [str(key)]
    # A hash that was not announced is that of the first bytes: others come too late.
    other = await announced(company, b"0123456789")
    assert (await http.put(other["url"], content=b"0123456789")).status_code == 204
    assert (await http.put(other["url"], content=b"abcdefghij")).status_code == 409
    with store(company).open(company.first.id, ids.decode("upl", other["upload"]["id"])) as file:
        assert file.read() == b"0123456789"


async def test_a_door_is_closed_in_time_and_is_no_token(company: Companies, http: httpx.AsyncClient) -> None:
    upload = await announced(company, b"x")
    key = ids.decode("upl", upload["upload"]["id"])
    doors = Doors(company.app.settings.signing_secret().encode())
    grant = Grant(company.viewer(Role.INTEGRATION), key, 1)
    now = datetime.now(UTC)
    closed = doors.open(grant, until=(now - timedelta(seconds=1)).timestamp())
    assert (await http.put(f"/uploads/{closed}", content=b"x")).status_code == 401
    token = company.app.identity.issue(company.viewer(Role.ADMIN), lifetime_seconds=60)
    assert (await http.put(f"/uploads/{token}", content=b"x")).status_code == 401
    door = upload["url"].rpartition("/")[2]
    asking = {"authorization": f"Bearer {door}", "content-type": "application/json"}
    answer = await http.post("/graphql", json={"query": "{ viewer { role } }"}, headers=asking)
    assert answer.status_code == 401
    # Another company's upload is none, whoever signed the door.
    theirs = Grant(company.viewer(Role.ADMIN, second=True), key, 1)
    foreign = doors.open(theirs, until=(now + timedelta(minutes=1)).timestamp())
    assert (await http.put(f"/uploads/{foreign}", content=b"x")).status_code == 404


async def test_what_nobody_came_for_goes(company: Companies, http: httpx.AsyncClient, tmp_path: Path) -> None:
    """After a day, unless an import still waits for it; without a trace on the disk."""
    uploads = [await announced(company, b"number\n") for _ in range(3)]
    for upload in uploads[:2]:
        assert (await http.put(upload["url"], content=b"number\n")).status_code == 204
    assert (await asked(company, file=uploads[0]["upload"]["id"]))["userErrors"] == []
    stage = Stage(company, Role.ADMIN)
    await stage.execute("UPDATE upload SET expires_at = clock_timestamp() - interval '1 s'")
    too_late = [{"path": ["input", "file"], "code": "INVALID_TRANSITION"}]
    assert (await asked(company, file=uploads[1]["upload"]["id"]))["userErrors"] == too_late
    assert (await http.put(uploads[2]["url"], content=b"number\n")).status_code == 409
    app = company.app
    clock = Clock(business_origin=START.timestamp())
    await Files(app.services.engine, clock, store(company), app.hub.committed).tidy()

    keys = [ids.decode("upl", upload["upload"]["id"]) for upload in uploads]
    states = [await stage.value("SELECT state FROM upload WHERE id = $1", key) for key in keys]
    assert states == ["STORED", "GONE", "GONE"]
    folder = app.settings.uploads_folder / str(company.first.id)
    assert [one.name for one in folder.iterdir()] == [str(keys[0])]
    assert tmp_path in folder.parents
    late = await asked(company, file=uploads[1]["upload"]["id"])
    assert late["userErrors"] == too_late
    assert (await http.put(uploads[2]["url"], content=b"number\n")).status_code == 409
