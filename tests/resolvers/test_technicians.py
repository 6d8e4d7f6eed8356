"""Technicians: as clients keep and see them, each role what is theirs to see."""

from typing import Any

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.test_customers import ABSENT, facts, refusal

HOME = {"type": "Point", "coordinates": [24.94, 60.17]}
WHOLE = """code name kind phone home hourlyCost { amount currency } overtimeHourlyCost { amount currency }
  kilometreCost { amount } vehicle { registration name } maxVisitsPerDay maxMinutesPerDay archivedAt
  version"""
CREATE = f"""mutation C($input: CreateTechnicianInput!) {{ createTechnician(input: $input) {{
  technician {{ id {WHOLE} }} userErrors {{ path code }} }} }}"""
UPDATE = f"""mutation U($input: UpdateTechnicianInput!) {{ updateTechnician(input: $input) {{
  technician {{ {WHOLE} }} userErrors {{ path code }} }} }}"""
SKILL = """mutation S($input: CreateSkillInput!) { createSkill(input: $input) {
  skill { id name requiresCertification version } userErrors { path code } } }"""
SET = """mutation S($input: SetSkillsInput!) { setSkills(input: $input) { technician { version
  skills { nodes { level certifiedUntil skill { name } } } } userErrors { path code } } }"""
PROVE = """mutation P($input: AddCertificationInput!) { addCertification(input: $input) {
  certification { id number issuedOn validUntil state version skill { name } }
  technician { skills { nodes { certifiedUntil } } } userErrors { path code } } }"""
REVOKE = """mutation R($input: RevokeCertificationInput!) { revokeCertification(input: $input) {
  certification { state revokedAt reason version } userErrors { path code } } }"""
PATTERN = """mutation P($input: CreateShiftPatternInput!) { createShiftPattern(input: $input) {
  shiftPattern { id version timeZone validFrom validUntil generatedUntil
    days { weekday starts ends breakEarliest breakLatest breakMinutes }
    shifts(first: 2) { totalCount nodes { startsAt endsAt breakEarliest breakLatest breakSeconds day } } }
  userErrors { path code } } }"""
CANCEL = """mutation C($input: CancelShiftInput!) { cancelShift(input: $input) {
  shift { id } technician { id } released userErrors { path code } } }"""
SCHEDULE = """mutation S($input: ScheduleVisitInput!) { scheduleVisit(input: $input) {
  visit { state } userErrors { path code message } } }"""
SHIFT = """mutation S($input: CreateShiftInput!) { createShift(input: $input) {
  shift { id pattern { id } } userErrors { path code } } }"""
GIVEN = {"code": "T-900", "name": "Ulla", "home": HOME, "hourlyCost": "40"}
EXPIRED = """{ certifications(where: {state: {eq: EXPIRED}, validUntil: {lt: "2026-11-23"}}) {
  totalCount nodes {
  validUntil technician { code } skill { requiresCertification } } } }"""


async def made(company: Companies, **given: object) -> dict[str, Any]:
    found = (await company.data(CREATE, {"input": {**GIVEN, **given}}))["createTechnician"]
    assert found["userErrors"] == []
    technician: dict[str, Any] = found["technician"]
    return technician


async def skill(company: Companies, name: str, **given: object) -> str:
    found = (await company.data(SKILL, {"input": {"name": name, **given}}))["createSkill"]
    assert found["userErrors"] == []
    key: str = found["skill"]["id"]
    return key


