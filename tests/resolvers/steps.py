"""Asking for one step of a visit or a work order: a mutation by its name, and what came of it."""

from dataclasses import dataclass
from typing import Any

from domain.viewers import Role, Viewer
from tests.resolvers.companies import Companies

ABSENT = "018f0000-0000-7000-8000-000000000000"
VISIT = """visit { id version state pin reason planned { start } actual { enRouteAt startedAt endedAt }
  assignments { nodes { state } } reservations { nodes { state } } workOrder { id state } }"""
READ = f"query V($id: ID!) {{ {VISIT.replace('visit', 'visit(id: $id)', 1)} }}"
CODES = "userErrors { code path }"


@dataclass(frozen=True)
class Asker:
    """One viewer of a company that is written in."""

    company: Companies
    viewer: Viewer

    async def take(self, name: str, *, answer: str = VISIT, **given: object) -> dict[str, Any]:
        """The payload of a mutation, its errors too."""
        kind = name[0].upper() + name[1:]
        document = f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {{ {answer} {CODES} }} }}"
        found = await self.company.data(document, {"input": given}, viewer=self.viewer)
        payload: dict[str, Any] = found[name]
        return payload

    async def done(self, name: str, *, answer: str = VISIT, **given: object) -> dict[str, Any]:
        """What the mutation answers first; it was not refused."""
        payload = await self.take(name, answer=answer, **given)
        assert payload["userErrors"] == []
        first: dict[str, Any] = next(iter(payload.values()))
        return first

    async def refused(self, name: str, *, answer: str = VISIT, **given: object) -> tuple[str, list[str]]:
        """The code of the one error and its path."""
        (error,) = (await self.take(name, answer=answer, **given))["userErrors"]
        return error["code"], error["path"]

    async def visit(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.company.data(READ, {"id": key}, viewer=self.viewer))["visit"]
        return found


def office(company: Companies) -> Asker:
    return Asker(company, company.viewer(Role.DISPATCHER))


def technician(company: Companies) -> Asker:
    """Whose visit `visit_of` is."""
    return Asker(company, company.viewer(Role.TECHNICIAN))


def visit_of(company: Companies) -> str:
    """A DISPATCHED visit of the technician who is a viewer."""
    return f"vis1_{company.first.tracked[0]}"
