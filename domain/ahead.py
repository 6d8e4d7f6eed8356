"""Ahead: what the verbs of many rows will ask for, read by a few statements before they run."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.rows import Row

Named = tuple[type[Row], UUID]


@dataclass(slots=True)
class Ahead:
    """What a unit of work knows already; it holds as long as the locks do, and dies with a savepoint.

    `locked` rows are the unit's to change, `shared` ones nobody else's; `owners` says of a column's values
    whose they are (None: nobody's); `added` are the unit's new rows in their order; `kept` is what a verb
    keeps for its next turn.
    """

    locked: dict[Named, Row] = field(default_factory=dict)
    shared: dict[Named, Row] = field(default_factory=dict)
    owners: dict[tuple[type[Row], str], dict[Hashable, UUID | None]] = field(default_factory=dict)
    added: list[Row] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
