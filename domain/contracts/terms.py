"""Contracts' terms: they are prolonged, by hand or by themselves, and run out."""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, and_, bindparam, or_
from sqlalchemy import text as literal
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from domain import inputs
from domain.contracts.covers import check_free, day_of, named_assets, named_kinds
from domain.contracts.rows import Contract, ContractState
from domain.contracts.steps import announce, move
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.unit_of_work import UnitOfWork

DAY = timedelta(days=1)
LATEST = date(2200, 12, 31)
MOST_AT_ONCE = 200
EARLIEST = timedelta(hours=14)
"""So far ahead of UTC the day begins."""
# The first bound is the index's: nobody's notice is longer than a year.
DUE = literal(
    "SELECT DISTINCT organization_id FROM contract WHERE state = 'ACTIVE' AND ends_on <= :day + 365"
    " AND (ends_on < :day OR (auto_renew AND ends_on - notice_days <= :day)) ORDER BY 1"
).bindparams(bindparam("day", type_=Date()))
NUDGE = literal(
    "UPDATE maintenance_plan SET next_due_at = :at WHERE organization_id = :organization"
    " AND contract_id = :contract AND state = 'ACTIVE'"
)
"""Its maintenance is looked at by the worker at once: what it may make depends on the contract's term."""


async def renew(
    work: UnitOfWork,
    key: UUID,
    *,
    ends_on: date | None = None,
    price: Decimal | None = None,
    expected_version: int | None = None,
) -> Contract:
    """The next term of an ACTIVE contract, which keeps its number and all that hangs on it.

    `ends_on` is its last day, where it is not `renewal_months` long; `price` holds from now on. Raises
    NotFound, InvalidTransition, Invalid, or Conflict for equipment that another contract covers then.
    """
    contract = await work.get(Contract, key, "contract")
    inputs.check_version(contract, expected_version)
    if contract.state != ContractState.ACTIVE:
        raise InvalidTransition(f"Contract {contract.number} is {contract.state}.", "contract")
    if ends_on is not None and not contract.ends_on < ends_on <= LATEST:
        raise Invalid(f"The next term ends after {contract.ends_on}.", "endsOn")
    end = ends_on or next_end(contract)
    if end > LATEST:
        raise Invalid(f"A term ends on {LATEST} at the latest.", "endsOn")
    values: dict[str, Any] = {"ends_on": end}
    if price is not None:
        values |= inputs.checked({"price": price}, {"price": inputs.price})
    await _prolong(work, contract, values)
    return contract


async def turn(work: UnitOfWork, key: UUID) -> None:
    """What the day makes of a contract: it renews itself, or its term is over. Again it changes nothing."""
    contract = await work.get(Contract, key)
    day = await day_of(work)
    if contract.state != ContractState.ACTIVE:
        return
    while contract.auto_renew and contract.ends_on - contract.notice_days * DAY <= day:
        work.reason = "It renews itself."
        try:
            await _prolong(work, contract, {"ends_on": next_end(contract)})
        except Conflict as clash:
            work.reason = clash.message
            contract.auto_renew = False
            announce(work, contract, "ContractRenewalRefused", {"auto_renew": True})
    if contract.ends_on < day:
        work.reason = "Its term is over."
        move(work, contract, ContractState.EXPIRED, "ContractExpired")


async def due(connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
    """The organizations whose contracts may have to be turned: the day begins somewhere on Earth first.

    Asked as fieldgraph_system for the rest of the transaction, who may read no more of a contract than this.
    """
    await connection.execute(literal("SET LOCAL ROLE fieldgraph_system"))
    return (await connection.execute(DUE, {"day": (at + EARLIEST).date()})).scalars().all()


async def turning(work: UnitOfWork) -> Sequence[UUID]:
    """The contracts that the day makes something of."""
    day = await day_of(work)
    statement = (
        select(Contract.id)
        .where(
            col(Contract.state) == ContractState.ACTIVE,
            or_(
                col(Contract.ends_on) < day,
                and_(
                    col(Contract.auto_renew),
                    literal("ends_on - notice_days <= :day").bindparams(day=day),
                ),
            ),
        )
        .order_by(col(Contract.ends_on), col(Contract.id))
    )
    return (await work.session.exec(statement.limit(MOST_AT_ONCE))).all()


def next_end(contract: Contract) -> date:
    """The last day of the term after this one: so many months after this one's, by the calendar."""
    first = contract.ends_on + DAY
    months = first.year * 12 + first.month - 1 + contract.renewal_months
    year, month = divmod(months, 12)
    day = min(first.day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, day) - DAY


async def _prolong(work: UnitOfWork, contract: Contract, values: dict[str, Any]) -> None:
    first = contract.ends_on + DAY
    assets, kinds = await named_assets(work, contract.id), await named_kinds(work, contract.id)
    await check_free(work, contract, assets=assets, kinds=kinds, until=values["ends_on"])
    before = inputs.write(contract, values)
    announce(work, contract, "ContractRenewed", before, {"starts_on": first, "ends_on": contract.ends_on})
    await work.session.execute(
        NUDGE, {"at": work.at, "organization": work.viewer.organization_id, "contract": contract.id}
    )
