"""Evidence and costs in the graph: handed in, attached, had again by a signed address; and who may ask."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from domain import ids
from domain.viewers import Role
from fieldgraph.demo.board import Board
from fieldgraph.demo.remote import RemoteGraph
from fieldgraph.demo.rounds import Person, Round, step
from integrations.files import Doors, Loan
from tests.conftest import connected
from tests.fieldgraph.driven import helsinki
from tests.resolvers.companies import Companies
from tests.resolvers.steps import office, technician, visit_of

PICTURE = b"\x89PNG no picture"
NAMED = {"name": "Ääni.png", "contentType": "image/png", "bytes": len(PICTURE)}
CREATE = """mutation M($input: CreateUploadInput!) {
  createUpload(input: $input) { upload { id } url headers { name value } } }"""
SHOWN = """attachments(first: 50) { totalCount nodes { kind name contentType bytes sha256 takenAt addedAt
  addedBy signedBy technician { id } visit { id } download { url expiresAt } } }"""
COST = "cost { labour { amount currency } travel { amount } parts { amount } total { amount currency } }"
BOTH = f"query C($id: ID!) {{ visit(id: $id) {{ {COST} workOrder {{ {COST} }} }} }}"
ENDED = f"""{{ visits(first: 250, where: {{state: {{eq: COMPLETED}}}}) {{ nodes {{
  actual {{ workedSeconds enRouteAt arrivedAt }} workOrder {{
    id workType {{ signatureRequired }} visits {{ totalCount }} {COST} }}
  lead {{ workedSeconds technician {{ hourlyCost {{ amount }} }} }} {COST}
  attachments {{ nodes {{ kind signedBy }} }} }} }} }}"""


def client(company: Companies) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=company.app)
    return httpx.AsyncClient(transport=transport, base_url=company.app.services.base_url)


async def hand_in(company: Companies) -> str:
    """A picture from the technician's phone."""
    viewer = company.viewer(Role.TECHNICIAN)
    made = (await company.data(CREATE, {"input": NAMED}, viewer=viewer))["createUpload"]
    async with client(company) as http:
        headers = {one["name"]: one["value"] for one in made["headers"]}
        assert (await http.put(made["url"], content=PICTURE, headers=headers)).status_code == 204
    upload: str = made["upload"]["id"]
    return upload


async def at_work(company: Companies) -> str:
    visit = visit_of(company)
    for name in ("startTravel", "recordArrival", "startWork"):
        await technician(company).done(name, visit=visit)
    return visit


async def read(company: Companies, visit: str, fields: str, role: Role) -> dict[str, Any]:
    query = f"query V($id: ID!) {{ visit(id: $id) {{ {fields} }} }}"
    found = await company.data(query, {"id": visit}, viewer=company.viewer(role))
    row: dict[str, Any] = found["visit"]
    return row


async def test_a_phone_hands_a_signature_in_and_others_have_it_again(company: Companies) -> None:
    visit, upload = await at_work(company), await hand_in(company)
    signature = {"upload": upload, "signedBy": "Aino Aalto"}

    done = await technician(company).done("completeVisit", visit=visit, signature=signature)

    assert done["state"] == "COMPLETED"
    (shown,) = (await read(company, visit, SHOWN, Role.SALES))["attachments"]["nodes"]
    kept = {key: shown[key] for key in ("kind", "name", "contentType", "bytes", "signedBy")}
    assert kept == {**NAMED, "kind": "SIGNATURE", "signedBy": "Aino Aalto"}
    viewer = company.viewer(Role.TECHNICIAN)
    assert shown["addedBy"] == viewer.subject
    assert shown["technician"] == {"id": f"tec1_{viewer.technician_id}"}
    assert shown["visit"] == {"id": visit}
    async with client(company) as http:
        answer = await http.get(shown["download"]["url"])
        assert (answer.status_code, answer.content) == (200, PICTURE)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"
        left = datetime.fromisoformat(shown["download"]["expiresAt"]) - datetime.now(UTC)
        assert timedelta(minutes=14) < left <= timedelta(minutes=15)
        again = await http.put(shown["download"]["url"].replace("/files/", "/uploads/"), content=PICTURE)
        assert again.status_code == 401
        changed = shown["download"]["url"][:-4] + "AAAA"
        assert (await http.get(changed)).status_code == 401


