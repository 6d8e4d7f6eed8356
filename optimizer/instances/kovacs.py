"""Kovacs's service technician files (STRSP, 2012): a file of tasks and one of technicians.

A task needs, for each domain k and level l, d_kl technicians of at least that level; it may be left out at
the price of 200 + (the sum of its d_kl)^1.5. A technician has a level in each domain. In a Problem the skill
`k/l` says of a technician (or of a team) how many have at least level l in domain k. Counted in 1000 a unit.
"""

import re

from optimizer.instances.instance import Instance
from optimizer.instances.lines import Line, Lines, Place, unique, units, ways
from optimizer.problem import Problem, Technician, Visit, Window

SCALE = 1000
COLUMNS = 8
OUTSOURCING, EXPONENT = 200, 1.5
HEADINGS = {
    "NUMBER": re.compile(r"Number of Technicians:\s*(\S+)", re.IGNORECASE),
    "DOMAINS": re.compile(r"domains:\s*(\S+)", re.IGNORECASE),
    "LEVELS": re.compile(r"proficiency level:\s*(\S+)", re.IGNORECASE),
    "CAPACITY": re.compile(r"Capacity:\s*(\S+)", re.IGNORECASE),
    "CUSTOMER": re.compile(r"Customer:\s*(\S+)", re.IGNORECASE),
}


def read(tasks: Lines, technicians: Lines, *, name: str, teams: bool) -> Instance:
    """The instance of both files; ValueError with the line of what is wrong."""
    domains, levels, crew = _crew(technicians)
    depot, *rows = _tasks(tasks, domains * levels)
    travel = ways([place for place, _ in (depot, *rows)], SCALE)
    start, end = (units(depot[0].line, moment, SCALE) for moment in (depot[0].ready, depot[0].due))
    labels = [f"{ability}/{level}" for ability in range(1, domains + 1) for level in range(1, levels + 1)]
    people = tuple(
        Technician(key=key, start_location=0, end_location=0, shift_start=start, shift_end=end, skills=skills)
        for key, skills in crew
    )
    visits = tuple(
        _visit(place, needs=needs, labels=labels, location=at)
        for at, (place, needs) in enumerate(rows, start=1)
    )
    return Instance(
        family="strsp",
        name=name,
        problem=Problem(technicians=people, visits=visits, travel_seconds=travel),
        measure="travel and outsourcing",
        scale=SCALE,
        optional=True,
        teams=teams,
    )


def outsourcing(needs: list[int]) -> int:
    """What a task left out costs, in the Problem's units."""
    price: float = OUTSOURCING + sum(needs) ** EXPONENT
    return round(SCALE * price)


def _visit(place: Place, *, needs: list[int], labels: list[str], location: int) -> Visit:
    return Visit(
        key=place.key,
        location=location,
        service_seconds=units(place.line, place.service, SCALE),
        windows=(Window(units(place.line, place.ready, SCALE), units(place.line, place.due, SCALE)),),
        skills={label: need for label, need in zip(labels, needs, strict=True) if need},
        unassigned_penalty=outsourcing(needs),
    )


def _said(lines: Lines, heading: str, *, most: int = 5_000) -> int:
    line = lines.take(heading)
    found = HEADINGS[heading].match(line.text.strip())
    if found is None:
        raise line.fault(f"{heading.lower()!r} is expected here, not {line.text.strip()[:60]!r}")
    return line.whole(found[1], least=1, most=most)


def _tasks(lines: Lines, needs: int) -> list[tuple[Place, list[int]]]:
    _said(lines, "CAPACITY")
    count = _said(lines, "CUSTOMER")
    heading = lines.heading("CUST")
    rows: list[tuple[Place, list[int]]] = []
    while lines:
        line = lines.take("a task")
        _, x, y, _, ready, due, service, _ = line.numbers(count=COLUMNS + needs)[:COLUMNS]
        place = Place(line, str(line.whole(line.words[0])), x, y, ready, due, service)
        place.check()
        rows.append((place, [line.whole(word, most=1_000) for word in line.words[COLUMNS:]]))
    if len(rows) != count:
        raise lines.ended(f"a task ({len(rows)} of {count} are there)")
    if count < 2:
        raise heading.fault("a depot and a task are needed")
    unique([place for place, _ in rows])
    return rows


def _crew(lines: Lines) -> tuple[int, int, list[tuple[str, dict[str, int]]]]:
    lines.heading("TECHNICIANS")
    count = _said(lines, "NUMBER")
    domains, levels = _said(lines, "DOMAINS", most=100), _said(lines, "LEVELS", most=100)
    lines.heading("ID")
    crew: dict[str, dict[str, int]] = {}
    while lines:
        line = lines.take("a technician")
        line.numbers(count=1 + domains)
        key = str(line.whole(line.words[0]))
        if key in crew:
            raise line.fault(f"the technician {key} has been before")
        crew[key] = _skills(line, levels)
    if len(crew) != count:
        raise lines.ended(f"a technician ({len(crew)} of {count} are there)")
    return domains, levels, list(crew.items())


def _skills(line: Line, levels: int) -> dict[str, int]:
    """One technician counts as one for each level up to their own."""
    found: dict[str, int] = {}
    for ability, word in enumerate(line.words[1:], start=1):
        for level in range(1, line.whole(word, most=levels) + 1):
            found[f"{ability}/{level}"] = 1
    return found
