"""The exact partner: CP-SAT validates plans by another code path and solves small days with proof."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from optimizer.judge import free_from, score, violations
from optimizer.model import has_skills, may_serve, starts
from optimizer.plan import Objective, Plan, Route, Stop, Unassigned
from optimizer.problem import Problem, Technician, Visit

MOST_VISITS = 12
MOST_TECHNICIANS = 3
DEPOT = 0
"""Node of the circuits; visit v is node v + 1."""
UNSCORED = Objective(0, 0, 0, 0, 0, 0)

Busy = list[cp_model.IntervalVar]


def validate(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """Every hard rule that the plan breaks, in words; empty: it may be published.

    The rules are checked one by one from the plan's own times, then CP-SAT is asked whether each
    technician's travel, services and a lunch fit beside each other at all.
    """
    faults = list(violations(problem, plan))
    if not faults:
        faults = [f"{key}: travel, services and lunch overlap" for key in _overlapping(problem, plan)]
    return tuple(faults)


def _overlapping(problem: Problem, plan: Plan) -> list[str]:
    """Technicians whose stated day is not a schedule; all in one model, apart only if that fails."""
    if _is_schedule(problem, plan.routes):
        return []
    return [route.technician for route in plan.routes if not _is_schedule(problem, [route])]


def _is_schedule(problem: Problem, routes: Sequence[Route]) -> bool:
    model = cp_model.CpModel()
    technicians = {technician.key: technician for technician in problem.technicians}
    for route in routes:
        technician = technicians[route.technician]
        movable = route.stops[len(technician.fixed) :]
        if not movable or route.end is None:
            continue
        spans = [(stop.arrive - stop.travel_seconds, stop.travel_seconds) for stop in movable]
        spans += [(stop.start, stop.end - stop.start) for stop in movable]
        spans.append((route.end - route.return_travel_seconds, route.return_travel_seconds))
        busy = [model.new_fixed_size_interval_var(start, size, "busy") for start, size in spans]
        model.add_no_overlap(busy + _lunch_owed(model, problem, technician=technician, route=route))
    return _solver(seconds=5.0, seed=1).solve(model) in {cp_model.OPTIMAL, cp_model.FEASIBLE}


def _lunch_owed(model: cp_model.CpModel, problem: Problem, *, technician: Technician, route: Route) -> Busy:
    """A lunch anywhere in its window after the fixed head, where one is still owed."""
    lunch = technician.lunch
    free = free_from(problem, technician, route=route)
    if lunch is None or route.end is None or route.end <= lunch.latest:
        return []
    if route.lunch_start is None or route.lunch_start < free:
        return []
    start = model.new_int_var(max(lunch.earliest, free), lunch.latest, "lunch")
    return [model.new_fixed_size_interval_var(start, lunch.seconds, "lunch")]


def _solver(*, seconds: float, seed: int) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.01, seconds)
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = 1
    return solver


def solve_small(problem: Problem, *, seconds: float, seed: int = 1) -> tuple[Plan, bool] | None:
    """The best plan that CP-SAT finds, and whether it is proven optimal.

    None where it is not the tool: beyond 12 visits or 3 technicians, a day that has begun (fixed
    visits), or no plan found in the time. The starts are free here, so a plan may wait on purpose.
    """
    problem.check()
    if len(problem.visits) > MOST_VISITS or len(problem.technicians) > MOST_TECHNICIANS:
        return None
    if any(technician.fixed for technician in problem.technicians):
        return None
    day = _Day(problem)
    solver = _solver(seconds=seconds, seed=seed)
    status = solver.solve(day.model)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return None
    plan = day.read(solver)
    return replace(plan, objective=score(problem, plan)), status == cp_model.OPTIMAL


@dataclass(frozen=True, slots=True)
class _Times:
    """The times of one visit, whoever serves it; `leave` is the start of the way there."""

    travel: cp_model.IntVar
    leave: cp_model.IntVar
    arrive: cp_model.IntVar
    start: cp_model.IntVar


@dataclass(frozen=True, slots=True)
class _Turn:
    """One technician's part of the model; `arcs` are keyed by (from node, to node)."""

    technician: Technician
    arcs: dict[tuple[int, int], cp_model.IntVar]
    serves: list[cp_model.IntVar]
    home: _Times
    """The way home; `start` is the end of the route."""
    lunch: cp_model.IntVar
    has_lunch: cp_model.IntVar


