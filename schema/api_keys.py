"""API keys: what machines get in by, and the secret that is shown once."""

from datetime import datetime

import strawberry

from domain import api_keys
from domain.scopes import SCOPES
from domain.viewers import Role
from schema.entities import Entity
from schema.errors import UserError
from schema.graph import column, listed, node, one, record, sql
from schema.technicians import Technician

SCOPED = (
    f"What it may read and change, of {', '.join(sorted(SCOPES))}. A field of Mutation takes its area's write"
    " scope, every row its area's read scope, which comes with the write scope; a node of any type takes all"
    " of them."
)


@node(api_keys.ApiKey, prefix="key", description="A machine's way in.", order=("name",))
class ApiKey(Entity):
    name: str = column("What it is for.")
    hint: str = column("The last four characters of its secret, which begins with `key_`.")
    role: Role = column("As what it acts: whose rows it sees.")
    scopes: list[str] = column(SCOPED)
    expires_at: datetime | None = column(
        "When it ends by itself (real time); null: not before it is revoked."
    )
    revoked_at: datetime | None = column("When it was revoked (real time).")
    last_used_at: datetime | None = sql(
        "(SELECT u.used_at FROM credential_use u WHERE u.organization_id = {t}.organization_id"
        " AND u.credential_id = {t}.credential_id)",
        "In which hour it was last used (real time); known within two minutes.",
    )
    technician: Technician | None = one("For whom it acts, such as a vehicle's driver.", by="technician_id")


@strawberry.input(description="A new key.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for.")
    scopes: list[str] = strawberry.field(description=SCOPED)
    role: Role | None = strawberry.field(
        default=None,
        description="INTEGRATION (null), MANAGER, DISPATCHER or SALES: as what it acts, within its scopes.",
    )
    technician: strawberry.ID | None = strawberry.field(
        default=None, description="It acts as this TECHNICIAN or SUBCONTRACTOR, within its scopes."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends by itself (real time); null: not before it is revoked."
    )


@strawberry.input(description="A key that shall open nothing any more.")
class RevokeApiKeyInput:
    api_key: strawberry.ID = strawberry.field(description="Which one.")


@record("The new key, and its secret.", api_key_id="uuid", token="text", user_errors="jsonb")  # noqa: S106  # an SQL type
class CreateApiKeyPayload:
    api_key: ApiKey | None = one("The key.", by="api_key_id")
    token: str | None = column("The secret: shown this once, kept only as a digest.")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("The key, revoked.", api_key_id="uuid", user_errors="jsonb")
class RevokeApiKeyPayload:
    api_key: ApiKey | None = one("The key.", by="api_key_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
