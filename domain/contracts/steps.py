"""Contracts' steps: what their verbs share, from the check of a value to the event."""

from collections.abc import Mapping
from typing import Any

from domain.contracts.rows import TRANSITIONS, Contract, ContractState
from domain.errors import InvalidTransition
from domain.events import Event
from domain.unit_of_work import UnitOfWork

SECRET = frozenset({"price"})
"""Never in the event log, which more may read than what a contract costs."""


def move(work: UnitOfWork, contract: Contract, state: ContractState, event: str) -> None:
    """One legal step. Raises InvalidTransition."""
    if (contract.state, state) not in TRANSITIONS:
        raise InvalidTransition(
            f"Contract {contract.number} cannot go from {contract.state} to {state.value}.", "contract"
        )
    before = {"state": contract.state}
    contract.state = state
    announce(work, contract, event, before)


def announce(
    work: UnitOfWork,
    contract: Contract,
    type: str,
    before: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    scope = contract.scope()
    work.emit(
        Event(
            type=type,
            topic="contract",
            subject=contract,
            before={name: None if name in SECRET else value for name, value in (before or {}).items()},
            values=values or {},
            scope_before=scope,
            scope_after=scope,
        )
    )
