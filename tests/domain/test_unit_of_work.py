"""The unit of work: all of a change or none of it, versions, replays, and typed refusals."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from domain import ids, scheduling, visits
from domain.customers import Customer
from domain.errors import Conflict, DoubleBooking, IdempotencyMismatch, Invalid, NotFound
from domain.events import Event, Origin, Scope
from domain.scheduling import Placement
from domain.stock import StockLevel
from domain.technicians import Skill, TechnicianSkill
from domain.unit_of_work import Idempotency, UnitOfWork
from domain.viewers import Role, Viewer
from domain.visits import Assignment, AssignmentState, Visit
from domain.work_orders import WorkOrder
from tests.conftest import Database, connected
from tests.domain.world import MORNING, World, at

LOG = (
    "SELECT xid::text, n, type, subject_id, subject_version, origin, actor, reason, payload::text"
    " FROM event ORDER BY event.xid, event.n"
)


def told(skill: Skill, kind: str = "SkillTold") -> Event:
    return Event(type=kind, topic="skill", subject=skill, scope_before=Scope(), scope_after=Scope())


async def log(database: Database) -> list[tuple[object, ...]]:
    async with connected(database.owner_url) as connection:
        return [tuple(row) for row in await connection.fetch(LOG)]


class BrokenOffError(Exception):
    pass


async def test_what_is_locked_is_read_anew_and_what_was_changed_stays(
    world: World, database: Database
) -> None:
    key = await world.skill("Gas")
    async with world.unit() as work:
        found = await work.find(Skill, key)
        async with connected(database.owner_url) as other:
            await other.execute("UPDATE skill SET name = 'Fire', version = 7 WHERE id = $1", key)

        locked = await work.get(Skill, key)

        assert locked is found
        assert (locked.name, locked.version) == ("Fire", 7)
        locked.name = "Fire and gas"
        with work.session.no_autoflush:
            again = await work.get(Skill, key)
        assert again.name == "Fire and gas"
    assert (await world.read(Skill, key)).version == 8


async def test_rows_and_events_commit_together(world: World, database: Database) -> None:
    async with world.unit() as work:
        work.reason = "because"
        skill = work.add(Skill(name="Gas"))
        work.emit(told(skill, "First"))
        await work.flush()
        skill.name = "Gas and water"
        work.emit(told(skill, "Second"))
        work.emit(told(skill, "Third"))

    events = await log(database)
    assert [event[1:8] for event in events] == [
        (0, "First", skill.id, 1, "API", "test", "because"),
        (1, "Second", skill.id, 2, "API", "test", "because"),
        (2, "Third", skill.id, 2, "API", "test", "because"),
    ]
    assert {event[0] for event in events} == {str(work.xid)}
    assert (await world.read(Skill, skill.id)).name == "Gas and water"


async def test_a_unit_that_is_broken_off_leaves_neither_rows_nor_events(
    world: World, database: Database
) -> None:
    async def break_off() -> None:
        async with world.unit() as work:
            work.emit(told(work.add(Skill(name="Gas"))))
            await work.flush()
            assert work.xid is not None
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        await break_off()

    assert await world.all(Skill) == []
    assert await log(database) == []


async def test_a_unit_whose_commit_is_refused_leaves_neither(world: World, database: Database) -> None:
    """The second skill of that name is found out only by the database, in the last flush."""
    await world.skill("Gas")

    async def add_twice() -> None:
        async with world.unit() as work:
            work.emit(told(work.add(Skill(name="Power"))))
            await work.flush()
            work.add(Skill(name="Gas"))

    with pytest.raises(Conflict):
        await add_twice()

    assert [skill.name for skill in await world.all(Skill)] == ["Gas"]
    assert await log(database) == []


async def test_a_unit_that_wrote_nothing_has_no_transaction_id(world: World) -> None:
    async with world.unit() as work:
        await work.find(Customer, world.customer_id)

    assert (work.xid, work.written) == (None, 0)


async def test_versions_count_changes_and_updated_at_is_business_time(world: World) -> None:
    skill = Skill(name="Gas")
    await world.keep(skill)
    made = await world.read(Skill, skill.id)
    assert (made.version, made.created_at, made.updated_at) == (1, MORNING, MORNING)

    world.now = later = MORNING + timedelta(hours=2)
    async with world.unit() as work:
        (await work.get(Skill, skill.id)).name = "Gas and water"
    changed = await world.read(Skill, skill.id)
    assert (changed.version, changed.created_at, changed.updated_at) == (2, MORNING, later)

    world.now = later + timedelta(hours=2)
    async with world.unit() as work:
        (await work.get(Skill, skill.id)).name = "Gas and water"
    same = await world.read(Skill, skill.id)
    assert (same.version, same.updated_at) == (2, later)


async def test_a_row_belongs_to_the_viewers_organization_whatever_it_says(world: World) -> None:
    skill = Skill(name="Gas", organization_id=ids.new())
    await world.keep(skill)

    assert (await world.read(Skill, skill.id)).organization_id == world.organization_id


async def test_a_row_that_another_unit_changed_meanwhile_is_read_anew_once_locked(world: World) -> None:
    skill = Skill(name="Gas")
    await world.keep(skill)
    async with world.unit() as first:
        assert (await first.find(Skill, skill.id)).name == "Gas"
        async with world.unit() as second:
            (await second.get(Skill, skill.id)).name = "Power"

        locked = await first.get(Skill, skill.id)
        assert (locked.name, locked.version) == ("Power", 2)
        locked.name = "Power and gas"

    last = await world.read(Skill, skill.id)
    assert (last.name, last.version) == ("Power and gas", 3)


async def test_locking_a_row_keeps_what_this_unit_has_changed_in_it(world: World) -> None:
    skill = Skill(name="Gas")
    await world.keep(skill)
    async with world.unit() as work:
        (await work.get(Skill, skill.id)).name = "Power"
        assert (await work.get(Skill, skill.id)).name == "Power"

    assert (await world.read(Skill, skill.id)).name == "Power"


async def test_two_visits_of_one_order_scheduled_at_once_tell_of_the_order_once(
    world: World, database: Database
) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    first = await world.visit(await world.work_type())
    async with world.unit() as work:
        second = (await visits.follow_up(work, await work.get(Visit, first))).id

    await asyncio.gather(world.schedule(first, ada, 9), world.schedule(second, ben, 9))

    (order,) = await world.all(WorkOrder)
    assert (order.state, order.version) == ("SCHEDULED", 2)
    assert Counter(event[2] for event in await log(database))["WorkOrderChanged"] == 1


async def ask(
    world: World, key: str, arguments: dict[str, object], client: str = "test"
) -> tuple[bool, object]:
    """What a mutation does: claim the key, answer, or give the stored answer."""
    who = Viewer(organization_id=world.organization_id, role=Role.ADMIN, subject=client)
    async with UnitOfWork(world.engine, who, world.now, origin=Origin.API) as work:
        row, answered = await work.replay(key, arguments)
        if not answered:
            skill = work.add(Skill(name=f"Skill {ids.new()}"))
            await asyncio.sleep(0.02)
            row.answer = {"id": str(skill.id)}
        return answered, row.answer


async def test_the_same_key_with_the_same_input_answers_what_was_stored(world: World) -> None:
    ran, first = await ask(world, "k", {"a": 1, "b": [at(9)]})
    replayed, second = await ask(world, "k", {"b": [at(9)], "a": 1})

    assert (ran, replayed) == (False, True)
    assert second == first
    assert len(await world.all(Skill)) == 1


async def test_the_same_key_with_another_input_is_a_mismatch(world: World) -> None:
    await ask(world, "k", {"a": 1})

    with pytest.raises(IdempotencyMismatch):
        await ask(world, "k", {"a": 2})

    (row,) = await world.all(Idempotency)
    (skill,) = await world.all(Skill)
    assert row.answer == {"id": str(skill.id)}


async def test_a_key_is_its_clients_own(world: World) -> None:
    ends = [await ask(world, "k", {"a": 1}, client) for client in ("one", "other")]

    assert [answered for answered, _ in ends] == [False, False]
    assert len(await world.all(Skill)) == 2


async def test_of_many_with_one_key_at_once_one_runs(world: World) -> None:
    ends = await asyncio.gather(*(ask(world, "k", {"a": 1}) for _ in range(8)))

    assert sorted(answered for answered, _ in ends) == [False] + [True] * 7
    (skill,) = await world.all(Skill)
    assert [answer for _, answer in ends] == [{"id": str(skill.id)}] * 8


async def test_a_key_whose_first_unit_was_broken_off_is_free_again(world: World) -> None:
    async def break_off() -> None:
        async with world.unit() as work:
            await work.replay("k", {"a": 1})
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        await break_off()

    assert (await ask(world, "k", {"a": 2}))[0] is False


async def assignment(world: World, visit_id: UUID, technician_id: UUID, hour: float) -> Assignment:
    visit = await world.read(Visit, visit_id)
    return Assignment(
        visit_id=visit.id,
        technician_id=technician_id,
        work_order_id=visit.work_order_id,
        customer_id=visit.customer_id,
        site_id=visit.site_id,
        state=AssignmentState.ACCEPTED,
        planned_start=at(hour),
        planned_end=at(hour + 1),
    )


async def test_a_double_booking_past_the_verbs_is_refused_by_the_database(world: World) -> None:
    """Half-open times: one that begins when the other ends is no double booking."""
    ada, kind = await world.technician(), await world.work_type()
    rows = [await assignment(world, await world.visit(kind), ada, hour) for hour in (9, 9.5, 10)]
    await world.keep(rows[0], rows[2])

    with pytest.raises(DoubleBooking):
        await world.keep(rows[1])

    assert {row.id for row in await world.all(Assignment)} == {rows[0].id, rows[2].id}


async def test_of_two_connections_that_book_one_slot_exactly_one_gets_it(world: World) -> None:
    """Both have flushed nothing when they begin: the second waits for the first inside its own flush."""
    ada, kind = await world.technician(), await world.work_type()
    rows = [await assignment(world, await world.visit(kind), ada, 9) for _ in range(2)]

    ends = await asyncio.gather(*(world.keep(row) for row in rows), return_exceptions=True)

    assert [type(end) for end in ends if end is not None] == [DoubleBooking]
    assert len(await world.all(Assignment)) == 1


async def test_a_value_that_a_check_excludes_is_invalid(world: World) -> None:
    gas, ada = await world.skill("Gas"), await world.technician()

    with pytest.raises(Invalid):
        await world.keep(TechnicianSkill(technician_id=ada, skill_id=gas, level=6))

    assert await world.all(TechnicianSkill) == []


async def test_a_reference_to_nothing_or_to_another_company_is_not_found(world: World) -> None:
    other = await World.make(world.engine)
    ada, foreign = await world.technician(), await other.skill("Gas")

    for skill in (ids.new(), foreign):
        with pytest.raises(NotFound):
            await world.keep(TechnicianSkill(technician_id=ada, skill_id=skill))

    assert await world.all(TechnicianSkill) == []


async def test_a_row_that_the_role_may_not_write_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        async with world.unit(Role.CUSTOMER, customer_id=world.customer_id) as work:
            work.add(Skill(name="Gas"))

    assert await world.all(Skill) == []


async def autoflush(work: UnitOfWork) -> None:
    await work.session.exec(select(Customer))


async def flush(work: UnitOfWork) -> None:
    await work.session.flush()


async def lock(work: UnitOfWork) -> None:
    await work.get(Customer, ids.new())


async def read(work: UnitOfWork) -> None:
    await work.find(Customer, ids.new())


async def insert(work: UnitOfWork) -> None:
    work.session.expunge_all()
    columns = "organization_id, id, name, version, updated_at, created_at"
    await work.session.execute(text(f"INSERT INTO skill ({columns}) SELECT {columns} FROM skill"))


@pytest.mark.parametrize("step", [autoflush, flush, lock, read, insert])
async def test_a_refusal_is_typed_wherever_in_a_verb_the_database_says_it(
    world: World, step: Callable[[UnitOfWork], Awaitable[None]]
) -> None:
    await world.skill("Gas")

    async def verb() -> None:
        async with world.unit() as work:
            work.add(Skill(name="Gas"))
            await step(work)

    with pytest.raises(Conflict):
        await verb()

    assert len(await world.all(Skill)) == 1


async def test_what_another_company_owns_is_not_found(world: World) -> None:
    other = await World.make(world.engine)
    skill = await other.skill("Gas")

    async with world.unit() as work:
        for look in (work.get, work.find):
            with pytest.raises(NotFound) as refused:
                await look(Skill, skill, "skill")
            assert refused.value.path == ("skill",)


async def test_stock_cannot_be_reserved_beyond_what_is_there_by_any_statement(world: World) -> None:
    valve = await world.part("Valve")
    await world.technician(van={valve: 2})

    with pytest.raises(Invalid):
        async with world.unit() as work:
            await work.session.execute(text("UPDATE stock_level SET reserved = 3"))

    (level,) = await world.all(StockLevel)
    assert (level.on_hand, level.reserved, level.available) == (2, 0, 2)


async def test_a_stale_version_is_a_conflict_and_changes_nothing(world: World) -> None:
    ada = await world.technician()
    key = await world.visit(await world.work_type())
    await world.schedule(key, ada, 9)
    version = (await world.read(Visit, key)).version

    with pytest.raises(Conflict):
        async with world.unit() as work:
            await scheduling.schedule(
                work, key, Placement(technician_id=ada, start=at(11)), expected_version=version - 1
            )
    with pytest.raises(Conflict):
        async with world.unit() as work:
            await visits.dispatch(work, key, expected_version=version + 1)

    visit = await world.read(Visit, key)
    assert (visit.state, visit.version, visit.planned_start) == ("SCHEDULED", version, at(9))
