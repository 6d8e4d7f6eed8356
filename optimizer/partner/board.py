"""The board: tracks as a CP-SAT model, one circuit for each technician over shared times of the visits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import Literal

from optimizer.partner import rules
from optimizer.partner.slices import Piece, pieces
from optimizer.partner.spans import Span, spans
from optimizer.partner.tracks import Call, Node, Seat, Track, ends, service_seconds
from optimizer.problem import Problem

DAY = 86_400
Term = cp_model.LinearExpr | int


@dataclass(frozen=True, slots=True)
class Times:
    """One way: from `leave` to `arrive`, for `travel` seconds."""

    travel: cp_model.IntVar
    leave: cp_model.IntVar
    arrive: cp_model.IntVar


@dataclass(frozen=True, slots=True)
class Visiting:
    """A visit in the model, whoever serves it."""

    start: cp_model.IntVar
    served: cp_model.IntVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One technician's part of the model."""

    track: Track
    arcs: Mapping[tuple[Node, Node], Literal]
    serves: Mapping[Seat | Call, Literal]
    calls: Mapping[Call, Times]
    begins: Mapping[Call, cp_model.IntVar]
    """When the depot's service begins."""
    home: Times
    leave: cp_model.IntVar
    moves: Literal
    """Whether the route has a movable stop."""
    used: Literal
    """Whether the route has a stop."""
    lunch: cp_model.IntVar
    has_lunch: cp_model.IntVar


@dataclass(slots=True)
class Slack:
    """What may give for one visit, each as whole minutes or pieces."""

    visit: int
    window_minutes: cp_model.IntVar
    overtime_minutes: dict[str, cp_model.IntVar] = field(default_factory=dict)
    """Technician → minutes."""
    parts: dict[tuple[str, str], cp_model.IntVar] = field(default_factory=dict)
    """(technician, part) → pieces."""

    @property
    def given(self) -> list[cp_model.IntVar]:
        """All that may give."""
        return [self.window_minutes, *self.overtime_minutes.values(), *self.parts.values()]


