"""Whole days by chance: whatever the optimizer answers, its proposal can be committed as it is."""

import random
from uuid import UUID

import pytest

from domain import planning, plans, tracking, visits
from domain.errors import Refused
from domain.plans import PlanState, Request
from domain.technicians import Absence, AbsenceReason
from domain.unit_of_work import UnitOfWork
from domain.visits import Pin, Visit, VisitState
from domain.work_orders import Priority
from integrations.roads import StraightLines
from optimizer import search, validator
from tests.domain.world import DAY, World, at


async def plan_and_commit(world: World, seed: int, *, wanted: tuple[UUID, ...] = ()) -> int:
    """How many changes were made."""
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY, visits=wanted))
        assert await plans.begin(work, plan.id) is not None
        statement = await planning.load(work, plan, table=StraightLines().table)
    solved = search.solve(statement.problem, seconds=None, iterations=400, seed=seed)
    assert validator.validate(statement.problem, solved) == ()
    proposal = planning.proposal(statement, solved)
    async with world.unit() as work:
        await plans.finish(work, plan.id, proposal)
    async with world.unit() as work:
        committed, moved = await plans.commit(work, plan.id)
        assert (committed.state, moved) == (PlanState.COMMITTED, [])
    return len(proposal.changes)


async def go_on(world: World, draw: random.Random, *, keys: list[UUID]) -> None:
    """An hour of work: some is dispatched, begun and done, some late, some not in order."""
    steps = (start_travel, arrive, visits.start_work, visits.complete)
    for key in draw.sample(keys, len(keys) // 2):
        visit = await world.read(Visit, key)
        if visit.state == VisitState.SCHEDULED and draw.random() < 0.6:
            await world.dispatch(key)
        for step in steps[: draw.randint(0, 4)]:
            try:
                async with world.unit() as work:
                    await step(work, key)
            except Refused:
                break


async def start_travel(work: UnitOfWork, key: UUID) -> Visit:
    return await visits.start_travel(work, key)


async def arrive(work: UnitOfWork, key: UUID) -> Visit:
    return await tracking.record_arrival(work, key, occurred_at=None)


@pytest.mark.parametrize("seed", range(6))
async def test_a_day_is_planned_again_and_again_as_it_goes(world: World, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  # a day by chance, no secret
    gas, valve = await world.skill("Gas"), await world.part("Valve")
    crew = [
        await world.technician(
            f"Technician {number}", step=3 * number, skills={gas: number % 3 + 1}, van={valve: 2}
        )
        for number in range(4)
    ]
    kinds = [
        await world.work_type(hours=0.75),
        await world.work_type(hours=1.25, skills={gas: 2}),
        await world.work_type(hours=1, parts={valve: 1}),
    ]

    async def order() -> UUID:
        start = draw.choice([None, 8, 9.5, 11, 13])
        return await world.visit(
            draw.choice(kinds),
            step=draw.uniform(0, 20),
            window=None if start is None else (start, start + 2),
            priority=draw.choice(list(Priority)),
            due=draw.choice([None, 10, 13]),
        )

    keys = [await order() for _ in range(16)]
    changes = await plan_and_commit(world, seed)
    assert changes > 8
    for hour in (8.6, 9.7, 11.1, 12.9):
        world.now = at(hour)
        await go_on(world, draw, keys=keys)
        pinned = await world.read(Visit, draw.choice(keys))
        if pinned.state == VisitState.SCHEDULED:
            async with world.unit() as work:
                (await work.get(Visit, pinned.id)).pin = draw.choice(list(Pin))
        new = [await order(), await order()]
        keys += new
        if hour == 11.1:
            await world.keep(
                Absence(
                    technician_id=crew[0], starts_at=at(14), ends_at=at(15), reason=AbsenceReason.TRAINING
                )
            )
        await plan_and_commit(world, seed, wanted=tuple(new) if draw.random() < 0.5 else ())
