"""Rules between one technician and one seat of a visit, read from the Problem apart from the kernels."""

from collections.abc import Mapping, Sequence

from optimizer.problem import Policy, Problem, Technician, Visit, Window


def skills(visit: Visit, seat: int) -> Mapping[str, int]:
    """What that seat needs; seat 0 is the lead or the only one."""
    return visit.skills if seat == 0 else visit.crew[seat - 1]


def may_serve(problem: Problem, technician: Technician, visit: Visit, *, seat: int) -> bool:
    """Whether skills, prohibitions, pins and a hard territory rule let the technician take the seat."""
    if any(technician.skills.get(skill, -1) < level for skill, level in skills(visit, seat).items()):
        return False
    if technician.key in visit.forbidden:
        return False
    if seat > 0:
        return True
    pinned = visit.planned if visit.pin in {"TECHNICIAN", "BOTH"} else None
    if pinned is not None and pinned.technician != technician.key:
        return False
    return problem.policy.outside_territory_price is not None or not is_outside(technician, visit)


def is_outside(technician: Technician, visit: Visit) -> bool:
    """Whether the visit lies outside the technician's territories."""
    return visit.territory is not None and visit.territory not in technician.territories


def last_start(technician: Technician, visit: Visit, *, seat: int) -> int | None:
    """The last second at which every certificate that the seat needs still holds; None: no end."""
    ends = [
        technician.certified_until[skill]
        for skill in skills(visit, seat)
        if skill in technician.certified_until
    ]
    return min(ends, default=None)


def first_start(policy: Policy, technician: Technician, visit: Visit) -> int | None:
    """Until when the visit is held for its planned start on its planned technician; None: not held."""
    planned = visit.planned
    if planned is None or not policy.hold_planned_starts or planned.technician != technician.key:
        return None
    return planned.start - policy.start_tolerance_seconds


def starts(visit: Visit) -> Sequence[Window]:
    """The windows that bind a movable visit: a pinned time stands in for the promised ones."""
    if visit.pin in {"TIME", "BOTH"} and visit.planned is not None:
        return (Window(visit.planned.start, visit.planned.start),)
    return sorted(visit.windows, key=lambda window: (window.start, window.end))


def price(policy: Policy, technician: Technician, visit: Visit) -> int:
    """What it costs that this technician leads the visit: another one, not preferred, outside."""
    total = 0
    if visit.planned is not None and visit.planned.technician != technician.key:
        total += policy.change_technician_price
    if visit.preferred and technician.key not in visit.preferred:
        total += policy.not_preferred_price
    if is_outside(technician, visit):
        total += policy.outside_territory_price or 0
    return total


def penalty(policy: Policy, visit: Visit) -> int:
    """What it costs to leave the visit out."""
    return visit.unassigned_penalty + visit.customer_value * policy.customer_value_weight


def day(day_starts: Sequence[int], at: int) -> tuple[int | None, int | None]:
    """From when to before when the day lasts in which `at` lies; None: no such end."""
    begun = [start for start in day_starts if start <= at]
    later = [start for start in day_starts if start > at]
    return (max(begun) if begun else None), (min(later) if later else None)
