"""Reservations: parts are set aside for a visit, taken along, used there or brought back."""

import strawberry

from schema.assets import Asset
from schema.customers import VERSION
from schema.errors import UserError
from schema.graph import listed, one, record
from schema.stock import SERIALS, Part, Reservation, StockLevel, StockLocation, StockMovement
from schema.visits import Visit

STEPPED = {"reservation_id": "uuid", "rest_id": "uuid", "user_errors": "jsonb"}
MANY = "How many pieces of what is held; null: all."


@strawberry.input(description="Pieces of a part.")
class PartQuantityInput:
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many pieces, at least 1.")


@strawberry.input(description="Parts that shall be held for a visit.")
class ReservePartsInput:
    visit: strawberry.ID = strawberry.field(description="The visit.")
    parts: list[PartQuantityInput] | None = strawberry.field(
        default=None, description="What; null: what the visit needs and has not yet."
    )
    stock_location: strawberry.ID | None = strawberry.field(
        default=None,
        description="From where; null: the van of who leads the visit, then the warehouses, the nearest to"
        " its site first. In the field, the own van.",
    )
    partial: bool = strawberry.field(
        default=False, description="Whether what there is shall be held, where it is not all."
    )


@strawberry.input(description="A hold that is given up.")
class ReleaseReservationInput:
    reservation: strawberry.ID = strawberry.field(description="The hold.")
    quantity: int | None = strawberry.field(default=None, description=MANY)
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Pieces that are taken along.")
class PickPartsInput:
    reservation: strawberry.ID = strawberry.field(description="The hold.")
    quantity: int | None = strawberry.field(default=None, description=MANY)
    stock_location: strawberry.ID | None = strawberry.field(
        default=None,
        description="Into which van; null: the one of who leads the visit, in the field the own one.",
    )
    serials: list[str] | None = strawberry.field(default=None, description=f"{SERIALS} Where they move.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Pieces that a visit uses.")
class ConsumePartsInput:
    visit: strawberry.ID = strawberry.field(description="The visit; its work has begun, or is over.")
    part: strawberry.ID = strawberry.field(description="The part.")
    quantity: int = strawberry.field(description="How many pieces, at least 1.")
    stock_location: strawberry.ID | None = strawberry.field(
        default=None,
        description="From where; null: the van of who leads the visit, in the field the own one.",
    )
    serials: list[str] | None = strawberry.field(default=None, description=SERIALS)
    install: bool = strawberry.field(
        default=False,
        description="Whether each piece, by its serial number, is an asset of the site from now on.",
    )


@strawberry.input(description="Pieces that were taken along and are not used.")
class ReturnPartsInput:
    reservation: strawberry.ID = strawberry.field(description="The hold, which is PICKED.")
    quantity: int | None = strawberry.field(default=None, description=MANY)
    stock_location: strawberry.ID | None = strawberry.field(
        default=None, description="Where to; null: where they were picked."
    )
    serials: list[str] | None = strawberry.field(default=None, description=f"{SERIALS} Where they move.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The visit with all that is held for it.", visit_id="uuid", user_errors="jsonb")
class ReservePartsPayload:
    visit: Visit | None = one("The visit; its `reservations` have what is held.", by="visit_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@strawberry.type(description="What a step of a hold answers.")
class ReservationOutcome:
    reservation: Reservation | None = one("The pieces that took the step.", by="reservation_id")
    rest: Reservation | None = one(
        "The pieces of the same hold that did not; null where none are left.", by="rest_id"
    )
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")


@record("What took the step, and what did not.", **STEPPED)
class ReleaseReservationPayload(ReservationOutcome):
    """What releaseReservation answers."""


@record("What took the step, and what did not.", **STEPPED)
class PickPartsPayload(ReservationOutcome):
    """What pickParts answers."""


@record("What took the step, and what did not.", **STEPPED)
class ReturnPartsPayload(ReservationOutcome):
    """What returnParts answers."""


@record(
    "What was used, and what is left.",
    visit_id="uuid",
    part_id="uuid",
    stock_location_id="uuid",
    stock_level_id="uuid",
    stock_movement_id="uuid",
    asset_id="uuid",
    user_errors="jsonb",
)
class ConsumePartsPayload:
    visit: Visit | None = one("The visit.", by="visit_id")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")
    stock_level: StockLevel | None = one("What is left there.", by="stock_level_id")
    stock_movement: StockMovement | None = one("What the ledger says of it.", by="stock_movement_id")
    asset: Asset | None = one("The asset that the piece is now; of several, the first.", by="asset_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
