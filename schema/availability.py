"""Availability: the places that have a part free, the nearest first."""

from dataclasses import dataclass
from typing import Optional

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from schema.graph import Source, column, one, record
from schema.stock import StockLevel, StockLocation

USUAL, MOST = 10, 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest(Source):
    """The root field `partAvailability`: levels with something free, by their place's distance to a site."""


@record(
    "A place that has a part free.",
    stock_level_id="uuid",
    stock_location_id="uuid",
    available="integer",
    distance_metres="integer",
)
class PartAvailability:
    available: int = column("Pieces that are free there.")
    distance_metres: int | None = column(
        "As the crow flies to the site: from where the place stands; a van from where its technician was"
        " last, else from their home, for those who may know. Null without a site, or where nobody knows."
    )
    stock_location: StockLocation | None = one("The place.", by="stock_location_id")
    stock_level: StockLevel | None = one("What lies there.", by="stock_level_id")


def arguments() -> list[StrawberryArgument]:
    """Of a field whose source is `Nearest`."""
    return [
        _argument("part", strawberry.ID, "The part."),
        _argument("near_site", Optional[strawberry.ID], "The site; null: the most pieces first."),
        _argument("first", Optional[int], f"How many places, 1 to {MOST}; null: {USUAL}."),
    ]


def _argument(name: str, kind: object, words: str) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        description=words,
    )
