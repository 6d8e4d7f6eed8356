"""API keys: the mutations that let machines in, and shut them out."""

from collections.abc import Mapping
from typing import Any

from domain import api_keys
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from schema.api_keys import CreateApiKeyInput, RevokeApiKeyInput

Values = Mapping[str, Any]


async def create_api_key(work: UnitOfWork, given: CreateApiKeyInput, context: Context) -> Values:
    services = context.services
    secret = services.new_secret("key_")
    values = {
        "name": given.name,
        "scopes": given.scopes,
        "role": given.role,
        "technician_id": named("tec", given.technician),
        "expires_at": given.expires_at,
    }
    made = await api_keys.create(work, values, secret=secret, real_now=services.real_now())
    return {"api_key_id": made.id, "token": secret[0]}


async def revoke_api_key(work: UnitOfWork, given: RevokeApiKeyInput, context: Context) -> Values:
    revoked = await api_keys.revoke(work, key("key", given.api_key), real_now=context.services.real_now())
    return {"api_key_id": revoked.id}
