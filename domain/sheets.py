"""Sheets: what the columns of a file mean, kind by kind, and a line of it as the wish that an upsert takes.

Names of columns are those of the tables, in snake case (README.md of this folder lists them). An empty cell
takes away what may be absent, and says nothing otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from domain import inputs
from domain.errors import Invalid, Refused
from domain.finding import ExternalKey, Reference, Wish, tidied
from domain.keeping import KEPT, Keeping, Kind

Read = Callable[[str], Any]
"""Gives a cell's value. Raises ValueError with a sentence for a person."""
KEYS = ("system", "key")
OF_CUSTOMER = ("customer_system", "customer_key", "customer_number")


class ImportKind(StrEnum):
    """What the lines of a file are."""

    CUSTOMERS = "CUSTOMERS"
    SITES = "SITES"
    ASSETS = "ASSETS"
    PARTS = "PARTS"
    TECHNICIANS = "TECHNICIANS"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `number` counts the file's lines from 1, the header's; `fault` is why it cannot be read."""

    number: int
    cells: Mapping[str, str]
    fault: str | None = None


class Unreadable(Exception):
    """The file is not one of this kind at all; the message says why, and in which line."""


def exact(cell: str) -> Decimal:
    try:
        return Decimal(cell)
    except InvalidOperation:
        raise ValueError("A number is needed, such as 12.50.") from None


def number(cell: str) -> float:
    return float(exact(cell))


def whole(cell: str) -> int:
    found = exact(cell)
    if not found.is_finite() or found != int(found):
        raise ValueError("A whole number is needed.")
    return int(found)


def day(cell: str) -> date:
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError("A day is written as 2026-11-23.") from None


def word(cell: str) -> str:
    return cell.upper()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One kind's columns: `readers` of those that are no plain text; `point` is what coordinates are of."""

    kind: Kind
    plain: tuple[str, ...]
    readers: Mapping[str, Read] = field(default_factory=dict)
    point: str | None = None
    references: tuple[str, ...] = ()

    @property
    def keeping(self) -> Keeping:
        return KEPT[self.kind]

    @property
    def coordinates(self) -> tuple[str, ...]:
        if self.point is None:
            return ()
        lead = "" if self.point == "location" else f"{self.point}_"
        return f"{lead}longitude", f"{lead}latitude"

    @property
    def columns(self) -> tuple[str, ...]:
        return (*KEYS, *self.plain, *self.coordinates, *self.references)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Where a decimal comma may stand, in a file whose cells are not parted by commas."""
        written = [name for name, read in self.readers.items() if read in {number, exact}]
        return (*written, *self.coordinates)

    def check_header(self, header: Sequence[str]) -> None:
        """Raises Unreadable for a column that there is not, or that is there twice."""
        for name in header:
            if name not in self.columns:
                raise Unreadable(f"There is no column “{name[:60]}”; there are {', '.join(self.columns)}.")
            if header.count(name) > 1:
                raise Unreadable(f"The column {name} is there twice.")
        for group in (KEYS, self.coordinates, OF_CUSTOMER[:2], ("site_system", "site_key")):
            missing = [name for name in group if name not in header]
            if missing and len(missing) < len(group):
                raise Unreadable(
                    f"The column {missing[0]} goes with the others of its kind, and is not there."
                )

    def wish(self, line: Line) -> Wish:
        """What a line asks for; with its fault where it cannot be."""
        try:
            if line.fault is not None:
                raise Invalid(line.fault)
            cells = {name: cell.strip() for name, cell in line.cells.items()}
            values = {name: value for name in self.plain for value in self._value(name, cells)}
            values |= self._place(cells)
            found = Wish(
                values=values,
                references=self._references(cells),
                external=_external(cells),
                called=f"Line {line.number}",
            )
            said = {name: value for name, value in values.items() if value is not None}
            inputs.checked(said, self.keeping.checks)
        except Refused as error:
            return Wish(fault=error)
        return tidied(found, self.keeping)

    def column_of(self, path: Sequence[str], cells: Mapping[str, str]) -> str | None:
        """Which column a refusal is about, by the path that its verb gives."""
        if not path:
            return None
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in path[0])
        if name in self.columns:
            return name
        if name == "external_id":
            return KEYS[1]
        if name == self.point:
            return self.coordinates[0]
        if len(path) == 3 and f"{name}_{path[2]}" in self.columns:
            return f"{name}_{path[2]}"
        named = [one for one in self.references if one.startswith(f"{name}_")]
        given = [one for one in named if cells.get(one)]
        return next(iter((*given, *named)), None)

    def _value(self, name: str, cells: Mapping[str, str]) -> list[Any]:
        """Nothing, or one value."""
        cell = cells.get(name)
        if cell is None:
            return []
        if not cell:
            return [None] if self._may_be_absent(name) else []
        try:
            return [self.readers.get(name, str)(cell)]
        except ValueError as error:
            raise Invalid(str(error), inputs.field_name(name)) from None

    def _may_be_absent(self, name: str) -> bool:
        try:
            return self.keeping.checks[name](None) is None
        except ValueError:
            return False

    def _place(self, cells: Mapping[str, str]) -> dict[str, Any]:
        given = [cells.get(name, "") for name in self.coordinates]
        if self.point is None or not any(given):
            return {}
        numbers = []
        for name, cell in zip(self.coordinates, given, strict=True):
            try:
                numbers.append(number(cell))
            except ValueError as error:
                raise Invalid(str(error), inputs.field_name(name)) from None
        return {self.point: tuple(numbers)}

    def _references(self, cells: Mapping[str, str]) -> dict[str, Reference | None]:
        found: dict[str, Reference | None] = {}
        customer = _reference(cells, "customer", own="customer_number")
        if "customer_id" in self.keeping.references and customer is not None:
            found["customer_id"] = customer
        if "site_id" in self.keeping.references:
            site = _reference(cells, "site", own="site_name", within=customer)
            if site is not None:
                found["site_id"] = site
        if "territory" in cells:
            found["territory_id"] = Reference(own=cells["territory"]) if cells["territory"] else None
        return found


def _external(cells: Mapping[str, str]) -> ExternalKey | None:
    system, key = (cells.get(name, "") for name in KEYS)
    if bool(system) != bool(key):
        raise Invalid("A system and its key go together.", KEYS[0] if key else KEYS[1])
    return ExternalKey(system, key) if key else None


def _reference(
    cells: Mapping[str, str], lead: str, *, own: str, within: Reference | None = None
) -> Reference | None:
    """By the other system's key where there is one, by its own number or name otherwise."""
    key, name = cells.get(f"{lead}_key", ""), cells.get(own, "")
    if key:
        return Reference(external=ExternalKey(cells.get(f"{lead}_system", ""), key))
    return Reference(own=name, within=within) if name else None


