"""Enums: the closed sets of words, taken as they are from the domain."""

import strawberry

from domain.audit import ChangeAction
from domain.contracts import ContractState
from domain.customers import Channel, Tier
from domain.events import Origin
from domain.plans import PlanChangeKind, PlanState
from domain.stock import MovementKind, ReservationState, StockLocationKind, TransferState
from domain.technicians import AbsenceReason, TechnicianKind
from domain.tracking import ConfirmedBy, EtaBasis
from domain.viewers import Role
from domain.visits import AssignmentState, IncompleteReason, Pin, VisitState
from domain.work_orders import Priority, WorkOrderOutcome, WorkOrderState
from schema.words import described

ENUMS = tuple(
    described(strawberry.enum(kind, description=kind.__doc__))
    for kind in (
        AbsenceReason,
        AssignmentState,
        ChangeAction,
        Channel,
        ConfirmedBy,
        ContractState,
        EtaBasis,
        MovementKind,
        IncompleteReason,
        Origin,
        Pin,
        PlanChangeKind,
        PlanState,
        Priority,
        ReservationState,
        Role,
        StockLocationKind,
        TechnicianKind,
        Tier,
        TransferState,
        VisitState,
        WorkOrderOutcome,
        WorkOrderState,
    )
)
