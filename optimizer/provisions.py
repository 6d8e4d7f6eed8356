"""Supplies: whether parts and tools of a job are in the van, and the stop at a depot that brings them."""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from optimizer.kernels import entry, kernel
from optimizer.model import DEPOTS, FIXED_COUNT, JOBS, NEED, PARTS, STOCK, TOOLS, Model
from optimizer.state import DEPOT, LEFT, LENGTH, State

ANYWHERE, AFTER_RESTOCK, WITH_RESTOCK, NOWHERE = range(4)
"""Where in a route a job can be supplied: at every place, after its stop at the depot, with a new one."""


@entry()
def has_parts(model: Model, state: State, technician: int, job: int) -> bool:
    """Whether what the whole route leaves in the van is enough."""
    for part in range(model.rules[PARTS]):
        need = model.work[job, NEED + part]
        if need > 0 and need > state.totals[technician, LEFT + part]:
            return False
    return True


@entry()
def suppliable(model: Model, state: State, technician: int, job: int) -> int:
    """Where in the route the job can be supplied: one of the four words above."""
    if model.rules[DEPOTS] == 0:
        if model.pairs[TOOLS, job, technician] == -1 and has_parts(model, state, technician, job):
            return ANYWHERE
        return NOWHERE
    return suppliable_by_depot(model, state, technician, job)


@kernel()
def suppliable_by_depot(model: Model, state: State, technician: int, job: int) -> int:
    depot = state.totals[technician, DEPOT]
    if depot < 0:
        if model.pairs[TOOLS, job, technician] == -1 and has_parts(model, state, technician, job):
            return ANYWHERE
        for other in range(model.rules[DEPOTS]):
            if depot_has(model, state, technician, job, other):
                return WITH_RESTOCK
        return NOWHERE
    if not depot_has(model, state, technician, job, depot):
        return NOWHERE
    if model.pairs[TOOLS, job, technician] != -1:
        return AFTER_RESTOCK
    for part in range(model.rules[PARTS]):
        if model.work[job, NEED + part] > max(0, state.totals[technician, LEFT + model.rules[PARTS] + part]):
            return AFTER_RESTOCK
    return ANYWHERE


@kernel()
def depot_has(model: Model, state: State, technician: int, job: int, depot: int) -> bool:
    """Whether that depot has the tools and parts of the job that the van lacks."""
    tools = model.pairs[TOOLS, job, technician]
    if tools != -1 and (tools >> depot) & 1 == 0:
        return False
    stopping = state.totals[technician, DEPOT] >= 0
    for part in range(model.rules[PARTS]):
        need, left = model.work[job, NEED + part], state.totals[technician, LEFT + part]
        # What facts have left the van short of is booked with the route's stop at a depot, once it has one.
        short = need - max(0, left) if stopping else need - left
        if need > 0 and short > max(0, state.supply[depot, part]):
            return False
    return True


@entry()
def first_short(model: Model, state: State, technician: int) -> int:
    """The position of the first stop that the van alone cannot supply, the length if it can all."""
    jobs = model.rules[JOBS]
    # What has begun is a fact, supplied or not.
    for position in range(model.staff[technician, FIXED_COUNT], state.totals[technician, LENGTH]):
        job = state.stops[technician, position]
        if job < jobs and model.pairs[TOOLS, job, technician] != -1:
            return position
        for part in range(model.rules[PARTS]):
            if model.work[job, NEED + part] == 0:
                continue
            left = model.staff[technician, STOCK + part]
            for before in range(position + 1):
                left -= model.work[state.stops[technician, before], NEED + part]
            if left < 0:
                return position
    return state.totals[technician, LENGTH]
