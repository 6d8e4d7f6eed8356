"""Contracts: the mutations that keep them and what they grant."""

from collections.abc import Mapping
from typing import Any

from domain import contracts
from domain.contracts import Cover
from domain.errors import Invalid
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key
from resolvers.inputs import stated, told
from schema.contracts import (
    ActivateContractInput,
    AddEntitlementInput,
    CancelContractInput,
    CreateContractInput,
    RemoveEntitlementInput,
    RenewContractInput,
    UpdateContractInput,
    UpdateEntitlementInput,
)

Values = Mapping[str, Any]
CONTRACT = tuple(contracts.CONTRACT)
ENTITLEMENT = tuple(contracts.ENTITLEMENT)
NAMED = {"assets": "ast", "work_types": "wty"}


async def create_contract(work: UnitOfWork, given: CreateContractInput, _context: Context) -> Values:
    contract = await contracts.create(
        work, key("cus", given.customer), stated(given, *CONTRACT), _cover(given)
    )
    return {"contract_id": contract.id}


async def update_contract(work: UnitOfWork, given: UpdateContractInput, _context: Context) -> Values:
    contract = await contracts.update(
        work,
        key("con", given.contract),
        told(given, *CONTRACT),
        _cover(given),
        expected_version=given.expected_version,
    )
    return {"contract_id": contract.id}


async def activate_contract(work: UnitOfWork, given: ActivateContractInput, _context: Context) -> Values:
    contract = await contracts.activate(
        work, key("con", given.contract), expected_version=given.expected_version
    )
    return {"contract_id": contract.id}


async def renew_contract(work: UnitOfWork, given: RenewContractInput, _context: Context) -> Values:
    contract = await contracts.renew(
        work,
        key("con", given.contract),
        ends_on=given.ends_on,
        price=given.price,
        expected_version=given.expected_version,
    )
    return {"contract_id": contract.id}


async def cancel_contract(work: UnitOfWork, given: CancelContractInput, _context: Context) -> Values:
    contract = await contracts.cancel(
        work, key("con", given.contract), reason=given.reason, expected_version=given.expected_version
    )
    return {"contract_id": contract.id}


async def add_entitlement(work: UnitOfWork, given: AddEntitlementInput, _context: Context) -> Values:
    entitlement = await contracts.add_entitlement(
        work, key("con", given.contract), told(given, *ENTITLEMENT), expected_version=given.expected_version
    )
    return {"entitlement_id": entitlement.id, "contract_id": entitlement.contract_id}


async def update_entitlement(work: UnitOfWork, given: UpdateEntitlementInput, _context: Context) -> Values:
    entitlement = await contracts.update_entitlement(
        work,
        key("ent", given.entitlement),
        told(given, *ENTITLEMENT),
        expected_version=given.expected_version,
    )
    return {"entitlement_id": entitlement.id, "contract_id": entitlement.contract_id}


async def remove_entitlement(work: UnitOfWork, given: RemoveEntitlementInput, _context: Context) -> Values:
    contract = await contracts.remove_entitlement(
        work, key("ent", given.entitlement), expected_version=given.expected_version
    )
    return {"contract_id": contract.id, "removed_id": given.entitlement}


def _cover(given: CreateContractInput | UpdateContractInput) -> Cover:
    named = {}
    for field, value in told(given, *NAMED).items():
        if value is None:
            raise Invalid(
                "It may be left out, but not be null.", "assets" if field == "assets" else "workTypes"
            )
        named[field] = [key(NAMED[field], one) for one in value]
    return Cover(**named)
