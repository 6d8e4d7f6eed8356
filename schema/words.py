"""Words: what each word of the closed sets means, as clients are told."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

SENTENCES: Mapping[str, Mapping[str, str]] = {
    "AbsenceReason": {
        "SICK": "Ill.",
        "HOLIDAY": "On leave.",
        "TRAINING": "Being taught.",
        "OTHER": "Anything else.",
    },
    "AssignmentState": {
        "OFFERED": "A subcontractor may take it or not.",
        "ACCEPTED": "They go there.",
        "DECLINED": "They said no.",
        "EXPIRED": "They did not answer in time.",
        "RELEASED": "They no longer go there.",
    },
    "AttachmentKind": {
        "PHOTO": "A picture of what is there.",
        "SIGNATURE": "The picture of a name that somebody signed.",
        "DOCUMENT": "Any other file.",
    },
    "CertificationState": {
        "VALID": "It proves the skill.",
        "EXPIRING": "It ends within 30 days.",
        "EXPIRED": "It has ended, or was revoked.",
    },
    "ChangeAction": {
        "CREATED": "It came to be.",
        "CHANGED": "Some of it is otherwise.",
        "DELETED": "It is gone.",
    },
    "Channel": {
        "EMAIL": "By electronic mail.",
        "SMS": "By text message.",
        "PHONE": "By a call.",
    },
    "ConfirmedBy": {
        "GEOFENCE": "Positions inside the site's fence.",
        "TECHNICIAN": "The technician's own word.",
        "DISPATCHER": "The office's word.",
    },
    "ContractState": {
        "DRAFT": "Being written; grants nothing yet.",
        "ACTIVE": "In force within its term.",
        "EXPIRED": "Its term is over.",
        "CANCELLED": "Ended before its term.",
    },
    "DependencyKind": {
        "FINISH_START": "It begins after the end of the other, by the gap.",
        "SAME_DAY": "It is on the day of the other.",
        "SAME_TECHNICIAN": "Who leads the other leads it too.",
    },
    "EtaBasis": {
        "PLAN": "The plan: nobody has set off.",
        "TRAVEL": "The road from where the journey began.",
        "POSITION": "Live positions.",
    },
    "MilestoneKind": {
        "RESPOND": "The customer is answered: a visit is scheduled.",
        "ARRIVE": "Somebody arrives.",
        "RESOLVE": "The work order is COMPLETED.",
    },
    "MilestoneState": {
        "RUNNING": "It runs, in coverage hours.",
        "PAUSED": "It rests: its work order is ON_HOLD, or over without what it waits for.",
        "MET": "What it waits for was there in time.",
        "BREACHED": "Its target was used up before.",
    },
    "MaintenancePlanState": {
        "ACTIVE": "It makes work orders when it is time.",
        "PAUSED": "It makes none for now.",
        "ARCHIVED": "It makes none any more.",
    },
    "ImportKind": {
        "CUSTOMERS": "A customer in each line.",
        "SITES": "A site in each line.",
        "ASSETS": "An asset in each line.",
        "PARTS": "A part in each line.",
        "TECHNICIANS": "A technician in each line.",
    },
    "ImportState": {
        "QUEUED": "Asked for, not begun.",
        "STAGING": "Its lines are being read and checked.",
        "WRITING": "Its rows are being kept.",
        "DONE": "All lines have their report.",
        "FAILED": "It could not go on; `failure` says why.",
    },
    "UploadState": {
        "WAITING": "Its bytes have not come.",
        "STORED": "It may be used.",
        "KEPT": "It is attached, for good.",
        "GONE": "Its time is over.",
    },
    "MovementKind": {
        "RECEIPT": "They came from outside.",
        "CONSUMPTION": "A visit used them.",
        "ADJUSTMENT": "Somebody put the level right, for a reason.",
        "COUNT": "They were counted; this is the difference.",
        "TRANSFER_OUT": "They left for another place.",
        "TRANSFER_IN": "They came from another place.",
        "PICK": "They were taken along for a visit: out of the one place, into the van.",
        "RETURN": "They were brought back from a visit: out of the van, into the other place.",
    },
    "IncompleteReason": {
        "PARTS": "A part was missing.",
        "SKILL": "It takes somebody who can do more.",
        "TIME": "There was not enough of it.",
        "TECHNICIAN": "They could not stay.",
        "SAFETY": "It was not safe to go on.",
        "CUSTOMER": "The customer wanted it so.",
    },
    "OccurrenceState": {
        "PLANNED": "Its work order is made when it is time.",
        "GENERATED": "Its work order is there.",
        "SKIPPED": "There will be no work order for it, or it was cancelled.",
    },
    "UpsertMode": {
        "PER_ITEM": "Rows that are good are written, whatever the others are.",
        "ALL": "Nothing is written where one row is refused.",
    },
    "RowOutcome": {
        "CREATED": "It was made.",
        "UPDATED": "Something of it was changed.",
        "UNCHANGED": "It was so already: nothing was written.",
        "FAILED": "It was refused.",
        "WITHHELD": "It is good, but another row was refused, and the mode is ALL.",
    },
    "Origin": {
        "API": "By a mutation.",
        "OPTIMIZER": "By a worker that plans.",
        "GEOFENCE": "By what positions showed.",
        "SEED": "By the demo's seed.",
        "IMPORT": "By the lines of a file.",
        "TIMER": "By time alone.",
        "MAINTENANCE": "By a maintenance plan.",
        "DATABASE": "By SQL of somebody's own, past the graph.",
    },
    "Pin": {
        "TECHNICIAN": "Who goes there.",
        "TIME": "When.",
        "BOTH": "Who goes there, and when.",
    },
    "PlanChangeKind": {
        "ASSIGN": "Give a visit that has nobody to a technician.",
        "REASSIGN": "Give it to another technician.",
        "MOVE": "Another time, the same technician.",
        "UNASSIGN": "Take it out of the day.",
    },
    "PlanState": {
        "DRAFT": "Asked for, not begun.",
        "SOLVING": "The optimizer is at it.",
        "PROPOSED": "Ready to be looked at and committed.",
        "COMMITTED": "Made real.",
        "DISCARDED": "Dropped.",
        "STALE": "The graph has moved since; ask for another.",
        "FAILED": "It could not be made; `failure` says why.",
    },
    "Priority": {
        "EMERGENCY": "At once: danger or great damage.",
        "HIGH": "Before the usual.",
        "NORMAL": "The usual.",
        "LOW": "When there is room.",
    },
    "ReservationState": {
        "HELD": "Set aside where it lies.",
        "PICKED": "Taken along for the visit.",
        "CONSUMED": "Used up.",
        "RETURNED": "Brought back to a shelf.",
        "RELEASED": "Free again where it lies.",
    },
    "PurchaseOrderState": {
        "DRAFT": "Being written; nobody was asked yet.",
        "ORDERED": "The supplier was asked.",
        "PARTLY_RECEIVED": "Some of it has come.",
        "RECEIVED": "All of it has come.",
        "CANCELLED": "What has not come will not come.",
    },
    "Role": {
        "ADMIN": "Everything, the doors too.",
        "MANAGER": "A dispatcher who also approves, and sees cost and margin.",
        "DISPATCHER": "The day's work: visits, technicians, plans.",
        "TECHNICIAN": "Own assignments, and what they lead to.",
        "SUBCONTRACTOR": "Only what is offered to them or accepted by them.",
        "SALES": "Customers, contracts and work orders, with cost and margin; no positions.",
        "CUSTOMER": "Own customer; no internal notes, cost or margin.",
        "TRACKING": "One visit, by a link.",
        "INTEGRATION": "A machine's token.",
    },
    "SerialState": {
        "IN_STOCK": "Lies in a place.",
        "IN_TRANSIT": "On the way to a place.",
        "CONSUMED": "A visit used it.",
        "GONE": "Lost, broken or given away.",
    },
    "StockState": {
        "OUT": "Nothing is free.",
        "LOW": "No more is free than the rule's minimum.",
        "ENOUGH": "More than the minimum is free.",
    },
    "StockLocationKind": {
        "WAREHOUSE": "A store that all may draw from.",
        "VAN": "A technician's vehicle.",
        "SITE": "At a customer's site.",
    },
    "TechnicianKind": {
        "EMPLOYEE": "On the company's own staff.",
        "SUBCONTRACTOR": "On their own account; may decline.",
    },
    "Tier": {
        "STANDARD": "As every customer.",
        "PREFERRED": "Before the standard ones.",
        "KEY": "Before all others.",
    },
    "TransferState": {
        "REQUESTED": "Asked for; the pieces lie where they lay.",
        "SHIPPED": "On the way: they are in neither place.",
        "RECEIVED": "There.",
    },
    "VisitState": {
        "UNSCHEDULED": "Without a time and a technician.",
        "SCHEDULED": "With both, still free to be moved.",
        "DISPATCHED": "The technician has been told; it is pinned.",
        "EN_ROUTE": "The technician is on the way.",
        "ARRIVED": "The technician is there.",
        "IN_PROGRESS": "The work has begun.",
        "PAUSED": "The work rests.",
        "COMPLETED": "The work is done.",
        "INCOMPLETE": "Ended with a rest to do, in another visit.",
        "NO_ACCESS": "Nobody let the technician in.",
        "CANCELLED": "It shall not happen.",
    },
    "WorkOrderOutcome": {
        "SOLVED": "What was wanted is done.",
        "UNRESOLVED": "It is not, and nobody goes there again for it.",
    },
    "WorkOrderState": {
        "NEW": "Taken in.",
        "PENDING_APPROVAL": "Somebody has to agree first.",
        "READY": "May be scheduled.",
        "SCHEDULED": "A visit is planned.",
        "IN_PROGRESS": "A visit is under way, or its technician is.",
        "COMPLETED": "All is done; not yet reviewed.",
        "CLOSED": "Reviewed and costed.",
        "ON_HOLD": "Waits, for a reason.",
        "CANCELLED": "No visit had started.",
    },
    "OrderDirection": {"ASC": "The least first.", "DESC": "The greatest first."},
    "NullsOrder": {"FIRST": "Before all others.", "LAST": "After all others."},
    "UserErrorCode": {
        "NOT_FOUND": "Absent, or not the viewer's to see.",
        "CONFLICT": "The row has moved on since it was read.",
        "INVALID_TRANSITION": "There is no such step from where it stands.",
        "DOUBLE_BOOKING": "The technician is elsewhere at that time.",
        "MISSING_SKILL": "A skill or its level is lacking.",
        "OFF_SHIFT": "The technician does not work then.",
        "OUTSIDE_WINDOW": "The customer was promised another time.",
        "OVER_CAPACITY": "The subcontractor takes on no more on that day.",
        "MISSING_EVIDENCE": "The type of work asks for a signature or a photo.",
        "INVALID": "A value that no rule of the business admits.",
    },
}
"""By the name of the set, then by the word."""


def described(kind: type[Enum], sentences: Mapping[str, str] | None = None) -> Any:
    """The same enum, declared to strawberry already, with a description for each of its words."""
    told = SENTENCES.get(kind.__name__, {}) if sentences is None else sentences
    definition: Any = getattr(kind, "__strawberry_definition__", None)
    for value in definition.values:
        value.description = value.description or told.get(value.name)
    return kind
