"""Sheets: the columns are those that are documented, and mean what single mutations take."""

import re
from pathlib import Path

import pytest

import domain
from domain.errors import Invalid
from domain.finding import ExternalKey, Reference
from domain.sheets import SHEETS, ImportKind, Line

README = Path(domain.__path__[0]) / "README.md"


def test_every_column_is_documented() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| (.+) \|$", README.read_text(), re.MULTILINE)
    told = {
        kind: set(re.findall(r"[a-z_]{3,}", re.sub(r"\[(\w+)[^]]*\]", r"\1", names))) for kind, names in rows
    }
    assert told == {kind.value: set(sheet.columns) for kind, sheet in SHEETS.items()}


def test_what_may_be_absent_is_taken_away_by_an_empty_cell_and_nothing_else() -> None:
    cells = dict.fromkeys(SHEETS[ImportKind.ASSETS].columns, "") | {
        "serial": " S1 ",
        "installed_on": "2024-05-01",
    }
    wish = SHEETS[ImportKind.ASSETS].wish(Line(7, cells))
    assert wish.fault is None
    assert wish.called == "Line 7"
    assert {name: str(value) for name, value in wish.values.items()} == {
        "serial": "S1",
        "model": "None",
        "installed_on": "2024-05-01",
        "warranty_until": "None",
    }
    assert (wish.references, wish.external) == ({}, None)


def test_what_a_line_refers_to() -> None:
    cells = {
        "system": "erp",
        "key": "7",
        "site_name": "Hall",
        "site_key": "",
        "site_system": "",
        "customer_system": "crm",
        "customer_key": "9",
        "customer_number": "K-1",
    }
    wish = SHEETS[ImportKind.ASSETS].wish(Line(2, cells))
    assert wish.external == ExternalKey("erp", "7")
    within = Reference(external=ExternalKey("crm", "9"))
    assert wish.references == {"site_id": Reference(own="Hall", within=within)}


@pytest.mark.parametrize(
    ("kind", "cells", "column"),
    [
        (ImportKind.PARTS, {"unit_price": "1,5"}, "unit_price"),
        (ImportKind.PARTS, {"system": "erp", "key": ""}, "key"),
        (ImportKind.PARTS, {"number": "n" * 51}, "number"),
        (ImportKind.SITES, {"longitude": "24.9", "latitude": ""}, "latitude"),
        (ImportKind.SITES, {"longitude": "224.9", "latitude": "60"}, "longitude"),
        (ImportKind.SITES, {"time_zone": "Helsinki"}, "time_zone"),
        (ImportKind.TECHNICIANS, {"home_longitude": "x", "home_latitude": "60"}, "home_longitude"),
        (ImportKind.TECHNICIANS, {"phone": "040"}, "phone"),
        (ImportKind.ASSETS, {"installed_on": "1.5.2024"}, "installed_on"),
        (ImportKind.ASSETS, {"site_key": "s" * 201, "site_system": "erp"}, "site_key"),
    ],
)
def test_what_is_wrong_is_told_by_its_column(kind: ImportKind, cells: dict[str, str], column: str) -> None:
    wish = SHEETS[kind].wish(Line(2, cells))
    assert isinstance(wish.fault, Invalid)
    assert SHEETS[kind].column_of(wish.fault.path, cells) == column
