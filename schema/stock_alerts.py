"""Stock alerts as they are told: shelves with a reorder rule that are low, out, or have enough again."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.stock.alerts import StockState
from schema.graph import column, embedded, one, record, records, value
from schema.purchasing import ReorderRule
from schema.scalars import Cursor
from schema.stock import Part, StockLevel, StockLocation
from schema.tracking import Lagged, ResyncRequired

SHELF = {
    "reorder_rule_id": "uuid",
    "stock_level_id": "uuid",
    "stock_location_id": "uuid",
    "part_id": "uuid",
    "state": "text",
    "available": "integer",
    "minimum": "integer",
}
CHANGE = {
    **SHELF,
    "cursor": "text",
    "occurred_at": "timestamptz",
    "origin": "text",
    "reason": "text",
    "before_state": "text",
    "before_available": "integer",
    "before_minimum": "integer",
    "now_state": "text",
    "now_available": "integer",
    "now_minimum": "integer",
}


@strawberry.input(
    description="Which shelves. One has to be in all that is given; an empty list does not narrow."
)
class StockScope:
    locations: list[strawberry.ID] | None = strawberry.field(default=None, description="In these places.")
    parts: list[strawberry.ID] | None = strawberry.field(default=None, description="Of these parts.")


@value("A shelf as it was before a change.")
class StockBefore:
    state: StockState = column("What it had come to.")
    available: int = column("Pieces that were free.")
    minimum: int | None = column("The least there should have been.")


@value("What a shelf has come to now.")
class StockNow:
    state: StockState = column("What it has come to.")
    available: int = column("Pieces that are free.")
    minimum: int = column("So few pieces are LOW.")


@record("A part in a place of which too little is free, by its reorder rule.", **SHELF)
class StockShortage:
    state: StockState = column("OUT or LOW.")
    available: int = column("Pieces that are free.")
    minimum: int = column("So few pieces are LOW.")
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")
    stock_level: StockLevel | None = one(
        "What lies there now; null where nothing ever did.", by="stock_level_id"
    )
    reorder_rule: ReorderRule | None = one(
        "The rule that says how much there should be.", by="reorder_rule_id"
    )


@strawberry.interface(description="A shelf with a reorder rule has come to something else.")
class StockFact:
    cursor: Cursor = column("Where this stands in the log.")
    occurred_at: datetime = column("When it happened.")
    origin: str = column("By which door, such as API or OPTIMIZER.")
    reason: str | None = column("Why.")
    state: StockState = column("What it has come to.")
    available: int = column("Pieces that were free then; `stockLevel` has those that are free now.")
    minimum: int = column("So few pieces are LOW.")
    before: StockBefore | None = embedded(
        "The shelf as it was; null where no rule watched it.", prefix="before_"
    )
    now: StockNow | None = embedded(
        "The shelf as it is when this is told, which is what a list should keep: two changes at once may be"
        " told in the other order. Null where no rule watches it any more.",
        prefix="now_",
    )
    part: Part | None = one("The part.", by="part_id")
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")
    stock_level: StockLevel | None = one(
        "What lies there now; null where nothing ever did.", by="stock_level_id"
    )
    reorder_rule: ReorderRule | None = one(
        "The rule that says how much there should be.", by="reorder_rule_id"
    )


@record("No more than the minimum is free now; told once, not for each piece.", **CHANGE)
class StockLow(StockFact):
    """ENOUGH, OUT or unwatched → LOW."""


@record("Nothing is free any more.", **CHANGE)
class StockOut(StockFact):
    """→ OUT."""


@record("More than the minimum is free again: it is no alert any more.", **CHANGE)
class StockReplenished(StockFact):
    """→ ENOUGH."""


@record(
    "A shelf was low or out when its rule was switched off: it is no alert any more.",
    cursor="text",
    reorder_rule_id="text",
)
class StockAlertRemoved:
    cursor: Cursor = column("Where this stands in the log.")
    reorder_rule_id: strawberry.ID = column("The rule's id.")


@record(
    "The alerts where the stream starts: apply to them what follows, by the rule's id.",
    cursor="text",
    shortages="jsonb",
    is_complete="boolean",
)
class StockSnapshot:
    cursor: Cursor = column("Where the stream starts in the log.")
    shortages: list[StockShortage] = records(
        "The shelves that are LOW or OUT now. At most 1,000, those that are out first."
    )
    is_complete: bool = column("Whether `shortages` are all of them.")


StockItem = Annotated[
    StockSnapshot | StockLow | StockOut | StockReplenished | StockAlertRemoved | Lagged | ResyncRequired,
    strawberry.union(
        "StockItem", description="What stockAlerts tells; `... on StockFact` takes in every fact."
    ),
]
