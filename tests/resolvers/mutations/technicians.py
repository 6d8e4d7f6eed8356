"""Technicians: their mutations' cases, and those of skills, certificates, shifts, absences, territories."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

HOME = {"type": "Point", "coordinates": [24.94, 60.17]}
LINE = {"type": "Polygon", "coordinates": [[[24.9, 60.1], [25.0, 60.1], [24.9, 60.1], [24.9, 60.1]]]}
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[24.0, 60.0], [25.0, 60.0], [25.0, 61.0], [24.0, 61.0], [24.0, 60.0]]],
}
WORLD = {
    "type": "Polygon",
    "coordinates": [[[-90, -60], [90, -60], [90, 60], [-90, 60], [-90, -60]]],
}
MONDAY = {"weekday": 1, "starts": "08:00", "ends": "16:00"}
DAY_AFTER = {"startsAt": "2026-11-25T06:00:00Z", "endsAt": "2026-11-25T14:00:00Z"}
GONE = {"startsAt": "2026-11-20T06:00:00Z", "endsAt": "2026-11-20T14:00:00Z"}


async def _technician(stage: Stage, code: str = "T-900") -> str:
    return await stage.make(
        "createTechnician", "technician", code=code, name="Ulla", home=HOME, hourlyCost="40"
    )


async def _skill(stage: Stage, name: str = "Roofs") -> str:
    return await stage.make("createSkill", "skill", name=name)


async def _certification(stage: Stage) -> str:
    given: Given = {"technician": await _technician(stage), "skill": await _skill(stage)}
    return await stage.make(
        "addCertification", "certification", number="R-1", validUntil="2027-05-31", **given
    )


async def _shift(stage: Stage, **given: object) -> str:
    times: Given = {"startsAt": "2026-11-24T06:00:00Z", "endsAt": "2026-11-24T14:00:00Z", **given}
    return await stage.make("createShift", "shift", technician=await _technician(stage), **times)


async def create(stage: Stage) -> Given:
    await _technician(stage)
    return {
        "code": "T-901",
        "name": "Aila",
        "kind": "SUBCONTRACTOR",
        "phone": "+358 40 123 4567",
        "home": HOME,
        "territory": await stage.first("territories"),
        "hourlyCost": "38.50",
        "overtimeHourlyCost": "57.75",
        "kilometreCost": "0.59",
        "vehicleRegistration": "ABC-123",
        "vehicleName": "The white one",
        "maxVisitsPerDay": 6,
        "maxMinutesPerDay": 420,
    }


async def update(stage: Stage) -> Given:
    await _technician(stage, "T-902")
    return {
        "technician": await _technician(stage),
        "name": "Ulla-Maija",
        "territory": await stage.first("territories"),
        "kilometreCost": "0.61",
    }


async def archive(stage: Stage) -> Given:
    return {"technician": await _technician(stage)}


async def restore(stage: Stage) -> Given:
    technician = await _technician(stage)
    return {"technician": await stage.make("archiveTechnician", "technician", technician=technician)}


async def set_skills(stage: Stage) -> Given:
    skills = [{"skill": await _skill(stage, name), "level": 3} for name in ("Roofs", "Wells")]
    return {"technician": await _technician(stage), "skills": skills}


async def create_skill(stage: Stage) -> Given:
    await _skill(stage)
    return {"name": "Wells", "requiresCertification": True}


async def update_skill(stage: Stage) -> Given:
    await _skill(stage, "Wells")
    return {"skill": await _skill(stage), "requiresCertification": True}


async def add_certification(stage: Stage) -> Given:
    await _certification(stage)
    return {
        "technician": await stage.value("SELECT 'tec1_' || id FROM technician WHERE code = 'T-900'"),
        "skill": await stage.value("SELECT 'skl1_' || id FROM skill WHERE name = 'Roofs'"),
        "number": "R-2",
        "issuedOn": "2026-01-01",
        "validUntil": "2028-12-31",
    }


async def update_certification(stage: Stage) -> Given:
    return {"certification": await _certification(stage), "validUntil": "2027-06-30"}


async def revoke_certification(stage: Stage) -> Given:
    return {"certification": await _certification(stage), "reason": "It was a forgery."}


async def create_shift(stage: Stage) -> Given:
    await _shift(stage)
    technician = await stage.value("SELECT 'tec1_' || id FROM technician WHERE code = 'T-900'")
    rest = {"breakEarliest": "2026-11-25T09:00:00Z", "breakLatest": "2026-11-25T10:00:00Z"}
    return {"technician": technician, **DAY_AFTER, **rest, "breakSeconds": 1_800}


async def update_shift(stage: Stage) -> Given:
    return {"shift": await _shift(stage), "endsAt": "2026-11-24T12:00:00Z"}


async def cancel_shift(stage: Stage) -> Given:
    return {"shift": await _shift(stage)}


async def create_pattern(stage: Stage) -> Given:
    return {
        "technician": await _technician(stage),
        "days": [{**MONDAY, "breakEarliest": "11:00", "breakLatest": "12:00", "breakMinutes": 30}],
        "validFrom": "2026-11-23",
        "validUntil": "2027-11-22",
        "timeZone": "Europe/Stockholm",
    }


async def end_pattern(stage: Stage) -> Given:
    pattern = await stage.make("createShiftPattern", "shiftPattern", **await create_pattern(stage))
    return {"shiftPattern": pattern, "lastDay": "2026-12-06"}


async def cancel_absence(stage: Stage) -> Given:
    times: Given = {"startsAt": "2026-11-24T06:00:00Z", "endsAt": "2026-11-24T14:00:00Z", "reason": "HOLIDAY"}
    technician = await _technician(stage)
    return {"absence": await stage.make("createAbsence", "absence", technician=technician, **times)}


async def create_territory(stage: Stage) -> Given:
    await stage.make("createTerritory", "territory", name="The isles")
    return {"name": "The archipelago", "area": SQUARE}


async def update_territory(stage: Stage) -> Given:
    key = await stage.make("createTerritory", "territory", name="The archipelago")
    return {"territory": key, "name": "The isles", "area": SQUARE}


PEOPLE = [
    Case(
        mutation="createTechnician",
        right=create,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a code that another has": Wrong({"code": "T-900"}, "CONFLICT", ("code",)),
            "no telephone number": Wrong({"phone": "call me"}, "INVALID", ("phone",)),
            "a negative cost": Wrong({"hourlyCost": "-1"}, "INVALID", ("hourlyCost",)),
            "a cost of five decimals": Wrong({"kilometreCost": "0.12345"}, "INVALID", ("kilometreCost",)),
            "a capacity of none": Wrong({"maxVisitsPerDay": 0}, "INVALID", ("maxVisitsPerDay",)),
            "an employee's capacity": Wrong({"kind": "EMPLOYEE"}, "INVALID", ("maxVisitsPerDay",)),
            "a car without a plate": Wrong(
                {"vehicleRegistration": None}, "INVALID", ("vehicleRegistration",)
            ),
        },
    ),
    Case(
        mutation="updateTechnician",
        right=update,
        wrong={
            "no name": Wrong({"name": None}, "INVALID", ("name",)),
            "a code that another has": Wrong({"code": "T-902"}, "CONFLICT", ("code",)),
            "an employee's capacity": Wrong({"maxMinutesPerDay": 60}, "INVALID", ("maxMinutesPerDay",)),
            "no hourly cost": Wrong({"hourlyCost": None}, "INVALID", ("hourlyCost",)),
        },
    ),
    Case(mutation="archiveTechnician", right=archive),
    Case(mutation="restoreTechnician", right=restore),
    Case(mutation="setSkills", right=set_skills),
    Case(
        mutation="createSkill",
        right=create_skill,
        wrong={
            "no name": Wrong({"name": ""}, "INVALID", ("name",)),
            "a name that another has": Wrong({"name": "Roofs"}, "CONFLICT", ("name",)),
        },
    ),
    Case(
        mutation="updateSkill",
        right=update_skill,
        wrong={"a name that another has": Wrong({"name": "Wells"}, "CONFLICT", ("name",))},
    ),
    Case(
        mutation="addCertification",
        right=add_certification,
        wrong={
            "over before it begins": Wrong({"validUntil": "2025-12-31"}, "INVALID", ("validUntil",)),
            "known already": Wrong({"number": "R-1"}, "CONFLICT", ("number",)),
        },
    ),
    Case(
        mutation="updateCertification",
        right=update_certification,
        wrong={"over before it begins": Wrong({"issuedOn": "2027-07-01"}, "INVALID", ("validUntil",))},
    ),
    Case(
        mutation="revokeCertification",
        right=revoke_certification,
        wrong={"no reason": Wrong({"reason": " "}, "INVALID", ("reason",))},
    ),
]
HOURS = [
    Case(
        mutation="createShift",
        right=create_shift,
        wrong={
            "backwards": Wrong({"endsAt": "2026-11-25T05:00:00Z"}, "INVALID", ("endsAt",)),
            "two days long": Wrong({"endsAt": "2026-11-27T05:00:00Z"}, "INVALID", ("endsAt",)),
            "of the past": Wrong(GONE, "INVALID", ("endsAt",)),
            "over another": Wrong({"startsAt": "2026-11-24T13:59:59Z"}, "INVALID", ("endsAt",)),
            "into another": Wrong(
                {"startsAt": "2026-11-24T13:00:00Z", "endsAt": "2026-11-25T11:00:00Z"},
                "CONFLICT",
                ("startsAt",),
            ),
            "half a break": Wrong({"breakLatest": None}, "INVALID", ("breakEarliest",)),
            "a break after it": Wrong({"breakSeconds": 20_000}, "INVALID", ("breakEarliest",)),
        },
    ),
    Case(
        mutation="updateShift",
        right=update_shift,
        wrong={
            "backwards": Wrong({"endsAt": "2026-11-24T05:00:00Z"}, "INVALID", ("endsAt",)),
            "no start": Wrong({"startsAt": None}, "INVALID", ("startsAt",)),
        },
    ),
    Case(mutation="cancelShift", right=cancel_shift),
    Case(
        mutation="createShiftPattern",
        right=create_pattern,
        wrong={
            "no days": Wrong({"days": []}, "INVALID", ("days",)),
            "no time of day": Wrong({"days": [{**MONDAY, "starts": "8:00"}]}, "INVALID", ("days",)),
            "an eighth day": Wrong({"days": [{**MONDAY, "weekday": 8}]}, "INVALID", ("days",)),
            "no length": Wrong({"days": [{**MONDAY, "ends": "08:00"}]}, "INVALID", ("days",)),
            "a day twice": Wrong(
                {"days": [MONDAY, {**MONDAY, "starts": "16:00", "ends": "17:00"}]}, "INVALID", ("days",)
            ),
            "days that overlap": Wrong(
                {"days": [{**MONDAY, "starts": "20:00", "ends": "09:00"}, {**MONDAY, "weekday": 2}]},
                "INVALID",
                ("days",),
            ),
            "half a break": Wrong({"days": [{**MONDAY, "breakMinutes": 30}]}, "INVALID", ("days",)),
            "a break outside": Wrong(
                {"days": [{**MONDAY, "breakEarliest": "07:00", "breakLatest": "09:00", "breakMinutes": 30}]},
                "INVALID",
                ("days",),
            ),
            "no zone": Wrong({"timeZone": "Europe/Atlantis"}, "INVALID", ("timeZone",)),
            "over before it begins": Wrong({"validUntil": "2026-11-22"}, "INVALID", ("validUntil",)),
        },
    ),
    Case(
        mutation="endShiftPattern",
        right=end_pattern,
        wrong={
            "before it begins": Wrong({"lastDay": "2026-11-22"}, "INVALID", ("lastDay",)),
            "longer than it was": Wrong({"lastDay": "2027-11-23"}, "INVALID", ("lastDay",)),
        },
    ),
    Case(mutation="cancelAbsence", right=cancel_absence),
]
PLACES = [
    Case(
        mutation="createTerritory",
        right=create_territory,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a name that another has": Wrong({"name": "The isles"}, "CONFLICT", ("name",)),
            "a line": Wrong({"area": LINE}, "INVALID", ("area",)),
            "half the world": Wrong({"area": WORLD}, "INVALID", ("area",)),
        },
    ),
    Case(
        mutation="updateTerritory",
        right=update_territory,
        wrong={
            "no name": Wrong({"name": None}, "INVALID", ("name",)),
            "a line": Wrong({"area": LINE}, "INVALID", ("area",)),
        },
    ),
]
CASES = [*PEOPLE, *HOURS, *PLACES]
