"""Supplies: whether parts and tools of a job are in the van, and the stop at a depot that brings them."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from numba import njit

from optimizer.model import FIXED_COUNT, Model
from optimizer.state import DEPOT, LENGTH, State

ANYWHERE, AFTER_RESTOCK, WITH_RESTOCK, NOWHERE = range(4)
"""Where in a route a job can be supplied: at every place, after its stop at the depot, with a new one."""


@njit(cache=True, forceinline=True)
def has_parts(model: Model, state: State, technician: int, job: int) -> bool:
    """Whether what the whole route leaves in the van is enough."""
    for part in range(model.parts.shape[1]):
        need = model.parts[job, part]
        if need > 0 and need > state.left[technician, part]:
            return False
    return True


@njit(cache=True, forceinline=True)
def suppliable(model: Model, state: State, technician: int, job: int) -> int:
    """Where in the route the job can be supplied: one of the four words above."""
    if model.supply.shape[0] == 0:
        if model.tools[technician, job] == -1 and has_parts(model, state, technician, job):
            return ANYWHERE
        return NOWHERE
    return suppliable_by_depot(model, state, technician, job)


@njit(cache=True)
def suppliable_by_depot(model: Model, state: State, technician: int, job: int) -> int:
    depot = state.totals[technician, DEPOT]
    if depot < 0:
        if model.tools[technician, job] == -1 and has_parts(model, state, technician, job):
            return ANYWHERE
        for other in range(model.supply.shape[0]):
            if depot_has(model, state, technician, job, other):
                return WITH_RESTOCK
        return NOWHERE
    if not depot_has(model, state, technician, job, depot):
        return NOWHERE
    if model.tools[technician, job] != -1:
        return AFTER_RESTOCK
    for part in range(model.parts.shape[1]):
        if model.parts[job, part] > max(0, state.before[technician, part]):
            return AFTER_RESTOCK
    return ANYWHERE


@njit(cache=True)
def depot_has(model: Model, state: State, technician: int, job: int, depot: int) -> bool:
    """Whether that depot has the tools and parts of the job that the van lacks."""
    tools = model.tools[technician, job]
    if tools != -1 and (tools >> depot) & 1 == 0:
        return False
    for part in range(model.parts.shape[1]):
        need = model.parts[job, part]
        if need - max(0, state.left[technician, part]) > max(0, state.supply[depot, part]) and need > 0:
            return False
    return True


@njit(cache=True)
def first_short(model: Model, state: State, technician: int) -> int:
    """The position of the first stop that the van alone cannot supply, the length if it can all."""
    jobs = model.terms.shape[1]
    # What has begun is a fact, supplied or not.
    for position in range(model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH]):
        job = state.stops[technician, position]
        if job < jobs and model.tools[technician, job] != -1:
            return position
        for part in range(model.parts.shape[1]):
            if model.parts[job, part] == 0:
                continue
            left = model.stock[technician, part]
            for before in range(position + 1):
                left -= model.parts[state.stops[technician, before], part]
            if left < 0:
                return position
    return state.totals[technician, LENGTH]
