"""Upserts: many rows kept at once, each found or made, by the verbs that keep a single one.

The verbs decide; what they ask for is read before them for all rows together (finding.py), and what they
write goes to the database together. Where the database says no to that, because somebody was faster or two
rows of the request change places, the rows are kept one by one, each in a savepoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain import inputs
from domain.ahead import Ahead
from domain.customers import ExternalId
from domain.errors import Conflict, Invalid, NotFound, Refused
from domain.events import Event, Scope
from domain.finding import Findings, Wish, field_of, tidied
from domain.keeping import Keeping
from domain.rows import Row
from domain.unit_of_work import UnitOfWork

MOST = 250
"""Rows of one request; an import's chunk may have more."""


class UpsertMode(StrEnum):
    """What one row's fault means for the others of its request."""

    PER_ITEM = "PER_ITEM"
    ALL = "ALL"


class RowOutcome(StrEnum):
    """What became of one row."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"
    WITHHELD = "WITHHELD"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row; `key` is the row's, as far as there is one."""

    outcome: RowOutcome
    key: UUID | None = None
    fault: Refused | None = None


async def keep(
    work: UnitOfWork, keeping: Keeping, wishes: Sequence[Wish], *, mode: UpsertMode
) -> list[Result]:
    """A result for each wish, in their order. A row that fails is not written; with ALL, then no row is.

    Raises Invalid for no rows or too many.
    """
    if not 1 <= len(wishes) <= MOST:
        raise Invalid(f"From 1 to {MOST} rows at once.", "rows")
    return await keep_all(work, keeping, wishes, whole=mode is UpsertMode.ALL)


async def keep_all(
    work: UnitOfWork,
    keeping: Keeping,
    wishes: Sequence[Wish],
    *,
    whole: bool = False,
    rehearsed: bool = False,
) -> list[Result]:
    """As `keep`, for any number of rows; `rehearsed`: told what would become of them, and nothing written."""
    await work.flush()
    failed = False
    try:
        async with work.session.begin_nested():
            results = await _Round(work, keeping, wishes).run()
            failed = whole and any(result.outcome is RowOutcome.FAILED for result in results)
            if failed or rehearsed:
                raise _Unwritten  # noqa: TRY301  # a way out of the savepoint, no error
    except _Unwritten:
        work.forget()
    return [_withheld(result) if failed else result for result in results]


def _withheld(result: Result) -> Result:
    if result.outcome is RowOutcome.FAILED:
        return result
    return Result(RowOutcome.WITHHELD, None if result.outcome is RowOutcome.CREATED else result.key)


class _Unwritten(Exception):
    """Takes back to the savepoint."""


