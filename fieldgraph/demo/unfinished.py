"""The demo's unfinished work: drafts, a job to approve, calls in vain, what waits and what was given up."""

from datetime import timedelta

from domain.maintenance import MaintenancePlan, MaintenancePlanState
from domain.organizations import Organization
from domain.tracking import ConfirmedBy
from domain.visits import (
    AssignmentState,
    DependencyKind,
    IncompleteReason,
    Pin,
    VisitDependency,
    VisitPart,
    VisitState,
)
from domain.visits.offers import NO_ANSWER
from domain.work_orders import (
    Priority,
    WorkOrderOutcome,
    WorkOrderState,
    WorkType,
    WorkTypePart,
    WorkTypeSkill,
    WorkTypeTask,
)
from fieldgraph.demo.catalogue import HEATING
from fieldgraph.demo.companies import Company
from fieldgraph.demo.desks import Desk, again_for, ask, assign, check_off, happen, kind_of, send
from fieldgraph.demo.hours import HALF_HOUR
from fieldgraph.demo.maintenance import SAFE_GAS, Step

REPLACE = "HEAT-REPLACE"
REPLACE_STEPS = (SAFE_GAS, Step("Take the old boiler out"), Step("Measure the flue gas"))
NOT_HOME = "Nobody opened, and the phone was not answered."
SOLD = "The customer sold the house."


def tell_unfinished(company: Company, organization: Organization) -> None:
    """Work orders in every state that the day itself does not bring, each with its tasks and visits."""
    sites = sorted(company.sites, key=lambda site: site.customer_id in company.entitlements)
    desk = Desk(company, company.apart(organization, "unfinished"), sites, {})
    _drafts(desk)
    _to_approve(desk)
    _called_off(desk)
    _in_vain(desk)
    _waits_for_a_part(desk)
    _given_up(desk)
    _archived(desk)
    check_off(desk)


def _drafts(desk: Desk) -> None:
    """What the phone brought this morning and nobody has looked at; both parts of it on one day."""
    at, site = desk.company.hours.start - HALF_HOUR, desk.sites[0]
    told = [
        ask(desk, "VENT-FILTER", site, at, title="A rattle in the duct", state=WorkOrderState.NEW),
        ask(desk, "ELEC-CHECK", site, at, title="Flickering light in the stairway", state=WorkOrderState.NEW),
    ]
    told[0][0].description = "Since Friday, at night above all. The caller did not know which flat."
    both = VisitDependency(
        predecessor_id=told[0][1].id, successor_id=told[1][1].id, kind=DependencyKind.SAME_DAY
    )
    desk.book.add(both, at)


def _to_approve(desk: Desk) -> None:
    """A boiler is replaced when a manager agrees, and by two."""
    company, at = desk.company, desk.company.founded
    kind = desk.book.add(
        WorkType(
            code=REPLACE,
            name="Boiler replacement",
            duration_seconds=4 * 3_600,
            priority=Priority.NORMAL,
            needs_approval=True,
            crew_size=2,
        ),
        at,
    )
    company.kinds[REPLACE] = kind
    desk.book.add(WorkTypeSkill(work_type_id=kind.id, skill_id=company.skills[HEATING].id, level=4), at)
    desk.book.add(WorkTypePart(work_type_id=kind.id, part_id=company.parts[14].id, quantity=1), at)
    for place, step in enumerate(REPLACE_STEPS, 1):
        desk.book.add(WorkTypeTask(work_type_id=kind.id, position=place, **step._asdict()), at)
    yesterday = company.hours.opens - timedelta(days=1)
    order, visit = ask(
        desk,
        REPLACE,
        desk.sites[1],
        yesterday,
        title="The boiler is 24 years old",
        state=WorkOrderState.PENDING_APPROVAL,
    )
    order.internal_notes = "Offer 8,900 EUR. The budget is the board's to say yes to."
    visit.crew_size = 2
    desk.book.add(VisitPart(visit_id=visit.id, part_id=company.parts[14].id, quantity=1), yesterday)


def _called_off(desk: Desk) -> None:
    """It was scheduled, and then the customer needed it no more."""
    at = desk.company.hours.opens - timedelta(days=2)
    order, visit = ask(
        desk, "LOCK-REPAIR", desk.sites[2], at, title="A new lock", state=WorkOrderState.CANCELLED
    )
    order.reason = visit.reason = SOLD
    visit.state = VisitState.CANCELLED
    part = VisitPart(visit_id=visit.id, part_id=desk.company.parts[8].id, quantity=1)
    desk.book.add(part, at)
    led = send(desk, visit, kind_of("LOCK-REPAIR"), at, at + timedelta(hours=30))
    led.state = AssignmentState.RELEASED


