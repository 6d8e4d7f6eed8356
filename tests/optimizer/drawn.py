"""Drawn plans: a plan with everything in it is drawn first, then the problem that it just keeps."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from optimizer.plan import Objective, Plan, Restock, Route, Stop, Unassigned
from optimizer.problem import (
    Absence,
    Break,
    Dependency,
    Depot,
    Planned,
    Policy,
    Problem,
    Technician,
    Visit,
    Window,
)
from optimizer.travel import way_seconds

LOCATIONS = 6
PARTS = ("valve", "pipe")
TOOLS = ("pump", "saw")
SKILLS = ("gas", "power")


@dataclass
class _Turn:
    """A technician's route while it is drawn; `clock` is when the next thing may begin."""

    technician: Technician
    clock: int
    place: int = 0
    stops: list[Stop] = field(default_factory=list)
    restock: Restock | None = None
    lunch: int | None = None
    leave: int | None = None
    absences: list[Absence] = field(default_factory=list)
    need: Counter[str] = field(default_factory=Counter)
    """Parts that are taken from the van itself."""


class Drawn:
    """One problem and a plan that keeps all its rules, most of them with little to spare."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.travel = self._problem_without_rows()
        self.visits: list[Visit] = []
        self.dependencies: list[Dependency] = []
        self.turns = [self._turn(place) for place in range(self.number(1, 4))]
        for _ in range(self.number(0, 9)):
            self._happen()
        routes = tuple(self._route(turn) for turn in self.turns)
        self._depend(routes)
        out = [Visit(key=f"out{place}", location=0, service_seconds=60) for place in range(self.number(0, 3))]
        self.problem = replace(
            self.travel,
            technicians=tuple(turn.technician for turn in self.turns),
            visits=(*self.visits, *out),
            dependencies=tuple(self.dependencies),
            depots=self._depots(routes),
        )
        self.plan = Plan(routes, tuple(Unassigned(visit.key) for visit in out), Objective(0, 0, 0, 0, 0, 0))

    def number(self, low: int, high: int) -> int:
        return int(self.draw.integers(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.draw.random() < share)

    def spare(self) -> int:
        """How much room a rule leaves: mostly none."""
        return self.number(0, 200) if self.chance(0.3) else 0

    def _problem_without_rows(self) -> Problem:
        slices = 3 if self.chance(0.5) else 1
        shape = (slices, LOCATIONS, LOCATIONS) if slices > 1 else (LOCATIONS, LOCATIONS)
        return Problem(
            technicians=(),
            visits=(),
            travel_seconds=self.draw.integers(0, 900, shape).astype(np.int32),
            travel_slices=(0, 1500, 2100)[:slices],
            policy=Policy(outside_territory_price=None if self.chance(0.5) else 100),
            earliest_start=self.number(0, 2) * 2000,
            day_starts=(0, 4000),
        )

    def _turn(self, place: int) -> _Turn:
        key, start = f"t{place}", self.number(0, 1000)
        row = Technician(
            key=key,
            start_location=self.number(0, LOCATIONS),
            end_location=self.number(0, LOCATIONS),
            shift_start=start - self.spare(),
            shift_end=0,
            skills={name: self.number(1, 4) for name in SKILLS if self.chance(0.7)},
            tools=frozenset(name for name in TOOLS if self.chance(0.5)),
            territories=frozenset({key}),
            available_from=start if self.chance(0.4) else None,
        )
        turn = _Turn(row, start, row.start_location)
        if self.chance(0.3):
            self._fix(turn)
        free = max(row.shift_start, row.available_from or 0, self.travel.earliest_start)
        turn.clock = max(turn.clock, free)
        return turn

    def _fix(self, turn: _Turn) -> None:
        """A fact at the head; it has begun if that is not after now."""
        stop = self._drive(turn, location=self.number(0, LOCATIONS), key=f"v{len(self.visits)}", seconds=600)
        key = turn.technician.key
        self.visits.append(
            Visit(key=stop.visit, location=turn.place, service_seconds=600, planned=Planned(key, stop.start))
        )
        turn.technician = replace(turn.technician, fixed=(stop.visit,))

    def _drive(self, turn: _Turn, *, location: int, key: str, seconds: int, seat: int = 0) -> Stop:
        way = way_seconds(self.travel, turn.place, location, leave=turn.clock)
        arrive = turn.clock + way
        start = arrive + self.spare()
        stop = Stop(key, way, arrive, start, start + seconds, seat)
        turn.leave = turn.clock if turn.leave is None else turn.leave
        turn.stops.append(stop)
        turn.place, turn.clock = location, stop.end
        return stop

    def _happen(self) -> None:
        """One more thing on some route: a visit, a crew, a stop at the depot, an absence or lunch."""
        turn = self.turns[self.number(0, len(self.turns))]
        kind = self.number(0, 10)
        if kind == 0 and turn.lunch is None:
            turn.lunch = turn.clock + self.spare()
            turn.clock = turn.lunch + 300
        elif kind == 1:
            start = turn.clock + self.spare()
            turn.absences.append(Absence(start, start + 400))
            turn.clock = start + 400
        elif kind in {2, 3} and len(self.turns) > 1:
            self._crew(turn)
        else:
            self._visit(turn, fetches=kind > 7 and turn.restock is None)

    def _crew(self, lead: _Turn) -> None:
        other = self.turns[(self.turns.index(lead) + 1) % len(self.turns)]
        key, location = f"v{len(self.visits)}", self.number(0, LOCATIONS)
        stops = [
            self._drive(lead, location=location, key=key, seconds=500),
            self._drive(other, location=location, key=key, seconds=500, seat=1),
        ]
        start = max(stop.start for stop in stops)
        for turn in (lead, other):
            turn.stops[-1] = replace(turn.stops[-1], start=start, end=start + 500)
            turn.clock = start + 500
        row = Visit(
            key=key, location=location, service_seconds=500, crew=(self._some(other.technician.skills),)
        )
        self.visits.append(row)

    def _visit(self, turn: _Turn, *, fetches: bool) -> None:
        key, technician = f"v{len(self.visits)}", turn.technician
        parts = {name: self.number(0, 3) for name in PARTS if self.chance(0.4)}
        tools = {name for name in TOOLS if name in technician.tools and self.chance(0.5)}
        if turn.restock is not None:
            tools |= {name for name in turn.restock.tools if self.chance(0.5)}
        lacking = set(TOOLS) - technician.tools
        if fetches and (lacking or any(parts.values())):
            self._restock(turn, parts)
            tools |= set(turn.restock.tools if turn.restock else ())
        else:
            turn.need.update(parts)
        seconds = self.number(0, 4) * 300
        stop = self._drive(turn, location=self.number(0, LOCATIONS), key=key, seconds=seconds)
        others = {each.technician.key for each in self.turns}
        windows = [Window(stop.start - self.spare(), stop.start + self.spare()), Window(9000, 9100)]
        pin = str(self.draw.choice(["TECHNICIAN", "TIME", "BOTH"])) if self.chance(0.2) else None
        self.visits.append(
            Visit(
                key=key,
                location=turn.place,
                service_seconds=seconds,
                windows=tuple(windows) if self.chance(0.6) else (),
                skills=self._some(technician.skills),
                parts=parts,
                tools=frozenset(tools),
                planned=Planned(technician.key, stop.start) if pin else None,
                pin=pin,  # type: ignore[arg-type]  # drawn from the three pins
                forbidden=frozenset(others - {technician.key}) if self.chance(0.3) else frozenset(),
                territory=technician.key if self.chance(0.3) else None,
            )
        )

    def _restock(self, turn: _Turn, parts: Mapping[str, int]) -> None:
        """Parts for the next visit, all of them, and the tools that the van lacks."""
        way = way_seconds(self.travel, turn.place, 0, leave=turn.clock)
        arrive = turn.clock + way
        end = arrive + 120 + self.spare()
        tools = tuple(sorted(set(TOOLS) - turn.technician.tools))
        taken = {name: count for name, count in parts.items() if count}
        turn.restock = Restock("hub", len(turn.stops), way, arrive, end, taken, tools)
        turn.leave = turn.clock if turn.leave is None else turn.leave
        turn.place, turn.clock = 0, end

    def _some(self, skills: Mapping[str, int]) -> dict[str, int]:
        return {name: level - self.number(0, 2) for name, level in skills.items() if self.chance(0.5)}

    def _route(self, turn: _Turn) -> Route:
        """The finished route, and the technician's row that it just keeps."""
        row, lunch = turn.technician, turn.lunch
        if lunch is not None:
            row = replace(row, lunch=Break(lunch - self.spare(), lunch + self.spare(), 300))
        row = replace(row, absences=tuple(turn.absences), stock=dict(turn.need))
        if not turn.stops:
            turn.technician = replace(row, shift_end=row.shift_start)
            return Route(row.key)
        way = way_seconds(self.travel, turn.place, row.end_location, leave=turn.clock)
        end, leave = turn.clock + way, turn.leave or 0
        if lunch is None and self.chance(0.5):
            row = replace(row, lunch=Break(0, end + self.spare(), 300))
        over = self.number(0, 100)
        until = {name: max(stop.start for stop in turn.stops) + self.spare() for name in row.skills}
        turn.technician = replace(
            row,
            shift_end=end - over,
            overtime_limit_seconds=over + self.spare(),
            longest_seconds=end - leave + self.spare() if self.chance(0.5) else None,
            most_visits=len(turn.stops) if self.chance(0.5) else None,
            certified_until=until if self.chance(0.5) else {},
        )
        return Route(row.key, tuple(turn.stops), lunch, way, end, turn.restock, leave)

    def _depend(self, routes: tuple[Route, ...]) -> None:
        """Visits that follow each other in time, with just the gap that they have."""
        stops = sorted(
            (stop for route in routes for stop in route.stops if not stop.seat), key=lambda stop: stop.start
        )
        for first, second in pairwise(stops):
            gap = second.start - first.end
            if gap < 0 or self.chance(0.5):
                continue
            same = (first.start < 4000) == (second.start < 4000)
            longest = gap + self.spare() if self.chance(0.5) else None
            row = Dependency(first=first.visit, second=second.visit, gap_seconds=max(0, gap - self.spare()))
            self.dependencies.append(
                replace(row, longest_gap_seconds=longest, same_day=same and self.chance(0.5))
            )

    def _depots(self, routes: tuple[Route, ...]) -> tuple[Depot, ...]:
        taken: Counter[str] = Counter()
        for route in routes:
            taken.update(route.restock.parts if route.restock else {})
        stock = dict(taken) if self.chance(0.7) else None
        tools = frozenset(TOOLS) if self.chance(0.5) else None
        return (
            Depot(key="hub", location=0, service_seconds=120, stock=stock, tools=tools),
            Depot(key="yard", location=1),
        )


