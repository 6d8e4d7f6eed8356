"""Best known values: the table BKS.csv beside the instances or one folder up."""

import csv
from pathlib import Path

from optimizer.instances.instance import Instance

NAME = "BKS.csv"
COLUMNS = ("family", "instance", "dimacs2022_bks_dist_trunc1", "sol_cost_or_other")
PLAIN = ("solomon", "gh", "vrptw")
"""Their costs are in the file's units; those of the other VRPLIB families count in the Problem's."""


def beside(path: Path) -> Path | None:
    """The table that belongs to that instance."""
    for folder in path.resolve().parents[:2]:
        if (folder / NAME).is_file():
            return folder / NAME
    return None


def find(table: Path, instance: Instance) -> float | None:
    """The least value the table knows for the instance's measure, in the file's units."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"{table}, line 1: the column {missing[0]} is missing")
        for row in rows:
            family, name = row["family"] or "", row["instance"] or ""
            if name.upper() == instance.name.upper() and _same(family, instance.family):
                try:
                    return _value(row, instance)
                except ValueError as error:
                    raise ValueError(f"{table}, line {rows.line_num}: {error}") from error
    return None


def _same(family: str, wanted: str) -> bool:
    plain = family.startswith(PLAIN) and wanted.startswith(PLAIN)
    return plain or family == wanted


def _value(row: dict[str, str | None], instance: Instance) -> float | None:
    challenge, other = row["dimacs2022_bks_dist_trunc1"] or "", row["sol_cost_or_other"] or ""
    if "=" in other:
        pairs = dict(part.split("=", 1) for part in other.split(";"))
        found = [float(pairs[instance.measure])] if instance.measure in pairs else []
    else:
        found = [float(text) for text in (challenge, other) if text]
    if not found:
        return None
    return min(found) / (1 if instance.family.startswith(PLAIN) or "=" in other else instance.scale)
