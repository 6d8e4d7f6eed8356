"""The README's examples work as printed."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLUnionType

from domain.viewers import Role
from resolvers.compiler.shapes import executable_of
from resolvers.root import build
from tests.resolvers.companies import Companies

README = (Path(__file__).parents[2] / "README.md").read_text()


def _example(word: str) -> str:
    found = [
        block for block in re.findall(r"```graphql\n(.*?)```", README, re.DOTALL) if block.startswith(word)
    ]
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER, Role.SALES])
async def test_the_query_is_for_whom_it_says(company: Companies, role: Role) -> None:
    found = await company.ask(_example("query"), viewer=company.viewer(role))
    codes = [error["extensions"]["code"] for error in found.get("errors", [])]
    assert codes == (["FORBIDDEN"] if role is Role.SALES else [])


async def test_the_query(company: Companies) -> None:
    before = company.app.reads.statements
    data = await company.data(_example("query"), viewer=company.viewer(Role.DISPATCHER))
    assert company.app.reads.statements - before == 1
    assert len(data["customers"]["nodes"]) == 3
    assert data["customers"]["nodes"][0]["workOrders"]["nodes"]


async def test_the_subscription(company: Companies) -> None:
    async with company.stream(_example("subscription")) as items:
        first = await anext(items)
    assert first["__typename"] == "ScheduleSnapshot"
    assert first["cursor"]


def test_the_subscription_asks_every_item_for_its_cursor() -> None:
    asked = re.findall(r"\.\.\. on (\w+) \{ cursor ", _example("subscription"))
    executable = executable_of(build())
    item = executable.type_map["ScheduleItem"]
    assert isinstance(item, GraphQLUnionType)
    assert sorted(asked) == sorted(one.name for one in executable.get_possible_types(item))


async def test_the_mutation(company: Companies) -> None:
    given = {"day": company.first.day.isoformat()}
    data = await company.data(_example("mutation"), given, viewer=company.viewer(Role.DISPATCHER))
    assert data["proposePlan"]["userErrors"] == []
    assert data["proposePlan"]["plan"]["state"] == "DRAFT"
