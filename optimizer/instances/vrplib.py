"""VRPLIB files with time windows: plain (VRPTW), prize-collecting (PCVRPTW), multi-depot (MDVRPTW).

`KEY : value` rows, then sections of `node values…`, nodes from 1; visits have the numbers that .sol files
use, which is the node less one. PCVRPTW and VRPTW count by the DIMACS rule (distance truncated to 0.1, so 10
a unit), MDVRPTW exactly (to the nearest 0.001, so 1000 a unit), as the published costs do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optimizer.instances.instance import Instance
from optimizer.instances.lines import Line, Lines, Place, required_penalty, units, ways
from optimizer.instances.solomon import LOAD, MOST_VEHICLES, visit
from optimizer.problem import Problem, Technician, Visit

TYPES = ("VRPTW", "PCVRPTW", "MDVRPTW")
KEYS = (
    "NAME",
    "COMMENT",
    "TYPE",
    "DIMENSION",
    "VEHICLES",
    "CAPACITY",
    "SERVICE_TIME",
    "EDGE_WEIGHT_TYPE",
    "VEHICLES_MAX_DURATION",
)
SECTIONS = {
    "NODE_COORD_SECTION": 3,
    "DEMAND_SECTION": 2,
    "TIME_WINDOW_SECTION": 3,
    "SERVICE_TIME_SECTION": 2,
    "PRIZE_SECTION": 2,
    "VEHICLES_DEPOT_SECTION": 2,
    "DEPOT_SECTION": 1,
}


@dataclass(frozen=True, slots=True)
class File:
    """What the file says: its keys, and of each section the rows."""

    lines: Lines
    keys: Mapping[str, tuple[Line, str]]
    sections: Mapping[str, list[Line]]

    def key(self, name: str) -> tuple[Line, str]:
        if name not in self.keys:
            raise self.lines.ended(name)
        return self.keys[name]

    def whole(self, name: str, *, least: int = 0) -> int:
        line, value = self.key(name)
        return line.whole(value, least=least)

    def rows(self, name: str, *, count: int) -> list[tuple[Line, list[float]]]:
        """The values of a section's rows without their numbers, which must be 1 to `count` in order."""
        if name not in self.sections:
            raise self.lines.ended(name)
        found = []
        for number, line in enumerate(self.sections[name], start=1):
            values = line.numbers(count=SECTIONS[name])
            if values[0] != number or number > count:
                raise line.fault(f"{name} has {line.words[0]} where {min(number, count)} is expected")
            found.append((line, values[1:]))
        if len(found) != count:
            raise self.sections[name][-1].fault(f"{name} ends after {len(found)} of {count} rows")
        return found


def read(lines: Lines) -> Instance:
    """The instance; ValueError with the line of what is wrong."""
    file = _file(lines)
    line, kind = file.key("TYPE")
    if kind not in TYPES:
        raise line.fault(f"the type {kind} is not known; known are {', '.join(TYPES)}")
    line, weights = file.key("EDGE_WEIGHT_TYPE")
    if weights != "EUC_2D":
        raise line.fault(f"distances are {weights}; only EUC_2D is known")
    scale = 1000 if kind == "MDVRPTW" else 10
    places = _places(file)
    travel = ways(places, scale, truncated=scale == 10)
    depots = _depots(file, len(places))
    penalties = _prizes(file, len(places), scale) if kind == "PCVRPTW" else {}
    beyond = required_penalty(travel)
    demands = file.rows("DEMAND_SECTION", count=len(places))
    visits: list[Visit] = []
    for at, (place, (line, _)) in enumerate(zip(places, demands, strict=True)):
        demand = line.whole(line.words[1])
        if at not in depots:
            penalty = penalties.get(at, beyond)
            visits.append(visit(place, location=at, demand=demand, penalty=penalty, scale=scale))
    technicians = _technicians(file, places, depots=depots, scale=scale)
    problem = Problem(technicians=technicians, visits=tuple(visits), travel_seconds=travel)
    return Instance(
        family=kind.lower(),
        name=file.key("NAME")[1],
        problem=problem,
        measure="distance and prizes" if penalties else "distance",
        scale=scale,
        optional=bool(penalties),
    )


