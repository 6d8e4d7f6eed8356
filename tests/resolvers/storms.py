"""Storms: random mutations of a company, some of which are refused, for what holds after any of them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.viewers import Role
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Stage
from tests.resolvers.test_mutations import _at

EASY = "DELETE FROM work_task; DELETE FROM work_type_skill; UPDATE visit SET pin = NULL"
"""So that whoever is asked can do it."""
PICK = """{
  visits(first: 250, where: {state: {in: [UNSCHEDULED, SCHEDULED, DISPATCHED]}}) {
    nodes { id state arrivalWindow { start } workOrder { id } territory { id } customer { id } } }
  technicians(first: 250) { nodes { id territory { id } } }
}"""
STEPS: Mapping[str, tuple[str, ...]] = {
    "UNSCHEDULED": ("scheduleVisit",),
    "SCHEDULED": ("rescheduleVisit", "dispatchVisit", "dispatchVisit", "unscheduleVisit", "cancelVisit"),
    "DISPATCHED": ("startTravel", "startTravel", "recallVisit", "recordArrival"),
    "EN_ROUTE": ("recordArrival", "recordArrival", "stopTravel"),
    "ARRIVED": ("startWork", "startWork", "withdrawArrival"),
    "IN_PROGRESS": ("pauseWork", "completeVisit", "markIncomplete"),
    "PAUSED": ("resumeWork",),
}
REASONS: Mapping[str, str] = {
    "recallVisit": "Not yet",
    "unscheduleVisit": "Another day",
    "withdrawArrival": "Next door",
    "pauseWork": "Lunch",
    "markIncomplete": "PARTS",
    "cancelVisit": "Not wanted",
}
ORDERS: Mapping[str, Mapping[str, object]] = {
    "holdWorkOrder": {"reason": "No key"},
    "releaseWorkOrder": {},
    "cancelWorkOrder": {"reason": "Not wanted"},
    "approveWorkOrder": {},
}


@dataclass
class Storm:
    """Visits, their work orders and technicians, and whose turn comes next by chance."""

    company: Companies
    visits: list[dict[str, Any]]
    technicians: list[str]
    chance: random.Random

    @classmethod
    async def over(cls, company: Companies, seed: int, *, visits: int = 12, technicians: int = 4) -> "Storm":
        async with connected(str(company.app.settings.database_url)) as connection:
            await connection.execute(EASY)
        found = await company.data(PICK)
        own = f"tec1_{company.viewer(Role.TECHNICIAN).technician_id}"
        others = [one["id"] for one in found["technicians"]["nodes"] if one["id"] != own]
        customer = f"cus1_{company.viewer(Role.CUSTOMER).customer_id}"
        known = [one for one in found["visits"]["nodes"] if one["customer"]["id"] == customer]
        free = [one for one in found["visits"]["nodes"] if one["arrivalWindow"] is None]
        chance = random.Random(seed)  # noqa: S311  # the same storm every time
        return cls(company, [*known[:2], *free[:visits]], [own, *others[: technicians - 1]], chance)

    async def blow(self, mutations: int) -> int:
        """So many mutations; how many of them were not refused."""
        done = 0
        for number in range(mutations):
            name, given = await self._next(number)
            done += await self.ask(name, **given)
        return done

    async def _next(self, number: int) -> tuple[str, dict[str, object]]:
        chance, visit = self.chance, self.chance.choice(self.visits)
        order, roll = {"workOrder": visit["workOrder"]["id"]}, chance.random()
        if roll < 0.1:
            return "updateWorkOrder", {**order, "title": f"Title {number}", "priority": "HIGH"}
        if roll < 0.2:
            name = chance.choice(list(ORDERS))
            return name, {**order, **ORDERS[name]}
        query = "query V($id: ID!) { visit(id: $id) { state } }"
        state = (await self.company.data(query, {"id": visit["id"]}))["visit"]["state"]
        name = chance.choice(STEPS.get(state, ("cancelVisit",)))
        given: dict[str, object] = {"visit": visit["id"]}
        if name in {"scheduleVisit", "rescheduleVisit"}:
            given |= {"technician": chance.choice(self.technicians), "start": _at(chance.randrange(16) / 2)}
        if name in REASONS:
            given["reason"] = REASONS[name]
        return name, given

    async def place(self, mutation: str, visit: str, technician: str) -> str:
        """Puts a visit on somebody's day, whenever that goes; when it starts."""
        for half_hours in range(20):
            start = _at(half_hours / 2)
            if await self.ask(mutation, visit=visit, technician=technician, start=start):
                return start
        raise AssertionError("nobody has time for it")

    async def ask(self, mutation: str, **given: object) -> bool:
        """Whether it was done."""
        kind = mutation[0].upper() + mutation[1:]
        query = f"mutation M($i: {kind}Input!) {{ {mutation}(input: $i) {{ userErrors {{ code }} }} }}"
        found = await self.company.data(query, {"i": given}, viewer=self.company.viewer(Role.ADMIN))
        errors: list[Any] = found[mutation]["userErrors"]
        return not errors


def stage(company: Companies) -> Stage:
    return Stage(company, Role.ADMIN)
