"""Solomon's and Gehring and Homberger's files: identical vehicles, time windows, distance.

VEHICLE, NUMBER CAPACITY, one row; CUSTOMER, a heading, then: number x y demand ready due service. The first
row is the depot. Distances and times as the 12th DIMACS challenge (2022) has them: truncated to 0.1.
"""

from optimizer.instances.instance import Instance
from optimizer.instances.lines import Line, Lines, Place, required_penalty, unique, units, ways
from optimizer.problem import Problem, Technician, Visit, Window

SCALE = 10
LOAD = "load"
MOST_VEHICLES = 5_000


def read(lines: Lines) -> Instance:
    """The instance; ValueError with the line of what is wrong."""
    name = lines.take("the name").text.strip()
    lines.heading("VEHICLE")
    lines.heading("NUMBER", "CAPACITY")
    fleet = lines.take("the number of vehicles and their capacity")
    fleet.numbers(count=2)
    vehicles, capacity = fleet.whole(fleet.words[0], least=1, most=MOST_VEHICLES), fleet.whole(fleet.words[1])
    lines.heading("CUSTOMER")
    lines.heading("CUST")
    rows = _rows(lines)
    depot, *clients = rows
    travel = ways([place for place, _ in rows], SCALE, truncated=True)
    penalty = required_penalty(travel)
    technicians = fleet_of(vehicles, depot[0], stock={LOAD: capacity}, scale=SCALE)
    visits = tuple(
        visit(place, location=at, demand=demand, penalty=penalty, scale=SCALE)
        for at, (place, demand) in enumerate(clients, start=1)
    )
    return Instance(
        family="solomon" if len(clients) <= 100 else f"gh{len(clients)}",
        name=name,
        problem=Problem(technicians=technicians, visits=visits, travel_seconds=travel),
        measure="distance",
        scale=SCALE,
    )


def _rows(lines: Lines) -> list[tuple[Place, int]]:
    rows: list[tuple[Place, int]] = []
    while lines:
        line = lines.take("a customer")
        _, x, y, _, ready, due, service = line.numbers(count=7)
        key, demand = str(line.whole(line.words[0])), line.whole(line.words[3])
        place = Place(line, key, x, y, ready, due, service)
        place.check()
        rows.append((place, demand))
    if len(rows) < 2:
        raise lines.ended("a depot and a customer")
    unique([place for place, _ in rows])
    return rows


def fleet_of(count: int, depot: Place, *, stock: dict[str, int], scale: int) -> tuple[Technician, ...]:
    """Identical technicians 1, 2 … who start and end at location 0 while the depot is open."""
    start, end = units(depot.line, depot.ready, scale), units(depot.line, depot.due, scale)
    return tuple(
        Technician(
            key=str(number), start_location=0, end_location=0, shift_start=start, shift_end=end, stock=stock
        )
        for number in range(1, count + 1)
    )


def visit(place: Place, *, location: int, demand: int, penalty: int, scale: int) -> Visit:
    """A client: its demand is a part, its window says when service may start."""
    line: Line = place.line
    return Visit(
        key=place.key,
        location=location,
        service_seconds=units(line, place.service, scale),
        windows=(Window(units(line, place.ready, scale), units(line, place.due, scale)),),
        parts={LOAD: demand} if demand else {},
        unassigned_penalty=penalty,
    )
