"""Policies: the cases of how days are planned."""

from typing import Any

from domain.viewers import Role
from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong


async def _policy(stage: Stage, **given: Any) -> str:
    return await stage.make("createSchedulingPolicy", "schedulingPolicy", **given)


async def create(stage: Stage) -> Given:
    await _policy(stage, name="Punctual", isDefault=True)
    return {"name": "Near", "isDefault": True, "travelWeight": 3, "freezeMinutes": 120}


async def update(stage: Stage) -> Given:
    await _policy(stage, name="Near")
    first = await _policy(stage, name="Punctual", isDefault=True)
    return {"schedulingPolicy": first, "lowPenalty": 0, "keyPercent": 200, "freezeMinutes": None}


CASES = [
    Case(
        mutation="createSchedulingPolicy",
        right=create,
        role=Role.MANAGER,
        wrong={
            "no name": Wrong({"name": ""}, "INVALID", ("name",)),
            "a name that another has": Wrong({"name": "Punctual"}, "CONFLICT", ("name",)),
            "travel for nothing": Wrong({"travelWeight": 0}, "INVALID", ("travelWeight",)),
            "frozen for ever": Wrong({"freezeMinutes": 10_081}, "INVALID", ("freezeMinutes",)),
            "too dear": Wrong({"emergencyPenalty": 10_000_001}, "INVALID", ("emergencyPenalty",)),
            "less for the best": Wrong({"keyPercent": 99}, "INVALID", ("keyPercent",)),
        },
    ),
    Case(
        mutation="updateSchedulingPolicy",
        right=update,
        wrong={
            "no default": Wrong({"isDefault": False}, "INVALID", ("isDefault",)),
            "null": Wrong({"lowPenalty": None}, "INVALID", ("lowPenalty",)),
            "a name that another has": Wrong({"name": "Near"}, "CONFLICT", ("name",)),
        },
    ),
]
