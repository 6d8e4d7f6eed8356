"""The demo's supplies: warehouses and vans filled with parts, and the ledger of where they came from."""

from collections.abc import Iterator

from domain.stock import MovementKind, Part, StockLevel, StockLocation, StockLocationKind, StockMovement
from domain.technicians import Technician
from fieldgraph.demo.catalogue import KINDS, PARTS
from fieldgraph.demo.companies import Company

VAN_PIECES = 6
WAREHOUSE_PIECES = 60


def supply(company: Company) -> None:
    """Warehouses and vans filled; the ledger holds every piece that lies there or was used."""
    places = [
        company.add(
            StockLocation(
                name=depot.name,
                kind=StockLocationKind.WAREHOUSE,
                longitude=depot.longitude,
                latitude=depot.latitude,
            )
        )
        for depot in company.ground.warehouses
    ]
    for depot in places:
        for part in company.parts:
            _receive(company, depot, part, WAREHOUSE_PIECES)
    for technician in company.technicians:
        carried = set(_carried(company, technician))
        for number, part in enumerate(company.parts):
            if number in carried:
                _receive(company, company.vans[technician.id], part, VAN_PIECES)


def _carried(company: Company, technician: Technician) -> Iterator[int]:
    """The parts of the work a technician can do, and a handful of others."""
    for kind in KINDS:
        if any(skill in company.abilities[technician.id] for skill, _ in kind.skills):
            yield from (part for part, _ in kind.parts)
    yield from company.book.random.sample(range(len(PARTS)), 6)


def _receive(company: Company, place: StockLocation, part: Part, pieces: int) -> None:
    key = place.id, part.id
    company.levels[key] = company.add(StockLevel(stock_location_id=place.id, part_id=part.id, on_hand=pieces))
    company.add(
        StockMovement(
            stock_location_id=place.id,
            part_id=part.id,
            kind=MovementKind.RECEIPT,
            quantity=pieces + company.used[key],
        )
    )
