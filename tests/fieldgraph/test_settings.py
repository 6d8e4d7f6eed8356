"""Settings from the environment, and the signing key that an installation keeps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from fieldgraph.settings import CHECKOUT, Settings, kept_secret

OWNER = "postgresql://owner@db/fieldgraph"
APP = "postgresql://fieldgraph_app@db/fieldgraph"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FIELDGRAPH_{name.upper()}", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("APP_DATABASE_URL", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


def test_nothing_set_means_embedded_beside_run_py() -> None:
    settings = Settings()

    assert settings.embedded
    assert settings.data_folder == CHECKOUT / ".fieldgraph"
    assert settings.postgres_folder == CHECKOUT / ".fieldgraph" / "postgres"
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.broker_url is None


def test_the_databases_names_have_no_prefix_and_all_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", OWNER)
    monkeypatch.setenv("APP_DATABASE_URL", APP)
    monkeypatch.setenv("FIELDGRAPH_PORT", "9000")
    monkeypatch.setenv("FIELDGRAPH_PUBLIC_URL", "https://field.example/")
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("FIELDGRAPH_BROKER_URL", "")

    settings = Settings()

    assert not settings.embedded
    assert (settings.database_url, settings.app_database_url) == (OWNER, APP)
    assert settings.port == 9000
    assert settings.base_url == "https://field.example"
    assert settings.broker_url is None


def test_strict_documents_and_registered_ones_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDGRAPH_DOCUMENTS_STRICT", "true")
    assert Settings().documents_strict
    monkeypatch.setenv("FIELDGRAPH_APQ", "true")

    with pytest.raises(ValidationError, match="FIELDGRAPH_APQ must be off"):
        Settings()


def test_what_a_process_hands_on_is_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        database_url=OWNER, data_folder=tmp_path, clock_speed=20, clock_real_origin=1.5, log_json=True
    )

    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    assert Settings() == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIELDGRAPH_PORT", "70000"),
        ("FIELDGRAPH_BROKER_URL", "amqp://somewhere"),
        ("FIELDGRAPH_SIGNING_KEY", "short"),
        ("FIELDGRAPH_CLOCK_SPEED", "0"),
        ("FIELDGRAPH_LOG_LEVEL", "loud"),
        ("APP_DATABASE_URL", APP),
        ("FIELDGRAPH_OIDC_ISSUER", "https://login.example"),
        ("FIELDGRAPH_OIDC_AUDIENCE", "fieldgraph"),
        ("FIELDGRAPH_OIDC_JWKS_URL", "http://login.example/keys"),
        ("FIELDGRAPH_OIDC_ALGORITHMS", "RS256,HS256"),
        ("FIELDGRAPH_OIDC_ALGORITHMS", "none"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        Settings()


def test_a_provider_is_named_whole_and_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDGRAPH_OIDC_ISSUER", "https://login.example/realm")
    monkeypatch.setenv("FIELDGRAPH_OIDC_AUDIENCE", "fieldgraph")
    monkeypatch.setenv("FIELDGRAPH_OIDC_ALGORITHMS", "RS256, ES256")
    settings = Settings()

    assert settings.oidc_algorithms == ("RS256", "ES256")
    assert settings.environment()["FIELDGRAPH_OIDC_ALGORITHMS"] == "RS256,ES256"
    monkeypatch.setenv("FIELDGRAPH_OIDC_ISSUER", "http://login.example")
    with pytest.raises(ValidationError, match="https"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"), [("FIELDGRAPH_HOST", "192.168.1.5"), ("FIELDGRAPH_PUBLIC_URL", "https://demo.example")]
)
def test_the_demos_door_stays_on_its_machine(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("FIELDGRAPH_DEMO_LOGIN", "true")
    assert Settings().demo_login
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match="only the demo"):
        Settings()


def test_the_clock_runs_at_the_chosen_speed_from_the_chosen_instant() -> None:
    clock = Settings(clock_real_origin=1_000.0, clock_business_origin=5_000.0, clock_speed=20.0).clock()

    assert (clock.real_origin, clock.business_origin, clock.speed) == (1_000.0, 5_000.0, 20.0)
    assert clock.now() > datetime(2026, 1, 1, tzinfo=UTC)


def test_the_signing_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "new")

    first = settings.signing_secret()

    assert len(first) >= 43
    assert settings.signing_secret() == first
    assert (tmp_path / "new" / "signing_key").stat().st_mode & 0o777 == 0o600
    assert Settings(data_folder=tmp_path / "other").signing_secret() != first


def test_a_given_signing_key_is_kept_out_of_files_and_prints(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, signing_key="k" * 32)

    assert settings.signing_secret() == "k" * 32
    assert list(tmp_path.iterdir()) == []
    assert "kkkk" not in repr(settings)


def test_processes_that_make_the_key_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: kept_secret(tmp_path / "key"), range(8)))

    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
