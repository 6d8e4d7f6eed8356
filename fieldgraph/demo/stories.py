"""The demo's work: what was done in past weeks, what is asked for today, what waits for the visitor."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle
from typing import NamedTuple

from domain.customers import Tier
from domain.sites import Site
from domain.stock import MovementKind, Reservation, ReservationState, StockMovement
from domain.technicians import Technician
from domain.tracking import Arrival, ConfirmedBy
from domain.visits import Assignment, AssignmentState, Pin, Visit, VisitPart, VisitState
from domain.work_orders import Priority, WorkOrder, WorkOrderOutcome, WorkOrderState
from fieldgraph.demo.catalogue import KINDS, Kind
from fieldgraph.demo.companies import Company
from fieldgraph.demo.hours import HALF_HOUR, half_hour
from integrations.roads import Point, metres_between

OPEN_VISITS = 150
PAST_DAYS = 20
PAST_VISITS_A_DAY = 10
CLOSED_AFTER_DAYS = 3
ALONE_METRES = 400.0
EMERGENCIES = 2
ASKED_BEFORE = {
    Tier.KEY: timedelta(hours=1),
    Tier.PREFERRED: timedelta(hours=3),
    Tier.STANDARD: timedelta(days=2),
}
"""How long ago today's work was asked for, so that the contracts' targets fall into today and tomorrow."""
TECHNICIANS_STARTS = (timedelta(minutes=20), timedelta(minutes=110), timedelta(minutes=185))
SUBCONTRACTORS_STARTS = (timedelta(minutes=60), timedelta(minutes=150))
NOTES = ("Invoice by post only.", "Pays late; call before ordering parts.", None, None, None, None)


class Need(NamedTuple):
    """One work order to be told: what, where, and when it was asked for."""

    kind: Kind
    site: Site
    at: datetime
    priority: Priority | None = None
    state: WorkOrderState = WorkOrderState.READY


class Slot(NamedTuple):
    """A visit's place in a technician's day."""

    technician: Technician
    start: datetime
    state: AssignmentState = AssignmentState.ACCEPTED


class Set(NamedTuple):
    """The visits that stand in the schedule before any plan, by whose they are."""

    technicians: tuple[Visit, ...]
    subcontractors: tuple[Visit, ...]


def tell_past(company: Company) -> None:
    """Ten completed visits on each of the past days."""
    random, employees = company.book.random, company.employees()
    for back in range(PAST_DAYS, 0, -1):
        morning = company.hours.opens - timedelta(days=back)
        crew = random.sample(employees, min(PAST_VISITS_A_DAY, len(employees)))
        for technician in crew:
            kind = random.choice([kind for kind in KINDS if company.can(technician, kind)])
            state = WorkOrderState.CLOSED if back > CLOSED_AFTER_DAYS else WorkOrderState.COMPLETED
            need = Need(kind, random.choice(company.sites), morning, state=state)
            start = morning + HALF_HOUR * random.randrange(2, 12)
            _past_visit(company, need, Slot(technician, start))


def _past_visit(company: Company, need: Need, slot: Slot) -> None:
    random = company.book.random
    order = _order(company, need)
    arrived = slot.start + timedelta(seconds=random.randrange(-300, 700))
    started = arrived + timedelta(seconds=random.randrange(60, 240))
    ended = started + timedelta(seconds=int(need.kind.minutes * 60 * random.uniform(0.8, 1.25)))
    visit = _visit(company, order, need, window=(slot.start - HALF_HOUR, slot.start + HALF_HOUR))
    visit.state = VisitState.COMPLETED
    visit.en_route_at = arrived - timedelta(seconds=random.randrange(240, 900))
    visit.arrived_at, visit.started_at, visit.ended_at = arrived, started, ended
    visit.worked_seconds = int((ended - started).total_seconds())
    _assign(company, visit, slot, at=need.at).occupies = False
    for part, quantity in need.kind.parts:
        _use(company, visit, slot.technician, part=part, quantity=quantity, at=need.at)
    company.add(
        Arrival(
            visit_id=visit.id,
            technician_id=slot.technician.id,
            occurred_at=arrived,
            departed_at=ended + timedelta(seconds=random.randrange(60, 300)),
            confirmed_by=ConfirmedBy.GEOFENCE,
        ),
        need.at,
    )


def _use(
    company: Company, visit: Visit, technician: Technician, *, part: int, quantity: int, at: datetime
) -> None:
    """Pieces held for a visit and used up by it."""
    van, row = company.vans[technician.id], company.parts[part]
    company.used[van.id, row.id] += quantity
    company.add(
        Reservation(
            visit_id=visit.id,
            stock_location_id=van.id,
            part_id=row.id,
            quantity=quantity,
            state=ReservationState.CONSUMED,
        ),
        at,
    )
    company.add(
        StockMovement(
            stock_location_id=van.id,
            part_id=row.id,
            visit_id=visit.id,
            kind=MovementKind.CONSUMPTION,
            quantity=-quantity,
        ),
        at,
    )


def tell_today(company: Company, open_visits: int = OPEN_VISITS) -> Set:
    """What waits for the visitor, at a place where nobody else works, and what waits for the optimizer."""
    alone, others = _alone(company.sites)
    company.book.random.shuffle(others)
    technician, subcontractor = company.employees()[0], company.subcontractors()[0]
    rest = cycle(others)
    own = list(zip((alone, next(rest), next(rest)), TECHNICIANS_STARTS, strict=True))
    first = _set(company, technician, own)
    first[0].state, first[0].pin = VisitState.DISPATCHED, Pin.BOTH
    offered = [(next(rest), later) for later in SUBCONTRACTORS_STARTS]
    second = _set(company, subcontractor, offered, first_state=AssignmentState.OFFERED)
    _tell_open(company, rest, open_visits)
    return Set(tuple(first), tuple(second))


def _alone(sites: Sequence[Site]) -> tuple[Site, list[Site]]:
    """The site with the fewest others within 400 m, and those that are farther away from it."""

    def near(site: Site) -> list[Site]:
        return [other for other in sites if metres_between(_point(site), _point(other)) < ALONE_METRES]

    alone = min(sites, key=lambda site: (len(near(site)), site.id))
    close = {site.id for site in near(alone)}
    return alone, [site for site in sites if site.id not in close]


def _set(
    company: Company,
    technician: Technician,
    places: Iterable[tuple[Site, timedelta]],
    *,
    first_state: AssignmentState = AssignmentState.ACCEPTED,
) -> list[Visit]:
    """Scheduled visits of one technician, each of short work they can do, with a day's arrival window."""
    hours, told = company.hours, []
    able = sorted((kind for kind in KINDS if company.can(technician, kind)), key=lambda kind: kind.minutes)
    for number, (site, later) in enumerate(places):
        need = Need(able[number % min(3, len(able))], site, hours.opens - timedelta(days=1))
        order = _order(company, need._replace(state=WorkOrderState.SCHEDULED))
        visit = _visit(company, order, need, window=(half_hour(hours.start), hours.closes))
        visit.state = VisitState.SCHEDULED
        state = AssignmentState.ACCEPTED if number else first_state
        _assign(company, visit, Slot(technician, hours.start + later, state), at=need.at)
        home = technician.home_longitude, technician.home_latitude
        visit.planned_travel_seconds = int(company.ground.roads.seconds(home, _point(site)))
        for part, quantity in need.kind.parts:
            _hold(company, visit, technician, part=part, quantity=quantity)
        told.append(visit)
    return told


