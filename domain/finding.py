"""Finding: which rows a request of many means, read by as many statements for one row as for all of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID
from zlib import crc32

from sqlalchemy import text as literal
from sqlmodel import col, select

from domain import customers, inputs
from domain.ahead import Ahead
from domain.assets import Asset
from domain.customers import Customer, ExternalId
from domain.errors import Conflict, Invalid, NotFound, Refused
from domain.keeping import OWN_NAMES, Keeping
from domain.organizations import Organization
from domain.rows import Row
from domain.sites import Site
from domain.technicians import Technician
from domain.territories import Territory
from domain.unit_of_work import UnitOfWork


class ExternalKey(NamedTuple):
    """What another system calls a row."""

    system: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Another row, by one of: our id, another system's key, or its own number or name.

    A site's name is looked for `within` its customer.
    """

    id: UUID | None = None
    external: ExternalKey | None = None
    own: str | None = None
    within: "Reference | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How one row shall be. What `values` and `references` (both by column) leave out stays; null takes away.

    `fault` is why it cannot be, where that is known before anything is read; `called` is how others are told
    of this one.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, Reference | None] = field(default_factory=dict)
    id: UUID | None = None
    external: ExternalKey | None = None
    expected_version: int | None = None
    fault: Refused | None = None
    called: str | None = None


Known = tuple[str, str, str]
"""A table's name, another system, a key of it."""
Name = tuple[type[Row], UUID | None, str]
EXTERNAL = {"system": inputs.words(100), "key": inputs.words(200)}
BUCKETS = 64
# Who makes rows of the same keys waits here, in the buckets' order, and then finds what the other has made.
MAKERS = literal(
    "SELECT pg_advisory_xact_lock(hashtextextended(:makers, bucket))"
    " FROM unnest(CAST(:buckets AS bigint[])) AS bucket"
)
ELSEWHERE = literal(
    "SELECT e.entity_type, e.system, e.key, e.entity_id FROM external_id e"
    " JOIN unnest(CAST(:tables AS text[]), CAST(:systems AS text[]), CAST(:keys AS text[]))"
    " AS asked(entity_type, system, key) USING (entity_type, system, key)"
    " WHERE e.organization_id = CAST(:organization AS uuid)"
)


def tidied(wish: Wish, keeping: Keeping) -> Wish:
    """With its keys and names as they are kept; or with its fault, where one of them cannot be."""
    if wish.fault is not None:
        return wish
    try:
        return replace(
            wish,
            external=_key(wish.external, "externalId"),
            references={
                column: _reference(reference, field_of(column))
                for column, reference in wish.references.items()
                if column in keeping.references
            },
        )
    except Refused as error:
        return replace(wish, external=None, references={}, fault=error)


def field_of(column: str) -> str:
    """A column as the input spells it; a reference without its `_id`."""
    return inputs.field_name(column.removesuffix("_id"))


def _key(given: ExternalKey | None, *path: str) -> ExternalKey | None:
    if given is None:
        return None
    try:
        return ExternalKey(**inputs.checked(given._asdict(), EXTERNAL))
    except Invalid as error:
        raise Invalid(error.message, *path, *error.path) from None


def _reference(given: Reference | None, *path: str) -> Reference | None:
    if given is None:
        return None
    try:
        own = None if given.own is None else inputs.words()(given.own)
    except ValueError as error:
        raise Invalid(str(error), *path) from None
    within = _reference(given.within, *path, "customer")
    return replace(given, own=own, external=_key(given.external, *path, "externalId"), within=within)


