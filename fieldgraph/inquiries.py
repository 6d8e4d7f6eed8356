"""Inquiries: what `solve` tells beyond its plan: why a visit is not with somebody, and a proof."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from optimizer import exact, reasons, relaxing
from optimizer.plan import Plan, Reason
from optimizer.problem import Problem

Pair = tuple[str, str | None]
"""A visit, and a technician; None: any."""


def pairs(problem: Problem, asked: Sequence[str]) -> list[Pair]:
    """`VISIT` or `VISIT:TECHNICIAN`, by their keys; ValueError where the problem does not have them."""
    visits = {row.key for row in problem.visits}
    technicians = {row.key for row in problem.technicians}
    found: list[Pair] = []
    for text in asked:
        visit, _, technician = text.rpartition(":")
        if text in visits:
            found.append((text, None))
        elif visit in visits and technician in technicians:
            found.append((visit, technician))
        else:
            raise ValueError(f"--why {text}: neither a visit nor VISIT:TECHNICIAN of this problem")
    return found


def why(problem: Problem, plan: Plan, pair: Pair) -> dict[str, Any]:
    """Why the visit is not with that technician, or is left out, and what would let it in.

    Prices are of the Problem, minutes of its seconds. Nothing is said of what stands as asked for.
    """
    visit, technician = pair
    with_them = {who for who, stops in _sent(plan).items() if visit in stops}
    stands = technician in with_them if technician else bool(with_them)
    found: Sequence[Reason] = ()
    relaxation = None
    if not stands:
        if technician is None:
            found = reasons.explain(problem, plan, visit)
        else:
            found = reasons.explain_pair(problem, plan, visit, technician)
        relaxation = relaxing.least_relaxation(problem, plan, visit, technician)
    return {
        "visit": visit,
        "technician": technician,
        "with": sorted(with_them),
        "reasons": [
            {"code": row.code.value, "technician": row.technician, "message": row.message} for row in found
        ],
        "relaxation": None if relaxation is None else asdict(relaxation),
    }


def provable(problem: Problem) -> None:
    """ValueError where CP-SAT is not the tool for a proof."""
    if len(problem.visits) > exact.MOST_VISITS or len(problem.technicians) > exact.MOST_TECHNICIANS:
        raise ValueError(
            f"a proof is for days of at most {exact.MOST_VISITS} visits and {exact.MOST_TECHNICIANS}"
            f" technicians; this one has {len(problem.visits)} and {len(problem.technicians)}"
        )


def proved(problem: Problem, plan: Plan, *, seconds: float, seed: int) -> tuple[Plan, dict[str, Any] | None]:
    """The better of the plan and what CP-SAT finds in the time, and its proof in prices of the Problem.

    None where it finds nothing: travel by time of day, facts that still move, or too little time.
    """
    found = exact.solve_small(problem, seconds=seconds, seed=seed)
    if found is None:
        return plan, None
    pinned = {row.key for row in problem.visits if row.pin is not None}
    searched, best = (
        (sum(row.visit in pinned for row in each.unassigned), each.objective.total)
        for each in (plan, found.plan)
    )
    if best < searched:
        out = tuple(
            replace(row, reasons=reasons.explain(problem, found.plan, row.visit))
            for row in found.plan.unassigned
        )
        plan = replace(found.plan, unassigned=out)
    proof = {"price": plan.objective.total, "searched_price": searched[1], "lower_bound": found.bound}
    return plan, proof | {"proven": found.proven}


def _sent(plan: Plan) -> dict[str, set[str]]:
    return {route.technician: {stop.visit for stop in route.stops} for route in plan.routes}