async def test_a_technician_is_taken_on_and_changed(company: Companies) -> None:
    technician = await made(
        company,
        kind="SUBCONTRACTOR",
        phone="+358 40 123 4567",
        overtimeHourlyCost="60.5",
        kilometreCost="0.59",
        vehicleRegistration=" ABC-123 ",
        maxVisitsPerDay=6,
    )
    assert {name: value for name, value in technician.items() if name != "id"} == {
        "code": "T-900",
        "name": "Ulla",
        "kind": "SUBCONTRACTOR",
        "phone": "+358401234567",
        "home": HOME,
        "hourlyCost": {"amount": "40.0000", "currency": "EUR"},
        "overtimeHourlyCost": {"amount": "60.5000", "currency": "EUR"},
        "kilometreCost": {"amount": "0.5900"},
        "vehicle": {"registration": "ABC-123", "name": None},
        "maxVisitsPerDay": 6,
        "maxMinutesPerDay": None,
        "archivedAt": None,
        "version": 1,
    }
    change = {
        "technician": technician["id"],
        "expectedVersion": 1,
        "kind": "EMPLOYEE",
        "maxVisitsPerDay": None,
        "overtimeHourlyCost": None,
        "vehicleRegistration": None,
    }
    changed = (await company.data(UPDATE, {"input": change}))["updateTechnician"]
    assert changed["userErrors"] == []
    wanted = {"kind": "EMPLOYEE", "maxVisitsPerDay": None, "overtimeHourlyCost": None, "vehicle": None}
    assert changed["technician"].items() >= {**wanted, "version": 2, "phone": "+358401234567"}.items()
    same = (await company.data(UPDATE, {"input": {**change, "expectedVersion": 2}}))["updateTechnician"]
    assert same["technician"]["version"] == 2
    told = await facts(company, "technician")
    assert [one[:2] for one in told] == [("TechnicianCreated", 1), ("TechnicianChanged", 2)]
    assert "358401234567" not in str(told)
    assert "40" not in str(told)


async def test_skills_are_set_whole_and_compared_by_the_technicians_version(company: Companies) -> None:
    technician = await made(company)
    roofs, wells = await skill(company, "Roofs", requiresCertification=True), await skill(company, "Wells")
    proof = {"technician": technician["id"], "skill": roofs, "number": "R-1", "validUntil": "2026-12-10"}
    added = (await company.data(PROVE, {"input": proof}))["addCertification"]
    assert added["certification"]["state"] == "EXPIRING"
    levels = [{"skill": roofs, "level": 4}, {"skill": wells, "level": 2}]
    given = {"technician": technician["id"], "skills": levels, "expectedVersion": 1}

    found = (await company.data(SET, {"input": given}))["setSkills"]

    assert found["userErrors"] == []
    assert found["technician"]["version"] == 2
    can = {
        one["skill"]["name"]: (one["level"], one["certifiedUntil"])
        for one in found["technician"]["skills"]["nodes"]
    }
    assert can == {"Roofs": (4, "2026-12-10"), "Wells": (2, None)}
    stale = (await company.data(SET, {"input": {**given, "skills": []}}))["setSkills"]
    assert stale["userErrors"] == [{"path": ["input", "expectedVersion"], "code": "CONFLICT"}]
    assert len(stale["technician"]["skills"]["nodes"]) == 2
    twice = {"technician": technician["id"], "skills": [levels[0], levels[0]]}
    assert await refusal(company, SET, twice) == [("INVALID", ["input", "skills"])]
    wrong = {"technician": technician["id"], "skills": [{"skill": roofs, "level": 0}]}
    assert await refusal(company, SET, wrong) == [("INVALID", ["input", "skills"])]


async def test_a_certificate_that_is_revoked_has_expired(company: Companies) -> None:
    technician, roofs = await made(company), await skill(company, "Roofs")
    proof = {"technician": technician["id"], "skill": roofs, "number": " R-1 ", "issuedOn": "2026-01-01"}
    added = (await company.data(PROVE, {"input": proof}))["addCertification"]
    row = added["certification"]
    assert row == {
        "id": row["id"],
        "number": "R-1",
        "issuedOn": "2026-01-01",
        "validUntil": None,
        "state": "VALID",
        "version": 1,
        "skill": {"name": "Roofs"},
    }
    given = {"certification": row["id"], "reason": "A forgery", "expectedVersion": 1}
    revoked = (await company.data(REVOKE, {"input": given}))["revokeCertification"]["certification"]
    assert (revoked["state"], revoked["reason"], revoked["version"]) == ("EXPIRED", "A forgery", 2)
    assert revoked["revokedAt"] is not None
    again = {"certification": row["id"], "reason": "A forgery"}
    assert await refusal(company, REVOKE, again) == [("INVALID_TRANSITION", ["input", "certification"])]
    told = [one[:2] for one in await facts(company, "certification")]
    assert told == [("CertificationAdded", 1), ("CertificationRevoked", 2)]


