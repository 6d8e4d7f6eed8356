"""Contracts' cover: which equipment and work a contract names, and which contract covers a piece of work."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, not_, or_
from sqlalchemy import text as literal
from sqlmodel import col, select

from domain.assets import Asset
from domain.contracts.rows import Contract, ContractAsset, ContractState, ContractWorkType, Entitlement
from domain.coverage import today
from domain.errors import Conflict, Invalid
from domain.organizations import Organization
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkType

MOST = 250
CLASH = literal(
    "SELECT c.number FROM contract_asset a"
    " JOIN contract c ON c.organization_id = a.organization_id AND c.id = a.contract_id"
    " WHERE a.organization_id = :organization AND a.contract_id <> :contract AND a.asset_id = ANY(:assets)"
    " AND a.active AND a.during && daterange(:starts, :ends, '[]')"
    " AND (cardinality(CAST(:kinds AS uuid[])) = 0"
    " OR a.kinds && (SELECT range_agg(uuidrange(k, k, '[]')) FROM unnest(CAST(:kinds AS uuid[])) k))"
    " ORDER BY c.number LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What somebody wants done: for whom, of which type, and on which equipment, where that is known."""

    customer_id: UUID
    work_type_id: UUID
    asset_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What a contract names; of what is None nothing is said, and of what is empty it covers all."""

    assets: Collection[UUID] | None = None
    work_types: Collection[UUID] | None = None


NOTHING_SAID = Cover()


async def covering(work: UnitOfWork, wanted: Work) -> Contract | None:
    """The contract in force that covers some work: the one that names most of it, the newest of such."""
    named, kinds, meets = _conditions(wanted)
    day = await day_of(work)
    statement = (
        select(Contract)
        .where(
            col(Contract.customer_id) == wanted.customer_id,
            col(Contract.state) == ContractState.ACTIVE,
            col(Contract.starts_on) <= day,
            col(Contract.ends_on) >= day,
            meets,
        )
        .order_by(named.desc(), kinds.desc(), col(Contract.starts_on).desc(), col(Contract.id))
    )
    return (await work.session.exec(statement.limit(1))).first()


async def check_in_force(work: UnitOfWork, contract_id: UUID, customer_id: UUID) -> Contract:
    """The contract that somebody names for a customer's work. Raises NotFound or Invalid."""
    contract = await work.find(Contract, contract_id, "contract")
    day = await day_of(work)
    in_force = contract.state == ContractState.ACTIVE and contract.starts_on <= day <= contract.ends_on
    if contract.customer_id != customer_id or not in_force:
        raise Invalid("That contract is not an active one of the site's customer.", "contract")
    return contract


async def check_covers(work: UnitOfWork, contract_id: UUID, wanted: Work) -> Contract:
    """The contract that somebody names for some work. Raises NotFound or Invalid."""
    contract = await check_in_force(work, contract_id, wanted.customer_id)
    _, _, meets = _conditions(wanted)
    found = select(Contract.id).where(col(Contract.id) == contract.id, meets)
    if (await work.session.exec(found)).first() is None:
        raise Invalid(f"Contract {contract.number} does not cover that work or equipment.", "contract")
    return contract


async def granted(work: UnitOfWork, contract: Contract, zone: str) -> Entitlement | None:
    """The entitlement whose targets hold for what is asked for now, at a site in that zone.

    Of several: one whose coverage is open now before one that is closed, then the one that promises the
    soonest arrival, then by name. Nobody removes it until the end.
    """
    statement = (
        select(Entitlement)
        .where(col(Entitlement.contract_id) == contract.id)
        .order_by(col(Entitlement.id))
        .with_for_update(read=True, key_share=True)
    )

    def last(row: Entitlement) -> tuple[bool, float, str, UUID]:
        arrival = math.inf if row.arrive_minutes is None else row.arrive_minutes
        return not row.coverage(zone).is_open(work.at), arrival, row.name, row.id

    return min((await work.session.exec(statement)).all(), key=last, default=None)


async def day_of(work: UnitOfWork) -> date:
    """The day it is, by the organization's clock: contracts begin and end by it."""
    organization = await work.session.get(Organization, work.viewer.organization_id)
    return today(work.at, organization.time_zone if organization else "UTC")


