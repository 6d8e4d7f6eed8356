"""History among 150 k changes: one statement, which reads as many of them as it tells."""

from dataclasses import dataclass, replace

import pytest

from domain import ids
from domain.audit import PLACES
from domain.viewers import Role
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.test_query_plans import Kept, Large, explained, touched

CHANGES, OF_ORDER = 150_000, 200
FILL = """
INSERT INTO audit (organization_id, id, unit_id, entity_type, entity_id, entity_version, action, actor,
    actor_role, origin, at, recorded_at, before, after, belongs_to)
SELECT o.id, u.id, u.id, 'assignment', gen_random_uuid(), 2, 'CHANGED', 'somebody', 'DISPATCHER', 'API',
    now(), now(), '{"state": "OFFERED"}', '{"state": "ACCEPTED"}', CASE
        WHEN n <= $3 THEN ARRAY[gen_random_uuid(), $1::uuid, $2::uuid]
        WHEN n % 3 = 0 THEN ARRAY[gen_random_uuid(), gen_random_uuid(), $2::uuid]
        WHEN n % 3 = 1 THEN ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()] END
FROM generate_series(1, $4::integer) n
CROSS JOIN LATERAL (SELECT uuidv7() AS id, n AS turn) u
CROSS JOIN LATERAL (SELECT id FROM organization ORDER BY (id = $5) = (n % 5 > 0 OR n <= $3) DESC LIMIT 1) o
"""
ENTRY = "id action at actor entityType entityId entity { id } fields { field before after }"
PAGE = (
    "query($id: ID!) { node(id: $id) { ... on %s {"
    f" history(first: %d%s) {{ nodes {{ {ENTRY} }} }} }} }} }}"
)
LIST = f"{{ workOrders(first: 25) {{ nodes {{ id history(first: 5) {{ nodes {{ {ENTRY} }} }} }} }} }}"
INDEXES = {"ix_audit_organization_id_entity_id_id", *(f"ix_audit_belongs_to_{n + 1}" for n in range(PLACES))}


@dataclass(frozen=True)
class Busy:
    """A work order with 200 changes of its parts, a technician with 40 k of theirs, among two companies'."""

    large: Large
    company: Companies
    order: str
    technician: str


@pytest.fixture
async def busy(company: Companies) -> Busy:
    asked = "{ workOrders(first: 1) { nodes { id } } technicians(first: 1) { nodes { id } } }"
    found = await company.data(asked)
    order, technician = (found[name]["nodes"][0]["id"] for name in ("workOrders", "technicians"))
    async with connected(str(company.app.settings.database_url)) as owner:
        await owner.execute("SET session_replication_role = replica")
        keys = [ids.split(one)[1] for one in (order, technician)]
        await owner.execute(FILL, *keys, OF_ORDER, CHANGES, company.first.id)
        await owner.execute("ANALYZE audit")
    kept = Kept(company.app.reads.connections)
    executor = company.app.executor
    executor.services = replace(company.app.services, reads=kept)
    large = Large(executor, kept, str(company.app.settings.app_database_url))
    return Busy(large, company, order, technician)


def page(kind: str, size: int, where: str = "") -> str:
    return PAGE % (kind, size, where)


async def test_a_page_reads_what_it_tells_however_much_there_is(busy: Busy) -> None:
    asker = busy.company.viewer(Role.DISPATCHER)
    for kind, key, size, told in (
        ("WorkOrder", busy.order, 250, OF_ORDER),
        ("WorkOrder", busy.order, 25, 25),
        ("Technician", busy.technician, 25, 25),
    ):
        before = busy.large.reads.statements
        found = await busy.company.data(page(kind, size), {"id": key}, viewer=asker)

        assert busy.large.reads.statements - before == 1
        entries = found["node"]["history"]["nodes"]
        assert sum(one["entityType"] == "Assignment" for one in entries) >= told
        assert [one["id"] for one in entries] == sorted((one["id"] for one in entries), reverse=True)
        for steps in await explained(busy.large, asker):
            assert {one["Index Name"] for one in steps if one.get("Relation Name") == "audit"} == INDEXES
            assert sum(touched(one) for one in steps if one.get("Relation Name") == "audit") <= size + 5


async def test_a_list_with_the_latest_of_each_reads_that_much_of_each(busy: Busy) -> None:
    asker = busy.company.viewer(Role.DISPATCHER)
    before = busy.large.reads.statements

    found = await busy.company.data(LIST, viewer=asker)

    assert busy.large.reads.statements - before == 1
    entries = [len(one["history"]["nodes"]) for one in found["workOrders"]["nodes"]]
    assert len(entries) == 25
    assert max(entries) == 5
    for steps in await explained(busy.large, asker):
        assert {one["Index Name"] for one in steps if one.get("Relation Name") == "audit"} == INDEXES
        assert sum(touched(one) for one in steps if one.get("Relation Name") == "audit") <= 25 * 10 + 5


async def test_a_row_of_its_own_among_forty_thousand_is_found(busy: Busy) -> None:
    asker = busy.company.viewer(Role.DISPATCHER)
    own = f', where: {{entityId: {{eq: "{busy.technician}"}}}}'

    found = await busy.company.data(page("Technician", 25, own), {"id": busy.technician}, viewer=asker)

    assert [one["action"] for one in found["node"]["history"]["nodes"]] == ["CREATED"]
    for steps in await explained(busy.large, asker):
        assert not [one for one in steps if one["Node Type"] == "Seq Scan" and touched(one) > 1_000]