async def test_the_demo_has_one_expired_certificate(companies: Companies) -> None:
    found = (await companies.data(EXPIRED))["certifications"]
    assert found == {
        "totalCount": 1,
        "nodes": [
            {
                "validUntil": "2026-11-22",
                "technician": {"code": "AT03"},
                "skill": {"requiresCertification": True},
            }
        ],
    }


async def test_a_pattern_shows_its_days_and_what_was_made_of_it(company: Companies) -> None:
    technician = await made(company)
    day = {"starts": "07:30", "ends": "15:30"}
    rest = {"breakEarliest": "11:00", "breakLatest": "12:00", "breakMinutes": 30}
    days = [{"weekday": 2, **day, **rest}, {"weekday": 4, **day}]
    given = {"technician": technician["id"], "days": days, "validFrom": "2026-11-23"}

    pattern = (await company.data(PATTERN, {"input": given}))["createShiftPattern"]["shiftPattern"]

    none = {"breakEarliest": None, "breakLatest": None, "breakMinutes": 0}
    assert pattern == {
        "id": pattern["id"],
        "version": 1,
        "timeZone": "Europe/Helsinki",
        "validFrom": "2026-11-23",
        "validUntil": None,
        "generatedUntil": "2027-01-04",
        "days": [days[0], {**days[1], **none}],
        "shifts": {
            "totalCount": 12,
            "nodes": [
                {
                    "startsAt": "2026-11-24T05:30:00+00:00",
                    "endsAt": "2026-11-24T13:30:00+00:00",
                    "breakEarliest": "2026-11-24T09:00:00+00:00",
                    "breakLatest": "2026-11-24T10:00:00+00:00",
                    "breakSeconds": 1800,
                    "day": "2026-11-24",
                },
                {
                    "startsAt": "2026-11-26T05:30:00+00:00",
                    "endsAt": "2026-11-26T13:30:00+00:00",
                    "breakEarliest": None,
                    "breakLatest": None,
                    "breakSeconds": 0,
                    "day": "2026-11-26",
                },
            ],
        },
    }
    assert [one[:2] for one in await facts(company, "shift_pattern")] == [("ShiftPatternCreated", 1)]


async def test_a_full_day_is_over_capacity_and_a_cancelled_shift_frees_its_visits(company: Companies) -> None:
    technician = await made(company, kind="SUBCONTRACTOR", maxVisitsPerDay=1)
    found = (await company.data("{ skills { nodes { id name requiresCertification } } }"))["skills"]["nodes"]
    await company.data(
        SET,
        {
            "input": {
                "technician": technician["id"],
                "skills": [{"skill": one["id"], "level": 5} for one in found],
            }
        },
    )
    for one in found:
        if one["requiresCertification"]:
            await company.data(PROVE, {"input": {"technician": technician["id"], "skill": one["id"]}})
    times = {"startsAt": "2026-11-23T07:00:00Z", "endsAt": "2026-11-23T20:00:00Z"}
    shift = (await company.data(SHIFT, {"input": {"technician": technician["id"], **times}}))["createShift"][
        "shift"
    ]
    assert shift["pattern"] is None
    query = """{ visits(first: 2, where: {state: {eq: UNSCHEDULED}, workOrder: {state: {eq: READY}},
      parts: {none: {quantity: {gte: 1}}}}) {
      nodes { id arrivalWindow { start } } } }"""
    waiting = (await company.data(query))["visits"]["nodes"]
    answers = []
    for number, visit in enumerate(waiting):
        start = (visit["arrivalWindow"] or {}).get("start") or f"2026-11-23T{10 + number * 4}:00:00Z"
        given = {"visit": visit["id"], "technician": technician["id"], "start": start}
        answers.append((await company.data(SCHEDULE, {"input": given}))["scheduleVisit"])

    assert answers[0] == {"visit": {"state": "SCHEDULED"}, "userErrors": []}
    assert answers[1]["visit"] == {"state": "UNSCHEDULED"}
    assert [(one["code"], one["path"]) for one in answers[1]["userErrors"]] == [
        ("OVER_CAPACITY", ["input", "start"])
    ]
    gone = (await company.data(CANCEL, {"input": {"shift": shift["id"]}}))["cancelShift"]
    assert gone == {"shift": None, "technician": {"id": technician["id"]}, "released": 1, "userErrors": []}
    state = await company.data("query V($id: ID!) { visit(id: $id) { state } }", {"id": waiting[0]["id"]})
    assert state == {"visit": {"state": "UNSCHEDULED"}}