def spoiled(plan: Plan, draw: np.random.Generator) -> Plan:
    """The plan with one time, place or name of it changed."""
    kinds = (_time, _time, _whole_stop, _route_time, _swap, _drop, _restock, _seat)
    return kinds[int(draw.integers(0, len(kinds)))](plan, draw)


def _delta(draw: np.random.Generator) -> int:
    return int(draw.choice([-600, -60, -1, 1, 60, 600]))


def _with_route(plan: Plan, draw: np.random.Generator) -> tuple[int, Route] | None:
    places = [place for place, route in enumerate(plan.routes) if route.stops]
    if not places:
        return None
    place = int(draw.choice(places))
    return place, plan.routes[place]


def _put(plan: Plan, place: int, route: Route) -> Plan:
    return replace(plan, routes=(*plan.routes[:place], route, *plan.routes[place + 1 :]))


def _change_stop(plan: Plan, draw: np.random.Generator, **shifts: int) -> Plan:
    """Add to the fields of one stop."""
    found = _with_route(plan, draw)
    if found is None:
        return plan
    place, route = found
    at = int(draw.integers(0, len(route.stops)))
    stop = route.stops[at]
    stop = replace(stop, **{name: getattr(stop, name) + by for name, by in shifts.items()})
    return _put(plan, place, replace(route, stops=(*route.stops[:at], stop, *route.stops[at + 1 :])))