async def test_an_address_closes_and_bytes_may_be_gone(company: Companies) -> None:
    doors = Doors(company.app.settings.signing_secret().encode())
    loan = Loan(company.viewer(Role.DISPATCHER), ids.new(), "door.png", "image/png")
    now = datetime.now(UTC).timestamp()
    async with client(company) as http:
        assert (await http.get(f"/files/{doors.lend(loan, until=now - 1)}")).status_code == 401
        assert (await http.get(f"/files/{doors.lend(loan, until=now + 60)}")).status_code == 404
        assert (await http.get("/files/none")).status_code == 401


@pytest.mark.parametrize("said", ["image/\u2603", "image/x\r\nX-Evil: 1", "image", ""])
async def test_bytes_of_no_known_type_are_served_as_bytes(company: Companies, said: str) -> None:
    # given a row of before types were checked
    upload = ids.split(await hand_in(company))[1]
    loan = Loan(company.viewer(Role.DISPATCHER), upload, "a\r\nX-Evil: 1.png", said)
    doors = Doors(company.app.settings.signing_secret().encode())
    # when its bytes are asked for
    async with client(company) as http:
        answer = await http.get(f"/files/{doors.lend(loan, until=datetime.now(UTC).timestamp() + 60)}")
    # then they come whole, and what was said of them is no header
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''a%0D%0AX-Evil%3A%201.png"
    assert "x-evil" not in answer.headers


async def test_customers_have_signatures_and_no_photos(company: Companies) -> None:
    visit, field = await at_work(company), technician(company)
    photo = await field.done(
        "addAttachment",
        answer="attachment { id visit { id } }",
        visit=visit,
        kind="PHOTO",
        upload=await hand_in(company),
    )
    assert photo["visit"] == {"id": visit}
    signature = {"upload": await hand_in(company), "signedBy": "Aino Aalto"}
    await field.done("completeVisit", visit=visit, signature=signature)

    own = "attachments { totalCount nodes { kind signedBy download { url } } }"
    assert (await read(company, visit, own, Role.DISPATCHER))["attachments"]["totalCount"] == 2
    seen = (await read(company, visit, own, Role.CUSTOMER))["attachments"]
    assert (seen["totalCount"], [one["kind"] for one in seen["nodes"]]) == (1, ["SIGNATURE"])
    query = "query N($id: ID!) { node(id: $id) { id } }"
    found = await company.data(query, {"id": photo["id"]}, viewer=company.viewer(Role.CUSTOMER))
    assert found["node"] is None


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.CUSTOMER])
@pytest.mark.parametrize("on", ["visit", "workOrder", "part"])
async def test_what_it_cost_is_refused_to_who_may_not_know(companies: Companies, role: Role, on: str) -> None:
    visit = visit_of(companies)
    fields = {
        "visit": COST,
        "workOrder": f"workOrder {{ {COST} }}",
        "part": "parts { nodes { part { unitCost { amount } } } }",
    }
    query = f"query V($id: ID!) {{ visit(id: $id) {{ {fields[on]} }} }}"
    found = await companies.ask(query, {"id": visit}, viewer=companies.viewer(role))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_cost_of_a_visit_and_of_its_work_order(company: Companies) -> None:
    visit = await at_work(company)
    manager = company.viewer(Role.MANAGER)
    before = await company.data(BOTH, {"id": visit}, viewer=manager)
    assert before["visit"] == {"cost": None, "workOrder": {"cost": None}}
    await office(company).done("completeVisit", visit=visit)
    key = ids.decode("vis", visit)
    await write(company, key, "12.3456", "1.0000")
    again = ids.new()
    async with connected(str(company.app.settings.database_url)) as owner:
        await owner.execute(
            "INSERT INTO visit SELECT (jsonb_populate_record(v, jsonb_build_object('id', $2::uuid))).*"
            " FROM visit v WHERE id = $1",
            key,
            again,
        )

    found = (await company.data(BOTH, {"id": visit}, viewer=manager))["visit"]
    one = {"labour": money("12.3456"), "travel": {"amount": "1.0000"}, "parts": {"amount": "0.5000"}}
    assert found["cost"] == {**one, "total": money("13.8456")}
    nothing = dict.fromkeys(("labour", "travel", "parts", "total"))
    assert found["workOrder"]["cost"] == nothing  # the other visit has ended, and nobody knows what it cost
    await write(company, again, "0.0044", None)
    compiled, plain = await company.both_ways(BOTH, {"id": visit}, viewer=manager)
    assert compiled == plain
    found = (await company.data(BOTH, {"id": visit}, viewer=company.viewer(Role.SALES)))["visit"]
    assert found["workOrder"]["cost"] == {
        **nothing,
        "labour": money("12.3500"),
        "parts": {"amount": "1.0000"},
    }


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def write(company: Companies, visit: UUID, labour: str, travel: str | None) -> None:
    """A cost in the place of what it is, if there is one."""
    amounts = [Decimal(labour), None if travel is None else Decimal(travel), Decimal("0.5")]
    async with connected(str(company.app.settings.database_url)) as owner:
        await owner.execute("DELETE FROM visit_cost WHERE visit_id = $1", visit)
        await owner.execute(
            "INSERT INTO visit_cost (id, organization_id, version, updated_at, created_at, visit_id,"
            " work_order_id, currency, labour_cost, travel_cost, parts_cost, total_cost)"
            " SELECT gen_random_uuid(), organization_id, 1, updated_at, updated_at, id, work_order_id, 'EUR',"
            " $2, $3, $4, $2::numeric + $3::numeric + $4::numeric FROM visit WHERE id = $1",
            visit,
            *amounts,
        )


