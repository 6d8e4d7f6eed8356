"""Contracts' verbs of the office: made, changed, put in force, called off; what they grant."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import col, select

from domain import coverage, customers, inputs
from domain.contracts.covers import (
    NOTHING_SAID,
    Cover,
    check_free,
    day_of,
    name_cover,
    named_assets,
    named_kinds,
)
from domain.contracts.rows import Contract, ContractState, Entitlement
from domain.contracts.steps import announce, move
from domain.contracts.terms import LATEST
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.inputs import Check
from domain.unit_of_work import UnitOfWork
from domain.work_orders import WorkOrder

EARLIEST = date(1900, 1, 1)
WALL = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
WEEKDAYS = re.compile(r"1?2?3?4?5?6?7?")
LONGEST_REASON = 500
MOST_MINUTES = 366 * 24 * 60
MOST_WEEKS = 104
"""So long a target of coverage may take; clocks are drawn ahead day by day."""
TARGETS = ("respond_minutes", "arrive_minutes", "resolve_minutes")


def _matching(pattern: re.Pattern[str], sentence: str) -> Check:
    def check(value: Any) -> str:
        if not value or not pattern.fullmatch(value):
            raise ValueError(sentence)
        return str(value)

    return check


def _whole(least: int, most: int, *, optional: bool = False) -> Check:
    def check(value: Any) -> int | None:
        if value is None and optional:
            return None
        if not least <= inputs.given(value) <= most:
            raise ValueError(f"It lies between {least} and {most}.")
        return int(value)

    return check


def _day(value: Any) -> date:
    if not EARLIEST <= inputs.given(value) <= LATEST:
        raise ValueError(f"A day lies between {EARLIEST} and {LATEST}.")
    found: date = value
    return found


CONTRACT: Mapping[str, Check] = {
    "number": inputs.words(60),
    "name": inputs.words(),
    "starts_on": _day,
    "ends_on": _day,
    "price": inputs.price,
    "currency": inputs.currency,
    "auto_renew": inputs.given,
    "renewal_months": _whole(1, 120),
    "notice_days": _whole(0, 365),
}
WALL_TIME = _matching(WALL, "A time of the day is HH:MM, from 00:00 to 23:59.")
ENTITLEMENT: Mapping[str, Check] = {
    "name": inputs.words(),
    **dict.fromkeys(TARGETS, _whole(1, MOST_MINUTES, optional=True)),
    "coverage_opens": WALL_TIME,
    "coverage_closes": WALL_TIME,
    "coverage_weekdays": _matching(WEEKDAYS, "Weekdays are ISO numbers in order, such as 12345."),
    "warn_percent": _whole(1, 99, optional=True),
}
"""What may be said of each, by column; what a contract covers comes beside it."""
TERM = frozenset({"starts_on", "ends_on"})
OVER = frozenset({ContractState.EXPIRED, ContractState.CANCELLED})


async def create(
    work: UnitOfWork, customer_id: UUID, values: Mapping[str, Any], cover: Cover = NOTHING_SAID
) -> Contract:
    """A DRAFT with a customer. Raises NotFound, Invalid, or Conflict for a number that another has."""
    kept = inputs.checked(values, CONTRACT)
    customer = await customers.in_use(work, customer_id, "customer")
    contract = Contract(customer_id=customer.id, **kept)
    _check_term(contract)
    await _unused(work, contract.number)
    work.add(contract)
    await work.session.flush()
    await name_cover(work, contract, cover)
    await work.session.flush()
    announce(work, contract, "ContractCreated")
    return contract


async def update(
    work: UnitOfWork,
    key: UUID,
    values: Mapping[str, Any],
    cover: Cover = NOTHING_SAID,
    *,
    expected_version: int | None = None,
) -> Contract:
    """Changes what is named and differs; the days of the term while it is a DRAFT only.

    Raises as `create`, InvalidTransition where it is over, or Conflict for equipment that another covers.
    """
    contract = await work.get(Contract, key, "contract")
    inputs.check_version(contract, expected_version)
    if contract.state in OVER:
        raise InvalidTransition(f"Contract {contract.number} is {contract.state}.", "contract")
    kept = inputs.checked(values, CONTRACT)
    for column in sorted(TERM & kept.keys()):
        if contract.state != ContractState.DRAFT and kept[column] != getattr(contract, column):
            path = inputs.field_name(column)
            raise Invalid("The term of a contract in force changes by renewContract.", path)
    if kept.get("number", contract.number) != contract.number:
        await _unused(work, kept["number"])
    with work.session.no_autoflush:
        before = inputs.write(contract, kept)
        _check_term(contract)
    before |= await name_cover(work, contract, cover)
    if before:
        flag_modified(contract, "name")  # what it names is part of it, and counted by its version
        await work.session.flush()
        announce(work, contract, "ContractChanged", before)
    return contract


async def activate(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Contract:
    """DRAFT → ACTIVE: it grants what it says, within its term.

    Raises InvalidTransition, also where its term is over, or Conflict for equipment that another covers.
    """
    contract = await work.get(Contract, key, "contract")
    inputs.check_version(contract, expected_version)
    if contract.state == ContractState.DRAFT and contract.ends_on < await day_of(work):
        raise InvalidTransition(f"The term of contract {contract.number} is over.", "contract")
    assets, kinds = await named_assets(work, contract.id), await named_kinds(work, contract.id)
    if contract.state == ContractState.DRAFT:
        await check_free(work, contract, assets=assets, kinds=kinds)
    move(work, contract, ContractState.ACTIVE, "ContractActivated")
    return contract


async def cancel(
    work: UnitOfWork, key: UUID, *, reason: str, expected_version: int | None = None
) -> Contract:
    """DRAFT or ACTIVE → CANCELLED, from now on; clocks that run keep to what was promised."""
    if not 1 <= len(reason.strip()) <= LONGEST_REASON or "\0" in reason:
        raise Invalid(f"A reason is needed, of at most {LONGEST_REASON} characters.", "reason")
    contract = await work.get(Contract, key, "contract")
    inputs.check_version(contract, expected_version)
    work.reason = reason
    move(work, contract, ContractState.CANCELLED, "ContractCancelled")
    contract.reason, contract.cancelled_at = reason, work.at
    return contract


async def add_entitlement(
    work: UnitOfWork, contract_id: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Entitlement:
    """What a contract grants, too. Raises NotFound, InvalidTransition where it is over, or Invalid."""
    contract = await work.get(Contract, contract_id, "contract")
    inputs.check_version(contract, expected_version)
    if contract.state in OVER:
        raise InvalidTransition(f"Contract {contract.number} is {contract.state}.", "contract")
    kept = inputs.checked(values, ENTITLEMENT)
    row = Entitlement(contract_id=contract.id, customer_id=contract.customer_id, **kept)
    _check_targets(row)
    work.add(row)
    await work.session.flush()
    announce(work, contract, "EntitlementAdded", values={"entitlement_id": row.id, "name": row.name})
    return row


async def update_entitlement(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Entitlement:
    """Grants otherwise from now on: clocks that were started keep what was promised. Raises as adding one."""
    contract, row = await _entitlement(work, key, expected_version)
    kept = inputs.checked(values, ENTITLEMENT)
    with work.session.no_autoflush:
        before = inputs.write(row, kept)
        _check_targets(row)
    if before:
        await work.session.flush()
        told = {"entitlement_id": row.id, "name": row.name}
        announce(work, contract, "EntitlementChanged", before, told)
    return row


async def remove_entitlement(work: UnitOfWork, key: UUID, *, expected_version: int | None = None) -> Contract:
    """Grants it no more. Raises Conflict once work was asked for under it: that keeps its promise."""
    contract, row = await _entitlement(work, key, expected_version)
    # A lock that waits for the orders that are just being given it, and lets no more come.
    await work.session.refresh(row, with_for_update=True)
    under = select(WorkOrder.id).where(col(WorkOrder.entitlement_id) == row.id).limit(1)
    if (await work.session.exec(under)).first() is not None:
        raise Conflict("Work was asked for under it: change what it grants instead.", "entitlement")
    told = {"entitlement_id": row.id, "name": row.name}
    await work.session.delete(row)
    await work.session.flush()
    announce(work, contract, "EntitlementRemoved", told)
    return contract


async def _entitlement(
    work: UnitOfWork, key: UUID, expected_version: int | None
) -> tuple[Contract, Entitlement]:
    """An entitlement of a contract that is not over, both held."""
    found = await work.find(Entitlement, key, "entitlement")
    contract = await work.get(Contract, found.contract_id, "entitlement")
    row = await work.get(Entitlement, key, "entitlement")
    inputs.check_version(row, expected_version)
    if contract.state in OVER:
        raise InvalidTransition(f"Contract {contract.number} is {contract.state}.", "entitlement")
    return contract, row


def _check_targets(row: Entitlement) -> None:
    targets = {name: getattr(row, name) for name in TARGETS}
    if not any(targets.values()):
        raise Invalid("A target is needed: to respond, to arrive, or to resolve.", "respondMinutes")
    a_week = coverage.minutes_a_week(row.coverage_opens, row.coverage_closes, row.coverage_weekdays)
    for name, minutes in targets.items():
        if minutes and minutes > a_week * MOST_WEEKS:
            raise Invalid(f"In those hours that takes more than {MOST_WEEKS} weeks.", inputs.field_name(name))


def _check_term(contract: Contract) -> None:
    if contract.ends_on < contract.starts_on:
        raise Invalid("A term does not end before it starts.", "endsOn")


async def _unused(work: UnitOfWork, number: str) -> None:
    if await work.owner(Contract, "number", number) is not None:
        raise Conflict("Another contract has that number.", "number")
