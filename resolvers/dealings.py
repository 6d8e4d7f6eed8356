"""Dealings: the mutations that keep what is agreed with customers: contracts and what they grant."""

import strawberry

from domain.viewers import Role
from resolvers import contracts
from resolvers.duties import APPROVERS
from schema.contracts import (
    ActivateContractInput,
    ActivateContractPayload,
    AddEntitlementInput,
    AddEntitlementPayload,
    CancelContractInput,
    CancelContractPayload,
    CreateContractInput,
    CreateContractPayload,
    RemoveEntitlementInput,
    RemoveEntitlementPayload,
    RenewContractInput,
    RenewContractPayload,
    UpdateContractInput,
    UpdateContractPayload,
    UpdateEntitlementInput,
    UpdateEntitlementPayload,
)
from schema.verbs import verb

DEALERS = (*APPROVERS, Role.INTEGRATION)
"""Who may see prices and change what is kept."""


@strawberry.type
class Dealings:
    """Fields of Mutation; a type of its own only in Python."""

    create_contract: CreateContractPayload = verb(
        contracts.create_contract,
        CreateContractInput,
        "Write a contract: a DRAFT, which grants nothing yet.",
        roles=DEALERS,
        scope="contracts:write",
    )
    update_contract: UpdateContractPayload = verb(
        contracts.update_contract,
        UpdateContractInput,
        "Change a contract that is not over; CONFLICT where another covers the same equipment and work then.",
        roles=DEALERS,
        scope="contracts:write",
    )
    activate_contract: ActivateContractPayload = verb(
        contracts.activate_contract,
        ActivateContractInput,
        "DRAFT → ACTIVE; CONFLICT where another covers the same equipment and work in that time.",
        roles=DEALERS,
        scope="contracts:write",
    )
    renew_contract: RenewContractPayload = verb(
        contracts.renew_contract,
        RenewContractInput,
        "The next term of an ACTIVE contract: it keeps its number and all that hangs on it.",
        roles=DEALERS,
        scope="contracts:write",
    )
    cancel_contract: CancelContractPayload = verb(
        contracts.cancel_contract,
        CancelContractInput,
        "End a contract now; clocks that run keep to what was promised.",
        roles=DEALERS,
        scope="contracts:write",
    )
    add_entitlement: AddEntitlementPayload = verb(
        contracts.add_entitlement,
        AddEntitlementInput,
        "Let a contract grant targets, and the hours in which they count. Of several, a work order gets one"
        " whose coverage is open when it is taken in, of such the one with the soonest arrival, then by"
        " name.",
        roles=DEALERS,
        scope="contracts:write",
    )
    update_entitlement: UpdateEntitlementPayload = verb(
        contracts.update_entitlement,
        UpdateEntitlementInput,
        "Let a contract that is not over grant otherwise; clocks that were started keep their promise.",
        roles=DEALERS,
        scope="contracts:write",
    )
    remove_entitlement: RemoveEntitlementPayload = verb(
        contracts.remove_entitlement,
        RemoveEntitlementInput,
        "Take back what a contract grants; CONFLICT once work was asked for under it.",
        roles=DEALERS,
        scope="contracts:write",
    )
