"""Staffing as it is asked for: technicians, what they can and prove, when they are there and where."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from domain.technicians import TechnicianKind
from schema.customers import NO_CHANGE, VERSION
from schema.errors import UserError
from schema.graph import column, listed, one, record
from schema.scalars import Point, Polygon, TimeZone
from schema.sites import Territory
from schema.technicians import Absence, Certification, Shift, ShiftPattern, Skill, Technician

NOTHING = "Why nothing was done; empty when it was."
RELEASED = "How many visits went back to the pool."
NONE = f"{NO_CHANGE} Null: none."
COST = "In the organization's currency."
CAPACITY = "Of a subcontractor, by day of the organization's zone; null: no limit."
AREA = "One closed, simple ring of at most 2,000 km across and 1,000 positions."


@strawberry.input(description="Somebody who does the work.")
class CreateTechnicianInput:
    code: str = strawberry.field(description="The company's own code for them, unique in it.")
    name: str = strawberry.field(description="What they are called.")
    kind: TechnicianKind | None = strawberry.field(default=None, description="Null: EMPLOYEE.")
    phone: str | None = strawberry.field(default=None, description="Where to call them, as E.164.")
    home: Point = strawberry.field(description="Where their day begins and ends.")
    territory: strawberry.ID | None = strawberry.field(default=None, description="Where they serve.")
    hourly_cost: Decimal = strawberry.field(description=f"What an hour costs. {COST}")
    overtime_hourly_cost: Decimal | None = strawberry.field(
        default=None, description=f"What an hour of overtime costs. {COST}"
    )
    kilometre_cost: Decimal | None = strawberry.field(
        default=None, description=f"What a kilometre costs. {COST}"
    )
    vehicle_registration: str | None = strawberry.field(
        default=None, description="The number on their vehicle's plate."
    )
    vehicle_name: str | None = strawberry.field(default=None, description="What the vehicle is called.")
    max_visits_per_day: int | None = strawberry.field(
        default=None, description=f"Visits taken on. {CAPACITY}"
    )
    max_minutes_per_day: int | None = strawberry.field(
        default=None, description=f"Minutes of planned work. {CAPACITY}"
    )


@strawberry.input(description="What shall be otherwise about a technician.")
class UpdateTechnicianInput:
    technician: strawberry.ID = strawberry.field(description="Who.")
    code: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    kind: TechnicianKind | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    phone: str | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    home: Point | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    territory: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    hourly_cost: Decimal | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    overtime_hourly_cost: Decimal | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    kilometre_cost: Decimal | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    vehicle_registration: str | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    vehicle_name: str | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    max_visits_per_day: int | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    max_minutes_per_day: int | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A technician who shall be given nothing any more.")
class ArchiveTechnicianInput:
    technician: strawberry.ID = strawberry.field(description="Who; they hold no visit that is not over.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An archived technician who is back.")
class RestoreTechnicianInput:
    technician: strawberry.ID = strawberry.field(description="Who.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A skill at a level.")
class SkillLevelInput:
    skill: strawberry.ID = strawberry.field(description="Which skill, named once.")
    level: int = strawberry.field(description="From 1 to 5.")


@strawberry.input(description="All that a technician can.")
class SetSkillsInput:
    technician: strawberry.ID = strawberry.field(description="Who.")
    skills: list[SkillLevelInput] = strawberry.field(
        description="In the place of all that was said before; at most 250."
    )
    expected_version: int | None = strawberry.field(default=None, description=f"The technician's. {VERSION}")


@strawberry.input(description="Something that technicians can.")
class CreateSkillInput:
    name: str = strawberry.field(description="What it is called, unique in the company.")
    requires_certification: bool = strawberry.field(
        default=False, description="Whether it takes a certificate that is good on a visit's date."
    )


@strawberry.input(description="What shall be otherwise about a skill; visits that stand stay.")
class UpdateSkillInput:
    skill: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    requires_certification: bool | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A dated proof of a skill.")
class AddCertificationInput:
    technician: strawberry.ID = strawberry.field(description="Whose it is.")
    skill: strawberry.ID = strawberry.field(description="What it proves.")
    number: str | None = strawberry.field(default=None, description="What is written on it.")
    issued_on: date | None = strawberry.field(default=None, description="The first day on which it is good.")
    valid_until: date | None = strawberry.field(
        default=None, description="The last day on which it is good; null: it does not end."
    )


@strawberry.input(description="What a certificate says in truth.")
class UpdateCertificationInput:
    certification: strawberry.ID = strawberry.field(description="Which one; it was not revoked.")
    number: str | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    issued_on: date | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    valid_until: date | None = strawberry.field(
        default=strawberry.UNSET, description=f"{NO_CHANGE} Null: it does not end."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A certificate that proves nothing any more.")
class RevokeCertificationInput:
    certification: strawberry.ID = strawberry.field(description="Which one.")
    reason: str = strawberry.field(description="Why.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Working time by hand.")
class CreateShiftInput:
    technician: strawberry.ID = strawberry.field(description="Who works.")
    starts_at: datetime = strawberry.field(description="From when.")
    ends_at: datetime = strawberry.field(description="Until when, within 24 hours.")
    break_earliest: datetime | None = strawberry.field(default=None, description="When a break may start.")
    break_latest: datetime | None = strawberry.field(default=None, description="When it must have started.")
    break_seconds: int | None = strawberry.field(default=None, description="How long the break is.")


@strawberry.input(description="Other times of a shift.")
class UpdateShiftInput:
    shift: strawberry.ID = strawberry.field(description="Which one; it is not over.")
    starts_at: datetime | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    ends_at: datetime | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    break_earliest: datetime | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    break_latest: datetime | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    break_seconds: int | None = strawberry.field(default=strawberry.UNSET, description=NONE)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A shift that shall not be.")
class CancelShiftInput:
    shift: strawberry.ID = strawberry.field(description="Which one; it is not over.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="A weekday of a pattern, by the clock.")
class ShiftPatternDayInput:
    weekday: int = strawberry.field(description="1 is Monday, 7 is Sunday; each at most once.")
    starts: str = strawberry.field(description="When the shift starts, HH:MM.")
    ends: str = strawberry.field(description="When it ends, HH:MM; not after the start: on the next day.")
    break_earliest: str | None = strawberry.field(default=None, description="When a break may start, HH:MM.")
    break_latest: str | None = strawberry.field(default=None, description="When it must have started.")
    break_minutes: int | None = strawberry.field(default=None, description="How long the break is.")


@strawberry.input(description="A week from which shifts are made.")
class CreateShiftPatternInput:
    technician: strawberry.ID = strawberry.field(description="Whose working time it is.")
    days: list[ShiftPatternDayInput] = strawberry.field(description="Its weekdays, which do not overlap.")
    valid_from: date = strawberry.field(description="Its first day; of the past nothing is made.")
    valid_until: date | None = strawberry.field(default=None, description="Its last day; null: it goes on.")
    time_zone: TimeZone | None = strawberry.field(
        default=None, description="By whose clock its times are; null: the organization's."
    )


@strawberry.input(description="The last day of a pattern.")
class EndShiftPatternInput:
    shift_pattern: strawberry.ID = strawberry.field(description="Which one.")
    last_day: date = strawberry.field(description="Its shifts after this day are cancelled.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An absence that shall not be, or ends now.")
class CancelAbsenceInput:
    absence: strawberry.ID = strawberry.field(description="Which one; it is not over.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An area of service.")
class CreateTerritoryInput:
    name: str = strawberry.field(description="What it is called, unique in the company.")
    area: Polygon | None = strawberry.field(default=None, description=AREA)


@strawberry.input(description="What shall be otherwise about a territory; sites stay in theirs.")
class UpdateTerritoryInput:
    territory: strawberry.ID = strawberry.field(description="Which one.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NO_CHANGE)
    area: Polygon | None = strawberry.field(
        default=strawberry.UNSET, description=f"{AREA} {NO_CHANGE} Null: none."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The new technician.", technician_id="uuid", user_errors="jsonb")
class CreateTechnicianPayload:
    technician: Technician | None = one("The new technician.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The technician as they are now.", technician_id="uuid", user_errors="jsonb")
class UpdateTechnicianPayload:
    technician: Technician | None = one("The technician as they are now.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The technician who was archived.", technician_id="uuid", user_errors="jsonb")
class ArchiveTechnicianPayload:
    technician: Technician | None = one("The technician as they are now.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The technician who is back.", technician_id="uuid", user_errors="jsonb")
class RestoreTechnicianPayload:
    technician: Technician | None = one("The technician as they are now.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The technician with all that they can.", technician_id="uuid", user_errors="jsonb")
class SetSkillsPayload:
    technician: Technician | None = one("The technician as they are now.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The new skill.", skill_id="uuid", user_errors="jsonb")
class CreateSkillPayload:
    skill: Skill | None = one("The new skill.", by="skill_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The skill as it is now.", skill_id="uuid", user_errors="jsonb")
class UpdateSkillPayload:
    skill: Skill | None = one("The skill as it is now.", by="skill_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The new certificate.", certification_id="uuid", technician_id="uuid", user_errors="jsonb")
class AddCertificationPayload:
    certification: Certification | None = one("The new certificate.", by="certification_id")
    technician: Technician | None = one("Whose it is.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The certificate as it is now.", certification_id="uuid", technician_id="uuid", user_errors="jsonb")
class UpdateCertificationPayload:
    certification: Certification | None = one("The certificate as it is now.", by="certification_id")
    technician: Technician | None = one("Whose it is.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record(
    "The certificate that was revoked.", certification_id="uuid", technician_id="uuid", user_errors="jsonb"
)
class RevokeCertificationPayload:
    certification: Certification | None = one("The certificate as it is now.", by="certification_id")
    technician: Technician | None = one("Whose it is.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The new shift.", shift_id="uuid", user_errors="jsonb")
class CreateShiftPayload:
    shift: Shift | None = one("The new shift.", by="shift_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The shift as it is now.", shift_id="uuid", released="integer", user_errors="jsonb")
class UpdateShiftPayload:
    shift: Shift | None = one("The shift as it is now.", by="shift_id")
    released: int | None = column(RELEASED)
    user_errors: list[UserError] = listed(NOTHING)


@record(
    "The shift has gone; its visits are in the pool again.",
    shift_id="uuid",
    technician_id="uuid",
    released="integer",
    user_errors="jsonb",
)
class CancelShiftPayload:
    shift: Shift | None = one("The shift as it stands; null once it has gone.", by="shift_id")
    technician: Technician | None = one("Whose it was.", by="technician_id")
    released: int | None = column(RELEASED)
    user_errors: list[UserError] = listed(NOTHING)


@record("The new pattern, with its shifts.", shift_pattern_id="uuid", user_errors="jsonb")
class CreateShiftPatternPayload:
    shift_pattern: ShiftPattern | None = one("The new pattern.", by="shift_pattern_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The pattern as it is now.", shift_pattern_id="uuid", released="integer", user_errors="jsonb")
class EndShiftPatternPayload:
    shift_pattern: ShiftPattern | None = one("The pattern as it is now.", by="shift_pattern_id")
    released: int | None = column(RELEASED)
    user_errors: list[UserError] = listed(NOTHING)


@record(
    "They are there; what went back to the pool stays there.",
    absence_id="uuid",
    technician_id="uuid",
    user_errors="jsonb",
)
class CancelAbsencePayload:
    absence: Absence | None = one(
        "The absence as it is now; null where it had not begun and has gone.", by="absence_id"
    )
    technician: Technician | None = one("Who is there after all.", by="technician_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The new territory.", territory_id="uuid", user_errors="jsonb")
class CreateTerritoryPayload:
    territory: Territory | None = one("The new territory.", by="territory_id")
    user_errors: list[UserError] = listed(NOTHING)


@record("The territory as it is now.", territory_id="uuid", user_errors="jsonb")
class UpdateTerritoryPayload:
    territory: Territory | None = one("The territory as it is now.", by="territory_id")
    user_errors: list[UserError] = listed(NOTHING)
