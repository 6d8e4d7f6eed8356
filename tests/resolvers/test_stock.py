"""Stock through the graph: parts, places, levels and transfers; right, wrong, stale and foreign input."""

from typing import Any

import pytest

from domain.viewers import Role, Viewer
from tests.resolvers.companies import Companies

ABSENT = "018f0000-0000-7000-8000-000000000000"
PLACES = """{ stockLocations(first: 250) { nodes { id name kind technician { id } } }
  parts(first: 1) { nodes { id number barcode } } }"""
PART = """mutation P($input: CreatePartInput!) { createPart(input: $input) {
  part { id version number name barcode unitPrice { amount currency } onHand } userErrors { path code } } }"""
PLACE = """mutation L($input: CreateStockLocationInput!) { createStockLocation(input: $input) {
  stockLocation { id name kind location technician { id } partCount } userErrors { path code } } }"""
MOVE = """mutation M($input: %sInput!) { %s(input: $input) {
  stockLevel { id version onHand reserved available } stockMovement { kind quantity reason }
  stockLocation { id } part { id } userErrors { path code } } }"""
RECEIVE = MOVE % ("ReceiveStock", "receiveStock")
ADJUST = MOVE % ("AdjustStock", "adjustStock")
COUNT = MOVE % ("CountStock", "countStock")
REQUEST = """mutation R($input: RequestTransferInput!) { requestTransfer(input: $input) {
  transfer { id version state quantity fromLocation { id } toLocation { id } part { id } }
  userErrors { path code } } }"""
STEP = """mutation S($input: %sInput!) { %s(input: $input) {
  transfer { version state shippedAt receivedAt } userErrors { path code } } }"""
SHIP = STEP % ("ShipTransfer", "shipTransfer")
ARRIVE = STEP % ("ReceiveTransfer", "receiveTransfer")
LEDGER = """query L($part: ID!) { stockMovements(where: {part: {id: {eq: $part}}}) { totalCount nodes {
  kind quantity reason createdAt stockLocation { id } visit { id } transfer { state quantity } } } }"""
NEW = {"number": "N-1", "name": "Ball valve", "barcode": "4006381333931", "unitPrice": "12.50"}


async def call(company: Companies, document: str, viewer: Any = None, **given: object) -> dict[str, Any]:
    data = await company.data(document, {"input": given}, viewer=viewer)
    found: dict[str, Any] = next(iter(data.values()))
    return found


async def hall(company: Companies, *, second: bool = False) -> tuple[str, str]:
    """A warehouse and a part of a company."""
    found = await company.data(PLACES, viewer=company.viewer(Role.ADMIN, second=second))
    places = [one["id"] for one in found["stockLocations"]["nodes"] if one["kind"] == "WAREHOUSE"]
    return places[0], found["parts"]["nodes"][0]["id"]


async def test_a_new_part_in_a_new_place_and_its_ledger(company: Companies) -> None:
    part = await call(company, PART, **NEW)
    assert part["userErrors"] == []
    key = part["part"].pop("id")
    assert part["part"] == {
        "version": 1,
        "number": "N-1",
        "name": "Ball valve",
        "barcode": "4006381333931",
        "unitPrice": {"amount": "12.5000", "currency": "EUR"},
        "onHand": 0,
    }
    stands = {"type": "Point", "coordinates": [24.9, 60.2]}
    place = await call(company, PLACE, name="Hall 9", kind="WAREHOUSE", location=stands)
    where = place["stockLocation"].pop("id")
    assert place["stockLocation"] == {
        "name": "Hall 9",
        "kind": "WAREHOUSE",
        "location": stands,
        "technician": None,
        "partCount": 0,
    }

    at = {"stockLocation": where, "part": key}
    came = await call(company, RECEIVE, **at, quantity=10)
    level = came["stockLevel"].pop("id")
    assert came["stockLevel"] == {"version": 2, "onHand": 10, "reserved": 0, "available": 10}
    assert came["stockMovement"] == {"kind": "RECEIPT", "quantity": 10, "reason": None}
    lost = await call(company, ADJUST, **at, quantity=-3, reason="broken", expectedVersion=2)
    assert (lost["stockLevel"]["id"], lost["stockLevel"]["onHand"]) == (level, 7)
    counted = await call(company, COUNT, **at, quantity=8, expectedVersion=3)
    assert counted["stockMovement"] == {"kind": "COUNT", "quantity": 1, "reason": None}
    same = await call(company, COUNT, **at, quantity=8)
    assert (same["stockMovement"], same["stockLevel"]["version"]) == (None, 4)

    found = (await company.data(LEDGER, {"part": key}))["stockMovements"]
    assert found["totalCount"] == 3
    assert {(one["kind"], one["quantity"], one["reason"]) for one in found["nodes"]} == {
        ("RECEIPT", 10, None),
        ("ADJUSTMENT", -3, "broken"),
        ("COUNT", 1, None),
    }
    assert {one["stockLocation"]["id"] for one in found["nodes"]} == {where}


