"""Availability: where a part is free and how far that is from a site, for both ways of execution."""

from collections.abc import Callable, Mapping
from typing import Any

from domain import ids
from domain.errors import BadInput
from resolvers.compiler.bindings import Bindings
from resolvers.compiler.writer import Writer
from schema.availability import MOST, USUAL
from schema.technicians import SEES_POSITIONS

Arguments = Callable[[Bindings], Mapping[str, Any]]
METRES = (
    "CASE WHEN a.longitude IS NOT NULL AND b.longitude IS NOT NULL THEN"
    " round(2 * 6371008.8 * asin(least(1, sqrt(power(sin(radians(b.latitude - a.latitude) / 2), 2)"
    " + cos(radians(a.latitude)) * cos(radians(b.latitude))"
    " * power(sin(radians(b.longitude - a.longitude) / 2), 2)))))::integer END"
)
"""The great circle between `a` and `b`, on a sphere of the earth's mean radius."""
PLACES = """
SELECT l.id AS stock_level_id, l.stock_location_id, l.available, d.metres AS distance_metres,
  row_number() OVER (ORDER BY d.metres NULLS LAST, l.available DESC, l.id) AS n
FROM {level} l
JOIN stock_location p ON {place_scope} AND p.id = l.stock_location_id
LEFT JOIN site b ON {site_scope} AND b.id = {site}
LEFT JOIN site own ON {own_scope} AND own.id = p.site_id
{whereabouts}
CROSS JOIN LATERAL (SELECT coalesce(p.longitude, own.longitude{longitude}) AS longitude,
  coalesce(p.latitude, own.latitude{latitude}) AS latitude) a
CROSS JOIN LATERAL (SELECT {metres} AS metres) d
WHERE {level_scope} AND l.part_id = {part} AND l.available > 0
ORDER BY n LIMIT {first}
"""
WHEREABOUTS = """
LEFT JOIN technician t ON {technician_scope} AND t.id = p.technician_id
LEFT JOIN position_current c ON {position_scope} AND c.technician_id = p.technician_id
"""


def places(writer: Writer, arguments: Arguments, *, scoped: bool = True) -> str:
    """The rows of the record, numbered by `n`. Not scoped: row-level security alone says who sees which."""

    def scope(table: str, alias: str) -> str:
        return writer.scope(table, alias) if scoped else "TRUE"

    part = writer.bind("uuid", lambda bindings: ids.decode("prt", str(arguments(bindings)["part"])))
    site = writer.bind("uuid", lambda bindings: _site(arguments(bindings)))
    first = writer.bind("integer", lambda bindings: _first(arguments(bindings)))
    whereabouts, longitude, latitude = "", "", ""
    if writer.role in SEES_POSITIONS:
        technician, position = scope("technician", "t"), scope("position_current", "c")
        whereabouts = WHEREABOUTS.format(technician_scope=technician, position_scope=position)
        longitude, latitude = ", c.longitude, t.home_longitude", ", c.latitude, t.home_latitude"
    return PLACES.format(
        level=writer.source("stock_level"),
        place_scope=scope("stock_location", "p"),
        site_scope=scope("site", "b"),
        own_scope=scope("site", "own"),
        level_scope=scope("stock_level", "l"),
        whereabouts=whereabouts,
        longitude=longitude,
        latitude=latitude,
        metres=METRES,
        part=part,
        site=site,
        first=first,
    )


def _site(arguments: Mapping[str, Any]) -> object:
    site = arguments.get("nearSite", arguments.get("near_site"))
    return None if site is None else ids.decode("sit", str(site))


def _first(arguments: Mapping[str, Any]) -> int:
    """Raises BadInput."""
    first = arguments.get("first")
    if first is None:
        return USUAL
    if not 1 <= first <= MOST:
        raise BadInput(f"first is from 1 to {MOST}.")
    return int(first)