class Board:
    """The variables of all tracks, with what holds along each way; other modules add rules and prices."""

    def __init__(
        self, problem: Problem, tracks: Sequence[Track], *, relaxed: int | None = None, exact: bool = False
    ) -> None:
        """`relaxed`: the visit whose windows, overtime and parts may give; `exact`: ways to the second."""
        self.problem, self.exact = problem, exact
        self.model = cp_model.CpModel()
        self.yes = self.model.new_constant(1)
        self.first = min([0, *(row.technician.shift_start for row in tracks)])
        limits = [row.technician.shift_end + row.technician.overtime_limit_seconds for row in tracks]
        self.last = max([self.first, *limits, *(row.head.free + DAY for row in tracks if row.head.stops)])
        self.slack: Slack | None = None
        if relaxed is not None:
            self.last += DAY
            self.slack = Slack(relaxed, self.model.new_int_var(0, DAY // 60, "minutes outside"))
        self.visits: dict[int, Visiting] = {}
        self.times: dict[Seat, Times] = {}
        self.after: dict[Seat, cp_model.IntVar] = {}
        """Whether the seat stands after a restock."""
        must = {node.visit for track in tracks for node in track.must if isinstance(node, Seat)}
        for seat in sorted({seat for track in tracks for seat in track.seats}):
            if seat.visit not in self.visits:
                self.visits[seat.visit] = self._visiting(seat.visit, must=seat.visit in must)
            self.times[seat] = self._times()
            self.model.add(self.visits[seat.visit].start >= self.times[seat].arrive)
        self.turns = [self._turn(track) for track in tracks]

    def number(self) -> cp_model.IntVar:
        """A time."""
        return self.model.new_int_var(self.first, self.last, "")

    def _visiting(self, place: int, *, must: bool) -> Visiting:
        visit = self.problem.visits[place]
        start, served = self.number(), self.yes if must else self.model.new_bool_var("")
        windows = rules.starts(visit)
        relaxed = self.slack is not None and self.slack.visit == place
        if windows and not (relaxed and visit.pin not in {"TIME", "BOTH"}):
            inside = cp_model.Domain.from_intervals([[window.start, window.end] for window in windows])
            self.model.add_linear_expression_in_domain(start, inside).only_enforce_if(served)
        elif windows and self.slack is not None:
            chosen = [self.model.new_bool_var("") for _ in windows]
            self.model.add_exactly_one(chosen)
            for window, literal in zip(windows, chosen, strict=True):
                wider = 60 * self.slack.window_minutes
                self.model.add(start >= window.start - wider).only_enforce_if(literal, served)
                self.model.add(start <= window.end + wider).only_enforce_if(literal, served)
        return Visiting(start, served)

    def _times(self) -> Times:
        # A way by time of day is rounded up at each slice that it meets.
        travel = self.model.new_int_var(
            0, int(self.problem.travel_seconds.max(initial=0)) + len(self.problem.travel_slices), ""
        )
        leave, arrive = self.number(), self.number()
        self.model.add(arrive == leave + travel)
        return Times(travel, leave, arrive)

    def _turn(self, track: Track) -> Turn:
        """The technician's circuit: an arc is a way between two nodes, a loop a node left out."""
        model = self.model
        places: dict[Node, int] = {None: 0} | {node: place + 1 for place, node in enumerate(track.nodes)}
        relaxed = None if self.slack is None else self.slack.visit
        technician = track.technician
        last = technician.shift_end + technician.overtime_limit_seconds + (0 if relaxed is None else DAY)
        open_to = spans(self.problem, track, last=last, relaxed=relaxed)
        arcs = {arc: model.new_bool_var("") if track.may else self.yes for arc in open_to}
        serves: dict[Seat | Call, Literal] = dict.fromkeys(track.must, self.yes)
        serves |= {node: model.new_bool_var("") for node in track.may}
        if track.may:
            loops: list[tuple[int, int, Literal]] = [
                (places[node], places[node], ~serves[node]) for node in track.may
            ]
            loops += [(places[tail], places[head], literal) for (tail, head), literal in arcs.items()]
            model.add_circuit(loops)
        for node in (None, *track.must):
            # Where no way leads to a node that must be there, nothing holds.
            model.add_bool_or([literal for (_, head), literal in arcs.items() if head == node])
        idle = arcs.get((None, None))
        moves: Literal = self.yes if idle is None else ~idle
        turn = Turn(
            track=track,
            arcs=arcs,
            serves=serves,
            calls={call: self._times() for call in track.calls},
            begins={call: self.number() for call in track.calls},
            home=self._times(),
            leave=self.number(),
            moves=moves,
            used=self.yes if track.head.stops else moves,
            lunch=self.number(),
            has_lunch=model.new_bool_var(""),
        )
        self._ways(turn, open_to)
        self._limits(turn)
        self._serve(turn)
        return turn

    def end(self, turn: Turn, node: Node) -> Term:
        """When the technician is done with the node."""
        if node is None:
            return turn.track.head.free
        return self.begin(turn, node) + service_seconds(self.problem, node)

    def begin(self, turn: Turn, node: Seat | Call) -> cp_model.IntVar:
        """When service begins there."""
        return turn.begins[node] if isinstance(node, Call) else self.visits[node.visit].start

    def _ways(self, turn: Turn, open_to: Mapping[tuple[Node, Node], Span]) -> None:
        """Every chosen arc fixes the travel of its head and its order in time."""
        track = turn.track
        for call, times in turn.calls.items():
            self.model.add(turn.begins[call] >= times.arrive)
        if track.head.leave is not None:
            self.model.add(turn.leave == track.head.leave)
        for (tail, head), literal in turn.arcs.items():
            if tail is None and head is None and not track.head.stops:
                continue
            times = self.to(turn, head)
            pair = ends(self.problem, track, tail=tail, head=head)
            found = pieces(self.problem, *pair, span=open_to[tail, head], exact=self.exact)
            self._takes(times, found, literal=literal)
            self.model.add(times.leave >= self.end(turn, tail)).only_enforce_if(literal)
            if tail is None and track.head.leave is None:
                self.model.add(turn.leave == times.leave).only_enforce_if(literal)
        for tail, head in zip(track.must, track.must[1:], strict=False):
            self.model.add(self.to(turn, head).leave >= self.end(turn, tail))

    def _takes(self, times: Times, found: Sequence[Piece], *, literal: Literal) -> None:
        """The way takes its seconds, by time of day those of the piece in which it begins."""
        if len(found) == 1:
            self.model.add(times.travel == found[0].seconds).only_enforce_if(literal)
            return
        chosen = [self.model.new_bool_var("") for _ in found]
        self.model.add(sum(chosen) == literal)
        for piece, begins in zip(found, chosen, strict=True):
            self.model.add(times.travel == piece.seconds).only_enforce_if(begins)
            self.model.add_linear_constraint(times.leave, piece.first, piece.last).only_enforce_if(begins)

    def to(self, turn: Turn, node: Node) -> Times:
        """The way to a node."""
        if node is None:
            return turn.home
        return turn.calls[node] if isinstance(node, Call) else self.times[node]

    def _limits(self, turn: Turn) -> None:
        """The end of the shift, the longest duration and the most visits."""
        technician, model = turn.track.technician, self.model
        limit: Term = technician.shift_end + technician.overtime_limit_seconds
        if self.slack is not None and any(seat.visit == self.slack.visit for seat in turn.track.seats):
            minutes = model.new_int_var(0, DAY // 60, "minutes over")
            self.slack.overtime_minutes[technician.key] = minutes
            limit = limit + 60 * minutes
        model.add(turn.home.arrive <= limit).only_enforce_if(turn.moves)
        if technician.longest_seconds is not None:
            model.add(turn.home.arrive - turn.leave <= technician.longest_seconds).only_enforce_if(turn.moves)
        if technician.most_visits is not None:
            room = max(0, technician.most_visits - len(turn.track.head.stops))
            model.add(sum(turn.serves[seat] for seat in turn.track.seats) <= room)

    def _serve(self, turn: Turn) -> None:
        """Certificates, held starts and one seat a visit."""
        technician = turn.track.technician
        for seat in turn.track.seats:
            visit, start = self.problem.visits[seat.visit], self.visits[seat.visit].start
            until = rules.last_start(technician, visit, seat=seat.number)
            if until is not None:
                self.model.add(start <= until).only_enforce_if(turn.serves[seat])
            held = rules.first_start(self.problem.policy, technician, visit) if seat.number == 0 else None
            if held is not None and visit.pin not in {"TIME", "BOTH"}:
                self.model.add(start >= held).only_enforce_if(turn.serves[seat])
        for place in {seat.visit for seat in turn.track.seats}:
            self.model.add_at_most_one(turn.serves[seat] for seat in turn.track.seats if seat.visit == place)