async def test_a_transfer_is_asked_for_shipped_and_received(company: Companies) -> None:
    start, part = await hall(company)
    place = await call(company, PLACE, name="Hall 9", kind="WAREHOUSE")
    end = place["stockLocation"]["id"]

    made = await call(company, REQUEST, fromLocation=start, toLocation=end, part=part, quantity=4)
    key = made["transfer"].pop("id")
    assert made["transfer"] == {
        "version": 1,
        "state": "REQUESTED",
        "quantity": 4,
        "fromLocation": {"id": start},
        "toLocation": {"id": end},
        "part": {"id": part},
    }
    early = await call(company, ARRIVE, transfer=key)
    assert early["userErrors"] == [{"path": ["input", "transfer"], "code": "INVALID_TRANSITION"}]
    assert early["transfer"]["state"] == "REQUESTED"
    stale = await call(company, SHIP, transfer=key, expectedVersion=9)
    assert stale["userErrors"] == [{"path": ["input", "expectedVersion"], "code": "CONFLICT"}]
    assert stale["transfer"]["version"] == 1
    shipped = await call(company, SHIP, transfer=key, expectedVersion=1)
    assert (shipped["transfer"]["state"], shipped["transfer"]["receivedAt"]) == ("SHIPPED", None)
    assert shipped["transfer"]["shippedAt"] is not None
    arrived = await call(company, ARRIVE, transfer=key)
    assert (arrived["transfer"]["state"], arrived["userErrors"]) == ("RECEIVED", [])

    listed = await company.data("{ transfers(first: 1) { nodes { id state } } }")
    assert listed["transfers"]["nodes"] == [{"id": key, "state": "RECEIVED"}]
    found = (await company.data(LEDGER, {"part": part}))["stockMovements"]["nodes"]
    own = {"state": "RECEIVED", "quantity": 4}
    moved = {(one["kind"], one["quantity"]) for one in found if one["transfer"] == own}
    assert moved == {("TRANSFER_OUT", -4), ("TRANSFER_IN", 4)}


