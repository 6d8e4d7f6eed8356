"""Touching: which tables' changes are noted row by row, so that who has read them is told that they changed.

A trigger of each statement writes what this declares (revision 0020); `capture` prints the SQL that puts it
on a table.
"""

from collections.abc import Mapping

from domain.access import audited
from domain.access.tables import TABLES

EXEMPT: Mapping[str, str] = {
    "audit": "is written with the rows that it tells of, and those are noted (WRITTEN_WITH)",
    "audit_chain": "is read by whoever verifies the audit, and nobody follows it",
    "audit_seal": "as above",
    "audit_value": "as `audit`; what is erased from it goes with a change of the row that it was about",
    "bucket": "is how much a client may still ask for: no query reads it, and every request writes it",
    "counter": "only remembers the last number given out; what got the number is noted",
    "event": "is the log itself",
    "idempotency": "is the record of an answer; no query reads it",
    "job": "is the workers' queue; no query reads it, and what a job brings about is noted",
    "position": "is a measurement, thousands an hour; what queries read of it is `position_current`",
    "touched": "is the note",
}
"""Tables whose changes are not noted, and why."""

WRITTEN_WITH: Mapping[str, frozenset[str]] = {
    "audit": frozenset(audited.tables()),
    "audit_value": frozenset(audited.tables()),
}
"""Exempt tables that a query may read all the same: they change only with one of these."""

MOST_KEYS = 100
"""Of a statement that touches more rows it is only noted that some of the table's rows changed."""


def tables() -> list[str]:
    """Every table whose changes are noted."""
    return sorted(TABLES.keys() - EXEMPT.keys())


def told_by(table: str) -> frozenset[str] | None:
    """Whose notes tell that a table may have changed; None where nothing does."""
    return WRITTEN_WITH.get(table) or (None if table in EXEMPT else frozenset({table}))


def capture(table: str) -> str:
    """The SQL, for a migration, that puts the triggers on a table."""
    return f"SELECT touched_table('{table}')"
