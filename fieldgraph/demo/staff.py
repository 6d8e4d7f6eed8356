"""The demo's staff in depth: certificates, the weeks behind the shifts, vehicles, costs, capacities."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.technicians import (
    Certification,
    Shift,
    ShiftPattern,
    ShiftPatternDay,
    Technician,
    TechnicianSkill,
    certificates,
)
from fieldgraph.demo.catalogue import COOLING
from fieldgraph.demo.companies import Book, Company

VEHICLES = (
    "Toyota Proace",
    "Ford Transit Custom",
    "Volkswagen Caddy",
    "Opel Vivaro",
    "Renault Kangoo E-Tech",
)
LETTERS = "ABCEFGHIJKLMNORSTUVXYZ"
OVERTIME = Decimal("1.5")
KILOMETRE = Decimal("0.59")
SUBCONTRACTORS_KILOMETRE = Decimal("0.75")
CAPACITIES = ((8, None), (None, 360))
"""Visits and minutes a day, of the subcontractors in turn."""
GOOD_FOR = timedelta(days=5 * 365)
BEGAN_DAYS_AGO = timedelta(days=180)


def equip(company: Company, book: Book) -> None:
    """Beside the rows there are, drawn from a book of its own so that nothing else in the story shifts."""
    book.rows = company.book.rows
    company.skills[COOLING].requires_certification = True
    shifts = {row.technician_id: row for rows in book.rows.values() for row in rows if isinstance(row, Shift)}
    for technician in company.technicians:
        _drives(technician, book)
        for skill in company.abilities[technician.id].values():
            _proves(company, book, skill)
        _works(company, book, shifts[technician.id])
    for technician, (visits, minutes) in zip(company.subcontractors(), CAPACITIES, strict=False):
        technician.max_visits_per_day, technician.max_minutes_per_day = visits, minutes
        technician.kilometre_cost = SUBCONTRACTORS_KILOMETRE


def _drives(technician: Technician, book: Book) -> None:
    plate = "".join(book.random.choice(LETTERS) for _ in range(3))
    technician.vehicle_registration = f"{plate}-{book.random.randrange(100, 1000)}"
    technician.vehicle_name = book.random.choice(VEHICLES)
    technician.overtime_hourly_cost = technician.hourly_cost * OVERTIME
    technician.kilometre_cost = KILOMETRE


def _proves(company: Company, book: Book, skill: TechnicianSkill) -> None:
    """The certificate behind a skill's date; the log has yet to tell of the third technician's end."""
    until = skill.certified_until
    if until is None:
        return
    book.add(
        Certification(
            technician_id=skill.technician_id,
            skill_id=skill.skill_id,
            number=f"FG-{book.random.randrange(10_000, 100_000)}",
            issued_on=until - GOOD_FOR,
            valid_until=until,
            **certificates.ends(until, ZoneInfo(company.ground.time_zone)),
        ),
        company.founded,
    )


def _works(company: Company, book: Book, shift: Shift) -> None:
    """From Monday to Friday as today; the shifts to come are the worker's to make."""
    zone, day = ZoneInfo(company.ground.time_zone), company.hours.day
    pattern = ShiftPattern(
        id=book.key(),
        technician_id=shift.technician_id,
        time_zone=zone.key,
        valid_from=day - BEGAN_DAYS_AGO,
        generated_until=day,
    )
    rows = book.rows[company.founded]
    # Before its shift, because a chapter may be written in several transactions.
    rows.insert(next(place for place, row in enumerate(rows) if row is shift), pattern)
    shift.shift_pattern_id, shift.day = pattern.id, day

    def wall(at: datetime) -> str:
        return f"{at.astimezone(zone):%H:%M}"

    rests = shift.break_earliest is not None and shift.break_latest is not None
    for weekday in sorted({1, 2, 3, 4, 5, day.isoweekday()}):
        book.add(
            ShiftPatternDay(
                shift_pattern_id=pattern.id,
                technician_id=shift.technician_id,
                weekday=weekday,
                starts=wall(shift.starts_at),
                ends=wall(shift.ends_at),
                break_earliest=wall(shift.break_earliest) if shift.break_earliest else None,
                break_latest=wall(shift.break_latest) if shift.break_latest else None,
                break_minutes=shift.break_seconds // 60 if rests else 0,
            ),
            company.founded,
        )
