"""Inputs: what a verb is given for the columns of a row, checked and tidied before anything is written."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from domain.errors import Conflict, Invalid
from domain.rows import Row

Check = Callable[[Any], Any]
"""Gives the value as it is kept. Raises ValueError with a sentence for a person."""
LONGEST_LINE = 200
LONGEST_TEXT = 10_000
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
PHONE = re.compile(r"\+[1-9]\d{6,14}")
BETWEEN_DIGITS = re.compile(r"[ ()-]")
CURRENCY = re.compile("[A-Z]{3}")
DEAREST = Decimal(10) ** 12
CENTS = Decimal("0.0001")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def checked(
    values: Mapping[str, Any], checks: Mapping[str, Check], *, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The values, by column, as they are kept. Raises Invalid with the input field's path.

    `names`: the fields that are not called like their columns.
    """
    kept = {}
    for column, value in values.items():
        try:
            kept[column] = checks[column](value)
        except ValueError as error:
            raise Invalid(str(error), (names or {}).get(column) or field_name(column)) from None
    return kept


def write(row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
    """Sets what differs; answers with those columns as they were, and nothing when nothing differs."""
    before = {
        column: getattr(row, column) for column, value in values.items() if getattr(row, column) != value
    }
    for column in before:
        setattr(row, column, values[column])
    return before


def check_version(row: Row, expected: int | None) -> None:
    """Compare-and-set. Raises Conflict when the row has moved on; None asks for no comparison."""
    if expected is not None and row.version != expected:
        raise Conflict(f"It has changed since: it is at version {row.version} now.", "expectedVersion")


def field_name(column: str) -> str:
    """A column as GraphQL spells it."""
    head, *rest = column.split("_")
    return head + "".join(word.capitalize() for word in rest)


def words(longest: int = LONGEST_LINE, *, optional: bool = False) -> Check:
    """Text without blanks around it. Where it is optional, blank text is none."""

    def check(value: Any) -> str | None:
        text = (value or "").strip()
        if not text and not optional:
            raise ValueError("Some text is needed here.")
        if len(text) > longest:
            raise ValueError(f"At most {longest} characters.")
        if "\0" in text:
            raise ValueError("No text has the character NUL.")
        return text or None

    return check


def like(pattern: re.Pattern[str], sentence: str, *, drop: re.Pattern[str] | None = None) -> Check:
    """Optional text of a certain form; `drop` is what people write into it for the eye."""
    plain = words(254, optional=True)

    def check(value: Any) -> str | None:
        text = plain(value)
        found: str | None = drop.sub("", text) if drop and text else text
        if found is not None and not pattern.fullmatch(found):
            raise ValueError(sentence)
        return found

    return check


def given(value: Any) -> Any:
    """Anything but null: its type was the transport's to check."""
    if value is None:
        raise ValueError("It may be left out, but not be null.")
    return value


def any_of(kind: type[StrEnum]) -> Check:
    def check(value: Any) -> StrEnum:
        if given(value) not in list(kind):
            raise ValueError(f"It is one of {', '.join(kind)}.")
        return kind(value)

    return check


def measure(least: float, most: float) -> Check:
    """A number within bounds, both included."""

    def check(value: Any) -> float:
        number = float(given(value))
        if not least <= number <= most:
            raise ValueError(f"It lies between {least:g} and {most:g}.")
        return number

    return check


def unless_null(check: Check) -> Check:
    """Null is none; anything else is checked."""
    return lambda value: None if value is None else check(value)


def price(value: Any) -> Decimal:
    found = Decimal(given(value))
    if not found.is_finite() or not 0 <= found < DEAREST or found != found.quantize(CENTS):
        raise ValueError("A price is not negative and has at most four decimals.")
    return found


def currency(value: Any) -> str:
    if not CURRENCY.fullmatch(given(value)):
        raise ValueError("A currency is three letters of ISO 4217.")
    return str(value)


def day(value: Any) -> date:
    """A day that has to be there."""
    found = optional_day(given(value))
    if found is None:
        raise ValueError("A day is a date, such as 2026-11-23.")
    return found


def optional_day(value: Any) -> date | None:
    return value if isinstance(value, date) else None


email = like(EMAIL, "An email address looks like name@example.com.")
phone = like(PHONE, "A telephone number is E.164, such as +358401234567.", drop=BETWEEN_DIGITS)


def language(value: Any) -> str:
    if not LANGUAGE.fullmatch(given(value)):
        raise ValueError("A language is a BCP 47 tag, such as fi.")
    return str(value)
