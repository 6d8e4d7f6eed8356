"""Work orders: the scope of work for a customer, its types, and the states derived from visits and tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy import text as literal
from sqlmodel import Field, col, select

from domain import milestones
from domain.errors import InvalidTransition
from domain.events import Event, Scope
from domain.milestones import Milestone
from domain.rows import Row, between, jsonb, one_of, refers, searched, text, timestamp
from domain.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from domain.visits import Visit


class Priority(StrEnum):
    """How urgent, from EMERGENCY (first) to LOW (last)."""

    EMERGENCY = "EMERGENCY"
    HIGH = "HIGH"
    NORMAL = "NORMAL"
    LOW = "LOW"


class WorkOrderState(StrEnum):
    """Where a work order stands; SCHEDULED, IN_PROGRESS and COMPLETED follow from its visits."""

    NEW = "NEW"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    READY = "READY"
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"
    ON_HOLD = "ON_HOLD"
    CANCELLED = "CANCELLED"


class WorkOrderOutcome(StrEnum):
    """What came of a work order that is CLOSED."""

    SOLVED = "SOLVED"
    UNRESOLVED = "UNRESOLVED"


OPEN = frozenset(WorkOrderState) - {WorkOrderState.CLOSED, WorkOrderState.CANCELLED}
DERIVED = (
    WorkOrderState.READY,
    WorkOrderState.SCHEDULED,
    WorkOrderState.IN_PROGRESS,
    WorkOrderState.COMPLETED,
)
TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("NEW", "PENDING_APPROVAL"),
        ("NEW", "READY"),
        ("PENDING_APPROVAL", "READY"),
        ("COMPLETED", "CLOSED"),
        ("READY", "CLOSED"),
        *((start, end) for start in DERIVED for end in DERIVED if start != end),
        *((state, "ON_HOLD") for state in OPEN if state != "ON_HOLD"),
        *(("ON_HOLD", state) for state in OPEN if state != "ON_HOLD"),
        *((state, "CANCELLED") for state in ("NEW", "PENDING_APPROVAL", "READY", "SCHEDULED", "ON_HOLD")),
    }
)


class WorkType(Row, table=True):
    """A template of work: how long, by how many, with which skills and parts, shown by which evidence."""

    __table_args__ = (
        *searched("code", "name"),
        UniqueConstraint("organization_id", "code"),
        one_of("priority", Priority),
        CheckConstraint("duration_seconds > 0", name="duration_seconds"),
        between("crew_size", 1, 20),
        Index(None, "organization_id", "name", "id"),
    )
    code: str = text()
    name: str = text()
    duration_seconds: int
    priority: Priority = text(default=Priority.NORMAL)
    needs_approval: bool = Field(default=False, sa_column_kwargs={"server_default": literal("false")})
    crew_size: int = Field(default=1, sa_column_kwargs={"server_default": literal("1")})
    signature_required: bool = Field(default=False, sa_column_kwargs={"server_default": literal("false")})
    no_access_photo_required: bool = Field(
        default=False, sa_column_kwargs={"server_default": literal("false")}
    )
    archived_at: datetime | None = timestamp(default=None)


class WorkTypeSkill(Row, table=True):
    """A skill that a type of work needs, at least at this level."""

    __table_args__ = (between("level", 1, 5), *refers(work_type_id="work_type", skill_id="skill"))
    work_type_id: UUID
    skill_id: UUID
    level: int = 1


class WorkTypePart(Row, table=True):
    """Pieces of a part that a type of work uses."""

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        *refers(work_type_id="work_type", part_id="part"),
    )
    work_type_id: UUID
    part_id: UUID
    quantity: int = 1


class WorkTypeTask(Row, table=True):
    """A step that work of a type takes; `safety`: it belongs to the checklist before the work begins."""

    __table_args__ = refers(work_type_id="work_type position")
    work_type_id: UUID
    position: int
    name: str = text()
    required: bool = True
    safety: bool = False


class WorkOrder(Row, table=True):
    """The scope of work. `due_at` is the promise of the contract: the technician arrives by then.

    `halts` are the times at which its milestones rested: from, and until (None: still).
    """

    __table_args__ = (
        one_of("state", WorkOrderState),
        one_of("priority", Priority),
        one_of("outcome", WorkOrderOutcome),
        CheckConstraint("(state = 'ON_HOLD') OR state_before_hold IS NULL", name="held"),
        UniqueConstraint("organization_id", "number"),
        Index(None, "organization_id", "created_at", "id"),
        *refers(customer_id="customer created_at", site_id="site", contract_id="contract created_at"),
        *refers(entitlement_id="entitlement", work_type_id="work_type", asset_id="asset created_at"),
        *searched("number", "title", "description"),
    )
    number: str = text()
    title: str = text()
    description: str | None = text(default=None)
    internal_notes: str | None = text(default=None)
    state: WorkOrderState = text(default=WorkOrderState.NEW)
    priority: Priority = text(default=Priority.NORMAL)
    customer_id: UUID
    site_id: UUID
    contract_id: UUID | None = None
    entitlement_id: UUID | None = None
    work_type_id: UUID
    asset_id: UUID | None = None
    due_at: datetime | None = timestamp(default=None)
    outcome: WorkOrderOutcome | None = text(default=None)
    reason: str | None = text(default=None)
    state_before_hold: WorkOrderState | None = text(default=None)
    halts: list[list[str | None]] = jsonb(
        default_factory=list, sa_column_kwargs={"server_default": literal("'[]'")}
    )

    def move_to(self, state: WorkOrderState) -> None:
        if (self.state, state) not in TRANSITIONS:
            raise InvalidTransition(f"Work order {self.number} cannot go from {self.state} to {state}.")
        self.state = state

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,), work_orders=(self.id,))


class WorkTask(Row, table=True):
    """One checkable step of a work order. What is done says when, by whom, and at which visit if at one."""

    __table_args__ = (
        CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done"),
        CheckConstraint(
            "done_at IS NOT NULL OR num_nonnulls(visit_id, technician_id, result, note) = 0", name="open"
        ),
        *refers(work_order_id="work_order position", customer_id="customer"),
        *refers(visit_id="visit", technician_id="technician"),
    )
    work_order_id: UUID
    customer_id: UUID
    position: int
    name: str = text()
    required: bool = True
    safety: bool = False
    done_at: datetime | None = timestamp(default=None)
    done_by: str | None = text(default=None)
    visit_id: UUID | None = None
    technician_id: UUID | None = None
    result: str | None = text(default=None)
    note: str | None = text(default=None)

    def scope(self) -> Scope:
        return Scope(customers=(self.customer_id,), work_orders=(self.work_order_id,))


async def next_number(work: UnitOfWork) -> str:
    """The organization's next work order number, such as WO-000042: gapless, one at a time."""
    statement = literal(
        "UPDATE counter SET value = value + 1, version = version + 1, updated_at = :at"
        " WHERE organization_id = :organization AND series = 'WORK_ORDER' RETURNING value"
    )
    found = await work.session.execute(
        statement, {"organization": work.viewer.organization_id, "at": work.at}
    )
    return f"WO-{found.scalar_one():06d}"


