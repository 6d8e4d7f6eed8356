"""Upserts: the mutations that keep many rows at once."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from strawberry import UNSET

from domain import upserts
from domain.finding import ExternalKey, Reference, Wish
from domain.keeping import KEPT, Kind
from domain.unit_of_work import UnitOfWork
from domain.upserts import Result, RowOutcome, UpsertMode
from resolvers.answers import user_errors
from resolvers.context import Context, named
from resolvers.inputs import told
from schema.upserts import ExternalKeyInput, UpsertRow

Values = Mapping[str, Any]
COUNTED = (RowOutcome.CREATED, RowOutcome.UPDATED, RowOutcome.UNCHANGED, RowOutcome.FAILED)
PREFIXES = {"customer_id": "cus", "site_id": "sit", "territory_id": "ter"}


def upserting(kind: Kind, prefix: str) -> Callable[[UnitOfWork, Any, Context], Awaitable[Values]]:
    """What runs `upsert…` for one kind; `prefix` is that of its ids."""
    keeping = KEPT[kind]

    async def run(work: UnitOfWork, given: Any, _context: Context) -> Values:
        wishes = [_wish(kind, prefix, row) for row in given.rows]
        results = await upserts.keep(work, keeping, wishes, mode=given.mode)
        return _payload(f"{keeping.name}_id", results, mode=given.mode)

    return run


def _wish(kind: Kind, prefix: str, row: UpsertRow) -> Wish:
    keeping = KEPT[kind]
    fields = {column: column.removesuffix("_id") for column in keeping.references}
    # A verb may take more than upserts offer.
    columns = [column for column in keeping.columns if hasattr(row, column)]
    return Wish(
        values=told(row, *columns),
        references={
            column: _reference(PREFIXES[column], getattr(row, name))
            for column, name in fields.items()
            if getattr(row, name) is not UNSET
        },
        id=named(prefix, row.id),
        external=_external(row.external_id),
        expected_version=row.expected_version,
    )


def _external(given: ExternalKeyInput | None) -> ExternalKey | None:
    return ExternalKey(given.system, given.key) if given else None


def _reference(prefix: str, given: Any) -> Reference | None:
    """A territory has no key elsewhere, a site no number, nothing but a site lies within a customer."""
    if given is None:
        return None
    within = getattr(given, "customer", None)
    return Reference(
        id=named(prefix, given.id),
        external=_external(getattr(given, "external_id", None)),
        own=getattr(given, "number", None) or getattr(given, "name", None),
        within=_reference(PREFIXES["customer_id"], within),
    )


def _payload(column: str, results: Sequence[Result], *, mode: UpsertMode) -> Values:
    rows: list[dict[str, Any]] = [
        {"index": place, "outcome": one.outcome.value, column: one.key, "user_errors": _faults(place, one)}
        for place, one in enumerate(results)
    ]
    counts = Counter(one.outcome for one in results)
    whole = [fault for row in rows for fault in row["user_errors"]] if mode is UpsertMode.ALL else []
    return {
        "results": rows,
        **{outcome.value.lower(): counts[outcome] for outcome in COUNTED},
        "user_errors": whole,
    }


def _faults(place: int, result: Result) -> list[dict[str, object]]:
    """A row's own no, with its place in the path."""
    if result.fault is None:
        return []
    ((fault),) = user_errors(result.fault)
    return [{**fault, "path": ["input", "rows", str(place), *result.fault.path]}]
