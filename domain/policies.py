"""Policies: how an organization's days are to be planned: hard work rules, and what its objectives weigh.

Every weight and price is in seconds of travel at a travel weight of 1 (OPTIMIZER.md, Model).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import col, select

from domain import inputs
from domain.customers import Tier
from domain.errors import Conflict, Invalid
from domain.events import Event, Scope
from domain.inputs import Check
from domain.rows import Row, text
from domain.unit_of_work import UnitOfWork
from domain.work_orders import Priority

DEAREST = 10_000_000
"""What a visit may be worth at most: 2,000 of them, late all day, still add up in 64 bits."""
HEAVIEST = 1_000
LONGEST_TOLERANCE = 86_400
LONGEST_OVERTIME = 4 * 3_600
LONGEST_FREEZE_MINUTES = 7 * 24 * 60
LIMITS: Mapping[str, tuple[int, int]] = {
    "travel_weight": (1, HEAVIEST),
    "overtime_weight": (0, HEAVIEST),
    "change_technician_penalty": (0, DEAREST),
    "change_start_penalty": (0, DEAREST),
    "start_tolerance_seconds": (0, LONGEST_TOLERANCE),
    "overtime_limit_seconds": (0, LONGEST_OVERTIME),
    "emergency_penalty": (0, DEAREST),
    "high_penalty": (0, DEAREST),
    "normal_penalty": (0, DEAREST),
    "low_penalty": (0, DEAREST),
    "emergency_lateness_weight": (0, HEAVIEST),
    "high_lateness_weight": (0, HEAVIEST),
    "normal_lateness_weight": (0, HEAVIEST),
    "low_lateness_weight": (0, HEAVIEST),
    "preferred_percent": (100, HEAVIEST),
    "key_percent": (100, HEAVIEST),
}
"""The numbers of a policy with the least and the most that each may be."""


class SchedulingPolicy(Row, table=True):
    """How days are planned. One of an organization is its default: a plan that names none is made by it.

    A visit of a priority is worth its `…_penalty`, times `preferred_percent` or `key_percent` hundredths by
    its customer's tier; each second after its due time costs its `…_lateness_weight`. A route may end
    `overtime_limit_seconds` after the shift, each second of it at `overtime_weight`. By the default policy
    what starts within `freeze_minutes` is dispatched by itself (domain/freezes.py); None: nothing is.
    """

    __table_args__ = (
        *(
            CheckConstraint(f"{name} BETWEEN {least} AND {most}", name=name)
            for name, (least, most) in LIMITS.items()
        ),
        CheckConstraint(f"freeze_minutes BETWEEN 1 AND {LONGEST_FREEZE_MINUTES}", name="freeze_minutes"),
        Index("uq_scheduling_policy_default", "organization_id", unique=True, postgresql_where="is_default"),
        UniqueConstraint("organization_id", "name"),
    )
    name: str = text()
    is_default: bool = False
    travel_weight: int = 1
    overtime_weight: int = 2
    change_technician_penalty: int = 600
    change_start_penalty: int = 0
    start_tolerance_seconds: int = 900
    hold_planned_starts: bool = False
    overtime_limit_seconds: int = 0
    emergency_penalty: int = 400_000
    high_penalty: int = 150_000
    normal_penalty: int = 50_000
    low_penalty: int = 10_000
    emergency_lateness_weight: int = 4
    high_lateness_weight: int = 2
    normal_lateness_weight: int = 1
    low_lateness_weight: int = 1
    preferred_percent: int = 125
    key_percent: int = 150
    freeze_minutes: int | None = None

    def penalty(self, priority: Priority, tier: Tier) -> int:
        """What leaving out a visit costs, its lateness apart."""
        percent = {Tier.STANDARD: 100, Tier.PREFERRED: self.preferred_percent, Tier.KEY: self.key_percent}
        worth: int = getattr(self, f"{priority.lower()}_penalty")
        return worth * percent[tier] // 100

    def lateness_weight(self, priority: Priority) -> int:
        """What a second after the due time costs."""
        weight: int = getattr(self, f"{priority.lower()}_lateness_weight")
        return weight


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        if not least <= inputs.given(value) <= most:
            raise ValueError(f"It lies between {least} and {most}.")
        return int(value)

    return check


POLICY: Mapping[str, Check] = {
    "name": inputs.words(),
    "is_default": inputs.given,
    "hold_planned_starts": inputs.given,
    "freeze_minutes": inputs.unless_null(_whole(1, LONGEST_FREEZE_MINUTES)),
    **{name: _whole(*limits) for name, limits in LIMITS.items()},
}
"""What may be said of a policy, by column."""


async def create(work: UnitOfWork, values: Mapping[str, Any]) -> SchedulingPolicy:
    """A new policy. Raises Invalid, or Conflict for a name that another has."""
    kept = inputs.checked(values, POLICY)
    await _unused(work, kept["name"])
    if kept.get("is_default"):
        await _dethrone(work)
    policy = work.add(SchedulingPolicy(**kept))
    await work.session.flush()
    _announce(work, policy, "SchedulingPolicyCreated", {})
    return policy


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> SchedulingPolicy:
    """Changes what is named and differs; plans that are being solved keep the policy as it was."""
    policy = await work.get(SchedulingPolicy, key, "schedulingPolicy")
    inputs.check_version(policy, expected_version)
    kept = inputs.checked(values, POLICY)
    if kept.get("name", policy.name) != policy.name:
        await _unused(work, kept["name"])
    if policy.is_default and kept.get("is_default") is False:
        raise Invalid("Make another policy the default instead.", "isDefault")
    if kept.get("is_default") and not policy.is_default:
        await _dethrone(work)
    if before := inputs.write(policy, kept):
        await work.session.flush()
        _announce(work, policy, "SchedulingPolicyChanged", before)
    return policy


async def chosen(work: UnitOfWork, key: UUID | None) -> SchedulingPolicy:
    """The named policy, else the organization's default, else what holds where none was ever made."""
    if key is not None:
        return await work.find(SchedulingPolicy, key, "schedulingPolicy")
    return await _default(work) or SchedulingPolicy(name="")


async def _default(work: UnitOfWork) -> SchedulingPolicy | None:
    statement = select(SchedulingPolicy).where(col(SchedulingPolicy.is_default))
    return (await work.session.exec(statement)).one_or_none()


async def _dethrone(work: UnitOfWork) -> None:
    """The default of before is one of many; written at once, since there is only one at any time."""
    statement = select(SchedulingPolicy).where(col(SchedulingPolicy.is_default)).with_for_update()
    before = (await work.session.exec(statement)).one_or_none()
    if before is not None:
        before.is_default = False
        await work.session.flush()
        _announce(work, before, "SchedulingPolicyChanged", {"is_default": True})


async def _unused(work: UnitOfWork, name: str) -> None:
    taken = select(SchedulingPolicy.id).where(col(SchedulingPolicy.name) == name)
    if (await work.session.exec(taken)).first() is not None:
        raise Conflict("Another policy has that name.", "name")


def _announce(work: UnitOfWork, policy: SchedulingPolicy, type: str, before: Mapping[str, Any]) -> None:
    scope = Scope()
    work.emit(
        Event(
            type=type,
            topic="scheduling_policy",
            subject=policy,
            before=before,
            scope_before=scope,
            scope_after=scope,
        )
    )
