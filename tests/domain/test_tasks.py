"""Tasks: copied from the type, done by who is there, and held against visits and their work order."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain import checklists, ids, intake, lifecycles, tracking, visits, work_types
from domain.checklists import Outcome, Step
from domain.errors import Refused
from domain.intake import Need
from domain.viewers import Role
from domain.visits import Visit
from domain.work_orders import (
    WorkOrder,
    WorkOrderOutcome,
    WorkTask,
    WorkType,
    WorkTypePart,
    WorkTypeSkill,
    WorkTypeTask,
)
from domain.work_types import Needs
from tests.conftest import Database, connected
from tests.domain.world import World, at

STEPS = (
    Step(name="Isolate the power", safety=True),
    Step(name="Measure the pressure"),
    Step(name="Sweep the floor", required=False),
)
DONE = Outcome()


async def kind_of(world: World, *steps: Step, **values: Any) -> UUID:
    said = {"code": f"K{world.number()}", "name": "Service", "duration_seconds": 3600, **values}
    async with world.unit() as work:
        return (await work_types.create(work, said, Needs(tasks=steps))).id


async def tasks(world: World, visit: UUID) -> list[WorkTask]:
    order = (await world.read(Visit, visit)).work_order_id
    return sorted(await world.all(WorkTask, work_order_id=order), key=lambda task: task.position)


async def arrived(world: World, *steps: Step) -> tuple[UUID, UUID]:
    """A visit at which its technician has arrived, and who that is."""
    technician = await world.technician()
    visit = await world.visit(await kind_of(world, *(steps or STEPS)))
    await world.schedule(visit, technician, 9)
    await world.dispatch(visit)
    world.now = at(9)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        await tracking.record_arrival(work, visit, occurred_at=None)
    return visit, technician


async def attempt(world: World, verb: Any, *given: Any, **more: Any) -> tuple[str, tuple[str, ...]]:
    """As a technician where one is named."""
    technician = more.pop("technician", None)
    role = Role.ADMIN if technician is None else Role.TECHNICIAN
    try:
        async with world.unit(role, technician_id=technician) as work:
            await verb(work, *given, **more)
    except Refused as refusal:
        return type(refusal).__name__, refusal.path
    return "done", ()


async def state(world: World, visit: UUID) -> str:
    order = (await world.read(Visit, visit)).work_order_id
    return str((await world.read(WorkOrder, order)).state)


async def test_the_steps_of_its_type_become_a_work_orders_own(world: World) -> None:
    kind = await kind_of(world, *STEPS)
    visit = await world.visit(kind)
    async with world.unit() as work:
        await work_types.update(work, kind, {}, Needs(tasks=[Step(name="Another")]))

    found = [(task.position, task.name, task.required, task.safety) for task in await tasks(world, visit)]
    assert found == [
        (1, "Isolate the power", True, True),
        (2, "Measure the pressure", True, False),
        (3, "Sweep the floor", False, False),
    ]
    later = await world.visit(kind)
    assert [task.name for task in await tasks(world, later)] == ["Another"]


async def test_the_work_begins_with_the_safety_checklist_and_ends_with_the_required_tasks(
    world: World,
) -> None:
    visit, technician = await arrived(world)
    power, pressure, floor = await tasks(world, visit)
    refused = ("InvalidTransition", ("visit",))

    assert await attempt(world, visits.start_work, visit, technician=technician) == refused
    assert (await world.read(Visit, visit)).state == "ARRIVED"
    assert await attempt(world, checklists.complete, power.id, DONE, technician=technician) == ("done", ())
    assert await attempt(world, visits.start_work, visit, technician=technician) == ("done", ())
    assert await attempt(world, visits.complete, visit, technician=technician) == refused
    assert (await world.read(Visit, visit)).state == "IN_PROGRESS"
    outcome = Outcome(result="1.6 bar", note="The gauge is old")
    assert await attempt(world, checklists.complete, pressure.id, outcome, technician=technician) == (
        "done",
        (),
    )
    assert await attempt(world, visits.complete, visit, technician=technician) == ("done", ())

    assert await state(world, visit) == "COMPLETED"
    done = await world.read(WorkTask, pressure.id)
    assert (done.result, done.note, done.done_at) == ("1.6 bar", "The gauge is old", world.now)
    assert (done.visit_id, done.technician_id, done.done_by) == (visit, technician, "test")
    assert (await world.read(WorkTask, floor.id)).done_at is None


async def test_only_who_is_there_does_a_task_of_it(world: World) -> None:
    visit, technician = await arrived(world)
    power, pressure, _ = await tasks(world, visit)
    other = await world.technician("Ben")

    assert await attempt(world, checklists.complete, power.id, DONE, technician=other) == (
        "NotFound",
        ("task",),
    )
    assert await attempt(world, checklists.complete, ids.new(), DONE) == ("NotFound", ("task",))
    stranger = await World.make(world.engine)
    assert await attempt(stranger, checklists.complete, power.id, DONE) == ("NotFound", ("task",))
    elsewhere = await world.visit(await world.work_type())
    assert await attempt(world, checklists.complete, power.id, Outcome(visit_id=elsewhere)) == (
        "InvalidTransition",
        ("visit",),
    )
    assert await attempt(world, checklists.complete, power.id, Outcome(visit_id=ids.new())) == (
        "NotFound",
        ("visit",),
    )
    assert await attempt(world, checklists.complete, power.id, Outcome(result="x" * 201)) == (
        "Invalid",
        ("result",),
    )
    assert await attempt(world, checklists.complete, power.id, DONE, expected_version=2) == (
        "Conflict",
        ("expectedVersion",),
    )
    assert [task.version for task in await tasks(world, visit)] == [1, 1, 1]
    assert await attempt(world, checklists.complete, power.id, DONE) == ("done", ())
    assert await attempt(world, checklists.complete, power.id, DONE) == ("InvalidTransition", ("task",))
    assert await attempt(
        world, checklists.reopen, power.id, reason="The fuse was in", technician=technician
    ) == ("done", ())
    assert (await world.read(WorkTask, power.id)).done_by is None
    assert await attempt(world, checklists.reopen, pressure.id, reason="So") == (
        "InvalidTransition",
        ("task",),
    )
    # before they arrive, a technician does nothing of it
    waiting = await world.visit(await kind_of(world, *STEPS))
    await world.schedule(waiting, technician, 12)
    (first, *_) = await tasks(world, waiting)
    assert await attempt(world, checklists.complete, first.id, DONE, technician=technician) == (
        "InvalidTransition",
        ("task",),
    )


async def test_each_visit_has_its_own_round_of_the_safety_checklist(world: World) -> None:
    visit, technician = await arrived(world)
    power, pressure, _ = await tasks(world, visit)
    for task in (power, pressure):
        assert await attempt(world, checklists.complete, task.id, DONE) == ("done", ())
    async with world.unit() as work:
        await visits.start_work(work, visit)
        _, again = await visits.mark_incomplete(work, visit, reason=visits.IncompleteReason.TIME)
    assert await state(world, visit) == "READY"
    await world.schedule(again.id, technician, 11)
    await world.dispatch(again.id)
    world.now = at(11)
    async with world.unit() as work:
        await visits.start_travel(work, again.id)
        await tracking.record_arrival(work, again.id, occurred_at=None)

    assert await attempt(world, visits.start_work, again.id) == ("InvalidTransition", ("visit",))
    assert await attempt(world, checklists.complete, power.id, DONE, technician=technician) == ("done", ())
    assert await attempt(world, visits.start_work, again.id) == ("done", ())
    assert await attempt(world, visits.complete, again.id) == ("done", ())
    assert await state(world, visit) == "COMPLETED"


async def test_what_another_open_visit_can_do_is_left_to_it(world: World) -> None:
    visit, technician = await arrived(world, STEPS[1])
    (pressure,) = await tasks(world, visit)
    order = (await world.read(Visit, visit)).work_order_id
    async with world.unit() as work:
        rest = await intake.add_visit(work, order)
        await visits.start_work(work, visit)
    assert await attempt(world, visits.complete, visit, technician=technician) == ("done", ())
    assert await state(world, visit) == "READY"
    # it is called off: the remainder is still open, until the office says that it is done
    async with world.unit() as work:
        await visits.cancel(work, rest.id, reason="Done by the customer")
    assert await state(world, visit) == "READY"
    assert await attempt(world, checklists.complete, pressure.id, DONE) == ("done", ())
    assert (await world.read(WorkTask, pressure.id)).visit_id is None
    assert await state(world, visit) == "COMPLETED"


async def test_a_task_that_is_added_brings_a_completed_order_back_and_its_removal_completes_it(
    world: World,
) -> None:
    visit, _ = await arrived(world, Step(name="Look", required=False))
    order = (await world.read(Visit, visit)).work_order_id
    async with world.unit() as work:
        await visits.start_work(work, visit)
        await visits.complete(work, visit)
    assert await state(world, visit) == "COMPLETED"

    async with world.unit() as work:
        optional = await checklists.add(work, order, Step(name="Tidy", required=False))
    assert await state(world, visit) == "COMPLETED"
    async with world.unit() as work:
        added = await checklists.add(work, order, Step(name="Measure", position=0))
    assert await state(world, visit) == "READY"
    assert [task.name for task in await tasks(world, visit)] == ["Measure", "Look", "Tidy"]
    # on hold and released, it is where its tasks have come to
    async with world.unit() as work:
        await lifecycles.hold(work, order, reason="No key")
    async with world.unit() as work:
        await lifecycles.release(work, order)
    assert await state(world, visit) == "READY"
    assert await attempt(world, checklists.remove, added.id) == ("done", ())
    assert await state(world, visit) == "COMPLETED"
    assert await attempt(world, checklists.complete, optional.id, DONE) == ("done", ())
    assert await attempt(world, checklists.remove, optional.id) == ("InvalidTransition", ("task",))
    async with world.unit() as work:
        await lifecycles.close(work, order, outcome=WorkOrderOutcome.SOLVED)
    for verb, given, more, path in (
        (checklists.add, (order, Step(name="More")), {}, "workOrder"),
        (checklists.reopen, (optional.id,), {"reason": "So"}, "task"),
    ):
        assert await attempt(world, verb, *given, **more) == ("InvalidTransition", (path,))


async def test_a_work_order_has_so_many_tasks_and_no_more(world: World) -> None:
    visit = await world.visit(await kind_of(world, *[Step(name=f"Step {n}") for n in range(100)]))
    order = (await world.read(Visit, visit)).work_order_id

    assert await attempt(world, checklists.add, order, Step(name="More")) == ("Invalid", ("workOrder",))
    assert await attempt(world, checklists.add, order, Step(name="")) == ("Invalid", ("name",))


async def test_of_several_who_check_off_a_task_at_once_one_does(world: World) -> None:
    visit, _ = await arrived(world)
    task = (await tasks(world, visit))[1]

    answers = await asyncio.gather(*(attempt(world, checklists.complete, task.id, DONE) for _ in range(8)))

    assert sorted(kind for kind, _ in answers) == ["InvalidTransition"] * 7 + ["done"]
    assert (await world.read(WorkTask, task.id)).version == 2


async def test_no_visit_is_completed_beside_a_task_that_is_opened_again(world: World) -> None:
    """Whoever comes first: a completed order has no required task left, in ten races."""
    for _ in range(10):
        world.now = at(7)
        visit, _technician = await arrived(world, STEPS[1])
        (task,) = await tasks(world, visit)
        async with world.unit() as work:
            await visits.start_work(work, visit)
            await checklists.complete(work, task.id, DONE)
        answers = await asyncio.gather(
            attempt(world, visits.complete, visit), attempt(world, checklists.reopen, task.id, reason="So")
        )
        left = (await world.read(WorkTask, task.id)).done_at is None
        order = await state(world, visit)
        assert answers[1] == ("done", ())
        assert left
        assert order in {"READY", "IN_PROGRESS"}, (answers, order)


async def test_the_database_keeps_what_a_task_says_in_one_piece(world: World, database: Database) -> None:
    visit = await world.visit(await kind_of(world, *STEPS))
    (task, *_) = await tasks(world, visit)
    async with connected(database.owner_url) as owner:
        for change in ("done_at = now()", "done_by = 'x'", "note = 'x'", f"visit_id = '{visit}'"):
            with pytest.raises(asyncpg.CheckViolationError):
                await owner.execute(f"UPDATE work_task SET {change} WHERE id = $1", task.id)


async def test_a_type_is_changed_as_a_whole_list_or_not_at_all(world: World) -> None:
    gas, power = await world.skill("Gas"), await world.skill("Power")
    valve, seal = await world.part("Valve"), await world.part("Seal")
    said = {"code": "GAS", "name": "Gas check", "duration_seconds": 1800}
    async with world.unit() as work:
        kind = await work_types.create(work, said, Needs(skills=[(gas, 3)], parts=[(valve, 2)], tasks=STEPS))

    async def needs() -> tuple[dict[UUID, int], dict[UUID, int], list[str]]:
        skills = await world.all(WorkTypeSkill, work_type_id=kind.id)
        parts = await world.all(WorkTypePart, work_type_id=kind.id)
        steps = sorted(await world.all(WorkTypeTask, work_type_id=kind.id), key=lambda row: row.position)
        return (
            {row.skill_id: row.level for row in skills},
            {row.part_id: row.quantity for row in parts},
            [row.name for row in steps],
        )

    names = [step.name for step in STEPS]
    assert await needs() == ({gas: 3}, {valve: 2}, names)
    async with world.unit() as work:
        same = Needs(skills=[(gas, 3)], parts=[(valve, 2)], tasks=STEPS)
        assert (await work_types.update(work, kind.id, said, same)).version == 1
    async with world.unit() as work:
        changed = Needs(skills=[(power, 1), (gas, 3)], parts=[])
        assert (await work_types.update(work, kind.id, {}, changed, expected_version=1)).version == 2
    assert await needs() == ({gas: 3, power: 1}, {}, names)
    async with world.unit() as work:
        fewer = Needs(tasks=[STEPS[1]])
        assert (await work_types.update(work, kind.id, {"name": "Check", "crew_size": 2}, fewer)).version == 3
    pair = await world.read(Visit, await world.visit(kind.id))
    assert pair.crew_size == 2
    assert await needs() == ({gas: 3, power: 1}, {}, [STEPS[1].name])
    assert await attempt(world, work_types.update, kind.id, {}, fewer, expected_version=1) == (
        "Conflict",
        ("expectedVersion",),
    )
    for wrong, code, path in (
        (Needs(skills=[(gas, 6)]), "Invalid", ("skills", "0", "level")),
        (Needs(skills=[(gas, 1), (gas, 2)]), "Invalid", ("skills", "1", "skill")),
        (Needs(skills=[(ids.new(), 1)]), "NotFound", ("skills", "0", "skill")),
        (Needs(parts=[(seal, 1), (valve, 0)]), "Invalid", ("parts", "1", "quantity")),
        (Needs(tasks=[STEPS[0], Step(name=" ")]), "Invalid", ("tasks", "1", "name")),
        (Needs(tasks=[STEPS[0]] * 101), "Invalid", ("tasks",)),
    ):
        assert await attempt(world, work_types.update, kind.id, {}, wrong) == (code, path)
    assert await needs() == ({gas: 3, power: 1}, {}, [STEPS[1].name])


async def test_an_archived_type_is_for_nothing_new(world: World) -> None:
    kind = await kind_of(world, *STEPS)
    async with world.unit() as work:
        await work_types.archive(work, kind, expected_version=1)
    need = Need(site_id=await world.site(), work_type_id=kind, title="Leak")

    assert await attempt(world, intake.create_work_order, need) == ("Invalid", ("workType",))
    for verb, given in ((work_types.archive, ()), (work_types.update, ({"name": "New"}, Needs()))):
        assert await attempt(world, verb, kind, *given) == ("InvalidTransition", ("workType",))
    assert (await world.read(WorkType, kind)).archived_at == world.now
    twin = {"code": (await world.read(WorkType, kind)).code, "name": "Twin", "duration_seconds": 60}
    assert await attempt(world, work_types.create, twin, Needs()) == ("Conflict", ("code",))
