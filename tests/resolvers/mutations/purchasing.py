"""Purchasing: the cases of the mutations that keep reorder rules and purchase orders."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong
from tests.resolvers.mutations.stock import hall, shelf


async def spare(stage: Stage) -> str:
    """A part of which nothing lies anywhere."""
    return await stage.make("createPart", "part", number="N-1", name="Spare", unitPrice="1")


async def rule(stage: Stage) -> Given:
    place = await stage.make("createStockLocation", "stockLocation", name="Hall 9", kind="WAREHOUSE")
    return {
        "part": await spare(stage),
        "stockLocation": place,
        "minimum": 2,
        "maximum": 10,
        "leadDays": 3,
        "supplierName": "Supplies Oy",
        "unitCost": "3.20",
    }


async def other_rule(stage: Stage) -> Given:
    key = await stage.make("createReorderRule", "reorderRule", **await rule(stage))
    return {"reorderRule": key, "maximum": 20, "isActive": False}


async def purchase(stage: Stage) -> Given:
    lines = [{"part": (await shelf(stage))["part"], "quantity": 5, "unitCost": "2.5"}]
    return {
        "stockLocation": await hall(stage),
        "supplierName": "Supplies Oy",
        "expectedOn": "2026-12-01",
        "lines": lines,
    }


async def draft(stage: Stage) -> Given:
    given = {**await purchase(stage), "draft": True}
    return {"purchaseOrder": await stage.make("createPurchaseOrder", "purchaseOrder", **given)}


async def cancel(stage: Stage) -> Given:
    return {**await draft(stage), "reason": "too dear"}


async def receive(stage: Stage) -> Given:
    order = await stage.make("createPurchaseOrder", "purchaseOrder", **await purchase(stage))
    line = await stage.value(
        "SELECT id FROM purchase_order_line WHERE purchase_order_id = $1", order.split("_")[1]
    )
    return {"purchaseOrder": order, "lines": [{"line": f"pul1_{line}", "quantity": 2}]}


CASES = [
    Case(
        mutation="createReorderRule",
        right=rule,
        wrong={
            "less than nothing": Wrong({"minimum": -1}, "INVALID", ("minimum",)),
            "no more than the least": Wrong({"maximum": 2}, "INVALID", ("maximum",)),
            "too late": Wrong({"leadDays": 731}, "INVALID", ("leadDays",)),
            "nobody": Wrong({"supplierName": " "}, "INVALID", ("supplierName",)),
            "a cost below nothing": Wrong({"unitCost": "-1"}, "INVALID", ("unitCost",)),
        },
    ),
    Case(
        mutation="updateReorderRule",
        right=other_rule,
        wrong={
            "no more than the least": Wrong({"minimum": 20}, "INVALID", ("maximum",)),
            "neither on nor off": Wrong({"isActive": None}, "INVALID", ("isActive",)),
        },
    ),
    Case(
        mutation="createPurchaseOrder",
        right=purchase,
        wrong={
            "nothing": Wrong({"lines": []}, "INVALID", ("lines",)),
            "nobody": Wrong({"supplierName": ""}, "INVALID", ("supplierName",)),
            "in the past": Wrong({"expectedOn": "2026-11-22"}, "INVALID", ("expectedOn",)),
        },
    ),
    Case(mutation="placePurchaseOrder", right=draft),
    Case(
        mutation="cancelPurchaseOrder",
        right=cancel,
        wrong={"no reason": Wrong({"reason": " "}, "INVALID", ("reason",))},
    ),
    Case(
        mutation="receivePurchaseOrder",
        right=receive,
        wrong={"nothing": Wrong({"lines": []}, "INVALID", ("lines",))},
    ),
]
