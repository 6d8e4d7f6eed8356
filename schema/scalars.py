"""Scalars: how values that GraphQL does not know are written and read, each with its specification."""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal as ExactNumber
from decimal import InvalidOperation
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

Point = NewType("Point", object)
Polygon = NewType("Polygon", object)
Duration = NewType("Duration", int)
TimeZone = NewType("TimeZone", str)
Cursor = NewType("Cursor", str)
JSON = NewType("JSON", object)
Representation = NewType("Representation", object)

FIRST_YEAR, LAST_YEAR = 1900, 2199
MOST_DIGITS = 15
LONGEST_SECONDS = 10 * 366 * 86_400
RFC_3339 = "https://www.rfc-editor.org/rfc/rfc3339"
GEOJSON = "https://www.rfc-editor.org/rfc/rfc7946"
ISO_8601 = "https://www.rfc-editor.org/rfc/rfc3339#appendix-A"
"""Where RFC 3339 gives the grammar of ISO 8601's durations."""
ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")


def parse_instant(text: object) -> datetime:
    """An aware instant, in UTC. Raises ValueError without an offset."""
    if not isinstance(text, str) or not INSTANT.fullmatch(text):
        raise ValueError("DateTime is an RFC 3339 instant with its offset, such as 2026-11-23T08:30:00Z.")
    instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"DateTime lies between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return instant


def format_instant(instant: datetime) -> str:
    """As Postgres writes it in JSON with the session in UTC."""
    text = instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}+00:00"


def parse_day(text: object) -> date:
    if not isinstance(text, str) or not DAY.fullmatch(text):
        raise ValueError("Date is a calendar day, such as 2026-11-23.")
    day = date.fromisoformat(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"Date lies between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return day


def parse_exact(text: object) -> ExactNumber:
    """A decimal number, given as a string so that no digit is lost."""
    if not isinstance(text, str | int) or isinstance(text, bool):
        raise ValueError("Decimal is a number in a string, such as “12.50”.")  # noqa: TRY004  # what scalars raise
    try:
        number = ExactNumber(text)
    except InvalidOperation:
        raise ValueError("Decimal is a number in a string, such as “12.50”.") from None
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError(f"Decimal is finite, with at most {MOST_DIGITS} digits.")
    return number


def parse_duration(text: object) -> int:
    """Seconds of an ISO 8601 duration of days, hours, minutes and seconds."""
    found = ISO_DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise ValueError("Duration is ISO 8601, such as PT45M or PT1H30M.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total > LONGEST_SECONDS:
        raise ValueError("Duration is at most ten years.")
    return total


def format_duration(seconds: int) -> str:
    return f"PT{seconds}S"


def parse_point(value: object) -> tuple[float, float]:
    """(longitude, latitude) of a GeoJSON Point in degrees."""
    coordinates = (
        value.get("coordinates") if isinstance(value, dict) and value.get("type") == "Point" else None
    )
    if (
        not isinstance(coordinates, list)
        or len(coordinates) < 2
        or not all(_is_number(c) for c in coordinates)
    ):
        raise ValueError("Point is GeoJSON: {type: “Point”, coordinates: [longitude, latitude]}.")
    return float(coordinates[0]), float(coordinates[1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _as_is(value: Any) -> Any:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant with its offset (RFC 3339). Answers are in UTC.",
        specified_by_url=RFC_3339,
        serialize=format_instant,
        parse_value=parse_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day (RFC 3339 full-date); whose zone is said where it is used.",
        specified_by_url=RFC_3339,
        serialize=date.isoformat,
        parse_value=parse_day,
    ),
    ExactNumber: strawberry.scalar(
        name="Decimal",
        description="An exact number, as a string.",
        specified_by_url="https://speleotrove.com/decimal/daconvs.html",
        serialize=str,
        parse_value=parse_exact,
    ),
    Point: strawberry.scalar(
        name="Point",
        description="A GeoJSON Point: coordinates are longitude, latitude, in degrees (WGS 84).",
        specified_by_url=GEOJSON,
        serialize=_as_is,
        parse_value=parse_point,
    ),
    Polygon: strawberry.scalar(
        name="Polygon",
        description="A GeoJSON Polygon: rings of longitude, latitude, in degrees (WGS 84).",
        specified_by_url=GEOJSON,
        serialize=_as_is,
        parse_value=_as_is,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="A length of time (ISO 8601), such as PT45M. Answers are in seconds: PT2700S.",
        specified_by_url=ISO_8601,
        serialize=format_duration,
        parse_value=parse_duration,
    ),
    TimeZone: strawberry.scalar(
        name="TimeZone",
        description="The name of a time zone in the IANA database, such as Europe/Helsinki.",
        specified_by_url="https://www.iana.org/time-zones",
        serialize=_as_is,
        parse_value=_as_is,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, for facts whose shape is their maker's.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_as_is,
        parse_value=_as_is,
    ),
    Representation: strawberry.scalar(
        name="_Any",
        description="A representation of an entity: its `__typename`, and the fields of one of its keys.",
        specified_by_url="https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec",
        serialize=_as_is,
        parse_value=_as_is,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in the event log: opaque, signed. Give it back as `after` to go on from there.",
        specified_by_url="https://relay.dev/graphql/connections.htm#sec-Cursor",
        serialize=_as_is,
        parse_value=_as_is,
    ),
}