async def test_what_is_wrong_stale_or_foreign_is_a_user_error(company: Companies) -> None:
    place, part = await hall(company)
    foreign_place, foreign_part = await hall(company, second=True)
    at = {"stockLocation": place, "part": part}
    before = await company.data(LEDGER, {"part": part})
    for document, given, path, code in (
        (PART, {**NEW, "name": " "}, "name", "INVALID"),
        (PART, {**NEW, "unitPrice": "-1"}, "unitPrice", "INVALID"),
        (PLACE, {"name": "Van", "kind": "VAN"}, "technician", "INVALID"),
        (PLACE, {"name": "Van", "kind": "VAN", "technician": f"tec1_{ABSENT}"}, "technician", "NOT_FOUND"),
        (RECEIVE, {**at, "quantity": 0}, "quantity", "INVALID"),
        (RECEIVE, {**at, "quantity": 1, "part": foreign_part}, "part", "NOT_FOUND"),
        (RECEIVE, {**at, "quantity": 1, "part": f"prt1_{ABSENT}"}, "part", "NOT_FOUND"),
        (RECEIVE, {**at, "quantity": 1, "stockLocation": foreign_place}, "stockLocation", "NOT_FOUND"),
        (ADJUST, {**at, "quantity": -100_000, "reason": "lost"}, "quantity", "INVALID"),
        (ADJUST, {**at, "quantity": 1, "reason": ""}, "reason", "INVALID"),
        (COUNT, {**at, "quantity": -1}, "quantity", "INVALID"),
        (
            REQUEST,
            {"fromLocation": place, "toLocation": foreign_place, "part": part, "quantity": 1},
            "toLocation",
            "NOT_FOUND",
        ),
        (SHIP, {"transfer": f"trf1_{ABSENT}"}, "transfer", "NOT_FOUND"),
    ):
        found = await call(company, document, **given)
        assert found["userErrors"] == [{"path": ["input", path], "code": code}], given
    stale = await call(company, COUNT, **at, quantity=1, expectedVersion=99)
    assert stale["userErrors"] == [{"path": ["input", "expectedVersion"], "code": "CONFLICT"}]
    assert (stale["stockLocation"], stale["part"]) == ({"id": place}, {"id": part})

    assert await company.data(LEDGER, {"part": part}) == before
    wrong = await company.ask(RECEIVE, {"input": {**at, "quantity": 1, "part": "x"}})
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_technician_keeps_the_own_van_only(company: Companies) -> None:
    technician = company.viewer(Role.TECHNICIAN)
    found = await company.data(PLACES)
    part = found["parts"]["nodes"][0]["id"]
    own, other = None, None
    for one in found["stockLocations"]["nodes"]:
        if one["technician"] and one["technician"]["id"] == f"tec1_{technician.technician_id}":
            own = one["id"]
        elif one["technician"]:
            other = one["id"]
    warehouse, _ = await hall(company)

    seen = []
    for place in (own, other, warehouse):
        given = {"stockLocation": place, "part": part, "quantity": 1}
        answer = await call(company, RECEIVE, technician, **given)
        seen.append([error["code"] for error in answer["userErrors"]])

    assert seen == [[], ["NOT_FOUND"], ["INVALID"]]


async def test_a_transfer_of_another_company_is_none(company: Companies) -> None:
    theirs = company.viewer(Role.ADMIN, second=True)
    start, part = await hall(company, second=True)
    place = await call(company, PLACE, theirs, name="Hall 9", kind="WAREHOUSE")
    given = {"fromLocation": start, "toLocation": place["stockLocation"]["id"], "part": part, "quantity": 1}
    made = await call(company, REQUEST, theirs, **given)

    refused = await call(company, SHIP, transfer=made["transfer"]["id"])

    assert refused == {"transfer": None, "userErrors": [{"path": ["input", "transfer"], "code": "NOT_FOUND"}]}
    assert (await call(company, SHIP, theirs, transfer=made["transfer"]["id"]))["userErrors"] == []


SHELF = {"stockLocation": f"stl1_{ABSENT}", "part": f"prt1_{ABSENT}", "quantity": 1}
ENDS = {"fromLocation": f"stl1_{ABSENT}", "toLocation": f"stl1_{ABSENT}"}
WELL_FORMED: tuple[tuple[str, dict[str, Any]], ...] = (
    (PART, NEW),
    (PLACE, {"name": "Hall 9", "kind": "WAREHOUSE"}),
    (RECEIVE, SHELF),
    (ADJUST, {**SHELF, "reason": "found"}),
    (COUNT, SHELF),
    (REQUEST, {**ENDS, "part": f"prt1_{ABSENT}", "quantity": 1}),
    (SHIP, {"transfer": f"trf1_{ABSENT}"}),
    (ARRIVE, {"transfer": f"trf1_{ABSENT}"}),
)


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.TRACKING, Role.SALES])
async def test_who_keeps_no_stock_may_not_touch_it(companies: Companies, role: Role) -> None:
    viewer = Viewer(organization_id=companies.first.id, role=role, subject="somebody")
    for document, given in WELL_FORMED:
        answer = await companies.ask(document, {"input": given}, viewer=viewer)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", document
