"""Admission: the mutations by which an ADMIN says who gets in: users and API keys."""

import strawberry

from domain.scopes import PEOPLE
from domain.viewers import Role
from resolvers import api_keys, users
from schema.api_keys import CreateApiKeyInput, CreateApiKeyPayload, RevokeApiKeyInput, RevokeApiKeyPayload
from schema.users import (
    CreateUserInput,
    CreateUserPayload,
    DeactivateUserInput,
    DeactivateUserPayload,
    RenewUserTokenInput,
    RenewUserTokenPayload,
    RestoreUserInput,
    RestoreUserPayload,
    UpdateUserInput,
    UpdateUserPayload,
)
from schema.verbs import verb

DOORKEEPERS = (Role.ADMIN,)


@strawberry.type
class Admission:
    """Fields of Mutation; a type of its own only in Python."""

    create_user: CreateUserPayload = verb(
        users.create_user,
        CreateUserInput,
        "Let a person in; their token is shown this once.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
    update_user: UpdateUserPayload = verb(
        users.update_user,
        UpdateUserInput,
        "Change a user; with their role or identity, what they have open ends within 2 seconds.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
    deactivate_user: DeactivateUserPayload = verb(
        users.deactivate_user,
        DeactivateUserInput,
        "Shut a user out; what they have open ends within 2 seconds.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
    restore_user: RestoreUserPayload = verb(
        users.restore_user,
        RestoreUserInput,
        "Let a user in again, with a new token; it is shown this once.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
    renew_user_token: RenewUserTokenPayload = verb(
        users.renew_user_token,
        RenewUserTokenInput,
        "Give a user another token, shown this once; what was opened with the old ones ends within 2 s.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
    create_api_key: CreateApiKeyPayload = verb(
        api_keys.create_api_key,
        CreateApiKeyInput,
        "Let a machine in; its secret is shown this once.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
    revoke_api_key: RevokeApiKeyPayload = verb(
        api_keys.revoke_api_key,
        RevokeApiKeyInput,
        "Shut a machine out; what was opened with its key ends within 2 seconds.",
        roles=DOORKEEPERS,
        scope=PEOPLE,
    )
