"""Storekeeping: the mutations that keep stock: parts, places, levels and transfers."""

import strawberry

from domain.viewers import Role
from resolvers import stock
from resolvers.duties import PLANNERS, STOREKEEPERS
from schema.stock import (
    AdjustStockInput,
    AdjustStockPayload,
    CountStockInput,
    CountStockPayload,
    CreatePartInput,
    CreatePartPayload,
    CreateStockLocationInput,
    CreateStockLocationPayload,
    ReceiveStockInput,
    ReceiveStockPayload,
    ReceiveTransferInput,
    ReceiveTransferPayload,
    RequestTransferInput,
    RequestTransferPayload,
    ShipTransferInput,
    ShipTransferPayload,
)
from schema.verbs import verb


@strawberry.type
class Storekeeping:
    """Fields of Mutation; a type of its own only in Python."""

    create_part: CreatePartPayload = verb(
        stock.create_part,
        CreatePartInput,
        "Make a part known.",
        roles=(*PLANNERS, Role.INTEGRATION),
        scope="stock:write",
    )
    create_stock_location: CreateStockLocationPayload = verb(
        stock.create_stock_location,
        CreateStockLocationInput,
        "Make a place known that holds stock.",
        roles=(*PLANNERS, Role.INTEGRATION),
        scope="stock:write",
    )
    receive_stock: ReceiveStockPayload = verb(
        stock.receive_stock,
        ReceiveStockInput,
        "Pieces come to a place from outside; in the field, to the own van only.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    adjust_stock: AdjustStockPayload = verb(
        stock.adjust_stock,
        AdjustStockInput,
        "Put a level right, for a reason; never below what is held for visits.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    count_stock: CountStockPayload = verb(
        stock.count_stock,
        CountStockInput,
        "Set a level to what was counted; the ledger gets the difference.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    request_transfer: RequestTransferPayload = verb(
        stock.request_transfer,
        RequestTransferInput,
        "Ask for pieces from another place; in the field, from or to the own van.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    ship_transfer: ShipTransferPayload = verb(
        stock.ship_transfer,
        ShipTransferInput,
        "The pieces leave; until they are received they are in neither place.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
    receive_transfer: ReceiveTransferPayload = verb(
        stock.receive_transfer,
        ReceiveTransferInput,
        "The pieces are there.",
        roles=STOREKEEPERS,
        scope="stock:write",
    )
