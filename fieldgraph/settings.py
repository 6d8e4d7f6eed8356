"""What an installation may choose, read once from the environment: FIELDGRAPH_…, and DATABASE_URL."""

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.clock import Clock
from integrations.keyrings import ALGORITHMS
from integrations.providers import check_address

ISSUER = AUDIENCE = "fieldgraph"
"""Of the tokens that we sign ourselves."""
CHECKOUT = Path(__file__).parents[1]
METRICS_TOKEN_CHARACTERS = 16
SIGNING_KEY_BYTES = 32  # as long as the digest of HS256, its floor in RFC 7518 §3.2


def _default_data_folder() -> Path:
    """Beside run.py in a checkout; in the current folder when installed as a package."""
    return (CHECKOUT if (CHECKOUT / "run.py").exists() else Path.cwd()) / ".fieldgraph"


def _plain(name: str) -> AliasChoices:
    """An environment name without our prefix, as hosting platforms set it; the field's own name works too."""
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """One installation's choices; every process of it is given the same ones."""

    model_config = SettingsConfigDict(
        env_prefix="FIELDGRAPH_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    database_url: str | None = Field(
        None,
        validation_alias=_plain("DATABASE_URL"),
        description="The owner's address; none: embedded Postgres.",
    )
    app_database_url: str | None = Field(
        None,
        validation_alias=_plain("APP_DATABASE_URL"),
        description="The app's address, a role that owns nothing; derived when embedded.",
    )
    data_folder: Path = Field(
        default_factory=_default_data_folder,
        description="Embedded Postgres, the signing key, uploaded files.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="The port; 0 takes any free one.")
    public_url: str | None = Field(
        None, description="Where customers reach us, for tracking links; none: http://host:port."
    )
    broker_url: str | None = Field(
        None, pattern=r"^rediss?://", description="Redis for wake-ups; none: Postgres carries them."
    )
    signing_key: str | None = Field(
        None, min_length=SIGNING_KEY_BYTES, repr=False, description="Signs tokens; none: made once and kept."
    )
    oidc_issuer: str | None = Field(
        None, description="The identity provider whose tokens let users in; none: only our own tokens do."
    )
    oidc_audience: str | None = Field(None, description="For whom its tokens are, as they say it (`aud`).")
    oidc_jwks_url: str | None = Field(
        None, description="Where its keys are; none: where its discovery document says."
    )
    oidc_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        ALGORITHMS, description="What it may sign with, separated by commas: never HS… or none."
    )
    demo_login: bool = Field(
        False, description="Whether /login lists the demo's people: on this machine, for its own pages only."
    )
    roads_file: Path | None = Field(
        None, description="An OpenStreetMap extract (.osm.pbf); none: the one of the demo."
    )
    migrates: bool = Field(
        True, description="Whether `serve` migrates first; off where whoever starts it has done so."
    )
    clock_real_origin: float = Field(
        0.0, description="Real seconds since 1970 at which the Clock was started."
    )
    clock_business_origin: float = Field(0.0, description="Business seconds since 1970 at that instant.")
    clock_speed: float = Field(1.0, gt=0, description="Business seconds per real second.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level written."
    )
    log_json: bool = Field(False, description="One JSON object a line instead of text for people.")
    log_requests: Literal["all", "slow", "off"] = Field(
        "all", description="Which operations get a line: all, those that were slow or met a bug, or none."
    )
    log_slow_ms: float = Field(
        500.0, ge=0, description="From how many milliseconds on an operation is slow (level warning)."
    )
    metrics_token: str | None = Field(
        None,
        min_length=METRICS_TOKEN_CHARACTERS,
        repr=False,
        description="By which /metrics may be read; none: from this machine only, and not through a proxy.",
    )
    traces_url: str | None = Field(
        None,
        validation_alias=_plain("OTEL_EXPORTER_OTLP_ENDPOINT"),
        pattern=r"^https?://",
        description="Where spans go by OTLP over HTTP (the extra `otel`); none: nobody keeps traces.",
    )
    upload_bytes: int = Field(
        100_000_000, ge=1, le=2_000_000_000, description="The largest file that may be handed in."
    )
    documents_file: Path | None = Field(
        None, description="A manifest of trusted documents (JSON); none: only those of our own pages."
    )
    documents_strict: bool = Field(False, description="Whether only trusted documents are answered.")
    share_answers: bool = Field(
        True,
        description="Whether a query that is asked often is answered by another's run while nothing newer is"
        " committed.",
    )
    apq: bool = Field(
        False, description="Whether clients may register documents by hash (automatic persisted queries)."
    )
    streams_of_user: int = Field(
        500, ge=1, description="Sockets and event streams that one user may have open in a process."
    )
    streams_of_address: int = Field(
        5_000,
        ge=1,
        description="The same from one address; trusted_proxies tells whose it is behind a proxy.",
    )
    trusted_proxies: str | None = Field(
        None,
        description="Addresses or networks, by commas, whose X-Forwarded-For is believed; none: nobody's.",
    )
    rate_points: int = Field(
        50_000,
        ge=0,
        description="The most that a client may ask for at once, in points of cost; 0: no limit.",
    )
    rate_restore: int = Field(2_500, ge=1, description="Points that a client gets back each second.")
    drain_seconds: float = Field(
        8.0, ge=0, le=60, description="What open requests and sockets get on SIGTERM."
    )

    @field_validator("oidc_algorithms", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value

    @field_validator("oidc_algorithms")
    @classmethod
    def _asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(ALGORITHMS):
            raise ValueError(f"Algorithms are of {', '.join(ALGORITHMS)}")
        return value

    @model_validator(mode="after")
    def _demo_stays_here(self) -> Self:
        if self.demo_login and (self.host not in {"127.0.0.1", "::1", "localhost"} or self.public_url):
            raise ValueError("FIELDGRAPH_DEMO_LOGIN lets anybody in: only the demo sets it, for this machine")
        return self

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("FIELDGRAPH_OIDC_ISSUER and FIELDGRAPH_OIDC_AUDIENCE are set together")
        for url in filter(None, (self.oidc_issuer, self.oidc_jwks_url)):
            check_address(url)
        return self

    @model_validator(mode="after")
    def _both_addresses_or_none(self) -> Self:
        if self.app_database_url is not None and self.database_url is None:
            raise ValueError(
                "APP_DATABASE_URL is set but DATABASE_URL is not: migrations need the owner's address"
            )
        return self

    @model_validator(mode="after")
    def _registers_nothing_when_strict(self) -> Self:
        if self.documents_strict and self.apq:
            raise ValueError(
                "FIELDGRAPH_DOCUMENTS_STRICT answers only what is in the manifest: FIELDGRAPH_APQ must be off"
            )
        return self

    @property
    def embedded(self) -> bool:
        return self.database_url is None

    @property
    def postgres_folder(self) -> Path:
        return self.data_folder / "postgres"

    @property
    def uploads_folder(self) -> Path:
        """Shared by all processes of an installation: one takes the file in, another reads it."""
        return self.data_folder / "uploads"

    @property
    def base_url(self) -> str:
        """Without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def clock(self) -> Clock:
        return Clock(self.clock_real_origin, self.clock_business_origin, self.clock_speed)

    def signing_secret(self) -> str:
        """The signing key; made on first need in a file that only we can read, the same for all processes."""
        return self.signing_key or kept_secret(self.data_folder / "signing_key")

    def environment(self) -> dict[str, str]:
        """These choices as environment variables, for processes that we start ourselves."""
        names = {
            "database_url": "DATABASE_URL",
            "app_database_url": "APP_DATABASE_URL",
            "traces_url": "OTEL_EXPORTER_OTLP_ENDPOINT",
        }
        chosen = self.model_dump(mode="json", exclude_none=True)
        return {
            names.get(name, f"FIELDGRAPH_{name.upper()}"): ",".join(value)
            if isinstance(value, list)
            else str(value)
            for name, value in chosen.items()
        }


def kept_secret(file: Path) -> str:
    """The secret in a file, made when absent; two processes that make it at once agree on one."""
    try:
        return file.read_text()
    except FileNotFoundError:
        pass
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as writing:
        writing.write(secrets.token_urlsafe(SIGNING_KEY_BYTES))
        writing.flush()
        os.fsync(descriptor)
    try:
        os.link(draft, file)  # refuses where another process was faster, unlike a rename
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text()
