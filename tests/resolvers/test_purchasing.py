"""Purchasing through the graph: what is taken is ordered by itself, received, and its cost shown to few."""

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.steps import Asker

RULE = "reorderRule { id isActive onOrder lines { nodes { quantity } } }"
PART = "part { id onHand available onOrder }"
ORDER = """purchaseOrder { id number state automatic expectedOn receivedAt stockLocation { id }
  lines { nodes { id quantity received isOpen reorderRule { id } part { id } } }
  stockMovements { nodes { quantity kind } } }"""
OPEN = f"{{ purchaseOrders(where: {{state: {{eq: ORDERED}}}}, first: 1) {{ nodes {ORDER[14:]} }} }}"
LEVELS = {"minimum": 2, "maximum": 8}
COSTS = """{ reorderRules(first: 1) { nodes { unitCost { amount } } }
  purchaseOrders(first: 1) { nodes { lines { nodes { unitCost { amount currency } } } } } }"""


async def test_what_is_taken_is_ordered_by_itself_and_comes(company: Companies) -> None:
    admin = Asker(company, company.viewer(Role.ADMIN))
    stage = Stage(company, Role.ADMIN)
    part = await stage.make("createPart", "part", number="N-1", name="Valve", unitPrice="9")
    place = await stage.make("createStockLocation", "stockLocation", name="Hall 9", kind="WAREHOUSE")
    shelf = {"part": part, "stockLocation": place}
    await admin.done("receiveStock", answer=PART, **shelf, quantity=5)
    rule = await admin.done(
        "createReorderRule",
        answer=RULE,
        **shelf,
        minimum=2,
        maximum=8,
        supplierName="Supplies Oy",
        leadDays=3,
    )
    assert rule == {"id": rule["id"], "isActive": True, "onOrder": 0, "lines": {"nodes": []}}

    await admin.done("adjustStock", answer=PART, **shelf, quantity=-3, reason="taken")

    (order,) = (await company.data(OPEN))["purchaseOrders"]["nodes"]
    (line,) = order["lines"]["nodes"]
    assert (order["state"], order["automatic"], order["expectedOn"]) == ("ORDERED", True, "2026-11-26")
    assert order["stockLocation"] == {"id": place}
    assert line == {
        "id": line["id"],
        "quantity": 6,
        "received": 0,
        "isOpen": True,
        "reorderRule": {"id": rule["id"]},
        "part": {"id": part},
    }
    came = await admin.done(
        "receivePurchaseOrder",
        answer=ORDER,
        purchaseOrder=order["id"],
        lines=[{"line": line["id"], "quantity": 4}],
    )
    assert (came["state"], came["receivedAt"]) == ("PARTLY_RECEIVED", None)
    assert came["stockMovements"]["nodes"] == [{"quantity": 4, "kind": "RECEIPT"}]
    done = await admin.done("receivePurchaseOrder", answer=ORDER, purchaseOrder=order["id"])
    assert (done["state"], done["lines"]["nodes"][0]["received"]) == ("RECEIVED", 6)
    found = await admin.done("countStock", answer=PART, **shelf, quantity=8)
    assert found == {"id": part, "onHand": 8, "available": 8, "onOrder": 0}


@pytest.mark.parametrize("role", [role for role in Role if role != Role.TRACKING])
async def test_costs_are_shown_to_those_who_see_costs(companies: Companies, role: Role) -> None:
    answer = await companies.ask(COSTS, viewer=companies.viewer(role))

    if role in {Role.ADMIN, Role.MANAGER, Role.SALES, Role.INTEGRATION}:
        assert answer["data"]["reorderRules"]["nodes"][0]["unitCost"]["amount"]
    else:
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_in_the_field_nobody_sees_purchase_orders(companies: Companies) -> None:
    query = "{ purchaseOrders { totalCount } reorderRules { totalCount } }"
    found = await companies.data(query, viewer=companies.viewer(Role.TECHNICIAN))
    assert found == {"purchaseOrders": {"totalCount": 0}, "reorderRules": {"totalCount": 0}}
