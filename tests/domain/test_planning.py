"""The optimizer's plan in the words of the graph."""

from datetime import timedelta
from uuid import UUID

from domain import planning, plans
from domain.plans import PlanChangeKind, Request
from domain.statements import Statement
from integrations.roads import StraightLines
from optimizer.plan import Objective, Reason, ReasonCode, Route, Stop, Unassigned
from optimizer.plan import Plan as Solved
from tests.domain.world import DAY, World, at

HOUR = 3600
NOTHING = Objective(0, 0, 0, 0, 0, 0)


async def load(
    world: World, *, technicians: tuple[UUID, ...] = (), visits: tuple[UUID, ...] = ()
) -> Statement:
    async with world.unit() as work:
        plan = await plans.propose(work, Request(day=DAY, technicians=technicians, visits=visits))
        return await planning.load(work, plan, table=StraightLines().table)


def solved(*routes: Route, unassigned: tuple[Unassigned, ...] = ()) -> Solved:
    return Solved(routes, unassigned, NOTHING)


def route(technician: UUID, *stops: tuple[UUID, float]) -> Route:
    """Stops of one hour at hours of the day."""
    return Route(
        str(technician),
        tuple(
            Stop(str(visit), 60, round(hours * HOUR), round(hours * HOUR), round(hours * HOUR) + HOUR)
            for visit, hours in stops
        ),
    )


async def test_a_proposal_says_only_what_changes(world: World) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    kind = await world.work_type()
    new, same, moved, given, dropped = [await world.visit(kind) for _ in range(5)]
    for visit, hours in ((same, 8), (moved, 9), (given, 10), (dropped, 11)):
        await world.schedule(visit, ada, hours)
    statement = await load(world)

    proposal = planning.proposal(
        statement,
        solved(
            route(ada, (same, 8 + 59 / HOUR), (moved, 9 + 60 / HOUR), (new, 12)),
            route(ben, (given, 10)),
            unassigned=(
                Unassigned(
                    str(dropped),
                    (
                        Reason(ReasonCode.NO_ROOM, f"{ada} has no room by 5 minutes.", str(ada), 5),
                        Reason(ReasonCode.OFF_SHIFT, "Nobody is there."),
                    ),
                ),
            ),
        ),
    )

    found = {change.visit_id: change for change in proposal.changes}
    assert {key: change.kind for key, change in found.items()} == {
        new: PlanChangeKind.ASSIGN,
        moved: PlanChangeKind.MOVE,
        given: PlanChangeKind.REASSIGN,
        dropped: PlanChangeKind.UNASSIGN,
    }
    assert (found[given].from_technician_id, found[given].technician_id) == (ada, ben)
    assert found[moved].from_planned_start == at(9)
    assert found[moved].planned_start == at(9) + timedelta(seconds=60)
    assert (found[new].planned_start, found[new].planned_end) == (at(12), at(13))
    assert (found[new].visit_version, found[moved].visit_version) == (1, 2)
    assert [(row.visit_id, row.code, row.message, row.minutes) for row in proposal.reasons] == [
        (dropped, "NO_ROOM", "Ada has no room by 5 minutes.", 5),
        (dropped, "OFF_SHIFT", "Nobody is there.", None),
    ]
    assert (proposal.assigned_count, proposal.unassigned_count) == (4, 1)
    assert proposal.objective["total"] == 0


async def test_a_small_move_is_made_where_standing_still_would_overlap(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    first, second = await world.visit(kind), await world.visit(kind)
    await world.schedule(first, ada, 9)
    statement = await load(world)

    proposal = planning.proposal(
        statement, solved(route(ada, (first, 9 - 30 / HOUR), (second, 10 - 30 / HOUR)))
    )

    assert {change.visit_id: (change.kind, change.planned_start) for change in proposal.changes} == {
        first: (PlanChangeKind.MOVE, at(9) - timedelta(seconds=30)),
        second: (PlanChangeKind.ASSIGN, at(10) - timedelta(seconds=30)),
    }


async def test_nothing_is_put_where_a_visit_stands_that_may_not_move(world: World) -> None:
    ada = await world.technician()
    kind = await world.work_type()
    firm, new = await world.visit(kind), await world.visit(kind)
    await world.schedule(firm, ada, 9)
    statement = await load(world, visits=(new,))

    proposal = planning.proposal(
        statement, solved(route(ada, (new, 9.5)), unassigned=(Unassigned(str(firm)),))
    )

    assert proposal.changes == []
    assert [(row.visit_id, row.code) for row in proposal.reasons] == [(new, "NO_ROOM")]
    assert (proposal.assigned_count, proposal.unassigned_count) == (1, 1)
