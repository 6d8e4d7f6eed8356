"""The demo's crews: two who go together, a visit that waits, an offer declined, words of its own."""

from datetime import timedelta
from random import Random

from domain.crews import Crew, CrewMember
from domain.organizations import Organization
from domain.rows import NEVER
from domain.technicians import Technician
from domain.visits import (
    Assignment,
    AssignmentState,
    Substatus,
    Visit,
    VisitDependency,
    VisitState,
)
from fieldgraph.demo.companies import Book, Company
from fieldgraph.demo.stories import Set

WORDS = (
    ("KEY", "Waits for the key", VisitState.UNSCHEDULED),
    ("PART", "Waits for a part", VisitState.UNSCHEDULED),
    ("CONFIRMED", "Confirmed by the customer", VisitState.SCHEDULED),
    ("DOOR", "At the door, nobody answers", VisitState.ARRIVED),
    ("SUPPLIER", "Gone to the supplier", VisitState.PAUSED),
)
WAITING = 4
"""So many visits of the pool are said to wait for something."""
GAP_SECONDS = 1_200
TOO_FAR = "Too far from my other work that day."


def tell_crews(company: Company, organization: Organization, waiting: Set) -> None:
    """Adds to what has been told; its draws are its own, so that nobody else's shift."""
    random = Random(f"{organization.id}:crews")  # noqa: S311  # tells a story; guards nothing
    book = Book(random, company.hours.start)
    pool = [
        (row, at)
        for at, rows in sorted(company.book.rows.items())
        for row in rows
        if isinstance(row, Visit) and row.state == VisitState.UNSCHEDULED
    ]
    words = [
        book.add(Substatus(code=code, name=name, visit_state=state), company.founded)
        for code, name, state in WORDS
    ]
    for number, (visit, _) in enumerate(pool[1 : 1 + WAITING]):
        visit.substatus_id = words[number % 2].id
    _together(company, book, waiting, confirmed=words[2])
    offered, at = pool[0]
    book.add(_declined(company, offered, company.subcontractors()[-1]), at)
    for at, rows in book.rows.items():
        company.book.rows.setdefault(at, []).extend(rows)


def _together(company: Company, book: Book, waiting: Set, *, confirmed: Substatus) -> None:
    """The last of the visitor's visits takes two, and waits for the one before."""
    lead, helper = company.employees()[0], company.employees()[-1]
    crew = book.add(Crew(name=f"{lead.name.split()[-1]} and {helper.name.split()[-1]}"), company.founded)
    for technician in (lead, helper):
        member = CrewMember(crew_id=crew.id, technician_id=technician.id, is_lead=technician is lead)
        book.add(member, company.founded)
    _, before, visit = waiting.technicians
    visit.crew_size, visit.crew_id, visit.substatus_id = 2, crew.id, confirmed.id
    told = company.hours.opens - timedelta(days=1)
    book.add(_assignment(visit, helper), told)
    book.add(VisitDependency(predecessor_id=before.id, successor_id=visit.id, gap_seconds=GAP_SECONDS), told)


def _declined(company: Company, visit: Visit, technician: Technician) -> Assignment:
    """What they were asked yesterday: the visit is in the pool again, with the reason."""
    visit.reason = TOO_FAR
    row = _assignment(visit, technician)
    row.planned_start = company.hours.start + timedelta(hours=2)
    row.planned_end = row.planned_start + timedelta(seconds=visit.duration_seconds)
    row.state, row.is_lead, row.occupies, row.reason = AssignmentState.DECLINED, True, False, TOO_FAR
    row.offer_expires_at = company.hours.start
    return row


def _assignment(visit: Visit, technician: Technician) -> Assignment:
    start, end = visit.planned_start or NEVER, visit.planned_end or NEVER
    return Assignment(
        visit_id=visit.id,
        technician_id=technician.id,
        work_order_id=visit.work_order_id,
        customer_id=visit.customer_id,
        site_id=visit.site_id,
        is_lead=False,
        planned_start=start,
        planned_end=end,
    )
