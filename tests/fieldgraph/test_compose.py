"""compose.yaml starts the promised shape: two of all that can be doubled, migrations once before."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are another package, for one call

from fieldgraph.settings import Settings

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())["services"]
    return services


def test_it_has_postgres_redis_one_migration_two_apis_and_two_workers(
    services: dict[str, dict[str, Any]],
) -> None:
    ours = {
        name: service["command"] for name, service in services.items() if service["image"] == "fieldgraph"
    }

    assert ours == {
        "migrate": ["migrate"],
        "api-1": ["serve"],
        "api-2": ["serve"],
        "worker-1": ["worker"],
        "worker-2": ["worker"],
    }
    assert {name: service["image"] for name, service in services.items() if name not in ours} == {
        "postgres": "postgres:18",
        "redis": "redis:8",
    }


def test_processes_wait_for_the_migration_and_share_one_environment(
    services: dict[str, dict[str, Any]],
) -> None:
    processes = [services[name] for name in ("api-1", "api-2", "worker-1", "worker-2")]

    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for process in processes:
        assert process["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert process["environment"] == services["migrate"]["environment"]
    known = {f"FIELDGRAPH_{name.upper()}" for name in Settings.model_fields} | {
        "DATABASE_URL",
        "APP_DATABASE_URL",
    }
    assert set(services["api-1"]["environment"]) <= known


def test_all_processes_share_the_folder_of_uploads(services: dict[str, dict[str, Any]]) -> None:
    (data_folder,) = re.findall(r"FIELDGRAPH_DATA_FOLDER=(\S+)", (CHECKOUT / "Dockerfile").read_text())
    wanted = Settings(data_folder=data_folder).uploads_folder

    for name in ("api-1", "api-2", "worker-1", "worker-2"):
        assert services[name]["volumes"] == [f"uploads:{wanted}"]


def test_the_image_names_settings_that_exist() -> None:
    named = set(re.findall(r"FIELDGRAPH_(\w+)=", (CHECKOUT / "Dockerfile").read_text()))

    assert {name.lower() for name in named} <= set(Settings.model_fields)
    assert named == {"DATA_FOLDER", "HOST", "LOG_JSON"}


def test_a_container_gets_longer_to_end_than_its_requests(services: dict[str, dict[str, Any]]) -> None:
    seconds = {services[name]["stop_grace_period"] for name in ("api-1", "api-2", "worker-1", "worker-2")}

    assert seconds == {"12s"}
    assert Settings.model_fields["drain_seconds"].default < 12


def test_no_secret_is_written_down(services: dict[str, dict[str, Any]]) -> None:
    secrets = [
        value
        for service in services.values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name or "KEY" in name or "DATABASE_URL" in name
    ]

    assert secrets
    assert all(re.search(r"\$\{\w+:\?", value) for value in secrets)


@pytest.mark.parametrize("verb", ["serve", "worker", "migrate", "import"])
def test_the_commands_exist(verb: str) -> None:
    command = [sys.executable, "-m", "fieldgraph.cli", verb, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own module

    assert done.returncode == 0, done.stderr
