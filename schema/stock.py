"""Stock: parts, where they lie and how many."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from domain import stock
from domain.stock import ReservationState, StockLocationKind
from schema.customers import ExternalId
from schema.entities import STAFF, Entity, Money
from schema.graph import Connection, column, embedded, many, node, one, several
from schema.technicians import Technician
from schema.values import counted, summed

if TYPE_CHECKING:
    from schema.visits import Visit

UNIT_PRICE = {"amount": "unit_price", "currency": "currency"}


@node(
    stock.Part,
    prefix="prt",
    description="Something that is stocked and used on visits.",
    order=("number",),
    search=("number", "name", "barcode"),
)
class Part(Entity):
    number: str = column("The company's own number for it.")
    name: str = column("What it is called.")
    barcode: str | None = column("What is printed on it (GTIN or the company's own).")
    unit_price: Money = embedded("What a customer pays for one.", columns=UNIT_PRICE)
    stock_levels: Connection[Annotated["StockLevel", strawberry.lazy("schema.stock")]] = many(
        "Where it lies.", via="part_id", expect=10
    )
    on_hand: int = summed(
        "{t}.on_hand", "Pieces that lie in all places the viewer may see.", via="stock_level.part_id"
    )
    reserved: int = summed(
        "{t}.reserved", "Pieces held for visits in all places the viewer may see.", via="stock_level.part_id"
    )
    available: int = summed(
        "{t}.available", "Pieces that are free in all places the viewer may see.", via="stock_level.part_id"
    )
    external_ids: list[ExternalId] = several("The keys of other systems.", via="entity_id", roles=STAFF)


@node(
    stock.StockLocation,
    prefix="stl",
    description="A place that holds stock.",
    order=("name",),
    search=("name",),
)
class StockLocation(Entity):
    name: str = column("What the place is called.")
    kind: StockLocationKind = column("What kind of place it is.")
    technician: Technician | None = one("Whose van it is.", by="technician_id")
    stock_levels: Connection[Annotated["StockLevel", strawberry.lazy("schema.stock")]] = many(
        "What lies there.", via="stock_location_id", expect=10
    )
    part_count: int = counted(
        "How many different parts lie there.",
        via="stock_level.stock_location_id",
        where="{t}.on_hand > 0",
    )


@node(stock.StockLevel, prefix="slv", description="How much of one part lies in one place.")
class StockLevel(Entity):
    on_hand: int = column("Pieces that lie there.")
    reserved: int = column("Pieces held for visits.")
    available: int = column("Pieces that are free: on hand less reserved.")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")


@node(stock.Reservation, prefix="rsv", description="A hold of pieces in one place for one visit.")
class Reservation(Entity):
    quantity: int = column("Pieces held.")
    state: ReservationState = column("Where the hold stands.")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("Where it is held.", by="stock_location_id")
    visit: Annotated["Visit", strawberry.lazy("schema.visits")] | None = one(
        "For which visit.", by="visit_id"
    )