def _hold(company: Company, visit: Visit, technician: Technician, *, part: int, quantity: int) -> None:
    van, row = company.vans[technician.id], company.parts[part]
    company.levels[van.id, row.id].reserved += quantity
    company.add(
        Reservation(visit_id=visit.id, stock_location_id=van.id, part_id=row.id, quantity=quantity),
        company.hours.opens - timedelta(days=1),
    )


def _tell_open(company: Company, sites: Iterator[Site], count: int) -> None:
    random, start = company.book.random, company.hours.start
    tiers = {customer.id: customer.tier for customer in company.customers}
    for number in range(count):
        site = next(sites)
        kind = random.choice(KINDS)
        priority = Priority.EMERGENCY if number < EMERGENCIES else None
        need = Need(kind, site, start - ASKED_BEFORE[tiers[site.customer_id]], priority)
        order = _order(company, need)
        window = _window(company, timedelta(minutes=kind.minutes))
        if window and order.due_at and order.due_at < window[1]:
            window = None  # the contract's promise is the tighter one
        _visit(company, order, need, window=window)


def _window(company: Company, duration: timedelta) -> tuple[datetime, datetime] | None:
    """None, all day, or two or three hours of it."""
    hours, random = company.hours, company.book.random
    draw, first, last = random.random(), half_hour(hours.start), hours.closes - duration - HALF_HOUR
    if draw < 0.25:
        return None
    length = HALF_HOUR * random.choice((4, 4, 6))
    slots = (last - length - first) // HALF_HOUR
    if draw < 0.5 or slots < 1:
        return first, last
    opens = first + HALF_HOUR * random.randint(1, slots)
    return opens, opens + length


def _order(company: Company, need: Need) -> WorkOrder:
    company.orders += 1
    entitlement = company.entitlements.get(need.site.customer_id)
    due_at = None
    if entitlement and entitlement.arrive_minutes:
        due_at = need.at + timedelta(minutes=entitlement.arrive_minutes)
    return company.add(
        WorkOrder(
            number=f"WO-{company.orders:06d}",
            title=f"{need.kind.name}, {need.site.name}",
            internal_notes=company.book.random.choice(NOTES),
            state=need.state,
            outcome=WorkOrderOutcome.SOLVED if need.state == WorkOrderState.CLOSED else None,
            priority=need.priority or need.kind.priority,
            customer_id=need.site.customer_id,
            site_id=need.site.id,
            contract_id=entitlement.contract_id if entitlement else None,
            entitlement_id=entitlement.id if entitlement else None,
            work_type_id=company.kinds[need.kind.code].id,
            due_at=due_at,
        ),
        need.at,
    )


def _visit(
    company: Company, order: WorkOrder, need: Need, *, window: tuple[datetime, datetime] | None
) -> Visit:
    visit = company.add(
        Visit(
            work_order_id=order.id,
            customer_id=order.customer_id,
            site_id=order.site_id,
            territory_id=need.site.territory_id,
            duration_seconds=need.kind.minutes * 60,
            window_start=window[0] if window else None,
            window_end=window[1] if window else None,
        ),
        need.at,
    )
    for part, quantity in need.kind.parts:
        company.add(VisitPart(visit_id=visit.id, part_id=company.parts[part].id, quantity=quantity), need.at)
    return visit


def _assign(company: Company, visit: Visit, slot: Slot, *, at: datetime) -> Assignment:
    end = slot.start + timedelta(seconds=visit.duration_seconds)
    visit.planned_start, visit.planned_end = slot.start, end
    return company.add(
        Assignment(
            visit_id=visit.id,
            technician_id=slot.technician.id,
            work_order_id=visit.work_order_id,
            customer_id=visit.customer_id,
            site_id=visit.site_id,
            state=slot.state,
            planned_start=slot.start,
            planned_end=end,
        ),
        at,
    )


def _point(site: Site) -> Point:
    return site.longitude, site.latitude
