"""The demo's maintenance: steps of every type of work, and plans by rule and by meter, ahead and behind."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.assets import Asset, MeterReading
from domain.maintenance import (
    MaintenanceOccurrence,
    MaintenancePlan,
    MaintenancePlanState,
    OccurrenceState,
    instant,
    parse,
)
from domain.organizations import Organization
from domain.sites import Site
from domain.visits import Assignment, Visit, VisitState
from domain.work_orders import WorkOrder, WorkTask, WorkTypeTask
from fieldgraph.demo.companies import Book, Company


class Step(NamedTuple):
    """A step of a type of work."""

    name: str
    required: bool = True
    safety: bool = False


SAFE_GAS = Step("Shut off gas and power", safety=True)
SAFE_POWER = Step("Isolate and prove dead", safety=True)
SAFE_COLD = Step("Ventilate the room and carry the leak detector", safety=True)
TIDY = Step("Leave the place clean", required=False)
CHECKLISTS: dict[str, tuple[Step, ...]] = {
    "HEAT-SERVICE": (SAFE_GAS, Step("Clean the burner"), Step("Measure the flue gas"), TIDY),
    "HEAT-REPAIR": (SAFE_GAS, Step("Find the fault"), Step("Run for ten minutes"), TIDY),
    "COOL-SERVICE": (SAFE_COLD, Step("Check the charge"), Step("Clean the condenser"), TIDY),
    "COOL-REPAIR": (SAFE_COLD, SAFE_POWER, Step("Find the fault"), Step("Write down what was filled in")),
    "VENT-FILTER": (Step("Write down the pressure before and after", required=False), TIDY),
    "ELEC-CHECK": (Step("Test the residual current devices", required=False), TIDY),
    "ELEC-FAULT": (SAFE_POWER, Step("Find the fault"), Step("Measure the insulation")),
    "LOCK-REPAIR": (Step("Try every key", required=False), TIDY),
    "LEAK": (Step("Close the main valve", safety=True), Step("Stop the leak"), Step("Measure the moisture")),
    "PUMP": (SAFE_POWER, Step("Vent the circuit"), Step("Measure the pressure"), TIDY),
}
"""What waits for the visitor has nothing that is required, so that any of it can be done at once."""
RESULTS = ("In order.", "1.6 bar", "4.2 % CO2, 96 % efficiency", "Clean.", None, None)
RULES = (
    ("FREQ=MONTHLY;INTERVAL=3", 14),
    ("FREQ=MONTHLY;INTERVAL=6", 21),
    ("FREQ=WEEKLY;INTERVAL=8", 10),
    ("FREQ=YEARLY", 30),
)
LOOK_AGAIN = timedelta(days=7)
WINDOW_SECONDS = 2 * 3_600
EVERY, LEAD = Decimal(3000), Decimal(100)


class Done(NamedTuple):
    """A work order of past weeks that is finished: what made it may have been a plan."""

    order: WorkOrder
    visit: Visit
    at: datetime


def tell_maintenance(company: Company, organization: Organization) -> None:
    """Adds to what has been told; its draws are its own, so that nobody else's shift."""
    random = Random(f"{organization.id}:maintenance")  # noqa: S311  # tells a story; guards nothing
    book = Book(random, company.hours.start)
    for code, steps in CHECKLISTS.items():
        for place, step in enumerate(steps, 1):
            kind = company.kinds[code]
            book.add(WorkTypeTask(work_type_id=kind.id, position=place, **step._asdict()), company.founded)
    _tell_tasks(company, book)
    _tell_plans(company, book)
    for at, rows in book.rows.items():
        company.book.rows.setdefault(at, []).extend(rows)


def _told(company: Company) -> Iterator[tuple[WorkOrder, Visit, datetime]]:
    """Every work order with its first visit, and when both were told."""
    for at, rows in sorted(company.book.rows.items()):
        visits = {row.work_order_id: row for row in rows if isinstance(row, Visit)}
        for row in rows:
            if isinstance(row, WorkOrder) and row.id in visits:
                yield row, visits[row.id], at


def _tell_tasks(company: Company, book: Book) -> None:
    codes = {kind.id: code for code, kind in company.kinds.items()}
    leads = {
        row.visit_id: row.technician_id
        for rows in company.book.rows.values()
        for row in rows
        if isinstance(row, Assignment)
    }
    for order, visit, at in _told(company):
        for place, step in enumerate(CHECKLISTS[codes[order.work_type_id]], 1):
            task = WorkTask(
                work_order_id=order.id, customer_id=order.customer_id, position=place, **step._asdict()
            )
            if visit.state == VisitState.COMPLETED and (step.required or book.random.random() < 0.7):
                technician = leads[visit.id]
                task.done_at = visit.started_at if step.safety else visit.ended_at
                task.done_by, task.visit_id = f"technician:{technician}", visit.id
                task.technician_id, task.result = technician, book.random.choice(RESULTS)
            book.add(task, at)


