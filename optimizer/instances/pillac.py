"""Pillac's technician routing and scheduling files (TRSP), and the release dates of its dynamic variant.

INFO and a row of counts; then rows `id x y opens closes service [skills] [tools] [spare parts]`: id 0 is the
depot where tools and spare parts are to be had, then the technicians, each with a home, then the requests.
Skills and tools are ids, spare parts are counts. Counted in 1000 a unit: ways are rounded to 0.001.
"""

import re
from collections.abc import Mapping
from typing import Literal

from optimizer.instances.instance import Instance
from optimizer.instances.lines import Line, Lines, Place, required_penalty, unique, units, ways
from optimizer.problem import Depot, Policy, Problem, Technician, Visit, Window

SCALE = 1000
HOUR = 3600
KNOWN_AT_START = -1
ROW = re.compile(r"^(.*?)\[([^\[\]]*)\]\s*\[([^\[\]]*)\]\s*\[([^\[\]]*)\]\s*$")
SIZE = re.compile(r"\.(\d+)_\d+-\d+-\d+-\d+$")
"""The name says how many requests there are: `C206.100_25-5-5-5`."""

Objective = Literal["duration", "distance"]


class Row:
    """One row: a place, and the three lists after it."""

    def __init__(self, line: Line, counts: tuple[int, int, int]) -> None:
        found = ROW.match(line.text)
        if found is None:
            raise line.fault("six numbers and three lists in [ ] are needed here")
        head = found[1].split()
        _, x, y, ready, due, service = line.numbers(head, count=6)
        self.place = Place(line, str(line.whole(head[0])), x, y, ready, due, service)
        self.place.check()
        skills, tools, parts = ([word for word in found[at].split(",") if word.strip()] for at in (2, 3, 4))
        self.skills = [str(line.whole(word, most=counts[0] - 1)) for word in skills]
        self.tools = frozenset(str(line.whole(word, most=counts[1] - 1)) for word in tools)
        if parts and len(parts) != counts[2]:
            raise line.fault(f"{len(parts)} counts of spare parts, there are {counts[2]} kinds")
        amounts = [line.whole(word) for word in parts]
        self.parts = {str(kind): amount for kind, amount in enumerate(amounts) if amount}


def read(lines: Lines, *, objective: Objective = "duration") -> Instance:
    """The instance; ValueError with the line of what is wrong."""
    name = lines.take("the name").text.strip()
    crew, counts = _counts(lines)
    rows = _rows(lines, name, crew=crew, counts=counts)
    travel = ways([row.place for row in rows], SCALE)
    duration = objective == "duration"
    visits = []
    for at, row in enumerate(rows[crew + 1 :], start=crew + 1):
        service = units(row.place.line, row.place.service, SCALE)
        penalty = required_penalty(travel, service=service if duration else 0)
        visits.append(_visit(row, location=at, service=service, penalty=penalty))
    technicians = tuple(
        _technician(row, location=at, hourly_price=HOUR if duration else 0)
        for at, row in enumerate(rows[1 : crew + 1], start=1)
    )
    problem = Problem(
        technicians=technicians,
        visits=tuple(visits),
        travel_seconds=travel,
        policy=Policy(travel_weight=0 if duration else 1),
        depots=(Depot(key="0", location=0),),
    )
    return Instance(family="trsp", name=name, problem=problem, measure=objective, scale=SCALE)


def read_releases(lines: Lines, instance: Instance) -> dict[str, int]:
    """Request → when it becomes known, in the Problem's units; below 0: it is known from the start."""
    head = lines.take("the name")
    if instance.name.upper() not in head.text.upper():
        raise head.fault(f"these are not the release dates of {instance.name}")
    lines.heading("DYN", "STAT")
    line = lines.take("the numbers of dynamic and static requests")
    line.numbers(count=2)
    dynamic, static = (line.whole(word) for word in line.words)
    lines.heading("ID", "RD")
    wanted = {visit.key for visit in instance.problem.visits}
    found: dict[str, int] = {}
    while lines:
        row = lines.take("a request")
        _, date = row.numbers(count=2)
        key = str(row.whole(row.words[0]))
        if key not in wanted or key in found:
            raise row.fault(f"the request {key} is not in {instance.name} or has been before")
        if date < 0 and date != KNOWN_AT_START:
            raise row.fault(f"the release date {date:g} is before the start")
        found[key] = -1 if date < 0 else units(row, date, SCALE)
    _count(lines, found, dynamic=dynamic, static=static, wanted=len(wanted))
    return found


def _count(lines: Lines, found: Mapping[str, int], *, dynamic: int, static: int, wanted: int) -> None:
    known = sum(date < 0 for date in found.values())
    if len(found) != wanted:
        raise lines.ended(f"a request ({len(found)} of {wanted} have a release date)")
    if (len(found) - known, known) != (dynamic, static):
        raise ValueError(
            f"{lines.file}, line {lines.last_number}: {dynamic} dynamic and {static} static requests are"
            f" announced, there are {len(found) - known} and {known}"
        )


def _counts(lines: Lines) -> tuple[int, tuple[int, int, int]]:
    lines.heading("INFO")
    lines.heading("CREW", "COUNT")
    line = lines.take("the counts")
    line.numbers(count=4)
    crew, skills, tools, parts = (line.whole(word, most=10_000) for word in line.words)
    if crew == 0:
        raise line.fault("there is no technician")
    lines.heading("DEPOT", "TECHNICIANS")
    lines.heading("ID", "X", "Y")
    return crew, (skills, tools, parts)


def _rows(lines: Lines, name: str, *, crew: int, counts: tuple[int, int, int]) -> list[Row]:
    rows = []
    while lines:
        rows.append(Row(lines.take("a row"), counts))
    if len(rows) < crew + 2:
        raise lines.ended(f"a row (there are {len(rows)}: the depot, {crew} technicians, requests)")
    said = SIZE.search(name)
    requests = len(rows) - crew - 1
    if said is not None and int(said[1]) != requests:
        raise rows[-1].place.line.fault(f"the name says {said[1]} requests, there are {requests}")
    unique([row.place for row in rows])
    return rows


def _technician(row: Row, *, location: int, hourly_price: int) -> Technician:
    place = row.place
    return Technician(
        key=place.key,
        start_location=location,
        end_location=location,
        shift_start=units(place.line, place.ready, SCALE),
        shift_end=units(place.line, place.due, SCALE),
        skills=dict.fromkeys(row.skills, 1),
        tools=row.tools,
        stock=row.parts,
        hourly_price=hourly_price,
    )


def _visit(row: Row, *, location: int, service: int, penalty: int) -> Visit:
    place = row.place
    return Visit(
        key=place.key,
        location=location,
        service_seconds=service,
        windows=(Window(units(place.line, place.ready, SCALE), units(place.line, place.due, SCALE)),),
        skills=dict.fromkeys(row.skills, 1),
        tools=row.tools,
        parts=row.parts,
        unassigned_penalty=penalty,
    )