async def settle(
    work: UnitOfWork,
    order: WorkOrder,
    visits: Sequence["Visit"],
    clocks: Sequence[Milestone] | None = None,
) -> None:
    """The state that follows from visits and tasks; says so when it changes. `clocks`: its own, if at hand.

    To be called where every row of the organization is seen, or with its clocks.
    """
    state = await state_of(work, order, visits)
    if state == order.state or order.state not in DERIVED:
        return
    if work.session.is_modified(order):
        await work.flush()  # each change of state is a version of its own
    rows = await milestones.of_order(work, order.id) if clocks is None else clocks
    before: dict[str, Any] = {"state": order.state}
    order.move_to(state)
    before |= milestones.follow(work, order, rows)
    announce(work, order, "WorkOrderChanged", before=before)


async def state_of(work: UnitOfWork, order: WorkOrder, visits: Sequence["Visit"]) -> WorkOrderState:
    """To be called where every row of the organization is seen."""
    state = derived_state([visit.state for visit in visits])
    if state == WorkOrderState.COMPLETED and await tasks_left(work, order.id):
        return WorkOrderState.READY
    return state


async def tasks_left(work: UnitOfWork, work_order_id: UUID) -> Sequence[WorkTask]:
    """The required tasks that are not done, in their order."""
    statement = (
        select(WorkTask)
        .where(col(WorkTask.work_order_id) == work_order_id, col(WorkTask.required))
        .where(col(WorkTask.done_at).is_(None))
        .order_by(col(WorkTask.position), col(WorkTask.id))
    )
    return (await work.session.exec(statement)).all()


def announce(work: UnitOfWork, order: WorkOrder, type: str, *, before: Mapping[str, Any]) -> None:
    scope = order.scope()
    work.emit(
        Event(
            type=type,
            topic="work_order",
            subject=order,
            before=dict(before),
            values={"state": order.state, "number": order.number, "site_id": order.site_id},
            scope_before=scope,
            scope_after=scope,
        )
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """Some work orders, locked, each with all its visits in order, and its clocks where many are to move."""

    rows: Mapping[UUID, WorkOrder]
    visits: Mapping[UUID, Sequence["Visit"]]
    clocks: Mapping[UUID, Sequence[Milestone]] = field(default_factory=dict)

    async def settle(self, work: UnitOfWork, key: UUID) -> None:
        await settle(work, self.rows[key], self.visits[key], self.clocks.get(key))


def derived_state(visits: Sequence[str]) -> WorkOrderState:
    """Under way → IN_PROGRESS; nothing open and something done → COMPLETED; open remainder → READY.

    From the visits alone: what is COMPLETED by them is READY while a required task is left (`state_of`).
    """
    if any(state in {"EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED"} for state in visits):
        return WorkOrderState.IN_PROGRESS
    if any(state in {"SCHEDULED", "DISPATCHED"} for state in visits):
        return WorkOrderState.SCHEDULED
    if "UNSCHEDULED" in visits:
        return WorkOrderState.READY
    done = [state for state in visits if state != "CANCELLED"]
    if done and done[-1] == "COMPLETED":
        return WorkOrderState.COMPLETED
    return WorkOrderState.READY


async def by_number(work: UnitOfWork, number: str) -> WorkOrder | None:
    return (await work.session.exec(select(WorkOrder).where(col(WorkOrder.number) == number))).one_or_none()
