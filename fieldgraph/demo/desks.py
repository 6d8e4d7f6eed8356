"""The demo's desk: what a dispatcher and a technician do with one work order, written down step by step."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from domain.sites import Site
from domain.technicians import Technician
from domain.tracking import Arrival, ConfirmedBy
from domain.visits import Assignment, Visit, VisitState
from domain.work_orders import WorkOrder, WorkTask, WorkTypeTask
from fieldgraph.demo.catalogue import KINDS, Kind
from fieldgraph.demo.companies import Book, Company
from fieldgraph.demo.hours import HALF_HOUR


class Desk(NamedTuple):
    """A company with the book that its unfinished work is written in."""

    company: Company
    book: Book
    sites: list[Site]
    """Those of customers without a contract come first: nobody's clock runs there."""
    last: dict[UUID, tuple[WorkOrder, Visit, datetime]]
    """By work order, its last visit so far, and when that was told."""


def kind_of(code: str) -> Kind:
    return next(kind for kind in KINDS if kind.code == code)


def ask(desk: Desk, code: str, site: Site, at: datetime, **said: Any) -> tuple[WorkOrder, Visit]:
    """A work order without a contract, and its first visit, which nobody has yet."""
    company, kind = desk.company, desk.company.kinds[code]
    company.orders += 1
    order = WorkOrder(
        number=f"WO-{company.orders:06d}",
        priority=kind.priority,
        customer_id=site.customer_id,
        site_id=site.id,
        work_type_id=kind.id,
        **said,
    )
    desk.book.add(order, at)
    visit = Visit(
        work_order_id=order.id,
        customer_id=order.customer_id,
        site_id=site.id,
        territory_id=site.territory_id,
        duration_seconds=kind.duration_seconds,
    )
    desk.last[order.id] = order, visit, at
    return order, desk.book.add(visit, at)


def check_off(desk: Desk) -> None:
    """The steps of every work order; all of them are done where the last visit was completed."""
    for order, visit, at in desk.last.values():
        steps = [row for row in desk.company.rows_of(WorkTypeTask) if row.work_type_id == order.work_type_id]
        led = next((row for row in desk.company.rows_of(Assignment) if row.visit_id == visit.id), None)
        for step in steps:
            copied = {name: getattr(step, name) for name in ("position", "name", "required", "safety")}
            task = WorkTask(work_order_id=order.id, customer_id=order.customer_id, **copied)
            if visit.state == VisitState.COMPLETED and led is not None:
                task.done_at = visit.started_at if step.safety else visit.ended_at
                task.done_by, task.visit_id = f"technician:{led.technician_id}", visit.id
                task.technician_id = led.technician_id
            desk.book.add(task, at)


def again_for(desk: Desk, visit: Visit, at: datetime) -> Visit:
    """The follow-up, which does what was left undone."""
    named = ("work_order_id", "customer_id", "site_id", "territory_id", "duration_seconds")
    again = Visit(follow_up_of_id=visit.id, **{name: getattr(visit, name) for name in named})
    desk.last[visit.work_order_id] = desk.last[visit.work_order_id][0], again, at
    return desk.book.add(again, at)


def send(desk: Desk, visit: Visit, kind: Kind, asked: datetime, start: datetime) -> Assignment:
    """Somebody who can do it and had nothing else on that day."""
    day = (start - timedelta(hours=12), start + timedelta(hours=12))
    busy = {
        row.technician_id for row in desk.company.rows_of(Assignment) if day[0] < row.planned_start < day[1]
    }
    people = desk.company.employees()[1:]
    able = [one for one in people if desk.company.can(one, kind)] or people
    free = [one for one in able if one.id not in busy] or able
    visit.window_start, visit.window_end = start - HALF_HOUR, start + HALF_HOUR
    return assign(desk, visit, desk.book.random.choice(free), start, asked=asked)


def assign(
    desk: Desk, visit: Visit, technician: Technician, start: datetime, *, asked: datetime | None = None
) -> Assignment:
    end = start + timedelta(seconds=visit.duration_seconds)
    visit.planned_start, visit.planned_end = start, end
    row = Assignment(
        visit_id=visit.id,
        technician_id=technician.id,
        work_order_id=visit.work_order_id,
        customer_id=visit.customer_id,
        site_id=visit.site_id,
        occupies=False,
        planned_start=start,
        planned_end=end,
    )
    return desk.book.add(row, asked or start - timedelta(hours=2))


def happen(desk: Desk, visit: Visit, led: Assignment, *, minutes: tuple[int, int], by: ConfirmedBy) -> None:
    """They came so long after the planned start, and left so long after it; in vain, no work began."""
    arrived, ended = (led.planned_start + timedelta(minutes=some) for some in minutes)
    visit.en_route_at = led.en_route_at = arrived - timedelta(minutes=desk.book.random.randrange(6, 18))
    visit.arrived_at = led.arrived_at = arrived
    visit.ended_at = led.ended_at = ended
    if visit.state != VisitState.NO_ACCESS:
        visit.started_at = led.started_at = arrived + timedelta(minutes=2)
        visit.worked_seconds = int((ended - visit.started_at).total_seconds())
    came = Arrival(
        visit_id=visit.id,
        technician_id=led.technician_id,
        occurred_at=arrived,
        departed_at=ended + timedelta(minutes=2),
        confirmed_by=by,
    )
    desk.book.add(came, arrived)
