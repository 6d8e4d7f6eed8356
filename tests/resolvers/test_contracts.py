"""Contracts in the graph: what they say, name and grant; who may see what they cost and who may keep them."""

from typing import Any

import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.test_customers import facts, made, refusal

SAID = """contract { id version number name state startsOn endsOn autoRenew renewalMonths noticeDays reason
  cancelledAt price { amount currency } assets { nodes { asset { name } } }
  workTypes { nodes { workType { id } } } entitlements { nodes { name warnPercent } } }
  userErrors { path code }"""
CREATE = f"mutation C($input: CreateContractInput!) {{ createContract(input: $input) {{ {SAID} }} }}"
UPDATE = f"mutation U($input: UpdateContractInput!) {{ updateContract(input: $input) {{ {SAID} }} }}"
ACTIVATE = f"mutation A($input: ActivateContractInput!) {{ activateContract(input: $input) {{ {SAID} }} }}"
RENEW = f"mutation R($input: RenewContractInput!) {{ renewContract(input: $input) {{ {SAID} }} }}"
CANCEL = f"mutation C($input: CancelContractInput!) {{ cancelContract(input: $input) {{ {SAID} }} }}"
GRANT = f"""mutation G($input: AddEntitlementInput!) {{ addEntitlement(input: $input) {{
  entitlement {{ name arriveMinutes coverageOpens coverageCloses coverageWeekdays }} {SAID} }} }}"""
TERM = {"name": "Care", "startsOn": "2026-11-01", "endsOn": "2027-10-31", "price": "1200"}


async def _written(company: Companies, **given: object) -> dict[str, Any]:
    customer = (await made(company))["id"]
    said = {"customer": customer, "number": " K-1 ", **TERM, **given}
    found = (await company.data(CREATE, {"input": said}))["createContract"]
    assert found["userErrors"] == []
    contract: dict[str, Any] = found["contract"]
    return contract


async def test_a_contract_says_what_it_was_given(company: Companies) -> None:
    kind = (await company.data("{ workTypes(first: 1) { nodes { id } } }"))["workTypes"]["nodes"][0]["id"]
    contract = await _written(company, workTypes=[kind], renewalMonths=6)
    assert contract == {
        "id": contract["id"],
        "version": 1,
        "number": "K-1",
        "name": "Care",
        "state": "DRAFT",
        "startsOn": "2026-11-01",
        "endsOn": "2027-10-31",
        "autoRenew": False,
        "renewalMonths": 6,
        "noticeDays": 30,
        "reason": None,
        "cancelledAt": None,
        "price": {"amount": "1200.0000", "currency": "EUR"},
        "assets": {"nodes": []},
        "workTypes": {"nodes": [{"workType": {"id": kind}}]},
        "entitlements": {"nodes": []},
    }
    key = {"contract": contract["id"]}
    granted = (await company.data(GRANT, {"input": {**key, "name": "Fast", "arriveMinutes": 90}}))[
        "addEntitlement"
    ]
    assert granted["entitlement"] == {
        "name": "Fast",
        "arriveMinutes": 90,
        "coverageOpens": "00:00",
        "coverageCloses": "23:59",
        "coverageWeekdays": "1234567",
    }
    assert granted["contract"]["entitlements"]["nodes"] == [{"name": "Fast", "warnPercent": 80}]
    changed = (await company.data(UPDATE, {"input": {**key, "workTypes": [], "expectedVersion": 1}}))[
        "updateContract"
    ]
    assert (changed["contract"]["workTypes"]["nodes"], changed["contract"]["version"]) == ([], 2)


async def test_a_contract_is_put_in_force_renewed_and_called_off(company: Companies) -> None:
    key = {"contract": (await _written(company, renewalMonths=6))["id"]}
    active = (await company.data(ACTIVATE, {"input": {**key, "expectedVersion": 1}}))["activateContract"]
    assert active["contract"]["state"] == "ACTIVE"
    renewed = (await company.data(RENEW, {"input": {**key, "price": "1300"}}))["renewContract"]["contract"]
    assert (renewed["endsOn"], renewed["number"]) == ("2028-04-30", "K-1")
    assert renewed["price"]["amount"] == "1300.0000"
    over = (await company.data(CANCEL, {"input": {**key, "reason": "Sold"}}))["cancelContract"]["contract"]
    assert (over["state"], over["reason"], over["version"]) == ("CANCELLED", "Sold", 4)
    for document, more in (
        (UPDATE, {"name": "X"}), (ACTIVATE, {}), (RENEW, {}), (CANCEL, {"reason": "Again"}),
        (GRANT, {"name": "X", "arriveMinutes": 5}),
    ):  # fmt: skip
        assert await refusal(company, document, {**key, **more}) == [
            ("INVALID_TRANSITION", ["input", "contract"])
        ]
    told = [(name, version) for name, version, _ in await facts(company, "contract")]
    assert told == [
        ("ContractCreated", 1),
        ("ContractActivated", 2),
        ("ContractRenewed", 3),
        ("ContractCancelled", 4),
    ]
    assert "1200" not in str(await facts(company, "contract"))


async def test_two_contracts_for_the_same_equipment_are_a_conflict(company: Companies) -> None:
    query = "{ assets(first: 1) { nodes { id customer { id } } } }"
    asset = (await company.data(query))["assets"]["nodes"][0]
    keys = []
    for number in ("K-1", "K-2"):
        given = {"customer": asset["customer"]["id"], "number": number, "assets": [asset["id"]], **TERM}
        given |= {"startsOn": "2031-01-01", "endsOn": "2031-12-31"}
        keys.append((await company.data(CREATE, {"input": given}))["createContract"]["contract"]["id"])
    assert await refusal(company, ACTIVATE, {"contract": keys[0]}) == []
    assert await refusal(company, ACTIVATE, {"contract": keys[1]}) == [("CONFLICT", ["input", "contract"])]


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.TECHNICIAN, Role.SALES, Role.CUSTOMER])
async def test_who_may_not_see_prices_or_change_books_keeps_no_contracts(
    companies: Companies, role: Role
) -> None:
    found = await companies.ask(
        CANCEL, {"input": {"contract": "c", "reason": "r"}}, viewer=companies.viewer(role)
    )
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
