"""History in the graph: what changed, for whom it is, and that nobody reads by it what they may not read."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain import ids
from domain.access import audited
from domain.viewers import Role
from resolvers.catalogue import _own
from resolvers.compiler.shapes import Graph, TypeShape
from resolvers.compiler.values import columns_in
from schema.entities import BACK_OFFICE
from schema.graph import Embedded, One, OneOf, Source, Sql
from tests.conftest import connected
from tests.resolvers.companies import Companies

FIELDS = "fields { field before after withheld }"
ENTRY = f"id action at recordedAt actor role origin reason version entity {{ __typename id }} {FIELDS}"
OF = (
    "query H($id: ID!) {{ node(id: $id) {{ ... on {kind} {{"
    ' history(first: 250, where: {{entityType: {{eq: "{kind}"}}}}) {{'
    " totalCount nodes {{ {entry} }} }} }} }} }}"
)
"""Of the row itself; with what is part of it: test_histories.py."""
UPDATE = """mutation U($input: UpdateContactInput!) { updateContact(input: $input) {
  contact { id name history(first: 1) { nodes { action reason fields { field before after } } } }
  userErrors { code } } }"""
ERASE = f"""mutation E($input: EraseContactInput!) {{ eraseContact(input: $input) {{
  contact {{ name email phone emailOptIn version history {{ totalCount nodes {{ {ENTRY} }} }} }}
  userErrors {{ code }} }} }}"""
CONTACT = "{ contacts(first: 1) { nodes { id name email version } } }"
TECHNICIAN = "{ technicians(first: 1) { nodes { id } } }"


async def history(
    company: Companies, key: str, kind: str, *, role: Role = Role.ADMIN, entry: str = ENTRY
) -> list[dict[str, Any]]:
    found = await company.data(OF.format(kind=kind, entry=entry), {"id": key}, viewer=company.viewer(role))
    nodes: list[dict[str, Any]] = found["node"]["history"]["nodes"]
    return nodes


async def test_a_mutation_answers_with_its_own_change(company: Companies) -> None:
    (contact,) = (await company.data(CONTACT))["contacts"]["nodes"]

    answer = await company.data(UPDATE, {"input": {"contact": contact["id"], "name": "Aino Uusi"}})

    (entry,) = answer["updateContact"]["contact"]["history"]["nodes"]
    assert entry == {
        "action": "CHANGED",
        "reason": None,
        "fields": [{"field": "name", "before": contact["name"], "after": "Aino Uusi"}],
    }


async def test_history_is_the_newest_first_and_says_who_and_when(company: Companies) -> None:
    (contact,) = (await company.data(CONTACT))["contacts"]["nodes"]
    await company.data(UPDATE, {"input": {"contact": contact["id"], "phone": "+358401112223"}})
    await company.data(UPDATE, {"input": {"contact": contact["id"], "smsOptIn": True}})
    before = company.app.reads.statements

    third, second, first = await history(company, contact["id"], "Contact")

    assert company.app.reads.statements - before == 1
    assert [one["action"] for one in (third, second, first)] == ["CHANGED", "CHANGED", "CREATED"]
    assert [one["version"] for one in (third, second, first)] == [3, 2, 1]
    assert (first["origin"], first["actor"]) == ("SEED", "fieldgraph:seed")
    admin = company.viewer(Role.ADMIN)
    assert (third["origin"], third["actor"], third["role"]) == ("API", admin.subject, "ADMIN")
    assert third["entity"] == {"__typename": "Contact", "id": contact["id"]}
    assert third["fields"] == [{"field": "smsOptIn", "before": "false", "after": "true", "withheld": False}]
    assert second["fields"][0]["after"] == "+358401112223"
    assert {"email", "name", "language"} <= {one["field"] for one in first["fields"]}


async def test_the_whole_companys_history_is_a_page_in_one_statement(companies: Companies) -> None:
    before = companies.app.reads.statements

    found = await companies.data(f"{{ history(first: 250) {{ nodes {{ {ENTRY} }} }} }}")

    assert companies.app.reads.statements - before == 1
    entries = found["history"]["nodes"]
    assert [one["id"] for one in entries] == sorted((one["id"] for one in entries), reverse=True)
    assert len(entries) == 250


async def test_history_is_filtered_by_who_and_what(companies: Companies) -> None:
    async def count(where: str) -> int:
        query = f"{{ history(first: 1, where: {where}) {{ totalCount }} }}"
        found: int = (await companies.data(query))["history"]["totalCount"]
        return found

    everything, made = await count("{}"), await count("{action: {eq: CREATED}}")
    seeded = await count('{actor: {eq: "fieldgraph:seed"}}')

    assert await count('{actor: {neq: "fieldgraph:seed"}}') == everything - seeded < seeded
    assert await count("{action: {in: [CHANGED, DELETED]}}") == everything - made < made


@pytest.mark.parametrize("role", [role for role in Role if role not in BACK_OFFICE and role != Role.TRACKING])
async def test_history_is_for_staff(companies: Companies, role: Role) -> None:
    found = await companies.ask(
        "{ visits(first: 1) { nodes { history { totalCount } } } }", viewer=companies.viewer(role)
    )
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    own = await companies.data("{ history { totalCount } }", viewer=companies.viewer(role))
    assert own["history"]["totalCount"] == 0


async def test_an_erased_contact_is_gone_from_its_history_and_nobody_elses(company: Companies) -> None:
    (contact,) = (await company.data(CONTACT))["contacts"]["nodes"]
    await company.data(UPDATE, {"input": {"contact": contact["id"], "phone": "+358401112223"}})

    answer = (await company.data(ERASE, {"input": {"contact": contact["id"], "expectedVersion": 2}}))[
        "eraseContact"
    ]

    assert answer["userErrors"] == []
    erased = answer["contact"]
    assert [erased[one] for one in ("name", "email", "phone", "version")] == ["Erased", None, None, 3]
    entries = erased["history"]["nodes"]
    assert len(entries) == 3
    for entry in entries:
        for one in entry["fields"]:
            if one["field"] in {"name", "email", "phone"}:
                assert one == {"field": one["field"], "before": None, "after": None, "withheld": True}
    async with connected(str(company.app.settings.database_url)) as owner:
        events = await owner.fetch(
            "SELECT payload FROM event WHERE type = 'ContactErased' AND subject_id = $1",
            ids.split(contact["id"])[1],
        )
    assert len(events) == 1
    assert contact["name"] not in events[0]["payload"]
    oldest = (await company.data(f"{{ history(last: 250) {{ nodes {{ entity {{ id }} {FIELDS} }} }} }}"))[
        "history"
    ]["nodes"]
    others = [
        one
        for entry in oldest
        if entry["entity"] != {"id": contact["id"]}
        for one in entry["fields"]
        if one["field"] == "name"
    ]
    assert others
    assert not any(one["withheld"] for one in others)


def readable(graph: Graph, shape: TypeShape) -> Iterator[tuple[str, frozenset[Role]]]:
    """Each column of a type's table that a field shows, with the back office's roles that may ask for it."""
    for field in shape.fields.values():
        roles = frozenset(BACK_OFFICE) & (field.source.roles or frozenset(BACK_OFFICE))
        for column in shown(graph, shape, field.source, field):
            yield column, roles


def shown(graph: Graph, shape: TypeShape, source: Source, field: Any) -> list[str]:
    if isinstance(source, Sql):
        return list(columns_in(source.expression))
    if isinstance(source, One):
        return [source.by] if source.by else []
    if isinstance(source, OneOf):
        return [source.type, source.by]
    if isinstance(source, Embedded) or not field.target:
        return _own(graph, shape, field)
    return []


def test_no_role_is_told_by_history_what_no_field_tells_it(companies: Companies) -> None:
    graph, looked = companies.app.executor.graph, 0
    for table in audited.tables():
        told, apart = audited.readers(table), audited.apart(table)
        by_column: dict[str, frozenset[Role]] = {}
        for shape in graph.types.values():
            if shape.reading.table is not None and shape.table == table:
                for column, roles in readable(graph, shape):
                    by_column[column] = by_column.get(column, frozenset()) | roles
        for column, roles in by_column.items():
            how = apart.get(column)
            readers = told if how is None or how.readers is None else told & how.readers
            assert readers <= roles, f"history tells {sorted(readers - roles)} of {table}.{column}"
            looked += 1
    assert looked > 150


COSTS = {"hourlyCost", "overtimeHourlyCost", "kilometreCost", "currency"}


@pytest.mark.parametrize(
    ("role", "withheld"),
    [
        (Role.ADMIN, set()),
        (Role.MANAGER, set()),
        (Role.INTEGRATION, set()),
        (Role.DISPATCHER, COSTS),
        (Role.SALES, COSTS | {"homeLongitude", "homeLatitude"}),
    ],
)
async def test_what_a_role_may_not_read_of_a_technician_is_withheld(
    companies: Companies, role: Role, withheld: set[str]
) -> None:
    (technician,) = (await companies.data(TECHNICIAN))["technicians"]["nodes"]

    (entry,) = await history(companies, technician["id"], "Technician", role=role, entry=FIELDS)

    assert {one["field"] for one in entry["fields"] if one["withheld"]} == withheld
    assert all(one["after"] is None for one in entry["fields"] if one["withheld"])
    assert all(one["after"] is not None for one in entry["fields"] if not one["withheld"])
    assert len(entry["fields"]) >= 8


async def test_no_plan_and_no_link_is_told_to_whom_it_is_not_for(lively: Companies) -> None:
    kinds = "{ history(first: 250) { nodes { entity { __typename } } } }"

    async def seen(role: Role) -> set[str]:
        found = (await lively.data(kinds, viewer=lively.viewer(role)))["history"]["nodes"]
        return {one["entity"]["__typename"] for one in found if one["entity"]}

    assert "Plan" in await seen(Role.ADMIN)
    assert "Plan" in await seen(Role.DISPATCHER)
    assert "Plan" not in await seen(Role.SALES)
