"""Enums: the closed sets of words, taken as they are from the domain."""

import strawberry

from domain.audit import ChangeAction
from domain.contracts import ContractState
from domain.customers import Channel, Tier
from domain.events import Origin
from domain.imports import ImportState
from domain.maintenance import MaintenancePlanState, OccurrenceState
from domain.milestones import MilestoneKind, MilestoneState
from domain.plans import PlanChangeKind, PlanState
from domain.sheets import ImportKind
from domain.stock import (
    MovementKind,
    PurchaseOrderState,
    ReservationState,
    SerialState,
    StockLocationKind,
    TransferState,
)
from domain.stock.alerts import StockState
from domain.technicians import AbsenceReason, CertificationState, TechnicianKind
from domain.tracking import ConfirmedBy, EtaBasis
from domain.uploads import UploadState
from domain.upserts import RowOutcome, UpsertMode
from domain.viewers import Role
from domain.visits import AssignmentState, AttachmentKind, DependencyKind, IncompleteReason, Pin, VisitState
from domain.work_orders import Priority, WorkOrderOutcome, WorkOrderState
from schema.words import described

ENUMS = tuple(
    described(strawberry.enum(kind, description=kind.__doc__))
    for kind in (
        AbsenceReason,
        AssignmentState,
        AttachmentKind,
        CertificationState,
        ChangeAction,
        Channel,
        ConfirmedBy,
        ContractState,
        DependencyKind,
        EtaBasis,
        MilestoneKind,
        MilestoneState,
        MaintenancePlanState,
        ImportKind,
        ImportState,
        MovementKind,
        IncompleteReason,
        OccurrenceState,
        Origin,
        Pin,
        PlanChangeKind,
        PlanState,
        Priority,
        PurchaseOrderState,
        ReservationState,
        Role,
        SerialState,
        RowOutcome,
        StockLocationKind,
        StockState,
        TechnicianKind,
        Tier,
        TransferState,
        UploadState,
        UpsertMode,
        VisitState,
        WorkOrderOutcome,
        WorkOrderState,
    )
)
