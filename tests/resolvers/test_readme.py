"""The README's examples work as printed."""

import re
from pathlib import Path

from domain.viewers import Role
from tests.resolvers.companies import Companies

README = (Path(__file__).parents[2] / "README.md").read_text()


def _example(word: str) -> str:
    found = [
        block for block in re.findall(r"```graphql\n(.*?)```", README, re.DOTALL) if block.startswith(word)
    ]
    assert len(found) == 1
    return str(found[0])


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


async def test_the_mutation(company: Companies) -> None:
    given = {"day": company.first.day.isoformat()}
    data = await company.data(_example("mutation"), given, viewer=company.viewer(Role.DISPATCHER))
    assert data["proposePlan"]["userErrors"] == []
    assert data["proposePlan"]["plan"]["state"] == "DRAFT"
