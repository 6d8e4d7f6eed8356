"""Visits: the mutations that schedule them and move them on."""

from collections.abc import Mapping
from typing import Any

from domain import crews, intake, promises, scheduling, visits
from domain.crews import Whom
from domain.intake import Need
from domain.scheduling import Move
from domain.stock import Used
from domain.unit_of_work import UnitOfWork
from realtime import etas
from resolvers import evidence
from resolvers.context import Context, key, named
from resolvers.inputs import told
from schema.steps import (
    CreateFollowUpInput,
    MarkIncompleteInput,
    MarkNoAccessInput,
    PauseWorkInput,
    PinVisitInput,
    RecallVisitInput,
    RescheduleVisitInput,
    ResumeWorkInput,
    StopTravelInput,
    UnpinVisitInput,
    UnscheduleVisitInput,
    UpdateVisitInput,
)
from schema.visits import (
    CancelVisitInput,
    CompleteVisitInput,
    DispatchVisitInput,
    ScheduleVisitInput,
    StartTravelInput,
    StartWorkInput,
)
from schema.work_orders import CreateWorkOrderInput

Values = Mapping[str, Any]


async def create_work_order(work: UnitOfWork, given: CreateWorkOrderInput, _context: Context) -> Values:
    window = given.arrival_window
    need = Need(
        site_id=key("sit", given.site),
        work_type_id=key("wty", given.work_type),
        title=given.title,
        description=given.description,
        internal_notes=given.internal_notes,
        priority=given.priority,
        asset_id=named("ast", given.asset),
        contract_id=named("con", given.contract),
        without_contract=given.contract is None,
        window=(window.start, window.end) if window else None,
        due_at=given.due_at,
        duration_seconds=given.duration,
        draft=given.draft,
    )
    order, visit = await intake.create_work_order(work, need)
    return {"work_order_id": order.id, "visit_id": visit.id}


async def schedule_visit(work: UnitOfWork, given: ScheduleVisitInput, _context: Context) -> Values:
    whom = Whom(
        technician_id=named("tec", given.technician),
        crew_id=named("crw", given.crew),
        reason=given.reason,
    )
    visit = await crews.schedule(
        work, key("vis", given.visit), whom, start=given.start, expected_version=given.expected_version
    )
    return {"visit_id": visit.id}


async def dispatch_visit(work: UnitOfWork, given: DispatchVisitInput, _context: Context) -> Values:
    visit = await visits.dispatch(work, key("vis", given.visit), expected_version=given.expected_version)
    return {"visit_id": visit.id}


async def start_travel(work: UnitOfWork, given: StartTravelInput, context: Context) -> Values:
    visit = await visits.start_travel(
        work, key("vis", given.visit), technician_id=named("tec", given.technician)
    )
    await etas.refresh(work, visit, seconds=context.services.roads.seconds)
    return {"visit_id": visit.id}


async def start_work(work: UnitOfWork, given: StartWorkInput, _context: Context) -> Values:
    visit = await visits.start_work(
        work, key("vis", given.visit), technician_id=named("tec", given.technician)
    )
    return {"visit_id": visit.id}


async def complete_visit(work: UnitOfWork, given: CompleteVisitInput, _context: Context) -> Values:
    used = given.parts_used
    parts = (
        None
        if used is None
        else [Used(key("prt", one.part), one.quantity, one.serials or ()) for one in used]
    )
    visit = await visits.complete(
        work, key("vis", given.visit), parts_used=parts, signature=evidence.signature(given.signature)
    )
    return {"visit_id": visit.id}


async def cancel_visit(work: UnitOfWork, given: CancelVisitInput, _context: Context) -> Values:
    visit = await visits.cancel(
        work, key("vis", given.visit), reason=given.reason, expected_version=given.expected_version
    )
    return {"visit_id": visit.id}


async def reschedule_visit(work: UnitOfWork, given: RescheduleVisitInput, _context: Context) -> Values:
    window = given.arrival_window
    move = Move(
        technician_id=named("tec", given.technician),
        start=given.start,
        window=(window.start, window.end) if window else None,
        reason=given.reason,
    )
    visit = await scheduling.reschedule(
        work, key("vis", given.visit), move, expected_version=given.expected_version
    )
    return {"visit_id": visit.id}


async def update_visit(work: UnitOfWork, given: UpdateVisitInput, _context: Context) -> Values:
    values = told(given, "duration", "crew_size")
    for window in told(given, "arrival_window").values():
        values["window"] = (window.start, window.end) if window else None
    visit = await promises.update(
        work,
        key("vis", given.visit),
        values,
        reason=given.reason,
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id}


async def unschedule_visit(work: UnitOfWork, given: UnscheduleVisitInput, _context: Context) -> Values:
    visit = await visits.unschedule(
        work, key("vis", given.visit), reason=given.reason, expected_version=given.expected_version
    )
    return {"visit_id": visit.id}


async def recall_visit(work: UnitOfWork, given: RecallVisitInput, _context: Context) -> Values:
    visit = await visits.recall(
        work, key("vis", given.visit), reason=given.reason, expected_version=given.expected_version
    )
    return {"visit_id": visit.id}


async def pin_visit(work: UnitOfWork, given: PinVisitInput, _context: Context) -> Values:
    visit = await visits.pin(
        work,
        key("vis", given.visit),
        pin=given.pin,
        reason=given.reason,
        expected_version=given.expected_version,
    )
    return {"visit_id": visit.id}


async def unpin_visit(work: UnitOfWork, given: UnpinVisitInput, _context: Context) -> Values:
    visit = await visits.unpin(work, key("vis", given.visit), expected_version=given.expected_version)
    return {"visit_id": visit.id}


async def stop_travel(work: UnitOfWork, given: StopTravelInput, _context: Context) -> Values:
    visit = await visits.stop_travel(work, key("vis", given.visit), reason=given.reason)
    return {"visit_id": visit.id}


async def pause_work(work: UnitOfWork, given: PauseWorkInput, _context: Context) -> Values:
    visit = await visits.pause(work, key("vis", given.visit), reason=given.reason)
    return {"visit_id": visit.id}


async def resume_work(work: UnitOfWork, given: ResumeWorkInput, _context: Context) -> Values:
    visit = await visits.resume(work, key("vis", given.visit))
    return {"visit_id": visit.id}


async def mark_no_access(work: UnitOfWork, given: MarkNoAccessInput, _context: Context) -> Values:
    visit = await visits.mark_no_access(
        work, key("vis", given.visit), reason=given.reason, photo=evidence.photo(given.photo)
    )
    return {"visit_id": visit.id}


async def mark_incomplete(work: UnitOfWork, given: MarkIncompleteInput, _context: Context) -> Values:
    visit, rest = await visits.mark_incomplete(work, key("vis", given.visit), reason=given.reason)
    return {"visit_id": visit.id, "follow_up_id": rest.id}


async def create_follow_up(work: UnitOfWork, given: CreateFollowUpInput, _context: Context) -> Values:
    visit = await visits.create_follow_up(
        work, key("vis", given.visit), expected_version=given.expected_version
    )
    return {"visit_id": visit.id}