class _Round:
    """One request on its way through."""

    def __init__(self, work: UnitOfWork, keeping: Keeping, wishes: Sequence[Wish]) -> None:
        self.work = work
        self.keeping = keeping
        self.wishes = [tidied(wish, keeping) for wish in wishes]
        self.findings = Findings(work, keeping)
        self.named: dict[tuple[object, ...], int] = {}
        """Which row of the request was called so first."""
        self.kept: dict[UUID, int] = {}

    async def run(self) -> list[Result]:
        try:
            async with self.work.session.begin_nested():
                await self.findings.read([wish for wish in self.wishes if wish.fault is None])
                async with self.work.gathering():
                    return [await self._tried(place, wish) for place, wish in enumerate(self.wishes)]
        except Refused:
            self.work.forget()
            return await self._one_by_one()

    async def _one_by_one(self) -> list[Result]:
        self.named, self.kept = {}, {}
        results = []
        for place, wish in enumerate(self.wishes):
            result = await self._alone(place, wish)
            if isinstance(result.fault, Conflict) and result.fault.__cause__ is not None:
                # The database's own: whoever was faster has committed, and is found now.
                self.named = {name: other for name, other in self.named.items() if other != place}
                result = await self._alone(place, wish)
            results.append(result)
        return results

    async def _alone(self, place: int, wish: Wish) -> Result:
        events = len(self.work.events)
        try:
            async with self.work.session.begin_nested():
                if wish.fault is None:
                    await self.findings.read([wish])
                return await self._keep(place, wish)
        except Refused as error:
            del self.work.events[events:]
            self.work.ahead = Ahead()
            return Result(RowOutcome.FAILED, fault=error)

    async def _tried(self, place: int, wish: Wish) -> Result:
        """One row; what is refused leaves nothing behind in memory, and the database has not heard of it."""
        events, added = len(self.work.events), len(self.work.ahead.added)
        try:
            return await self._keep(place, wish)
        except Refused as error:
            del self.work.events[events:]
            for row in self.work.ahead.added[added:]:
                self.work.session.expunge(row)
            del self.work.ahead.added[added:]
            return Result(RowOutcome.FAILED, fault=error)

    async def _keep(self, place: int, wish: Wish) -> Result:
        self._check_names(place, wish)
        if wish.fault is not None:
            raise wish.fault
        key = self.findings.found(wish)
        values, parent = self._values(wish)
        if key is None:
            row = await self._make(wish, values, parent)
            self.kept[row.id] = place
            return Result(RowOutcome.CREATED, row.id)
        events = len(self.work.events)
        if self.kept.setdefault(key, place) != place:
            first = self._called(self.kept[key])
            raise Conflict(f"{first} is about the same {self.keeping.table.__name__}.")
        found = self.work.ahead.locked.get((self.keeping.table, key))
        if found is None:
            raise NotFound(f"No {self.keeping.table.__name__} has that id.", "id")
        await self._change(found, wish, values, parent)
        outcome = RowOutcome.UPDATED if len(self.work.events) > events else RowOutcome.UNCHANGED
        return Result(outcome, key)

    def _check_names(self, place: int, wish: Wish) -> None:
        """Each row once: two that are called the same are not both right."""
        names: dict[tuple[object, ...], str] = {}
        if wish.id is not None:
            names["id", wish.id] = "id"
        if wish.external is not None:
            names["external", wish.external] = "externalId"
        number = self.keeping.number
        value = self.findings.own_value(wish, number) if number else None
        if number is not None and value is not None:
            names["number", value] = number
        if number is None and wish.id is None and wish.external is None:
            parent, name = self.findings.within(wish)
            if parent is not None:
                names["name", parent, name] = "name"
        for called, path in names.items():
            first = self.named.setdefault(called, place)
            if first != place:
                raise Conflict(f"{self._called(first)} has the same.", path)

    def _called(self, place: int) -> str:
        return self.wishes[place].called or f"Row {place}"

    def _values(self, wish: Wish) -> tuple[dict[str, Any], UUID | None]:
        """What is said of the row, references as ids, and its parent apart."""
        values = dict(wish.values)
        for column, reference in wish.references.items():
            table, path = self.keeping.references[column], field_of(column)
            values[column] = self.findings.resolve(table, reference, path) if reference else None
        parent = None
        if self.keeping.parent in values:
            parent = values.pop(self.keeping.parent)
            if parent is None:
                raise Invalid("It may be left out, but not be null.", field_of(str(self.keeping.parent)))
        return values, parent

    async def _make(self, wish: Wish, values: Mapping[str, Any], parent: UUID | None) -> Row:
        number = self.keeping.number
        if number is not None and wish.external is None and not wish.values.get(number):
            raise Invalid("A row is known by its id, its externalId or its own number.", field_of(number))
        if wish.expected_version is not None:
            raise Conflict("There is no such row yet.", "expectedVersion")
        if self.keeping.parent is not None and parent is None:
            raise Invalid("A new one needs it.", field_of(self.keeping.parent))
        fresh = {column: value for column, value in values.items() if value is not None}
        for column in self.keeping.needed:
            if column not in fresh:
                raise Invalid("A new one needs it.", field_of(column))
        row = await self.keeping.make(self.work, parent, fresh)
        self.findings.knows(row, {})
        self._name(row, wish)
        return row

    async def _change(self, row: Row, wish: Wish, values: Mapping[str, Any], parent: UUID | None) -> None:
        column = self.keeping.parent
        given = dict(values)
        if column is not None and parent is not None:
            if self.keeping.moves:
                given[column] = parent
            elif getattr(row, column) != parent:
                raise Invalid("It stays where it is.", field_of(column))
        before = {name: getattr(row, name) for name in type(row).model_fields}
        try:
            await self.keeping.change(self.work, row.id, given, expected_version=wish.expected_version)
            self._name(row, wish)
        except Refused:
            # A verb may have set what it then refuses.
            inputs.write(row, before)
            raise
        self.findings.knows(row, before)

    def _name(self, row: Row, wish: Wish) -> None:
        """Another system's key for the row, where it is new. Raises Conflict where it has another there."""
        if wish.external is None:
            return
        known = self.findings.elsewhere.get((self.keeping.name, *wish.external))
        if known == row.id:
            return
        if known is not None:
            raise Conflict("That key is another row's.", "externalId")
        system, key = wish.external
        if (row.id, system) in self.findings.systems:
            raise Conflict(f"{system} has another key for it.", "externalId")
        named = self.work.add(
            ExternalId(system=system, key=key, entity_type=self.keeping.name, entity_id=row.id)
        )
        scope = getattr(row, "scope", Scope)()
        self.work.emit(
            Event(
                type="ExternalIdAdded",
                topic="external_id",
                subject=named,
                values={"system": system, "entity_type": self.keeping.name, "entity_id": row.id},
                scope_before=scope,
                scope_after=scope,
            )
        )
