"""Scope: which rows and which fields a role gets, over every connection and every declared field."""

import pytest

from domain.access import TABLES
from domain.viewers import Role
from schema.graph import OneOf
from tests.resolvers.companies import Companies

COUNTED = "{{ {name} {{ totalCount nodes {{ id }} }} }}"
NARROW = (Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.CUSTOMER)


def _connections(companies: Companies, role: Role) -> list[tuple[str, str]]:
    """Those that the role may ask for at all; the others are refused below."""
    graph = companies.app.executor.graph
    return [
        (name, graph.types[str(field.target)].table)
        for name, field in graph.roots.items()
        if type(field.source).__name__ == "All" and (field.source.roles is None or role in field.source.roles)
    ]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.TRACKING])
async def test_no_role_of_the_second_company_sees_a_row_of_the_first(
    companies: Companies, role: Role
) -> None:
    for name, _ in _connections(companies, role):
        found = [
            (await companies.data(COUNTED.format(name=name), viewer=companies.viewer(role, second=second)))[
                name
            ]
            for second in (False, True)
        ]
        first, second = ({node["id"] for node in one["nodes"]} for one in found)
        assert not first & second, name


@pytest.mark.parametrize("role", [role for role in Role if role != Role.TRACKING])
async def test_a_role_without_rows_in_a_table_gets_none(companies: Companies, role: Role) -> None:
    for name, table in _connections(companies, role):
        total = (await companies.data(COUNTED.format(name=name), viewer=companies.viewer(role)))[name][
            "totalCount"
        ]
        if role not in TABLES[table].read:
            assert total == 0, name
    everything = (await companies.data(COUNTED.format(name="customers")))["customers"]["totalCount"]
    own = (await companies.data(COUNTED.format(name="customers"), viewer=companies.viewer(role)))["customers"]
    assert own["totalCount"] > 0
    assert (own["totalCount"] < everything) == (role in NARROW)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.TRACKING])
async def test_every_field_is_for_the_roles_it_declares(companies: Companies, role: Role) -> None:
    graph = companies.app.executor.graph
    for root, field in graph.roots.items():
        shape = graph.types.get(str(field.target))
        if type(field.source).__name__ != "All" or shape is None:
            continue
        for one in shape.fields.values():
            selection = one.name
            if one.target is not None or isinstance(one.source, OneOf):
                inner = "{ __typename }"
                selection = f"{one.name} {inner}"
            found = await companies.ask(
                f"{{ {root}(first: 1) {{ nodes {{ {selection} }} }} }}", viewer=companies.viewer(role)
            )
            allowed = one.source.roles is None or role in one.source.roles
            if field.source.roles is not None and role not in field.source.roles:
                assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN", root
                assert found["errors"][0]["path"] == [root]
                assert "data" not in found
            elif allowed:
                assert "errors" not in found, (one.name, found)
            else:
                assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN", one.name
                assert found["errors"][0]["path"] == [root, "nodes", one.name]
                assert "data" not in found


async def test_what_may_not_be_read_may_not_be_asked_about(companies: Companies) -> None:
    for query in (
        "{ customers(where: {tier: {eq: KEY}}) { totalCount } }",
        "{ customers(orderBy: [{field: OWNER}]) { totalCount } }",
        "{ visits(where: {customer: {owner: {isNull: true}}}) { totalCount } }",
    ):
        found = await companies.ask(query, viewer=companies.viewer(Role.CUSTOMER))
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.SALES])
async def test_who_may_not_change_anything_is_refused_before_it_runs(
    companies: Companies, role: Role
) -> None:
    graph = companies.app.executor.graph
    document = """mutation {
      recallVisit(input: {visit: "vis1_018f0000-0000-7000-8000-000000000000", reason: "no"}) {
      userErrors { code } } }"""
    found = await companies.ask(document, viewer=companies.viewer(role))
    assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert found["errors"][0]["path"] == ["recallVisit"]
    assert all(field.source.roles for field in (*graph.mutations.values(), *graph.subscriptions.values()))