async def name_cover(work: UnitOfWork, contract: Contract, cover: Cover) -> dict[str, list[UUID]]:
    """Sets what a contract names; answers what differs, as it was. Raises NotFound, Invalid or Conflict."""
    if cover == NOTHING_SAID:
        return {}
    assets, kinds = await named_assets(work, contract.id), await named_kinds(work, contract.id)
    wanted = set(assets if cover.assets is None else cover.assets)
    wanted_kinds = set(kinds if cover.work_types is None else cover.work_types)
    for path, keys in (("assets", wanted), ("workTypes", wanted_kinds)):
        if len(keys) > MOST:
            raise Invalid(f"A contract names at most {MOST} of each.", path)
    await _check_named(work, contract, wanted - set(assets), wanted_kinds - set(kinds))
    if contract.state == ContractState.ACTIVE:
        await check_free(work, contract, assets=wanted, kinds=wanted_kinds)
    named: dict[str, Any] = {"contract_id": contract.id, "customer_id": contract.customer_id}
    for key in sorted(wanted - set(assets)):
        work.add(ContractAsset(asset_id=key, **named))
    for key in sorted(wanted_kinds - set(kinds)):
        work.add(ContractWorkType(work_type_id=key, **named))
    gone = [assets[key] for key in set(assets) - wanted]
    for row in (*gone, *(kinds[key] for key in set(kinds) - wanted_kinds)):
        await work.session.delete(row)
    both = (("assets", assets, wanted), ("work_types", kinds, wanted_kinds))
    return {name: sorted(was) for name, was, now in both if set(was) != now}


async def _check_named(work: UnitOfWork, contract: Contract, assets: set[UUID], kinds: set[UUID]) -> None:
    for key in sorted(assets):
        if (await work.find(Asset, key, "assets")).customer_id != contract.customer_id:
            raise Invalid("A contract covers the equipment of its own customer.", "assets")
    for key in sorted(kinds):
        await work.find(WorkType, key, "workTypes")


async def check_free(
    work: UnitOfWork,
    contract: Contract,
    *,
    assets: Iterable[UUID],
    kinds: Iterable[UUID],
    until: date | None = None,
) -> None:
    """That no other active contract covers the same equipment, kind of work and time. Raises Conflict."""
    await work.session.flush()
    values = {
        "organization": work.viewer.organization_id,
        "contract": contract.id,
        "assets": sorted(assets),
        "kinds": sorted(kinds),
        "starts": contract.starts_on,
        "ends": until or contract.ends_on,
    }
    if number := (await work.session.execute(CLASH, values)).scalar():
        raise Conflict(f"Contract {number} covers some of its equipment in that time.", "contract")


async def named_assets(work: UnitOfWork, contract_id: UUID) -> dict[UUID, ContractAsset]:
    statement = select(ContractAsset).where(col(ContractAsset.contract_id) == contract_id)
    return {row.asset_id: row for row in (await work.session.exec(statement)).all()}


async def named_kinds(work: UnitOfWork, contract_id: UUID) -> dict[UUID, ContractWorkType]:
    statement = select(ContractWorkType).where(col(ContractWorkType.contract_id) == contract_id)
    return {row.work_type_id: row for row in (await work.session.exec(statement)).all()}


def _conditions(wanted: Work) -> tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]:
    """Whether a contract names the equipment, whether it names the type, whether it covers both."""
    assets = and_(
        col(ContractAsset.organization_id) == Contract.organization_id,
        col(ContractAsset.contract_id) == Contract.id,
    )
    types = and_(
        col(ContractWorkType.organization_id) == Contract.organization_id,
        col(ContractWorkType.contract_id) == Contract.id,
    )
    named = exists().where(assets, col(ContractAsset.asset_id) == wanted.asset_id)
    kinds = exists().where(types, col(ContractWorkType.work_type_id) == wanted.work_type_id)
    meets = and_(or_(named, not_(exists().where(assets))), or_(kinds, not_(exists().where(types))))
    return named, kinds, meets
