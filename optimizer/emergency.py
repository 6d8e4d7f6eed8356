"""Emergencies: the best place for one more visit in a plan that is held, making room where there is none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.displacement import displace, go_to, write_down
from optimizer.encoding import encode
from optimizer.insertion import POSITION_BITS, cheapest_anywhere, put, take
from optimizer.loading import load
from optimizer.model import NEVER, PENALTY, Encoded, Ints
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.state import LENGTH, State
from optimizer.timetable import read_plan

DEAR_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for a visit: before the stop at `position`; `price` is what the plan's total grows by there.

    The penalty that is saved is not part of the price.
    """

    technician: str
    position: int
    price: int
    code: int | None = None
    """The position as the kernels say it, where a new stop at a depot comes with the visit."""


@dataclass(frozen=True, slots=True)
class Move:
    """A visit goes from one technician to another; None: it was, or is, left out."""

    visit: str
    came_from: str | None
    goes_to: str | None


@dataclass(frozen=True, slots=True)
class Rescue:
    """What is done for one visit: `moves`, its own first, and their price, penalties of visits out included.

    `price` is None and there are no moves where nothing costs less than the visit's penalty.
    """

    price: int | None
    moves: tuple[Move, ...]
    routes: Ints
    """The routes with all that done, as `Held.enact` takes them."""
    changes: int
    """How often what is held had changed when this was found."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The plan with the visit in it where that could be, what moved for it, and what that costs."""

    plan: Plan
    moves: tuple[Move, ...]
    price: int | None


