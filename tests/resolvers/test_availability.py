"""Availability: where a part is free, the nearest first; by both ways, for each role what it may know."""

import json
from math import asin, cos, radians, sin, sqrt
from typing import Any

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies

ABSENT = "018f0000-0000-7000-8000-000000000000"
ASK = """query A($part: ID!, $site: ID, $first: Int) {
  partAvailability(part: $part, nearSite: $site, first: $first) {
    available distanceMetres stockLocation { id name kind location technician { id } }
    stockLevel { available onHand part { id } } } }"""
GROUND = """{ sites(first: 1) { nodes { id location } } parts(first: 1) { nodes { id } }
  technicians(first: 250) { nodes { id home position { point } } } }"""
LEVELS = """query L($part: ID!) {
  stockLevels(first: 250, where: {part: {id: {eq: $part}}, available: {gt: 0}}) {
  nodes { available stockLocation { id kind location technician { id } } } } }"""
BREAKS = "{ partAvailability(part: %s, first: %s) { available } }"


def metres(one: list[float], other: list[float]) -> float:
    (east, north), (east_too, north_too) = ([radians(value) for value in point] for point in (one, other))
    half = sin((north_too - north) / 2) ** 2
    half += cos(north) * cos(north_too) * sin((east_too - east) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))


async def ground(companies: Companies) -> tuple[str, str, list[float], dict[str, list[float]]]:
    """A part and a site with its place, and where each technician is taken to be."""
    found = await companies.data(GROUND)
    (site,), (part,) = found["sites"]["nodes"], found["parts"]["nodes"]
    people = {}
    for one in found["technicians"]["nodes"]:
        seen = one["position"]["point"] if one["position"] else one["home"]
        people[one["id"]] = seen["coordinates"]
    return part["id"], site["id"], site["location"]["coordinates"], people


async def test_places_come_by_their_distance_with_what_is_free_there(companies: Companies) -> None:
    part, site, place, people = await ground(companies)
    levels = (await companies.data(LEVELS, {"part": part}))["stockLevels"]["nodes"]
    wanted = []
    for level in levels:
        stands = level["stockLocation"]
        seen = stands["location"]
        where = seen["coordinates"] if seen else people[stands["technician"]["id"]]
        wanted.append((metres(where, place), level["available"], stands["id"]))
    wanted.sort()

    found = (await companies.data(ASK, {"part": part, "site": site, "first": 250}))["partAvailability"]

    assert len(found) == len(wanted) > 10
    for (far, available, key), one in zip(wanted, found, strict=True):
        assert (one["available"], one["stockLocation"]["id"]) == (available, key)
        assert abs(one["distanceMetres"] - far) <= 1
        assert one["stockLevel"] == {
            "available": available,
            "onHand": one["stockLevel"]["onHand"],
            "part": {"id": part},
        }
    kinds = {one["stockLocation"]["kind"] for one in found}
    assert kinds == {"WAREHOUSE", "VAN"}
    few = (await companies.data(ASK, {"part": part, "site": site, "first": 3}))["partAvailability"]
    assert few == found[:3]
    assert len((await companies.data(ASK, {"part": part, "site": site}))["partAvailability"]) == 10


async def test_without_a_site_the_most_pieces_come_first(companies: Companies) -> None:
    part, _, _, _ = await ground(companies)

    found = (await companies.data(ASK, {"part": part, "first": 250}))["partAvailability"]

    assert {one["distanceMetres"] for one in found} == {None}
    pieces = [one["available"] for one in found]
    assert pieces == sorted(pieces, reverse=True)


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.CUSTOMER, Role.TRACKING}])
async def test_both_ways_say_the_same_to_each_role(companies: Companies, role: Role) -> None:
    part, site, _, _ = await ground(companies)
    viewer = companies.viewer(role)
    for given in ({"part": part, "site": site, "first": 250}, {"part": part}, {"part": part, "first": 1}):
        compiled, plain = await companies.both_ways(ASK, given, viewer=viewer)
        assert json.loads(compiled) == json.loads(plain)


async def test_each_role_is_told_what_it_may_know(companies: Companies) -> None:
    """In the field: the own van and the warehouses. In sales: no technician's place, so no van's distance."""
    part, site, _, _ = await ground(companies)

    async def told(role: Role) -> list[dict[str, Any]]:
        given = {"part": part, "site": site, "first": 250}
        found = await companies.data(ASK, given, viewer=companies.viewer(role))
        listed: list[dict[str, Any]] = found["partAvailability"]
        return listed

    sales, field = await told(Role.SALES), await told(Role.TECHNICIAN)
    assert {one["distanceMetres"] is None for one in sales if one["stockLocation"]["kind"] == "VAN"} == {True}
    assert {one["stockLocation"]["kind"] for one in sales[:3]} == {"WAREHOUSE"}
    own = f"tec1_{companies.first.visitors[0]}"
    vans = [one["stockLocation"] for one in field if one["stockLocation"]["kind"] == "VAN"]
    assert {van["technician"]["id"] for van in vans} <= {own}
    assert len(field) == len(vans) + 3
    for role in (Role.CUSTOMER,):
        answer = await companies.ask(ASK, {"part": part}, viewer=companies.viewer(role))
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_another_companys_part_or_site_is_none(companies: Companies) -> None:
    part, site, _, _ = await ground(companies)
    theirs = companies.viewer(Role.ADMIN, second=True)

    found = await companies.data(ASK, {"part": part, "site": site}, viewer=theirs)
    assert found["partAvailability"] == []
    own = (await companies.data(GROUND, viewer=theirs))["parts"]["nodes"][0]["id"]
    found = await companies.data(ASK, {"part": own, "site": site}, viewer=theirs)
    assert {one["distanceMetres"] for one in found["partAvailability"]} == {None}


@pytest.mark.parametrize(
    ("part", "first"),
    [('"x"', "1"), (f'"sit1_{ABSENT}"', "1"), (None, "0"), (None, "251")],
)
async def test_bad_input_is_told_with_its_path(companies: Companies, part: str | None, first: str) -> None:
    real, _, _, _ = await ground(companies)

    answer = await companies.ask(BREAKS % (part or f'"{real}"', first))

    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["partAvailability"])
