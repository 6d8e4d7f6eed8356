"""Enums: the closed sets of words, taken as they are from the domain."""

import strawberry

from domain.contracts import ContractState
from domain.customers import Channel, Tier
from domain.maintenance import MaintenancePlanState, OccurrenceState
from domain.plans import PlanChangeKind, PlanState
from domain.stock import (
    MovementKind,
    PurchaseOrderState,
    ReservationState,
    SerialState,
    StockLocationKind,
    TransferState,
)
from domain.technicians import AbsenceReason, CertificationState, TechnicianKind
from domain.tracking import ConfirmedBy, EtaBasis
from domain.viewers import Role
from domain.visits import AssignmentState, DependencyKind, IncompleteReason, Pin, VisitState
from domain.work_orders import Priority, WorkOrderOutcome, WorkOrderState
from schema.words import described

ENUMS = tuple(
    described(strawberry.enum(kind, description=kind.__doc__))
    for kind in (
        AbsenceReason,
        AssignmentState,
        CertificationState,
        Channel,
        ConfirmedBy,
        ContractState,
        DependencyKind,
        EtaBasis,
        MaintenancePlanState,
        MovementKind,
        IncompleteReason,
        OccurrenceState,
        Pin,
        PlanChangeKind,
        PlanState,
        Priority,
        PurchaseOrderState,
        ReservationState,
        Role,
        SerialState,
        StockLocationKind,
        TechnicianKind,
        Tier,
        TransferState,
        VisitState,
        WorkOrderOutcome,
        WorkOrderState,
    )
)
