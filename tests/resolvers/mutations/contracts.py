"""Contracts: their mutations' cases."""

from typing import Any

from domain.viewers import Role
from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

TERM = {"startsOn": "2026-11-01", "endsOn": "2027-10-31", "price": "1200"}


async def _asset(stage: Stage) -> tuple[str, str]:
    """New equipment, and whose it is."""
    site = await stage.first("sites")
    asset = await stage.make("createAsset", "asset", site=site, name="Boiler")
    query = "query Q($id: ID!) { asset(id: $id) { customer { id } } }"
    found = await stage.company.data(query, {"id": asset})
    customer: str = found["asset"]["customer"]["id"]
    return asset, customer


async def _contract(stage: Stage, number: str = "K-1", *, active: bool = False, **given: Any) -> str:
    customer = given.pop("customer", None) or await stage.first("customers")
    key = await stage.make(
        "createContract", "contract", customer=customer, number=number, name="Care", **{**TERM, **given}
    )
    if active:
        await stage.make("activateContract", "contract", contract=key)
    return key


async def create(stage: Stage) -> Given:
    await _contract(stage)
    asset, customer = await _asset(stage)
    return {
        "customer": customer,
        "number": "K-2",
        "name": "Care",
        "autoRenew": True,
        "assets": [asset],
        "workTypes": [await stage.first("workTypes")],
        **TERM,
    }


async def update(stage: Stage) -> Given:
    await _contract(stage)
    asset, customer = await _asset(stage)
    key = await _contract(stage, "K-2", active=True, customer=customer)
    return {"contract": key, "name": "More care", "assets": [asset], "noticeDays": 60}


async def activate(stage: Stage) -> Given:
    return {"contract": await _contract(stage)}


async def renew(stage: Stage) -> Given:
    return {"contract": await _contract(stage, active=True), "endsOn": "2028-12-31", "price": "1300.5"}


async def cancel(stage: Stage) -> Given:
    return {"contract": await _contract(stage, active=True), "reason": "The house is sold."}


async def entitle(stage: Stage) -> Given:
    return {
        "contract": await _contract(stage),
        "name": "Fast",
        "arriveMinutes": 240,
        "coverageOpens": "08:00",
        "coverageCloses": "16:00",
        "coverageWeekdays": "12345",
    }


async def _entitlement(stage: Stage) -> str:
    return await stage.make("addEntitlement", "entitlement", **await entitle(stage))


async def entitle_otherwise(stage: Stage) -> Given:
    return {"entitlement": await _entitlement(stage), "name": "Faster", "arriveMinutes": 120}


async def entitle_no_more(stage: Stage) -> Given:
    return {"entitlement": await _entitlement(stage)}


GRANTS = {
    "no target": Wrong({"arriveMinutes": None}, "INVALID", ("respondMinutes",)),
    "no time": Wrong({"coverageOpens": "8"}, "INVALID", ("coverageOpens",)),
    "no day": Wrong({"coverageWeekdays": "0"}, "INVALID", ("coverageWeekdays",)),
    "always warning": Wrong({"warnPercent": 0}, "INVALID", ("warnPercent",)),
}
CASES = [
    Case(
        mutation="createContract",
        right=create,
        role=Role.MANAGER,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a number that another has": Wrong({"number": "K-1"}, "CONFLICT", ("number",)),
            "it ends before": Wrong({"endsOn": "2026-10-31"}, "INVALID", ("endsOn",)),
            "a price below nothing": Wrong({"price": "-1"}, "INVALID", ("price",)),
            "no currency": Wrong({"currency": "€"}, "INVALID", ("currency",)),
            "notice of two years": Wrong({"noticeDays": 730}, "INVALID", ("noticeDays",)),
        },
    ),
    Case(
        mutation="updateContract",
        right=update,
        wrong={
            "null": Wrong({"name": None}, "INVALID", ("name",)),
            "no list": Wrong({"workTypes": None}, "INVALID", ("workTypes",)),
            "a number that another has": Wrong({"number": "K-1"}, "CONFLICT", ("number",)),
            "another term": Wrong({"endsOn": "2028-01-01"}, "INVALID", ("endsOn",)),
        },
    ),
    Case(mutation="activateContract", right=activate),
    Case(
        mutation="renewContract",
        right=renew,
        role=Role.INTEGRATION,
        wrong={"no longer": Wrong({"endsOn": "2027-10-31"}, "INVALID", ("endsOn",))},
    ),
    Case(
        mutation="cancelContract",
        right=cancel,
        wrong={"no reason": Wrong({"reason": " "}, "INVALID", ("reason",))},
    ),
    Case(
        mutation="addEntitlement",
        right=entitle,
        wrong=GRANTS,
    ),
    Case(
        mutation="updateEntitlement",
        right=entitle_otherwise,
        wrong={**GRANTS, "null": Wrong({"name": None}, "INVALID", ("name",))},
    ),
    Case(mutation="removeEntitlement", right=entitle_no_more),
]