def _file(lines: Lines) -> File:
    keys: dict[str, tuple[Line, str]] = {}
    sections: dict[str, list[Line]] = {}
    rows: list[Line] | None = None
    while lines:
        line = lines.take("EOF")
        word = line.words[0]
        if word == "EOF":
            return File(lines, keys, sections)
        if word.endswith("_SECTION"):
            if word not in SECTIONS or word in sections:
                raise line.fault(f"the section {word} is not known or has been before")
            rows = sections[word] = []
        elif rows is not None:
            rows.append(line)
        else:
            name, colon, value = (part.strip() for part in line.text.partition(":"))
            if not colon or name not in KEYS:
                raise line.fault(f"{line.text.strip()[:60]!r} is not a key that is known")
            keys[name] = (line, value)
    raise lines.ended("EOF")


def _places(file: File) -> list[Place]:
    count = file.whole("DIMENSION", least=2)
    points = file.rows("NODE_COORD_SECTION", count=count)
    windows, services = file.rows("TIME_WINDOW_SECTION", count=count), _services(file, count)
    found = []
    for at, ((point, (x, y)), (line, (ready, due))) in enumerate(zip(points, windows, strict=True)):
        place = Place(line, str(at), x, y, ready, due, services[at])
        place.check()
        found.append(replace(place, line=point))
    return found


def _services(file: File, count: int) -> list[float]:
    if "SERVICE_TIME_SECTION" not in file.sections:
        return [float(file.whole("SERVICE_TIME"))] * count
    rows = file.rows("SERVICE_TIME_SECTION", count=count)
    for line, values in rows:
        if values[0] < 0:
            raise line.fault("a service time is negative")
    return [values[0] for _, values in rows]


def _depots(file: File, count: int) -> list[int]:
    """The places of the depots, from 0."""
    found: list[int] = []
    for line in file.sections.get("DEPOT_SECTION", []):
        if line.text.strip() == "-1":
            break
        at = line.whole(line.words[0], least=1, most=count) - 1
        if at in found:
            raise line.fault(f"the depot {at + 1} has been before")
        found.append(at)
    if not found:
        raise file.lines.ended("DEPOT_SECTION with a depot")
    return found


def _prizes(file: File, count: int, scale: int) -> dict[int, int]:
    rows = file.rows("PRIZE_SECTION", count=count)
    for line, values in rows:
        if values[0] < 0:
            raise line.fault("a prize is negative")
    return {at: units(line, values[0], scale) for at, (line, values) in enumerate(rows)}


def _technicians(file: File, places: list[Place], *, depots: list[int], scale: int) -> tuple[Technician, ...]:
    line, word = file.key("VEHICLES")
    count = line.whole(word, least=1, most=MOST_VEHICLES)
    homes = [depots[0]] * count
    if "VEHICLES_DEPOT_SECTION" in file.sections:
        for vehicle, (row, values) in enumerate(file.rows("VEHICLES_DEPOT_SECTION", count=count)):
            if values[0] - 1 not in depots:
                raise row.fault(f"{row.words[1]} is not a depot")
            homes[vehicle] = int(values[0]) - 1
    elif len(depots) > 1:
        raise file.lines.ended("VEHICLES_DEPOT_SECTION")
    longest = None
    if "VEHICLES_MAX_DURATION" in file.keys:
        line, word = file.key("VEHICLES_MAX_DURATION")
        longest = units(line, line.numbers([word])[0], scale)
    plain = Technician(
        key="",
        start_location=0,
        end_location=0,
        shift_start=0,
        shift_end=0,
        stock={LOAD: file.whole("CAPACITY")},
        longest_seconds=longest,
    )
    return tuple(
        replace(
            plain,
            key=str(number),
            start_location=home,
            end_location=home,
            shift_start=units(places[home].line, places[home].ready, scale),
            shift_end=units(places[home].line, places[home].due, scale),
        )
        for number, home in enumerate(homes, start=1)
    )
