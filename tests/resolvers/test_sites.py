"""Sites: kept by mutations; place, zone and outline are checked; how to get in is for staff."""

from typing import Any

import pytest

from domain.viewers import Role, Viewer
from tests.resolvers.companies import Companies
from tests.resolvers.test_customers import ABSENT, PLACE, facts, foreign, made, refusal

CREATE = """mutation C($input: CreateSiteInput!) { createSite(input: $input) {
  site { id version name address location timeZone accessNotes geofenceRadiusMetres geofence
    customer { id } territory { id } }
  userErrors { path code } } }"""
UPDATE = """mutation U($input: UpdateSiteInput!) { updateSite(input: $input) {
  site { id version name location timeZone accessNotes geofenceRadiusMetres geofence territory { id } }
  userErrors { path code } } }"""
RING = [[24.94, 60.17], [24.95, 60.17], [24.95, 60.18], [24.94, 60.17]]
OUTLINE = {"type": "Polygon", "coordinates": [RING]}
FIRST = "{ territories(first: 2) { nodes { id } } }"


async def _site(company: Companies, **given: object) -> dict[str, Any]:
    customer = (await made(company))["id"]
    found = (await company.data(CREATE, {"input": {"customer": customer, **PLACE, **given}}))["createSite"]
    assert found["userErrors"] == []
    assert found["site"]["customer"] == {"id": customer}
    site: dict[str, Any] = found["site"]
    return site


async def test_a_site_is_made_and_changed(company: Companies) -> None:
    north, south = [one["id"] for one in (await company.data(FIRST))["territories"]["nodes"]]
    site = await _site(company, territory=north, accessNotes="Ring twice", geofenceRadiusMetres=60)
    assert {name: site[name] for name in ("version", "location", "timeZone", "geofenceRadiusMetres")} == {
        "version": 1,
        "location": {"type": "Point", "coordinates": [24.95, 60.18]},
        "timeZone": "Europe/Helsinki",
        "geofenceRadiusMetres": 60,
    }
    assert (site["geofence"], site["territory"]) == (None, {"id": north})
    change = {
        "site": site["id"],
        "expectedVersion": 1,
        "location": {"type": "Point", "coordinates": [25, 60.5]},
        "timeZone": "Europe/Stockholm",
        "geofence": OUTLINE,
        "accessNotes": None,
        "territory": south,
    }
    changed = (await company.data(UPDATE, {"input": change}))["updateSite"]
    assert changed == {
        "site": {
            "id": site["id"],
            "version": 2,
            "name": "Hall",
            "location": {"type": "Point", "coordinates": [25, 60.5]},
            "timeZone": "Europe/Stockholm",
            "accessNotes": None,
            "geofenceRadiusMetres": 60,
            "geofence": OUTLINE,
            "territory": {"id": south},
        },
        "userErrors": [],
    }
    same = {**change, "expectedVersion": 2}
    assert (await company.data(UPDATE, {"input": same}))["updateSite"]["site"]["version"] == 2
    circle = {"site": site["id"], "geofence": None, "territory": None}
    back = (await company.data(UPDATE, {"input": circle}))["updateSite"]["site"]
    assert (back["version"], back["geofence"], back["territory"]) == (3, None, None)
    told = await facts(company, "site")
    assert [one[:2] for one in told] == [("SiteCreated", 1), ("SiteChanged", 2), ("SiteChanged", 3)]
    assert '"access_notes": null' in told[1][2]
    assert "Ring twice" not in str(told)


Wrong = tuple[dict[str, object], str, str]
WRONG_RINGS: tuple[object, ...] = (
    RING[:3],
    [*RING[:3], [24.94, 60.18]],
    [[24.94, 60.17], [24.95, 60.18], [24.95, 60.17], [24.94, 60.18], [24.94, 60.17]],
    [[24.9, 60.1], [25.0, 60.1], [25.0, 60.2], [24.9, 60.1]],
    [[24.94, 60.17], [24.95, "60.17"], [24.95, 60.18], [24.94, 60.17]],
    [[24.94, 60.17], [24.95, 91], [24.95, 60.18], [24.94, 60.17]],
    [[24.94, 60.17], [24.94, 60.17], [24.94, 60.17], [24.94, 60.17]],
    [[24.94 + n * 1e-5, 60.17] for n in range(251)],
    "ring",
)