async def test_costs_of_many_take_one_statement_more(companies: Companies) -> None:
    query = f"{{ visits(first: 50) {{ nodes {{ {COST} workOrder {{ {COST} }} }} }} }}"
    before = companies.app.reads.statements
    await companies.data(query, viewer=companies.viewer(Role.MANAGER))
    assert companies.app.reads.statements - before == 3


async def test_the_demo_knows_what_its_past_work_cost_and_who_signed(companies: Companies) -> None:
    rows = (await companies.data(ENDED))["visits"]["nodes"]

    assert len(rows) == 201
    for row in rows:
        rate = Decimal(row["lead"]["technician"]["hourlyCost"]["amount"])
        assert row["lead"]["workedSeconds"] == row["actual"]["workedSeconds"]
        labour = Decimal(row["actual"]["workedSeconds"]) * rate / 3600
        assert Decimal(row["cost"]["labour"]["amount"]) == labour.quantize(Decimal("0.0001"), "ROUND_HALF_UP")
        amounts = [Decimal(row["cost"][name]["amount"]) for name in ("labour", "travel", "parts")]
        assert Decimal(row["cost"]["total"]["amount"]) == sum(amounts)
        if row["workOrder"]["visits"]["totalCount"] == 1:
            assert row["workOrder"]["cost"] == row["cost"]
        kinds = [one["kind"] for one in row["attachments"]["nodes"]]
        assert ("SIGNATURE" in kinds) == row["workOrder"]["workType"]["signatureRequired"]
    signers = [one["signedBy"] for row in rows for one in row["attachments"]["nodes"] if one["signedBy"]]
    photos = [one for row in rows for one in row["attachments"]["nodes"] if one["kind"] == "PHOTO"]
    assert len(signers) > 10
    assert len(photos) > 30


async def test_a_simulated_phone_signs_for_what_is_to_be_signed(company: Companies) -> None:
    visit, viewer = await at_work(company), company.viewer(Role.TECHNICIAN)
    async with connected(str(company.app.settings.database_url)) as owner:
        await owner.execute("UPDATE work_type SET signature_required = true")
    token = company.app.identity.issue(viewer, lifetime_seconds=600)
    async with client(company) as http:
        graph = RemoteGraph(f"{company.app.services.base_url}/graphql", http)
        person = Person(f"tec1_{viewer.technician_id}", token, (24.9, 60.1))
        clock = company.app.services.clock
        phone = Round(person, Board(graph, token), graph=graph, roads=helsinki().roads, clock=clock)
        signature = await phone.signature()
        payload = await graph.change(token, step("completeVisit"), {"visit": visit, "signature": signature})

    assert payload["visit"]["state"] == "COMPLETED"
    (shown,) = (await read(company, visit, SHOWN, Role.SALES))["attachments"]["nodes"]
    assert (shown["kind"], shown["signedBy"]) == ("SIGNATURE", signature["signedBy"])
