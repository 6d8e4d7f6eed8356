# house: init_is_empty: the capability keeps the import path it had as one module, and is imported whole
"""Contracts: agreements with a term and a price, what they cover and grant, and the verbs that keep them."""

from domain.contracts.covers import Cover, Work, check_covers, check_in_force, covering, day_of, granted
from domain.contracts.rows import (
    TRANSITIONS,
    Contract,
    ContractAsset,
    ContractState,
    ContractWorkType,
    Entitlement,
)
from domain.contracts.terms import due, next_end, renew, turn, turning
from domain.contracts.verbs import (
    CONTRACT,
    ENTITLEMENT,
    activate,
    add_entitlement,
    cancel,
    create,
    remove_entitlement,
    update,
    update_entitlement,
)

__all__ = [
    "CONTRACT",
    "ENTITLEMENT",
    "TRANSITIONS",
    "Contract",
    "ContractAsset",
    "ContractState",
    "ContractWorkType",
    "Cover",
    "Entitlement",
    "Work",
    "activate",
    "add_entitlement",
    "cancel",
    "check_covers",
    "check_in_force",
    "covering",
    "create",
    "day_of",
    "due",
    "granted",
    "next_end",
    "remove_entitlement",
    "renew",
    "turn",
    "turning",
    "update",
    "update_entitlement",
]
