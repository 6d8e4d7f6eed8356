"""Fitness: whether a technician may be sent to a visit at that start, and with what in the van."""

from collections import Counter
from collections.abc import Iterator, Mapping

from optimizer.case import Turn
from optimizer.plan import Plan, Stop
from optimizer.problem import Visit


def stop_violations(turn: Turn, stop: Stop) -> Iterator[str]:
    """Every rule between the technician and a visit that is not a fact."""
    visit, name, key = turn.visit(stop), turn.name(stop), turn.technician.key
    yield from _skills(turn, stop)
    if key in visit.forbidden:
        yield f"{name}: this technician is forbidden"
    outside = visit.territory is not None and visit.territory not in turn.technician.territories
    if stop.seat == 0 and outside and turn.case.problem.policy.outside_territory_price is None:
        yield f"{name}: territory {visit.territory} is not the technician's"
    planned = visit.planned
    if visit.pin is not None and planned is not None:
        if visit.pin != "TIME" and stop.seat == 0 and planned.technician != key:
            yield f"{name}: pinned to technician {planned.technician}"
        if visit.pin != "TECHNICIAN" and planned.start != stop.start:
            yield f"{name}: pinned to the start {planned.start}, starts at {stop.start}"
    inside = any(window.start <= stop.start <= window.end for window in visit.windows)
    if visit.windows and not inside and visit.pin not in {"TIME", "BOTH"}:
        yield f"{name}: starts at {stop.start}, outside every window"


def seat_skills(visit: Visit, seat: int) -> Mapping[str, int]:
    """The skills that a seat needs; nothing for a seat that the visit does not have."""
    if seat == 0:
        return visit.skills
    return visit.crew[seat - 1] if 1 <= seat <= len(visit.crew) else {}


def _skills(turn: Turn, stop: Stop) -> Iterator[str]:
    technician, name = turn.technician, turn.name(stop)
    for skill, level in seat_skills(turn.visit(stop), stop.seat).items():
        have = technician.skills.get(skill)
        if have is None or have < level:
            yield f"{name}: needs skill {skill} at level {level}, the technician has {have}"
        until = technician.certified_until.get(skill)
        if until is not None and stop.start > until:
            yield f"{name}: the certificate for {skill} ends at {until}, before the start at {stop.start}"


def supply_violations(turn: Turn) -> Iterator[str]:
    """What the van lacks at any stop, and what is wrong with the stop at a depot."""
    yield from _restock(turn)
    yield from _parts(turn)
    restock = turn.route.restock
    for position, stop in enumerate(turn.movable, len(turn.head)):
        if stop.seat:
            continue
        taken = restock.tools if restock is not None and restock.position <= position else ()
        for tool in sorted(turn.visit(stop).tools - turn.technician.tools - set(taken)):
            yield f"{turn.name(stop)}: tool {tool} is not in the van"


def _parts(turn: Turn) -> Iterator[str]:
    """Facts use parts up; only the needs of movable visits can be refused."""
    restock, need = turn.route.restock, Counter[str]()
    lacking: set[str] = set()
    for position, stop in enumerate(turn.route.stops):
        if stop.seat:
            continue
        parts = turn.visit(stop).parts
        need.update(parts)
        taken = restock.parts if restock is not None and restock.position <= position else {}
        if position < len(turn.head):
            continue
        for part in sorted(part for part, count in parts.items() if count and part not in lacking):
            have = turn.technician.stock.get(part, 0) + taken.get(part, 0)
            if need[part] > have:
                lacking.add(part)
                name = turn.technician.key
                yield f"{name}: the visits need {need[part]} of part {part}, the van has {have}"


def _restock(turn: Turn) -> Iterator[str]:
    restock, key = turn.route.restock, turn.technician.key
    if restock is None or not turn.route.stops:
        return
    depot = turn.case.depots.get(restock.depot)
    if depot is None:
        yield f"{key}: depot {restock.depot} is not in the problem"
        return
    if not len(turn.head) <= restock.position < len(turn.route.stops):
        yield f"{key}: the restock stands before stop {restock.position}, which is no movable stop"
        return
    if not restock.tools and not any(restock.parts.values()):
        yield f"{key}: takes nothing along at {depot.key}"
    later = [turn.visit(stop) for stop in turn.route.stops[restock.position :] if not stop.seat]
    need = sum((Counter(visit.parts) for visit in later), Counter())
    whole = sum((Counter(turn.visit(stop).parts) for stop in turn.route.stops if not stop.seat), Counter())
    for part, count in sorted(restock.parts.items()):
        # Facts may have used up more than the van had; what they owe it may be made good.
        most = max(need[part], whole[part] - turn.technician.stock.get(part, 0)) if need[part] else 0
        if not 0 <= count <= most:
            yield f"{key}: takes {count} of part {part} at {depot.key}, the stops after it need {most}"
    for tool in restock.tools:
        if not any(tool in visit.tools for visit in later):
            yield f"{key}: takes tool {tool} at {depot.key}, which no stop after it needs"
        if depot.tools is not None and tool not in depot.tools:
            yield f"{key}: depot {depot.key} has no tool {tool}"


def depot_violations(stocks: Mapping[str, Mapping[str, int] | None], plan: Plan) -> Iterator[str]:
    """Parts of which the routes together take more than a depot has; the mapping is depot → stock."""
    taken: dict[str, Counter[str]] = {}
    for route in plan.routes:
        if route.restock is not None:
            taken.setdefault(route.restock.depot, Counter()).update(route.restock.parts)
    for depot, parts in taken.items():
        stock = stocks.get(depot)
        for part, count in sorted(parts.items()) if stock is not None else ():
            if stock is not None and count > stock.get(part, 0):
                have = stock.get(part, 0)
                yield f"depot {depot}: the routes take {count} of part {part}, it has {have}"
