"""Plans: asking for one, making it real or dropping it, and following how it comes along."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain import ids, plans, policies
from domain.errors import BadInput, Conflict
from domain.plans import PlanState, Request
from domain.unit_of_work import UnitOfWork
from realtime.log import Entry
from resolvers.context import Context, key, named
from resolvers.following import Feed, Start
from resolvers.inputs import stated, told
from schema.plans import CancelPlanInput, CommitPlanInput, DiscardPlanInput, ProposePlanInput
from schema.policies import CreateSchedulingPolicyInput, UpdateSchedulingPolicyInput
from schema.verbs import Item

ENDED = frozenset({"PlanCommitted", "PlanDiscarded", "PlanStale", "PlanFailed"})
GOING_ON = frozenset({PlanState.DRAFT, PlanState.SOLVING, PlanState.PROPOSED, PlanState.STALE})
POLICY = tuple(policies.POLICY)
TOLD = frozenset({"PlanStarted", "PlanImproved", "PlanProposed"})


async def propose_plan(work: UnitOfWork, given: ProposePlanInput, _context: Context) -> Mapping[str, Any]:
    request = Request(
        day=given.day,
        seconds=given.seconds,
        seed=given.seed,
        technicians=tuple(key("tec", one) for one in given.technicians or ()),
        visits=tuple(key("vis", one) for one in given.visits or ()),
        policy_id=named("pol", given.scheduling_policy),
    )
    plan = await plans.propose(work, request)
    return {"plan_id": plan.id}


async def commit_plan(work: UnitOfWork, given: CommitPlanInput, _context: Context) -> Mapping[str, Any]:
    """A plan that has become STALE is written as such, and told as a CONFLICT."""
    # house: one_place_commits: the plan's verb of the glossary; the transaction is the executor's
    plan, moved = await plans.commit(work, key("pln", given.plan), expected_version=given.expected_version)
    stale = [
        {"path": ["input", "plan"], "message": str(plan.failure), "code": Conflict.code} for _ in moved[:1]
    ]
    return {"plan_id": plan.id, "user_errors": stale}


async def discard_plan(work: UnitOfWork, given: DiscardPlanInput, _context: Context) -> Mapping[str, Any]:
    plan = await plans.discard(work, key("pln", given.plan))
    return {"plan_id": plan.id}


async def cancel_plan(work: UnitOfWork, given: CancelPlanInput, _context: Context) -> Mapping[str, Any]:
    plan = await plans.cancel(work, key("pln", given.plan), expected_version=given.expected_version)
    return {"plan_id": plan.id}


async def create_scheduling_policy(
    work: UnitOfWork, given: CreateSchedulingPolicyInput, _context: Context
) -> Mapping[str, Any]:
    policy = await policies.create(work, stated(given, *POLICY))
    return {"scheduling_policy_id": policy.id}


async def update_scheduling_policy(
    work: UnitOfWork, given: UpdateSchedulingPolicyInput, _context: Context
) -> Mapping[str, Any]:
    policy = await policies.update(
        work,
        key("pol", given.scheduling_policy),
        told(given, *POLICY),
        expected_version=given.expected_version,
    )
    return {"scheduling_policy_id": policy.id}


async def plan_progress(_context: Context, arguments: Mapping[str, Any]) -> Feed:
    """From how the plan stands to its end."""
    prefix, plan_id = ids.split(arguments["plan"])
    if prefix != "pln":
        raise BadInput("planProgress follows a plan.")

    async def snapshot(start: Start) -> Sequence[Item]:
        row = await start.first("SELECT * FROM plan WHERE id = $1", plan_id)
        if row is None:
            raise BadInput("No Plan has that id.")
        values = {
            "plan_id": plan_id,
            "cost": None,
            "assigned": row["assigned_count"],
            "unassigned": row["unassigned_count"],
            "cursor": start.cursor(),
        }
        return [Item("PlanSnapshot", values, is_last=row["state"] not in GOING_ON)]

    async def told(entry: Entry) -> Item | None:
        ended = entry.type in ENDED
        if not ended and entry.type not in TOLD:
            return None
        objective = entry.payload.get("objective") or {}
        values = {
            "plan_id": plan_id,
            "cost": objective.get("total"),
            "assigned": entry.payload.get("assigned"),
            "unassigned": entry.payload.get("unassigned"),
        }
        return Item("PlanEnded" if ended else entry.type, values, is_last=ended)

    return Feed(
        topics=frozenset({"plan"}),
        wants=lambda entry: entry.subject_id == plan_id,
        snapshot=snapshot,
        told=told,
    )
