"""Plans made by hand: every visit of the day somewhere where the hard rules hold, a function of a seed."""

from random import Random
from uuid import UUID

from domain import ids, planning, plans
from domain.plans import PlanChangeKind, Request
from domain.statements import Statement
from domain.unit_of_work import UnitOfWork
from domain.viewers import Role
from integrations.roads import StraightLines
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Technician, Visit
from tests.resolvers.companies import START, Companies

NOTHING = Objective(0, 0, 0, 0, 0, 0)
LEFT_OUT = 0.2
"""The share of visits that a plan leaves out."""


async def proposed(company: Companies, *, seed: int) -> tuple[str, set[PlanChangeKind]]:
    """The id of a PROPOSED plan of the day, and what kinds of changes it has."""
    viewer, day = company.viewer(Role.DISPATCHER), company.first.day
    async with UnitOfWork(company.app.services.engine, viewer, START) as work:
        plan = await plans.propose(work, Request(day=day, seed=seed))
        await plans.begin(work, plan.id)
        statement = await planning.load(work, plan, table=StraightLines().table)
        proposal = planning.proposal(statement, _solved(statement, Random(seed)))  # noqa: S311  # repeatable
        await plans.finish(work, plan.id, proposal)
        return ids.encode("pln", plan.id), {PlanChangeKind(change.kind) for change in proposal.changes}


async def commit(company: Companies, plan: str) -> None:
    viewer = company.viewer(Role.DISPATCHER)
    async with UnitOfWork(company.app.services.engine, viewer, START) as work:
        # house: one_place_commits: the plan's verb of the glossary; the transaction is the unit's
        _, moved = await plans.commit(work, UUID(plan.removeprefix("pln1_")))
    assert moved == []


def _solved(statement: Statement, random: Random) -> Plan:
    """One visit after the other to whoever can do it and has room at the end of what they have."""
    problem = statement.problem
    technicians = list(problem.technicians)
    free = {one.key: max(one.shift_start, problem.earliest_start) + 60 for one in technicians}
    routes: dict[str, list[Stop]] = {one.key: [] for one in technicians}
    absent = []
    for visit in random.sample(problem.visits, k=len(problem.visits)):
        random.shuffle(technicians)
        found = next((one for one in technicians if _fits(visit, one, free[one.key])), None)
        if found is None or random.random() < LEFT_OUT:
            absent.append(Unassigned(visit.key))
            continue
        start = _start(visit, free[found.key])
        end = start + visit.service_seconds
        routes[found.key].append(Stop(visit.key, 60, start, start, end))
        free[found.key] = end + 60
    return Plan(
        tuple(Route(key, tuple(stops)) for key, stops in routes.items() if stops), tuple(absent), NOTHING
    )


def _fits(visit: Visit, technician: Technician, free: int) -> bool:
    start = _start(visit, free)
    return (
        all(technician.skills.get(skill, 0) >= level for skill, level in visit.skills.items())
        and start + visit.service_seconds <= technician.shift_end
        and all(window.start <= start <= window.end for window in visit.windows)
    )


def _start(visit: Visit, free: int) -> int:
    return max([free, *(window.start for window in visit.windows)])