def _outline(ring: object) -> Wrong:
    return {"geofence": {"type": "Polygon", "coordinates": [ring]}}, "INVALID", "geofence"


def _zone(name: str) -> Wrong:
    return {"timeZone": name}, "INVALID", "timeZone"


async def test_wrong_sites_are_refused_and_leave_nothing(company: Companies) -> None:
    site = await _site(company)
    before = await company.data("{ sites { totalCount } }")
    point = {"type": "Point", "coordinates": [200, 60]}
    wrongs: list[Wrong] = [
        *map(_outline, WRONG_RINGS),
        ({"geofence": {"type": "Point", "coordinates": [24, 60]}}, "INVALID", "geofence"),
        ({"geofence": {"type": "Polygon", "coordinates": [RING, RING]}}, "INVALID", "geofence"),
        ({"geofence": "round"}, "INVALID", "geofence"),
        ({"location": point}, "INVALID", "location"),
        *map(_zone, ("Europe/Hellsinki", "Europe", "", "../../etc/passwd", "localtime", "posix/UTC")),
        ({"geofenceRadiusMetres": 5}, "INVALID", "geofenceRadiusMetres"),
        ({"geofenceRadiusMetres": 5001}, "INVALID", "geofenceRadiusMetres"),
        ({"name": " "}, "INVALID", "name"),
        ({"address": " "}, "INVALID", "address"),
        ({"accessNotes": "x" * 10_001}, "INVALID", "accessNotes"),
        ({"territory": f"ter1_{ABSENT}"}, "NOT_FOUND", "territory"),
    ]
    customer = {"customer": (await made(company))["id"]}
    for wrong, code, path in wrongs:
        expected = [(code, ["input", path])]
        assert await refusal(company, CREATE, {**customer, **PLACE, **wrong}) == expected, wrong
        assert await refusal(company, UPDATE, {"site": site["id"], **wrong}) == expected, wrong
    for given, code, path in (
        ({"site": site["id"], "expectedVersion": 2}, "CONFLICT", "expectedVersion"),
        ({"site": site["id"], "timeZone": None}, "INVALID", "timeZone"),
        ({"site": site["id"], "location": None}, "INVALID", "location"),
        ({"site": f"sit1_{ABSENT}"}, "NOT_FOUND", "site"),
        ({"site": await foreign(company, "sites")}, "NOT_FOUND", "site"),
    ):
        assert await refusal(company, UPDATE, given) == [(code, ["input", path])], given
    strange = {"customer": await foreign(company, "customers"), **PLACE}
    assert await refusal(company, CREATE, strange) == [("NOT_FOUND", ["input", "customer"])]
    assert await company.data("{ sites { totalCount } }") == before
    assert len(await facts(company, "site")) == 1
    for odd in ({"location": None}, {"timeZone": None}):
        found = await company.ask(CREATE, {"input": {**customer, **PLACE, **odd}})
        assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_how_to_get_in_is_for_staff_and_who_goes_there(company: Companies) -> None:
    notes = "query($id: ID!) { site(id: $id) { accessNotes } }"
    own = "{ visits(first: 1) { nodes { site { id } } } }"
    technician = company.viewer(Role.TECHNICIAN)
    assigned = (await company.data(own, viewer=technician))["visits"]["nodes"][0]["site"]["id"]
    await company.data(UPDATE, {"input": {"site": assigned, "accessNotes": "Key under the mat"}})
    elsewhere = (await _site(company, accessNotes="Ring twice"))["id"]
    seen = await company.data(notes, {"id": assigned}, viewer=technician)
    assert seen == {"site": {"accessNotes": "Key under the mat"}}
    assert await company.data(notes, {"id": elsewhere}, viewer=technician) == {"site": None}
    tracked = Viewer(
        organization_id=company.first.id,
        role=Role.TRACKING,
        subject="link",
        visit_id=company.first.tracked[0],
    )
    for viewer in (tracked, company.viewer(Role.CUSTOMER)):
        found = await company.ask(notes, {"id": assigned}, viewer=viewer)
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.SALES, Role.CUSTOMER])
async def test_only_clerks_keep_sites(companies: Companies, role: Role) -> None:
    for document, given in ((CREATE, {"customer": "cus", **PLACE}), (UPDATE, {"site": "sit"})):
        found = await companies.ask(document, {"input": given}, viewer=companies.viewer(role))
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
