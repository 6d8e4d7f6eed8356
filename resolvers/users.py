"""Users: the mutations that let people in, and shut them out."""

from collections.abc import Mapping
from typing import Any

from strawberry import UNSET

from domain import users
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import stated, told
from schema.users import (
    CreateUserInput,
    DeactivateUserInput,
    RenewUserTokenInput,
    RestoreUserInput,
    UpdateUserInput,
)

Values = Mapping[str, Any]
SAID = ("name", "email", "role", "issuer", "subject")
LINKED = {"customer": "cus", "contact": "cnt", "technician": "tec"}


async def create_user(work: UnitOfWork, given: CreateUserInput, context: Context) -> Values:
    services = context.services
    token, digest = services.new_secret("usr_")
    values = {**stated(given, *SAID), **_linked(given)}
    user = await users.create(work, values, digest=digest, real_now=services.real_now())
    return {"user_id": user.id, "token": token}


async def update_user(work: UnitOfWork, given: UpdateUserInput, _context: Context) -> Values:
    values = {**told(given, *SAID), **_linked(given)}
    user = await users.update(work, key("usr", given.user), values, expected_version=given.expected_version)
    return {"user_id": user.id}


async def deactivate_user(work: UnitOfWork, given: DeactivateUserInput, context: Context) -> Values:
    user = await users.deactivate(
        work,
        key("usr", given.user),
        real_now=context.services.real_now(),
        expected_version=given.expected_version,
    )
    return {"user_id": user.id}


async def restore_user(work: UnitOfWork, given: RestoreUserInput, context: Context) -> Values:
    services = context.services
    token, digest = services.new_secret("usr_")
    user = await users.restore(
        work,
        key("usr", given.user),
        digest=digest,
        real_now=services.real_now(),
        expected_version=given.expected_version,
    )
    return {"user_id": user.id, "token": token}


async def renew_user_token(work: UnitOfWork, given: RenewUserTokenInput, context: Context) -> Values:
    services = context.services
    token, digest = services.new_secret("usr_")
    user = await users.renew_token(work, key("usr", given.user), digest=digest, real_now=services.real_now())
    return {"user_id": user.id, "token": token}


def _linked(given: CreateUserInput | UpdateUserInput) -> Values:
    """By column, the ids that were given, null included."""
    asked = {name: getattr(given, name) for name in LINKED}
    return {f"{name}_id": named(LINKED[name], value) for name, value in asked.items() if value is not UNSET}