@dataclass(slots=True)
class Held:
    """A Problem encoded and a plan of it simulated, kept between questions. Not for two threads at once.

    Crews and dependent visits stay as they are: they are neither put in, taken out nor displaced here.
    """

    encoded: Encoded
    state: State
    alone: NDArray[np.bool_]
    """Of each visit, whether it may be put in or taken out: not begun, no crew, no dependency."""
    movable: NDArray[np.bool_]
    """Of each visit, whether it may be displaced: `alone` and without a pin."""
    changes: int = 0

    @classmethod
    def of(cls, problem: Problem, plan: Plan | None) -> "Held":
        """Hold what still fits of a plan. ValueError: the problem is malformed."""
        problem.check()
        encoded = encode(problem)
        return cls.around(encoded, load(encoded, plan))

    @classmethod
    def around(cls, encoded: Encoded, state: State) -> "Held":
        """Hold routes that are simulated already."""
        problem = encoded.problem
        bound = {key for row in problem.technicians for key in row.fixed}
        bound |= {key for row in problem.dependencies for key in (row.first, row.second)}
        alone = np.array([row.key not in bound and not row.crew for row in problem.visits], np.bool_)
        pinned = np.array([row.pin is not None for row in problem.visits], np.bool_)
        return cls(encoded, state, alone, alone & ~pinned)

    def best(self, visit: str) -> Spot | None:
        """The cheapest place over all technicians and positions for a visit that is out; None: nowhere."""
        place = self._out(visit)
        price, technician, position = cheapest_anywhere(self.encoded.model, self.state, place)
        if technician < 0:
            return None
        first, code = int(position) % (1 << POSITION_BITS), int(position)
        return Spot(self._technician(technician), first, int(price), None if code == first else code)

    def apply(self, visit: str, spot: Spot) -> None:
        """Put a visit that is out where `best` said. ValueError: it does not fit there; nothing changes."""
        place, technician = self._out(visit), self.encoded.technicians[spot.technician]
        before = write_down(self.state, 1)
        if not put(self.encoded.model, self.state, technician, _code(spot), place):
            go_to(self.encoded.model, self.state, before)
            raise ValueError(f"visit {visit} does not fit there")
        self.changes += 1

    def remove(self, visit: str) -> str | None:
        """Take a visit out; the technician who had it.

        ValueError, and nothing changes: it has begun, it is bound to others, or what is left of the route
        breaks a rule (possible only where the way round is shorter than the way straight on).
        """
        place = self._free(visit)
        technician = int(self.state.owner[place])
        if technician < 0:
            return None
        before, stops = write_down(self.state, 1), self.state.stops[technician]
        position = stops[: self.state.totals[technician, LENGTH]].tolist().index(place)
        if not take(self.encoded.model, self.state, technician, position, 1):
            go_to(self.encoded.model, self.state, before)
            raise ValueError(
                f"without visit {visit} the route of {self._technician(technician)} breaks a rule"
            )
        self.changes += 1
        return self._technician(technician)

    def rescue(self, visit: str) -> Rescue:
        """The best insertion of a visit that is out; where none fits or it is dear, a displacement.

        Nothing changes before `enact`. An insertion is dear above a tenth of the visit's penalty: then the
        cheaper of the two is taken. Out go only movable visits of lower penalty; they are put in
        elsewhere, may displace one more each, and stay out where that is cheaper: all together it costs
        less than the penalty that is saved.
        """
        place, model = self._out(visit), self.encoded.model
        before = write_down(self.state, 1)
        penalty = int(model.work[place, PENALTY])
        spot = self.best(visit)
        price, routes = NEVER, before
        if spot is not None and spot.price < penalty:
            technician = self.encoded.technicians[spot.technician]
            put(model, self.state, technician, _code(spot), place)
            price, routes = spot.price, write_down(self.state, 0)
            go_to(model, self.state, before)
        if price > penalty * DEAR_SHARE:
            price, routes = min(
                (price, routes), displace(model, self.state, place, self.movable), key=lambda found: found[0]
            )
        if price >= NEVER:
            return Rescue(None, (), before, self.changes)
        return Rescue(int(price), self._moves(place, routes), routes, self.changes)

    def out(self) -> list[str]:
        """Visits that are out and may be put in, those of the highest penalty first."""
        places = np.flatnonzero((self.state.owner[: len(self.alone)] < 0) & self.alone)
        penalty = self.encoded.model.work[places, PENALTY]
        return [self.encoded.problem.visits[place].key for place in places[np.lexsort((places, -penalty))]]

    def enact(self, rescue: Rescue) -> None:
        """Make the routes what the rescue says. ValueError: something else has changed since."""
        if rescue.changes != self.changes:
            raise ValueError("what is held has changed since this was found")
        self.changes += 1
        go_to(self.encoded.model, self.state, rescue.routes)

    def plan(self) -> Plan:
        """All routes with their times, and who is out, without reasons."""
        return read_plan(self.encoded, self.state)

    def _technician(self, place: int) -> str:
        return self.encoded.problem.technicians[place].key

    def _free(self, visit: str) -> int:
        place = self.encoded.visits[visit]
        if not self.alone[place]:
            raise ValueError(f"visit {visit} has begun, or starts together with or after others")
        return place

    def _out(self, visit: str) -> int:
        place = self._free(visit)
        if self.state.owner[place] >= 0:
            raise ValueError(f"visit {visit} is in the plan")
        return place

    def _moves(self, first: int, routes: Ints) -> tuple[Move, ...]:
        """Who changes technician, as the routes say against what is held; the visit asked for comes first."""
        visits = self.encoded.problem.visits
        owner = np.full(len(self.state.owner), -1, np.int64)
        for technician, (length, *stops) in enumerate(routes.tolist()):
            # Stops at depots come after all others.
            owner[[stop for stop in stops[:length] if stop < len(owner)]] = technician
        changed = np.flatnonzero(owner[: len(visits)] != self.state.owner[: len(visits)]).tolist()
        changed.sort(key=lambda place: (place != first, place))
        names = [*(row.key for row in self.encoded.problem.technicians), None]  # -1: the last
        return tuple(
            Move(visits[place].key, names[self.state.owner[place]], names[owner[place]]) for place in changed
        )


def _code(spot: Spot) -> int:
    return spot.position if spot.code is None else spot.code


def insert(problem: Problem, plan: Plan, visit: str) -> Answer:
    """Put one visit into a plan, at its best place or by displacing others (see `Held.rescue`).

    A visit that the plan has is taken out first. ValueError: it has begun, or is bound to others; KeyError:
    the problem does not have it.
    """
    held = Held.of(problem, plan)
    held.remove(visit)
    rescue = held.rescue(visit)
    held.enact(rescue)
    return Answer(held.plan(), rescue.moves, rescue.price)


def warm_up(problem: Problem) -> None:
    """Compile the kernels of this module, or load them from numba's cache, on any problem with a visit.

    The best insertion and a displacement are run, whatever comes of them.
    """
    held = Held.of(problem, None)
    for place, row in enumerate(problem.visits):
        if held.alone[place] and held.state.owner[place] < 0:
            held.best(row.key)
            displace(held.encoded.model, held.state, place, held.movable)
            held.enact(held.rescue(row.key))
            return