def _time(plan: Plan, draw: np.random.Generator) -> Plan:
    name = str(draw.choice(["travel_seconds", "arrive", "start", "end"]))
    return _change_stop(plan, draw, **{name: _delta(draw)})


def _whole_stop(plan: Plan, draw: np.random.Generator) -> Plan:
    """The service as a whole, or with the arrival too."""
    by = _delta(draw)
    shifts = {"start": by, "end": by}
    return _change_stop(plan, draw, **(shifts | ({"arrive": by} if draw.random() < 0.5 else {})))


def _seat(plan: Plan, draw: np.random.Generator) -> Plan:
    return _change_stop(plan, draw, seat=1)


def _route_time(plan: Plan, draw: np.random.Generator) -> Plan:
    found = _with_route(plan, draw)
    if found is None:
        return plan
    place, route = found
    name = str(draw.choice(["leave", "end", "lunch_start", "return_travel_seconds"]))
    value = getattr(route, name)
    if value is None or (name == "lunch_start" and draw.random() < 0.3):
        return _put(plan, place, replace(route, lunch_start=None if route.lunch_start else 0))
    return _put(plan, place, replace(route, **{name: value + _delta(draw)}))


def _swap(plan: Plan, draw: np.random.Generator) -> Plan:
    """Two routes change their technicians."""
    if len(plan.routes) < 2:
        return plan
    first, second = (int(place) for place in draw.permutation(len(plan.routes))[:2])
    here, there = plan.routes[first], plan.routes[second]
    swapped = _put(plan, first, replace(here, technician=there.technician))
    return _put(swapped, second, replace(there, technician=here.technician))


def _drop(plan: Plan, draw: np.random.Generator) -> Plan:
    """The last stop of a route is left out."""
    found = _with_route(plan, draw)
    if found is None:
        return plan
    place, route = found
    rest = replace(route, stops=route.stops[:-1]) if len(route.stops) > 1 else Route(route.technician)
    return replace(_put(plan, place, rest), unassigned=(*plan.unassigned, Unassigned(route.stops[-1].visit)))


def _restock(plan: Plan, draw: np.random.Generator) -> Plan:
    places = [place for place, route in enumerate(plan.routes) if route.restock]
    if not places:
        return plan
    place = int(draw.choice(places))
    route = plan.routes[place]
    assert route.restock is not None
    by = _delta(draw)
    more = {part: count + int(np.sign(by)) for part, count in route.restock.parts.items()}
    changed = (
        None,
        replace(route.restock, position=route.restock.position + int(np.sign(by))),
        replace(route.restock, arrive=route.restock.arrive + by),
        replace(route.restock, end=route.restock.end + by),
        replace(route.restock, depot="yard"),
        replace(route.restock, parts=more),
        replace(route.restock, tools=()),
    )
    return _put(plan, place, replace(route, restock=changed[int(draw.integers(0, len(changed)))]))