SHEETS: Mapping[ImportKind, Sheet] = {
    ImportKind.CUSTOMERS: Sheet(Kind.CUSTOMERS, ("number", "name", "tier", "owner"), {"tier": word}),
    ImportKind.SITES: Sheet(
        Kind.SITES,
        ("name", "address", "time_zone", "access_notes", "geofence_radius_metres"),
        {"geofence_radius_metres": number},
        point="location",
        references=(*OF_CUSTOMER, "territory"),
    ),
    ImportKind.ASSETS: Sheet(
        Kind.ASSETS,
        ("serial", "name", "model", "installed_on", "warranty_until"),
        {"installed_on": day, "warranty_until": day},
        references=("site_system", "site_key", "site_name", *OF_CUSTOMER),
    ),
    ImportKind.PARTS: Sheet(
        Kind.PARTS,
        ("number", "name", "barcode", "unit_price", "unit_cost", "currency"),
        dict.fromkeys(("unit_price", "unit_cost"), exact),
    ),
    ImportKind.TECHNICIANS: Sheet(
        Kind.TECHNICIANS,
        (
            *("code", "name", "kind", "phone", "hourly_cost", "overtime_hourly_cost", "kilometre_cost"),
            *("vehicle_registration", "vehicle_name", "max_visits_per_day", "max_minutes_per_day"),
        ),
        {
            "kind": word,
            **dict.fromkeys(("hourly_cost", "overtime_hourly_cost", "kilometre_cost"), exact),
            **dict.fromkeys(("max_visits_per_day", "max_minutes_per_day"), whole),
        },
        point="home",
        references=("territory",),
    ),
}
"""By what their lines are."""