@dataclass
class Findings:
    """What was found for one request, by what it was asked for."""

    work: UnitOfWork
    keeping: Keeping
    elsewhere: dict[Known, UUID] = field(default_factory=dict)
    """Which row another system's key means."""
    own: dict[Name, list[UUID]] = field(default_factory=dict)
    """The rows that a number or name means; a site's or contact's name within its customer."""
    systems: set[tuple[UUID, str]] = field(default_factory=set)
    """Which rows which systems have a key for."""
    others: dict[tuple[type[Row], UUID], Row] = field(default_factory=dict)
    """What the rows refer to."""

    async def read(self, wishes: Sequence[Wish]) -> None:
        """Everything that the verbs of these rows will ask for."""
        self.work.ahead = Ahead(added=self.work.ahead.added)
        self.own, self.others = {}, {}
        await self._read(wishes, anew=True)
        missing = [wish for wish in wishes if self._known(wish) is None]
        if missing:
            await self._wait_for_makers(missing)
            await self._read(missing, anew=False)
        found = sorted({key for wish in wishes if (key := self._known(wish)) is not None})
        await self._lock(found)
        await self._read_systems(found, wishes)
        await self._read_others(wishes)
        if (
            self.keeping.table is Technician
        ):  # their currency is its own; the session forgets what nobody holds
            self.work.ahead.kept["organization"] = await self.work.session.get(
                Organization, self.work.viewer.organization_id
            )
        fresh = sum(self._known(wish) is None and wish.values.get("number") is None for wish in missing)
        if self.keeping.table is Customer and fresh:
            await self._owners(Customer, "number", await customers.coming_numbers(self.work, fresh))

    def found(self, wish: Wish) -> UUID | None:
        """The row that a wish means; None: a new one. Raises Conflict where it may mean several."""
        if wish.id is not None:
            return wish.id
        if wish.external is not None:
            known = self.elsewhere.get((self.keeping.name, *wish.external))
            if known is not None:
                return known
        number, table = self.keeping.number, self.keeping.table
        if number is not None:
            value = self.own_value(wish, number)
            return self.work.ahead.owners.get((table, number), {}).get(value) if value else None
        alike = [] if wish.external else self.own.get((table, *self.within(wish)), [])
        if len(alike) > 1:
            raise Conflict("More than one there has that name; say which by id or externalId.", "name")
        return alike[0] if alike else None

    def resolve(self, table: type[Row], reference: Reference, *path: str) -> UUID:
        """The id of what is referred to. Raises NotFound, Invalid or Conflict."""
        if (reference.id, reference.external, reference.own).count(None) != 2:
            raise Invalid("It is named by one of its id, its externalId or its own number or name.", *path)
        if reference.external is not None:
            found = self.elsewhere.get((str(table.__tablename__), *reference.external))
            if found is None:
                raise NotFound(f"No {table.__name__} has that key.", *path)
            return found
        if reference.own is not None:
            return self._resolve_own(table, reference, path)
        if reference.id is None or (table, reference.id) not in self.others:
            raise NotFound(f"No {table.__name__} has that id.", *path)
        return reference.id

    def own_value(self, wish: Wish, column: str) -> str | None:
        """A row's own number as it is kept; None where it says none that is good."""
        value = wish.values.get(column)
        try:
            return self.keeping.checks[column](value) if value else None
        except ValueError:
            return None

    def knows(self, row: Row, before: Mapping[str, Any]) -> None:
        """A row was made or changed: its values are its own now, and those that it had are nobody's."""
        for column in self.keeping.unique:
            owners = self.work.ahead.owners.setdefault((self.keeping.table, column), {})
            if before.get(column) not in {None, getattr(row, column)}:
                owners[before[column]] = None
            owners[getattr(row, column)] = row.id

    def _resolve_own(self, table: type[Row], reference: Reference, path: tuple[str, ...]) -> UUID:
        if table not in OWN_NAMES:
            raise Invalid(f"A {table.__name__} has no number of its own.", *path)
        if (table is Site) != (reference.within is not None):
            raise Invalid("A site's name is looked for at its customer.", *path)
        within = self.resolve(Customer, reference.within, *path) if reference.within else None
        found = self.own.get((table, within, str(reference.own)), [])
        if not found:
            raise NotFound(f"No {table.__name__} has that {OWN_NAMES[table]}.", *path)
        if len(found) > 1:
            raise Conflict(f"More than one {table.__name__} has that {OWN_NAMES[table]}.", *path)
        return found[0]

    def within(self, wish: Wish) -> tuple[UUID | None, str]:
        """A row's parent and its name, by which it is found where it has no number."""
        reference = wish.references.get(str(self.keeping.parent))
        return self._resolved(Customer, reference), self.own_value(wish, "name") or ""

    def _known(self, wish: Wish) -> UUID | None:
        try:
            return self.found(wish)
        except Refused:
            return None

    def _resolved(self, table: type[Row], reference: Reference | None) -> UUID | None:
        try:
            return self.resolve(table, reference) if reference else None
        except Refused:
            return None

    def _references(self, wishes: Sequence[Wish]) -> Iterator[tuple[type[Row], Reference]]:
        """All that is referred to, those within which it lies too."""
        for wish in wishes:
            for column, reference in wish.references.items():
                if reference is not None:
                    yield self.keeping.references[column], reference
                    if reference.within is not None:
                        yield Customer, reference.within

    async def _wait_for_makers(self, wishes: Sequence[Wish]) -> None:
        names = {" ".join(wish.external or self._own_names(wish)) for wish in wishes}
        given = {
            "makers": f"{self.keeping.name} of {self.work.viewer.organization_id}",
            "buckets": sorted({crc32(name.encode()) % BUCKETS for name in names}),
        }
        await self.work.session.execute(MAKERS, given)

    def _own_names(self, wish: Wish) -> tuple[str, ...]:
        column = self.keeping.number or "name"
        return (column, self.own_value(wish, column) or "")

    async def _read(self, wishes: Sequence[Wish], *, anew: bool) -> None:
        """What the rows and what they refer to are called: by other systems, by number, by name."""
        await self._read_elsewhere(wishes)
        for column in self.keeping.unique:
            values = {value for wish in wishes if (value := self.own_value(wish, column)) is not None}
            await self._owners(self.keeping.table, column, values)
        if anew:
            await self._read_references(wishes)
        if self.keeping.number is None:
            named = [wish for wish in wishes if wish.id is None and wish.external is None]
            await self._read_named(self.keeping.table, [self.within(wish) for wish in named])

    async def _read_elsewhere(self, wishes: Sequence[Wish]) -> None:
        asked: set[Known] = {(self.keeping.name, *wish.external) for wish in wishes if wish.external}
        for table, reference in self._references(wishes):
            if reference.external is not None:
                asked.add((str(table.__tablename__), *reference.external))
        asked -= self.elsewhere.keys()
        if asked:
            tables, systems, keys = zip(*sorted(asked), strict=True)
            given = {"tables": list(tables), "systems": list(systems), "keys": list(keys)}
            own = {"organization": self.work.viewer.organization_id}
            for row in await self.work.session.execute(ELSEWHERE, given | own):
                self.elsewhere[row[0], row[1], row[2]] = UUID(str(row[3]))

    async def _read_references(self, wishes: Sequence[Wish]) -> None:
        """Customers and territories before sites, which have their names within a customer."""
        given = list(self._references(wishes))
        for table in {table for table, _ in given}:
            await self._hold(table, [one.id for other, one in given if other is table and one.id])
        for table in (Customer, Territory):
            names = {(None, one.own) for other, one in given if other is table and one.own is not None}
            await self._read_named(table, names)
        sites = [one for table, one in given if table is Site and one.own is not None]
        await self._read_named(Site, [(self._resolved(Customer, one.within), str(one.own)) for one in sites])

    async def _read_named(self, table: type[Row], names: Collection[tuple[UUID | None, str]]) -> None:
        if not names:
            return
        parents = sorted({parent for parent, _ in names if parent is not None})
        column, within = getattr(table, OWN_NAMES.get(table, "name")), getattr(table, "customer_id", None)
        ours = (self._ours(table), column.in_(sorted({name for _, name in names})))
        found: dict[Name, list[UUID]] = {(table, *name): [] for name in names}
        if within is None:
            for name, key in (await self.work.session.exec(select(column, table.id).where(*ours))).all():
                found.setdefault((table, None, name), []).append(key)
        else:
            statement = select(column, table.id, within).where(*ours, within.in_(parents))
            for name, key, parent in (await self.work.session.exec(statement)).all():
                found.setdefault((table, parent, name), []).append(key)
        self.own |= found

    async def _owners(self, table: type[Row], column: str, values: Iterable[Any]) -> None:
        """Whose these values are, into what is known ahead."""
        wanted = sorted(values)
        if not wanted:
            return
        named = getattr(table, column)
        owners = self.work.ahead.owners.setdefault((table, column), {})
        owners.update(dict.fromkeys(wanted))
        statement = select(named, table.id).where(self._ours(table), named.in_(wanted))
        owners |= {value: key for value, key in (await self.work.session.exec(statement)).all()}  # noqa: C416  # rows are no pairs to mypy

    async def _read_others(self, wishes: Sequence[Wish]) -> None:
        """What is referred to, and the customers of assets' sites."""
        wanted: dict[type[Row], set[UUID]] = {}
        for table, reference in self._references(wishes):
            key = self._resolved(table, reference)
            if key is not None:
                wanted.setdefault(table, set()).add(key)
        for table, keys in wanted.items():
            await self._hold(table, keys)
        if self.keeping.table is Asset:
            await self._hold(
                Customer, {row.customer_id for row in self.others.values() if isinstance(row, Site)}
            )

    async def _hold(self, table: type[Row], keys: Collection[UUID]) -> None:
        """Read; customers, who may not be archived meanwhile, are held as well."""
        wanted = sorted(key for key in set(keys) if (table, key) not in self.others)
        if not wanted:
            return
        statement = select(table).where(self._ours(table), col(table.id).in_(wanted)).order_by(col(table.id))
        if table is Customer:
            statement = statement.with_for_update(read=True).execution_options(populate_existing=True)
        rows: dict[tuple[type[Row], UUID], Row] = {
            (table, row.id): row for row in (await self.work.session.exec(statement)).all()
        }
        self.others |= rows
        if table is Customer:
            self.work.ahead.shared |= rows

    async def _lock(self, keys: Sequence[UUID]) -> None:
        if not keys:
            return
        table = self.keeping.table
        statement = (
            select(table)
            .where(self._ours(table), col(table.id).in_(keys))
            .order_by(col(table.id))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        rows = (await self.work.session.exec(statement)).all()
        self.work.ahead.locked |= {(table, row.id): row for row in rows}

    async def _read_systems(self, keys: Sequence[UUID], wishes: Sequence[Wish]) -> None:
        systems = sorted({wish.external.system for wish in wishes if wish.external is not None})
        if keys and systems:
            statement = select(ExternalId.entity_id, ExternalId.system).where(
                self._ours(ExternalId),
                col(ExternalId.entity_id).in_(keys),
                col(ExternalId.system).in_(systems),
            )
            self.systems |= {(key, system) for key, system in (await self.work.session.exec(statement)).all()}

    def _ours(self, table: type[Row]) -> Any:
        return col(table.organization_id) == self.work.viewer.organization_id
