"""Inquiries: what `solve` tells beyond its plan: why a visit is not with somebody, and a proof."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from fieldgraph import answers
from optimizer.plan import Plan, Reason
from optimizer.problem import Problem

Pair = tuple[str, str | None]
"""A visit, and a technician; None: any."""


def pairs(problem: Problem, asked: Sequence[str]) -> list[Pair]:
    """`VISIT` or `VISIT:TECHNICIAN`, by their keys; ValueError where the problem does not have them."""
    if asked and find_spec("numba") is None:
        raise ValueError("--why needs the own engine's kernels, and numba is not installed")
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


def why(problem: Problem, plan: Plan, pair: Pair, *, scale: int) -> dict[str, Any]:
    """Why the visit is not with that technician, or is left out, and what would let it in.

    The price of that is of the Problem. Nothing more is said of what stands as asked for.
    """
    from optimizer import reasons, relaxing  # noqa: PLC0415  # loads numba and ortools

    visit, technician = pair
    holders = sorted(
        route.technician for route in plan.routes if visit in {stop.visit for stop in route.stops}
    )
    said = {"visit": visit, "technician": technician, "with": holders}
    if technician in holders or (technician is None and holders):
        return said | {"stands": True, "reasons": [], "relaxation": None}
    if technician is None:
        found: Sequence[Reason] = reasons.explain(problem, plan, visit)
    else:
        found = reasons.explain_pair(problem, plan, visit, technician)
    relaxation = relaxing.least_relaxation(problem, plan, visit, technician)
    return said | {
        "stands": False,
        "reasons": [answers.reason_said(row, scale) for row in found],
        "relaxation": None if relaxation is None else answers.relaxation_said(relaxation, scale),
    }


def provable(problem: Problem) -> None:
    """ValueError where CP-SAT is not the tool for a proof."""
    from optimizer import exact  # noqa: PLC0415  # loads ortools

    if not exact.is_small(problem):
        raise ValueError(
            f"a proof is for days of at most {exact.MOST_VISITS} visits and {exact.MOST_TECHNICIANS}"
            f" technicians, with one matrix of travel and no fixed visit that is still to begin; this one has"
            f" {len(problem.visits)} visits and {len(problem.technicians)} technicians"
        )


def proved(problem: Problem, plan: Plan, *, seconds: float, seed: int) -> tuple[Plan, dict[str, Any] | None]:
    """The better of the plan and what CP-SAT finds in the time, and its proof in prices of the Problem.

    None where the time is too short for any plan.
    """
    from optimizer import exact  # noqa: PLC0415  # loads ortools

    found = exact.solve_small(problem, seconds=seconds, seed=seed)
    if found is None:
        return plan, None
    pinned = {row.key for row in problem.visits if row.pin is not None}
    searched, best = (
        (sum(row.visit in pinned for row in each.unassigned), each.objective.total)
        for each in (plan, found.plan)
    )
    if best < searched:
        plan = _explained(problem, found.plan)
    proof = {"price": plan.objective.total, "searched_price": searched[1], "lower_bound": found.bound}
    return plan, proof | {"proven": found.proven}


def _explained(problem: Problem, plan: Plan) -> Plan:
    """The plan with reasons, where the kernels that know them are installed."""
    if find_spec("numba") is None:
        return plan
    from optimizer import reasons  # noqa: PLC0415  # loads numba

    out = tuple(replace(row, reasons=reasons.explain(problem, plan, row.visit)) for row in plan.unassigned)
    return replace(plan, unassigned=out)