def _in_vain(desk: Desk) -> None:
    """Nobody opened; the day after, the same technician found everybody at home."""
    at = desk.company.hours.opens - timedelta(days=4)
    kind = kind_of("ELEC-CHECK")
    _, visit = ask(
        desk, kind.code, desk.sites[3], at, title="Inspection before the sale", state=WorkOrderState.COMPLETED
    )
    led = send(desk, visit, kind, at, at + timedelta(hours=3))
    visit.state, visit.reason, visit.pin = VisitState.NO_ACCESS, NOT_HOME, Pin.TIME
    happen(desk, visit, led, minutes=(0, 12), by=ConfirmedBy.TECHNICIAN)
    again = again_for(desk, visit, at + timedelta(hours=4))
    technician = next(one for one in desk.company.technicians if one.id == led.technician_id)
    second = assign(desk, again, technician, at + timedelta(days=1, hours=5))
    again.state, again.pin = VisitState.COMPLETED, Pin.TECHNICIAN
    happen(desk, again, second, minutes=(3, 50), by=ConfirmedBy.GEOFENCE)
    same = VisitDependency(
        predecessor_id=visit.id, successor_id=again.id, kind=DependencyKind.SAME_TECHNICIAN
    )
    desk.book.add(same, at + timedelta(hours=4))


def _waits_for_a_part(desk: Desk) -> None:
    """The pump was not in the van; it is now, but the caretaker is away, and so the order is on hold."""
    at, kind = desk.company.hours.opens - timedelta(days=1), kind_of("PUMP")
    order, visit = ask(
        desk, kind.code, desk.sites[4], at, title="The circulation pump stands", state=WorkOrderState.ON_HOLD
    )
    order.reason = "The caretaker is away until Thursday."
    order.state_before_hold = WorkOrderState.READY
    need = VisitPart(visit_id=visit.id, part_id=desk.company.parts[kind.parts[0][0]].id, quantity=1)
    desk.book.add(need, at)
    led = send(desk, visit, kind, at, at + timedelta(hours=2))
    visit.state, visit.reason = VisitState.INCOMPLETE, IncompleteReason.PARTS
    happen(desk, visit, led, minutes=(-4, 35), by=ConfirmedBy.DISPATCHER)
    again = again_for(desk, visit, at + timedelta(hours=3))
    desk.book.add(VisitPart(visit_id=again.id, part_id=need.part_id, quantity=1), at + timedelta(hours=3))
    order.halts = [[(at + timedelta(hours=5)).isoformat(), None]]


def _given_up(desk: Desk) -> None:
    """It could not be done: the customer broke it off, nobody took the rest, and it was closed unresolved."""
    at, kind = desk.company.hours.opens - timedelta(days=9), kind_of("HEAT-REPAIR")
    order, visit = ask(
        desk, kind.code, desk.sites[5], at, title="Cold on the top floor", state=WorkOrderState.CLOSED
    )
    order.outcome = WorkOrderOutcome.UNRESOLVED
    led = send(desk, visit, kind, at, at + timedelta(hours=4))
    visit.state, visit.reason = VisitState.INCOMPLETE, IncompleteReason.CUSTOMER
    happen(desk, visit, led, minutes=(6, 40), by=ConfirmedBy.GEOFENCE)
    again = again_for(desk, visit, at + timedelta(hours=5))
    again.state, again.reason = VisitState.CANCELLED, f"Work order {order.number} is closed."
    asked = at + timedelta(days=1)
    offer = assign(desk, again, desk.company.subcontractors()[-1], asked + timedelta(hours=4))
    again.planned_start = again.planned_end = None
    offer.state, offer.reason, offer.offer_expires_at = AssignmentState.EXPIRED, NO_ANSWER, asked


def _archived(desk: Desk) -> None:
    """A round that ended with the equipment; nothing comes of it any more."""
    company, site = desk.company, desk.sites[6]
    plan = MaintenancePlan(
        customer_id=site.customer_id,
        site_id=site.id,
        work_type_id=company.kinds["HEAT-SERVICE"].id,
        title="Oil burner twice a year",
        state=MaintenancePlanState.ARCHIVED,
        reason="The house has district heating now.",
        rrule="FREQ=MONTHLY;INTERVAL=6",
        starts_on=company.hours.day - timedelta(days=700),
        local_time="08:30",
        window_seconds=2 * 3_600,
        expanded_until=company.hours.day - timedelta(days=40),
    )
    desk.book.add(plan, company.founded)