async def test_each_role_sees_of_technicians_what_is_theirs_to_see(companies: Companies) -> None:
    async def asked(field: str, role: Role) -> str:
        query = f"{{ technicians(first: 3) {{ nodes {{ {field} }} }} }}"
        found = await companies.ask(query, {}, viewer=companies.viewer(role))
        return str(found["errors"][0]["extensions"]["code"]) if "errors" in found else "seen"

    seen = {
        field: {role for role in set(Role) - {Role.TRACKING} if await asked(field, role) == "seen"}
        for field in (
            "name",
            "phone",
            "home",
            "hourlyCost { amount }",
            "overtimeHourlyCost { amount }",
            "kilometreCost { amount }",
            "vehicle { registration }",
            "maxVisitsPerDay",
            "certifications { nodes { number } }",
            "shiftPatterns { nodes { days { starts } } }",
        )
    }
    everybody = set(Role) - {Role.TRACKING}
    staff = everybody - {Role.CUSTOMER}
    costs = {Role.ADMIN, Role.MANAGER, Role.INTEGRATION}
    assert seen == {
        "name": everybody,
        "phone": staff,
        "home": staff - {Role.SALES},
        "hourlyCost { amount }": costs,
        "overtimeHourlyCost { amount }": costs,
        "kilometreCost { amount }": costs,
        "vehicle { registration }": staff,
        "maxVisitsPerDay": staff,
        "certifications { nodes { number } }": staff,
        "shiftPatterns { nodes { days { starts } } }": staff,
    }


@pytest.mark.parametrize("root", ["certifications", "shiftPatterns", "shifts", "absences"])
async def test_in_the_field_only_own_rows_are_seen(lively: Companies, root: str) -> None:
    rows = f"{root}(first: 100) {{ totalCount nodes {{ technician {{ id }} }} }}"
    query = f"{{ {rows} viewer {{ technician {{ id }} }} }}"
    for role in (Role.TECHNICIAN, Role.SUBCONTRACTOR):
        found = await lively.data(query, viewer=lively.viewer(role))
        own = found["viewer"]["technician"]["id"]
        assert all(one["technician"]["id"] == own for one in found[root]["nodes"])
    everything = (await lively.data(query))[root]["totalCount"]
    assert everything > found[root]["totalCount"]


async def test_a_dispatcher_keeps_hours_and_skills_but_not_what_people_cost(company: Companies) -> None:
    viewer = company.viewer(Role.DISPATCHER)
    refused = await company.ask(CREATE, {"input": GIVEN}, viewer=viewer)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    technician, roofs = await made(company), await skill(company, "Roofs")
    given = {"technician": technician["id"], "skills": [{"skill": roofs, "level": 1}]}
    found = (await company.data(SET, {"input": given}, viewer=viewer))["setSkills"]
    assert found["userErrors"] == []
    absent = {"technician": f"tec1_{ABSENT}", "skills": []}
    assert await refusal(company, SET, absent) == [("NOT_FOUND", ["input", "technician"])]