def _tell_plans(company: Company, book: Book) -> None:
    """One for each rule, after work that was done; the visitor's customer's own; one by a meter."""
    done = [
        Done(order, visit, at)
        for order, visit, at in _told(company)
        if visit.state == VisitState.COMPLETED and visit.window_start and order.contract_id
    ]
    sites = {site.id: site for site in company.sites}
    for number, (rule, horizon) in enumerate(RULES):
        if number < len(done):
            _after(company, book, done[number * (len(done) // len(RULES))], rule=rule, horizon=horizon)
    today = next(visit for _, visit, _ in _told(company) if visit.state == VisitState.DISPATCHED)
    _new(company, book, sites[today.site_id])
    for site in _with_contract(company)[:3]:
        _metered(company, book, site)


def _after(company: Company, book: Book, past: Done, *, rule: str, horizon: int) -> None:
    """A plan whose first time made the past work order; of those to come one is skipped or moved."""
    zone = ZoneInfo(company.ground.time_zone)
    starts_at = past.visit.window_start or past.at
    local = starts_at.astimezone(zone)
    plan = _plan(company, book, past.order, starts_on=local.date(), local_time=f"{local:%H:%M}")
    plan.rrule, plan.horizon_days = rule, horizon
    made = _occurrence(plan, local.date(), starts_at)
    made.state, made.work_order_id = OccurrenceState.GENERATED, past.order.id
    book.add(made, past.at)
    ahead = _lay_out(company, book, plan, after=local.date())
    if len(ahead) > 2 and book.random.random() < 0.5:
        ahead[1].state, ahead[1].reason = OccurrenceState.SKIPPED, "The building is closed that week."
    elif len(ahead) > 1 and ahead[0].starts_at is not None:
        ahead[0].moved_to = ahead[0].starts_at = ahead[0].starts_at + timedelta(days=2)
        ahead[0].reason = "The caretaker asked for it."
    _due(company, plan, ahead)


def _new(company: Company, book: Book, site: Site) -> None:
    """A yearly check and a paused round, both still to begin."""
    for title, code, days, rule in (
        ("Yearly electrical inspection", "ELEC-CHECK", 45, "FREQ=YEARLY"),
        ("Filters every four weeks", "VENT-FILTER", 21, "FREQ=WEEKLY;INTERVAL=4;COUNT=12"),
    ):
        plan = MaintenancePlan(
            customer_id=site.customer_id,
            site_id=site.id,
            work_type_id=company.kinds[code].id,
            title=title,
            rrule=rule,
            starts_on=company.hours.day + timedelta(days=days),
            local_time="09:00",
            window_seconds=WINDOW_SECONDS,
            horizon_days=14,
        )
        book.add(plan, company.founded)
        ahead = _lay_out(company, book, plan, after=company.hours.day)
        _due(company, plan, ahead)
    plan.state, plan.reason, plan.next_due_at = MaintenancePlanState.PAUSED, "The ducts are rebuilt.", None


def _metered(company: Company, book: Book, site: Site) -> None:
    """A unit whose meter comes to its next mark within weeks; a mark that was passed over."""
    where: dict[str, Any] = {"customer_id": site.customer_id, "site_id": site.id}
    unit = Asset(
        name="Air handling unit",
        model="Koja Future 20",
        serial=f"KF-{company.ground.letter}{book.random.randrange(10_000, 99_999)}",
        installed_on=company.hours.day - timedelta(days=book.random.randrange(400, 900)),
        **where,
    )
    book.add(unit, company.founded)
    value = Decimal(book.random.randrange(8_000, 8_300))
    for days in (28, 21, 14, 7):
        at = company.hours.opens - timedelta(days=days)
        book.add(MeterReading(asset_id=unit.id, at=at, value=value, **where), at)
        value += book.random.randrange(100, 160)
    plan = MaintenancePlan(
        asset_id=unit.id,
        work_type_id=company.kinds["VENT-FILTER"].id,
        title="Filters every 3,000 hours",
        meter_every=EVERY,
        meter_lead=LEAD,
        meter_from=Decimal(0),
        **where,
    )
    book.add(plan, company.founded)
    for mark in (2 * EVERY, 3 * EVERY):
        row = MaintenanceOccurrence(plan_id=plan.id, threshold=mark, **where)
        if mark == 2 * EVERY:
            row.state, row.reason = OccurrenceState.SKIPPED, "Done when the unit was overhauled."
        book.add(row, company.founded)


def _with_contract(company: Company) -> list[Site]:
    return [site for site in company.sites if site.customer_id in company.entitlements]


def _plan(
    company: Company, book: Book, order: WorkOrder, *, starts_on: date, local_time: str
) -> MaintenancePlan:
    plan = MaintenancePlan(
        customer_id=order.customer_id,
        site_id=order.site_id,
        contract_id=order.contract_id,
        work_type_id=order.work_type_id,
        title=order.title,
        starts_on=starts_on,
        local_time=local_time,
        window_seconds=WINDOW_SECONDS,
    )
    return book.add(plan, company.founded)


def _lay_out(
    company: Company, book: Book, plan: MaintenancePlan, *, after: date
) -> Sequence[MaintenanceOccurrence]:
    zone, last = ZoneInfo(company.ground.time_zone), company.hours.day + timedelta(days=250)
    rule, start = parse(plan.rrule or ""), plan.starts_on or after
    plan.expanded_until = last
    rows = []
    for day in rule.days(start, after + timedelta(days=1), last):
        starts_at = instant(day, plan.local_time or "09:00", zone)
        if starts_at > company.hours.start + timedelta(days=plan.horizon_days + 2):
            rows.append(book.add(_occurrence(plan, day, starts_at), company.founded))
    return rows


def _occurrence(plan: MaintenancePlan, day: date, starts_at: datetime) -> MaintenanceOccurrence:
    return MaintenanceOccurrence(
        plan_id=plan.id, customer_id=plan.customer_id, site_id=plan.site_id, day=day, starts_at=starts_at
    )


def _due(company: Company, plan: MaintenancePlan, ahead: Sequence[MaintenanceOccurrence]) -> None:
    times = [row.starts_at for row in ahead if row.starts_at and row.state == OccurrenceState.PLANNED]
    horizon = timedelta(days=plan.horizon_days)
    plan.next_due_at = min([at - horizon for at in times] + [company.hours.start + LOOK_AGAIN])
