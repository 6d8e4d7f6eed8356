"""Compiled and plain execution say the same, over generated operations on the demo's real data."""

import os

import orjson
import pytest

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.operations import Operations

ROUNDS = int(os.environ.get("FIELDGRAPH_THOROUGH", "1"))
ROLES = (
    Role.ADMIN,
    Role.DISPATCHER,
    Role.TECHNICIAN,
    Role.SUBCONTRACTOR,
    Role.SALES,
    Role.CUSTOMER,
    Role.INTEGRATION,
)
SAMPLE = """{
  customers(first: 3) { nodes { id externalIds { system key } } } visits(first: 3) { nodes { id } }
  technicians(first: 2) { nodes { id } }
  contracts(first: 1) { nodes { id } } parts(first: 1) { nodes { id } } workOrders(first: 2) { nodes { id } }
}"""


@pytest.mark.parametrize("role", ROLES)
async def test_both_ways_give_the_same_bytes(companies: Companies, role: Role, plan: str) -> None:
    # given real ids, of which a narrow role can see few
    found = await companies.data(SAMPLE)
    ids = [plan, *(node["id"] for connection in found.values() for node in connection["nodes"])]
    customers = found["customers"]["nodes"]
    keys = [(one["system"], one["key"]) for customer in customers for one in customer["externalIds"]]
    executor, viewer = companies.app.executor, companies.viewer(role)
    for number in range(40 * ROUNDS):
        query = Operations(executor.graph, role, ids=ids, keys=keys, seed=number).query()
        # when
        compiled, plain = await companies.both_ways(query, {}, viewer=viewer)
        # then: Postgres puts spaces into jsonb and between list items, which JSON does not mean
        assert orjson.dumps(orjson.loads(compiled)) == orjson.dumps(orjson.loads(plain)), query
    assert executor.uncompiled == {}
