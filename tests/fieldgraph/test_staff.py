"""The demo's staff: weeks behind the shifts, certificates behind the skills, vehicles, capacities."""

from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from domain.technicians import (
    Certification,
    Shift,
    ShiftPattern,
    ShiftPatternDay,
    Technician,
    TechnicianSkill,
    certificates,
    patterns,
)
from fieldgraph.demo.tales import Tale, tell
from tests.fieldgraph.test_seed import START, helsinki, rows


@pytest.fixture(scope="module")
def tales() -> tuple[Tale, Tale]:
    return tell(helsinki(), seed=1, start=START)


def test_the_staff_is_there_for_a_reason_and_proves_what_it_can(tales: tuple[Tale, Tale]) -> None:
    tale, _ = tales
    zone = ZoneInfo(tale.organization.time_zone)
    weeks = {row.id: row for row in rows(tale, ShiftPattern)}
    days = {(row.shift_pattern_id, row.weekday): row for row in rows(tale, ShiftPatternDay)}
    for shift in rows(tale, Shift):
        assert shift.shift_pattern_id is not None
        day = days[shift.shift_pattern_id, tale.seeded.day.isoweekday()]
        made = patterns.times(day, tale.seeded.day, zone)
        assert made == (shift.starts_at, shift.ends_at, shift.break_earliest, shift.break_latest, 1_800)
        assert weeks[shift.shift_pattern_id].generated_until == shift.day == tale.seeded.day
    proofs = rows(tale, Certification)
    states = Counter(certificates.state(one, START) for one in proofs)
    assert states == {"EXPIRED": 1 + 1, "EXPIRING": 1, "VALID": 8}
    (revoked,) = [one for one in proofs if one.revoked_at]
    assert certificates.state(revoked, START) == "EXPIRED"
    assert {one.valid_until for one in proofs if one is not revoked} == {
        one.certified_until for one in rows(tale, TechnicianSkill)
    } - {None}
    assert all(one.vehicle_registration and one.overtime_hourly_cost for one in rows(tale, Technician))
    limits = [
        (one.max_visits_per_day, one.max_minutes_per_day)
        for one in rows(tale, Technician)
        if one.kind == "SUBCONTRACTOR"
    ]
    assert limits == [(8, None), (None, 360)]
