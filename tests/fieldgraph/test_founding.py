"""Founding: a company begins with an ADMIN who can let the others in, through the real command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Database, connected
from tests.fieldgraph.running import CHECKOUT, Server, asking, free_port


def run(database: Database, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", "fieldgraph.cli", *arguments],
        cwd=CHECKOUT,
        env=environment(database, folder) | {"NO_COLOR": "1", "COLUMNS": "200", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def environment(database: Database, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database.owner_url,
        "APP_DATABASE_URL": database.app_url,
        "FIELDGRAPH_DATA_FOLDER": str(folder),
    }


def told(result: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """The organization's id and the token."""
    assert result.returncode == 0, result.stderr
    first, second, _ = result.stdout.splitlines()
    return first.removeprefix("organization "), second.removeprefix("token ")


async def test_a_company_is_founded_and_its_admin_lets_others_in(database: Database, tmp_path: Path) -> None:
    said = ("--admin", "Aino Aalto", "--email", "Aino@lifts.example", "--time-zone", "Europe/Helsinki")
    key, token = told(run(database, tmp_path, "found", "Nordic Lifts", *said, "--currency", "SEK"))

    _, rescue = told(run(database, tmp_path, "admit", key, "--admin", "Bo Berg"))

    port = free_port()
    server = Server.serve(port, log=tmp_path / "log", environment=environment(database, tmp_path))
    try:
        await server.ready()
        async with asking(server.graph, token) as aino, asking(server.graph, rescue) as bo:
            viewer = (
                await aino.ask("{ viewer { role organization { id name timeZone } user { name email } } }")
            )["viewer"]
            assert viewer == {
                "role": "ADMIN",
                "organization": {"id": key, "name": "Nordic Lifts", "timeZone": "Europe/Helsinki"},
                "user": {"name": "Aino Aalto", "email": "aino@lifts.example"},
            }
            made = await bo.change(
                "createUser", {"name": "Dora", "role": "DISPATCHER"}, "token user { name }"
            )
            assert (made["user"], made["token"][:4]) == ({"name": "Dora"}, "usr_")
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("found", "Lifts", "--admin", "A", "--time-zone", "Europe/Nowhere"), "time zone"),
        (("found", "Lifts", "--admin", "A", "--currency", "Euro"), "ISO 4217"),
        (("found", " ", "--admin", "A"), "Some text is needed here."),
        (("found", "Lifts", "--admin", "A", "--email", "nobody"), "name@example.com"),
        (("admit", "org1_018f0000-0000-7000-8000-000000000000", "--admin", "A"), "No Organization"),
        (("admit", "nobody", "--admin", "A"), "id"),
    ],
)
async def test_what_is_wrong_founds_nothing(
    database: Database, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(database, tmp_path, *arguments)

    assert result.returncode == 2, json.dumps([result.stdout, result.stderr])
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    async with connected(database.owner_url) as owner:
        assert await owner.fetchval("SELECT count(*) FROM organization") == 0
        assert await owner.fetchval("SELECT count(*) FROM app_user") == 0
