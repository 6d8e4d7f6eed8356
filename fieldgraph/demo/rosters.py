"""The demo's rosters: who was and will be away, a certificate about to end and one that was taken back."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from domain.organizations import Organization
from domain.technicians import (
    Absence,
    AbsenceReason,
    Certification,
    CertificationState,
    certificates,
)
from domain.visits import Assignment
from fieldgraph.demo.catalogue import COOLING, ELECTRICAL
from fieldgraph.demo.companies import Book, Company
from fieldgraph.demo.staff import GOOD_FOR

ENDS_IN_DAYS, GOOD_DAYS = 12, 300
AWAY = (
    (AbsenceReason.TRAINING, 3, 1),
    (AbsenceReason.OTHER, 4, 1),
    (AbsenceReason.HOLIDAY, 7, 5),
)
"""Why, in how many days, and for how many: nobody is away when the demo begins."""


def tell_rosters(company: Company, organization: Organization) -> None:
    """Absences before and after today, and certificates in every state."""
    book = company.apart(organization, "rosters")
    people = company.employees()
    _was_sick(company, book)
    for place, (reason, ahead, days) in enumerate(AWAY):
        starts_at = company.hours.opens + timedelta(days=ahead)
        ends_at = starts_at + timedelta(days=days - 1) + (company.hours.closes - company.hours.opens)
        absence = Absence(
            technician_id=people[5 + 3 * place].id, starts_at=starts_at, ends_at=ends_at, reason=reason
        )
        book.add(absence, company.founded)
    _ends_soon(company, book)
    _taken_back(company, book)


def _was_sick(company: Company, book: Book) -> None:
    """Two days ago, somebody who therefore did nothing then."""
    starts_at = company.hours.opens - timedelta(days=2)
    ends_at = starts_at + (company.hours.closes - company.hours.opens)
    busy = {
        row.technician_id
        for row in company.rows_of(Assignment)
        if row.planned_start < ends_at and row.planned_end > starts_at
    }
    sick = next(one for one in company.employees()[1:] if one.id not in busy)
    absence = Absence(technician_id=sick.id, starts_at=starts_at, ends_at=ends_at, reason=AbsenceReason.SICK)
    book.add(absence, starts_at)


def _ends_soon(company: Company, book: Book) -> None:
    """An electrician whose certificate ends in two weeks; the log has told of it already."""
    skill_id = company.skills[ELECTRICAL].id
    able = next(one for one in company.employees()[1:] if ELECTRICAL in company.abilities[one.id])
    until = company.hours.day + timedelta(days=ENDS_IN_DAYS)
    company.abilities[able.id][ELECTRICAL].certified_until = until
    book.add(
        Certification(
            technician_id=able.id,
            skill_id=skill_id,
            number=f"EL-{book.random.randrange(10_000, 100_000)}",
            issued_on=until - GOOD_FOR,
            valid_until=until,
            told=CertificationState.EXPIRING,
            **certificates.ends(until, ZoneInfo(company.ground.time_zone)),
        ),
        company.founded,
    )


def _taken_back(company: Company, book: Book) -> None:
    """Beside a good certificate for refrigerants, one that was none."""
    able = [one for one in company.employees() if COOLING in company.abilities[one.id]][-1]
    until = company.hours.day + timedelta(days=GOOD_DAYS)
    book.add(
        Certification(
            technician_id=able.id,
            skill_id=company.skills[COOLING].id,
            number=f"FG-{book.random.randrange(10_000, 100_000)}-X",
            issued_on=until - GOOD_FOR,
            valid_until=until,
            revoked_at=company.hours.opens - timedelta(days=20),
            reason="It was issued to somebody of the same name.",
            **certificates.ends(until, ZoneInfo(company.ground.time_zone)),
        ),
        company.founded,
    )
