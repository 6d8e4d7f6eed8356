"""Topics: what an event's subject is a row of, and which table's readers may be told of it."""

from collections.abc import Iterable

from domain import access, scopes
from domain.viewers import Viewer

SUBJECTS = {
    "credential": None,
    "position": None,
    "stock_alert": "reorder_rule",
    "tracking": "visit",
    "user": "app_user",
}
"""Topics that are not called as their subjects' table; None: the row is no type of the graph."""
READERS = {"credential": "api_key", "position": "position_current", "tracking": "position_current"}
"""Topics that tell more, or less, than the rows of their subjects' table: whose readers are told."""


def subject_table(topic: str) -> str | None:
    """The table of the subjects of a topic."""
    return SUBJECTS.get(topic, topic)


def readable(viewer: Viewer, topics: Iterable[str]) -> frozenset[str]:
    """The topics of which a viewer may be told whatever happens: those whose rows they see all.

    A key needs the scope of these rows, too: the log is no way round it.
    """
    return frozenset(topic for topic in topics if _is_readable(viewer, READERS.get(topic) or _table(topic)))


def _table(topic: str) -> str:
    return subject_table(topic) or topic


def _is_readable(viewer: Viewer, table: str) -> bool:
    declared = access.TABLES.get(table)
    if declared is None or declared.read.get(viewer.role) != access.ALL:
        return False
    return not viewer.is_limited or scopes.permits(viewer.scopes, scopes.of_table(table))