class _Day:
    """A Problem as a CP-SAT model: one circuit for each technician over shared times of the visits."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.model = cp_model.CpModel()
        self.first = min([0, *(technician.shift_start for technician in problem.technicians)])
        ends = [row.shift_end + row.overtime_limit_seconds for row in problem.technicians]
        self.last = max([self.first, *ends])
        self.longest = int(problem.travel_seconds.max()) if problem.travel_seconds.size else 0
        self.times = [self._times(visit.key) for visit in problem.visits]
        self.turns = [self._turn(technician) for technician in problem.technicians]
        prices: list[cp_model.LinearExprT] = [price for turn in self.turns for price in self._price(turn)]
        for place, visit in enumerate(problem.visits):
            out = self.model.new_bool_var(f"out {visit.key}")
            self.model.add_exactly_one([out, *(turn.serves[place] for turn in self.turns)])
            prices.append(out * visit.unassigned_penalty)
            prices += self._start_prices(visit, self.times[place], out=out)
        self.model.minimize(sum(prices))

    def _number(self, name: str) -> cp_model.IntVar:
        return self.model.new_int_var(self.first, self.last, name)

    def _times(self, name: str) -> _Times:
        travel = self.model.new_int_var(0, self.longest, f"travel {name}")
        leave, arrive = self._number(f"leave {name}"), self._number(f"arrive {name}")
        start = self._number(f"start {name}")
        self.model.add(arrive == leave + travel)
        self.model.add(start >= arrive)
        return _Times(travel, leave, arrive, start)

    def _turn(self, technician: Technician) -> _Turn:
        """The technician's circuit: an arc is a way between two nodes, a loop a node left out."""
        visits = self.problem.visits
        nodes = range(len(visits) + 1)
        arcs = {
            (tail, head): self.model.new_bool_var(f"{technician.key} {tail} {head}")
            for tail in nodes
            for head in nodes
        }
        self.model.add_circuit([(tail, head, literal) for (tail, head), literal in arcs.items()])
        serves = [self.model.new_bool_var(f"{technician.key} {visit.key}") for visit in visits]
        turn = _Turn(
            technician=technician,
            arcs=arcs,
            serves=serves,
            home=self._times(f"home {technician.key}"),
            lunch=self._number(f"lunch {technician.key}"),
            has_lunch=self.model.new_bool_var(f"has lunch {technician.key}"),
        )
        for place, visit in enumerate(visits):
            self.model.add(arcs[place + 1, place + 1] + serves[place] == 1)
            self.model.add(arcs[DEPOT, DEPOT] + serves[place] <= 1)
            self._serve(turn, visit, place=place)
        self._ways(turn)
        self._parts(turn)
        self._lunch(turn)
        return turn

    def _serve(self, turn: _Turn, visit: Visit, *, place: int) -> None:
        """The rules between one technician and one visit."""
        literal = turn.serves[place]
        if not (has_skills(turn.technician, visit.skills) and may_serve(turn.technician, visit)):
            self.model.add(literal == 0)
        windows = starts(visit)
        if windows:
            inside = cp_model.Domain.from_intervals([[window.start, window.end] for window in windows])
            start = self.times[place].start
            self.model.add_linear_expression_in_domain(start, inside).only_enforce_if(literal)

    def _ways(self, turn: _Turn) -> None:
        """Every chosen arc fixes the travel of its head and its order in time."""
        technician, visits, travel = turn.technician, self.problem.visits, self.problem.travel_seconds
        floor = free_from(self.problem, technician, route=Route(technician.key))
        for (tail, head), literal in turn.arcs.items():
            if tail == head:
                continue
            here = technician.start_location if tail == DEPOT else visits[tail - 1].location
            there = technician.end_location if head == DEPOT else visits[head - 1].location
            times = turn.home if head == DEPOT else self.times[head - 1]
            self.model.add(times.travel == int(travel[here, there])).only_enforce_if(literal)
            if tail == DEPOT:
                self.model.add(times.leave >= floor).only_enforce_if(literal)
            else:
                done = self.times[tail - 1].start + visits[tail - 1].service_seconds
                self.model.add(times.leave >= done).only_enforce_if(literal)
        limit = technician.shift_end + technician.overtime_limit_seconds
        self.model.add(turn.home.start == turn.home.arrive)
        self.model.add(turn.home.start <= limit).only_enforce_if(~turn.arcs[DEPOT, DEPOT])

    def _parts(self, turn: _Turn) -> None:
        for part in sorted({part for visit in self.problem.visits for part in visit.parts}):
            need = [
                literal * visit.parts.get(part, 0)
                for literal, visit in zip(turn.serves, self.problem.visits, strict=True)
            ]
            self.model.add(sum(need) <= turn.technician.stock.get(part, 0))

    def _lunch(self, turn: _Turn) -> None:
        """Lunch beside travel and service, owed where the technician is free by `latest` and ends after."""
        lunch, idle = turn.technician.lunch, turn.arcs[DEPOT, DEPOT]
        floor = free_from(self.problem, turn.technician, route=Route(turn.technician.key))
        if lunch is None or floor > lunch.latest:
            self.model.add(turn.has_lunch == 0)
            return
        self.model.add(turn.home.start <= lunch.latest).only_enforce_if(~turn.has_lunch, ~idle)
        self.model.add(turn.lunch >= max(lunch.earliest, floor)).only_enforce_if(turn.has_lunch)
        self.model.add(turn.lunch <= lunch.latest).only_enforce_if(turn.has_lunch)
        span = self.model.new_optional_interval_var
        fixed = self.model.new_optional_fixed_size_interval_var
        home = turn.home
        busy = [fixed(turn.lunch, lunch.seconds, turn.has_lunch, "lunch")]
        busy.append(span(home.leave, home.travel, home.arrive, ~idle, "home"))
        for place, visit in enumerate(self.problem.visits):
            times, served = self.times[place], turn.serves[place]
            busy.append(span(times.leave, times.travel, times.arrive, served, f"to {visit.key}"))
            busy.append(fixed(times.start, visit.service_seconds, served, visit.key))
        self.model.add_no_overlap(busy)

    def _price(self, turn: _Turn) -> Iterator[cp_model.LinearExprT]:
        """Travel, overtime and changed technicians of one technician."""
        technician, visits, policy = turn.technician, self.problem.visits, self.problem.policy
        for (tail, head), literal in turn.arcs.items():
            if tail == head:
                continue
            here = technician.start_location if tail == DEPOT else visits[tail - 1].location
            there = technician.end_location if head == DEPOT else visits[head - 1].location
            yield literal * int(self.problem.travel_seconds[here, there]) * policy.travel_weight
        over = self.model.new_int_var(0, technician.overtime_limit_seconds, "overtime")
        self.model.add(over >= turn.home.start - technician.shift_end).only_enforce_if(
            ~turn.arcs[DEPOT, DEPOT]
        )
        yield over * policy.overtime_weight
        for literal, visit in zip(turn.serves, visits, strict=True):
            if visit.planned is not None and visit.planned.technician != technician.key:
                yield literal * policy.change_technician_price

    def _start_prices(
        self, visit: Visit, times: _Times, *, out: cp_model.IntVar
    ) -> Iterator[cp_model.LinearExprT]:
        """Lateness and a moved start of one visit, unless it is out."""
        if visit.due is not None and visit.lateness_weight:
            late = self.model.new_int_var(0, max(0, self.last - visit.due), "late")
            self.model.add(late >= times.start - visit.due).only_enforce_if(~out)
            yield late * visit.lateness_weight
        policy = self.problem.policy
        if visit.planned is not None and policy.change_start_price:
            moved = self.model.new_bool_var("moved")
            for low, high in ((times.start, visit.planned.start), (visit.planned.start, times.start)):
                self.model.add(low - high <= policy.start_tolerance_seconds).only_enforce_if(~out, ~moved)
            yield moved * policy.change_start_price

    def read(self, solver: cp_model.CpSolver) -> Plan:
        """The plan that the solver holds, not yet scored."""
        served = {
            visit.key
            for turn in self.turns
            for literal, visit in zip(turn.serves, self.problem.visits, strict=True)
            if solver.boolean_value(literal)
        }
        return Plan(
            routes=tuple(self._route(turn, solver) for turn in self.turns),
            unassigned=tuple(
                Unassigned(visit.key) for visit in self.problem.visits if visit.key not in served
            ),
            objective=UNSCORED,
        )

    def _route(self, turn: _Turn, solver: cp_model.CpSolver) -> Route:
        following = {
            tail: head for (tail, head), literal in turn.arcs.items() if solver.boolean_value(literal)
        }
        stops = []
        node = following[DEPOT]
        while node != DEPOT:
            visit, times = self.problem.visits[node - 1], self.times[node - 1]
            travel, start = solver.value(times.travel), solver.value(times.start)
            arrive = solver.value(times.arrive)
            stops.append(Stop(visit.key, travel, arrive, start, start + visit.service_seconds))
            node = following[node]
        if not stops:
            return Route(turn.technician.key)
        return Route(
            technician=turn.technician.key,
            stops=tuple(stops),
            lunch_start=solver.value(turn.lunch) if solver.boolean_value(turn.has_lunch) else None,
            return_travel_seconds=solver.value(turn.home.travel),
            end=solver.value(turn.home.start),
        )
