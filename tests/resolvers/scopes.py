"""Scopes: who must see which row, worked out from a full dump of the database, without the graph's SQL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import asyncpg

from domain import access
from domain.policies import LIMITS
from domain.viewers import FIELD, Role, Viewer
from resolvers.compiler.shapes import Graph

STATED = "gen_random_uuid(), organization_id, 1, created_at, created_at"
NEW = "(id, organization_id, version, updated_at, created_at,"
LIVE = f"""
INSERT INTO absence {NEW} technician_id, starts_at, ends_at, reason)
  SELECT {STATED}, id, created_at, created_at + interval '1 day', 'SICK' FROM technician;
INSERT INTO position_current {NEW} technician_id, at, longitude, latitude, accuracy_metres)
  SELECT {STATED}, id, created_at, 24.9, 60.1, 5 FROM technician;
INSERT INTO eta {NEW} visit_id, technician_id, earliest, expected, latest, basis, as_of, stale_after)
  SELECT {STATED}, visit_id, technician_id, planned_start, planned_start, planned_end, 'PLAN', created_at,
    created_at FROM (SELECT DISTINCT ON (visit_id) * FROM assignment WHERE state = 'ACCEPTED') a;
INSERT INTO credential {NEW} digest, role, subject, visit_id, scopes, expires_at)
  SELECT {STATED}, sha256(id::text::bytea), 'TRACKING', 'link', id, '', created_at + interval '9 days'
    FROM visit;
INSERT INTO tracking_link {NEW} visit_id, customer_id, credential_id, expires_at)
  SELECT gen_random_uuid(), v.organization_id, 1, v.created_at, v.created_at, v.id, v.customer_id, c.id,
    c.expires_at FROM visit v JOIN credential c ON c.visit_id = v.id;
INSERT INTO asset {NEW} customer_id, site_id, name, serial, model, installed_on, warranty_until)
  SELECT {STATED}, customer_id, id, 'Boiler ' || left(name, 3), 'S-' || id || '-' || n,
    CASE WHEN longitude > 24.94 THEN 'Oras 200' END, '2024-05-01',
    CASE WHEN longitude > 24.95 THEN '2027-01-31'::date END
    FROM site, generate_series(1, 5) n;
INSERT INTO meter_reading {NEW} asset_id, customer_id, site_id, at, value, replaced)
  SELECT {STATED}, id, customer_id, site_id, created_at - n * interval '1 day', 100 - n * 7.5, n = 2
    FROM asset, generate_series(1, 3) n;
INSERT INTO scheduling_policy {NEW} name, is_default, hold_planned_starts, {", ".join(LIMITS)})
  SELECT {STATED}, 'Policy ' || n, false, n = 2, {", ".join(f"{least} + n" for least, _ in LIMITS.values())}
    FROM (SELECT id AS organization_id, updated_at AS created_at FROM organization) o,
    generate_series(1, 3) n;
INSERT INTO plan {NEW} day, state, seconds, seed, request, objective, improvements, assigned_count,
    unassigned_count)
  SELECT {STATED}, '2026-11-23', 'PROPOSED', 5, n, '{{}}',
    CASE WHEN n > 1 THEN '{{"total": 12.5, "travel_seconds": 600}}'::jsonb END, n, 1, 1
    FROM (SELECT id AS organization_id, updated_at AS created_at FROM organization) o,
    generate_series(1, 3) n;
INSERT INTO plan_change {NEW} plan_id, visit_id, visit_version, kind, technician_id, planned_start,
    planned_end)
  SELECT gen_random_uuid(), v.organization_id, 1, v.created_at, v.created_at, p.id, v.id, v.version, 'ASSIGN',
    (SELECT t.id FROM technician t WHERE t.organization_id = v.organization_id ORDER BY t.id LIMIT 1),
    v.window_start, v.window_end
    FROM plan p JOIN visit v ON v.organization_id = p.organization_id AND v.state = 'UNSCHEDULED'
    WHERE p.state = 'PROPOSED';
INSERT INTO transfer {NEW} from_location_id, to_location_id, part_id, quantity, state, shipped_at)
  SELECT gen_random_uuid(), v.organization_id, 1, v.created_at + n * interval '1 s', v.created_at,
    v.id, v.next, (SELECT id FROM part p WHERE p.organization_id = v.organization_id ORDER BY id LIMIT 1), n,
    CASE n WHEN 1 THEN 'REQUESTED' ELSE 'SHIPPED' END, CASE n WHEN 1 THEN NULL ELSE v.created_at END
    FROM (SELECT *, lead(id) OVER (PARTITION BY organization_id ORDER BY kind, id) AS next
      FROM stock_location) v, generate_series(1, 2) n WHERE v.next IS NOT NULL;
INSERT INTO crew {NEW} name, is_active)
  SELECT {STATED}, 'Crew ' || code, code < 'AT09' FROM technician;
INSERT INTO crew_member {NEW} crew_id, technician_id, is_lead)
  SELECT gen_random_uuid(), t.organization_id, 1, t.created_at, t.created_at, c.id, t.id,
    c.name = 'Crew ' || t.code
    FROM crew c JOIN technician t ON t.organization_id = c.organization_id
      AND (c.name = 'Crew ' || t.code OR right(c.name, 1) = right(t.code, 1));
INSERT INTO substatus {NEW} code, name, visit_state, is_active)
  SELECT gen_random_uuid(), id, 1, updated_at, updated_at, 'S' || n, 'Word ' || n,
    CASE WHEN n > 2 THEN 'UNSCHEDULED' ELSE 'SCHEDULED' END, n > 1
    FROM organization, generate_series(1, 4) n;
UPDATE visit v SET substatus_id = s.id, crew_id = (SELECT c.id FROM crew c
    WHERE c.organization_id = v.organization_id ORDER BY c.id LIMIT 1) FROM substatus s
  WHERE s.organization_id = v.organization_id AND s.code = 'S2' AND v.state = s.visit_state;
INSERT INTO visit_dependency {NEW} predecessor_id, successor_id, kind, gap_seconds)
  SELECT gen_random_uuid(), organization_id, 1, created_at, created_at, id, next, 'FINISH_START', 600
    FROM (SELECT *, lead(id) OVER (PARTITION BY organization_id ORDER BY id DESC) AS next FROM visit
      WHERE state <> 'COMPLETED') v WHERE next IS NOT NULL;
INSERT INTO upload {NEW} name, content_type, bytes, sha256, state, expires_at, stored_at)
  SELECT gen_random_uuid(), id, 1, updated_at, updated_at, 'rows.csv', 'text/csv', n * 1000, repeat('a', 64),
    'STORED', updated_at + interval '1 day', updated_at FROM organization, generate_series(1, 2) n;
INSERT INTO import {NEW} upload_id, kind, name, dry_run, state, rows_in_file, rows_staged, rows_done, created,
    updated, unchanged, failed, position, tries)
  SELECT {STATED}, id, 'CUSTOMERS', name, bytes > 1000, 'WRITING', 6, 6, 4, 1, 1, 1, 1, 5, 0 FROM upload
    WHERE name = 'rows.csv';
INSERT INTO import_line {NEW} import_id, number, cells, outcome, user_errors, entity_type, entity_id)
  SELECT gen_random_uuid(), i.organization_id, 1, i.created_at, i.created_at, i.id, n, '{{}}',
    CASE WHEN n < 6 THEN (ARRAY['CREATED', 'UPDATED', 'UNCHANGED', 'FAILED'])[n - 1] END,
    CASE n WHEN 5 THEN '[{{"column": "name", "message": "No.", "code": "INVALID"}}]'::jsonb ELSE '[]' END,
    CASE WHEN n < 5 THEN 'customer' END,
    CASE WHEN n < 5 THEN (SELECT id FROM customer c WHERE c.organization_id = i.organization_id
      ORDER BY id LIMIT 1) END
    FROM import i, generate_series(2, 7) n WHERE i.state = 'WRITING';
INSERT INTO upload {NEW} name, content_type, bytes, sha256, state, expires_at, stored_at, technician_id)
  SELECT gen_random_uuid(), a.organization_id, 1, a.created_at, a.created_at,
    'at ' || n || ' of ' || a.visit_id, 'image/png',
    100 + n, repeat('c', 64), 'KEPT', a.created_at, a.created_at, a.technician_id
    FROM assignment a, generate_series(1, 2) n WHERE a.is_lead;
INSERT INTO attachment {NEW} visit_id, customer_id, upload_id, technician_id, kind, name, content_type, bytes,
    sha256, taken_at, added_by, signed_by)
  SELECT gen_random_uuid(), u.organization_id, 1, u.created_at, u.created_at, v.id, v.customer_id, u.id,
    u.technician_id, CASE WHEN u.bytes = 101 THEN 'PHOTO' ELSE 'SIGNATURE' END, u.name, u.content_type,
    u.bytes, u.sha256, u.created_at, 'test', CASE WHEN u.bytes > 101 THEN 'Aalto' END
    FROM upload u JOIN visit v ON u.name LIKE 'at % of ' || v.id;
INSERT INTO plan_reason {NEW} plan_id, visit_id, code, message, minutes)
  SELECT gen_random_uuid(), v.organization_id, 1, v.created_at, v.created_at, p.id, v.id, 'NO_ROOM', 'Full.',
    5
    FROM plan p JOIN visit v ON v.organization_id = p.organization_id AND v.state = 'UNSCHEDULED'
    WHERE p.state = 'PROPOSED';
"""
"""What the demo's seed leaves empty, such as positions, ETAs and links, or has few rows of."""

Row = Mapping[str, Any]
Rule = Callable[["Dump", Row, Viewer], bool]
EVERYBODY: frozenset[Role] = frozenset(Role)
OFFICE = frozenset({Role.ADMIN, Role.MANAGER, Role.DISPATCHER})
PEOPLE = frozenset(Role) - {Role.ADMIN, Role.TRACKING, Role.INTEGRATION}
STAFF = OFFICE | {Role.SALES, Role.INTEGRATION}


@dataclass(frozen=True)
class Dump:
    """Every row of every table that the graph reads, of both companies."""

    rows: Mapping[str, list[Row]]
    others: dict[tuple[str, Viewer], set[UUID]] = field(default_factory=dict)
    """What is declared for the tables that the rules below do not know yet."""
    found: dict[tuple[str, Viewer], list[Row]] = field(default_factory=dict)
    """What was worked out already."""

    @classmethod
    async def of(cls, connection: asyncpg.Connection, graph: Graph) -> "Dump":
        names = {shape.table for shape in graph.types.values() if shape.reading.table is not None}
        return cls(
            {name: [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")] for name in names}
        )

    async def complete(self, connection: asyncpg.Connection, viewer: Viewer) -> None:
        """For new tables: who sees what by the declaration alone."""
        for table in self.rows.keys() - RULES.keys():
            self.others[table, viewer] = await declared(connection, table, viewer)

    @cached_property
    def by_id(self) -> Mapping[tuple[str, UUID], Row]:
        return {(name, row["id"]): row for name, rows in self.rows.items() for row in rows if "id" in row}

    def seen(self, table: str, viewer: Viewer) -> list[Row]:
        """The rows that a viewer must see, by the rules below."""
        if (table, viewer) not in self.found:
            self.found[table, viewer] = self._seen(table, viewer)
        return self.found[table, viewer]

    def _seen(self, table: str, viewer: Viewer) -> list[Row]:
        if table not in RULES:
            return [row for row in self.rows[table] if row["id"] in self.others[table, viewer]]
        key = "id" if table == "organization" else "organization_id"
        own = [row for row in self.rows[table] if row[key] == viewer.organization_id]
        roles, rule = RULES[table]
        if viewer.role in roles:
            return own
        narrow = rule.get(viewer.role)
        return [row for row in own if narrow is not None and narrow(self, row, viewer)]

    def reaching(self, viewer: Viewer) -> list[Row]:
        """Assignments through which somebody in the field, or a tracking link, sees anything."""
        return [
            row
            for row in self.rows["assignment"]
            if row["state"] in {"OFFERED", "ACCEPTED"}
            and (row["technician_id"] == viewer.technician_id or row["visit_id"] == viewer.visit_id)
        ]


async def declared(connection: asyncpg.Connection, table: str, viewer: Viewer) -> set[UUID]:
    """The ids that domain/access.py declares, asked as the owner, whom no policy holds."""

    def literal(name: str) -> str:
        value = getattr(viewer, f"{name}_id")
        return f"'{value}'::uuid" if value else "NULL::uuid"

    rows = access.predicate(viewer.role, table, "x", literal)
    return {row["id"] for row in await connection.fetch(f"SELECT x.id FROM {table} x WHERE {rows}")}


def _field(rule: Rule) -> dict[Role, Rule]:
    return dict.fromkeys(FIELD, rule)


def _through(column: str, by: str) -> Rule:
    return lambda dump, row, viewer: row[column] in {one[by] for one in dump.reaching(viewer)}


def _same(column: str, name: str) -> Rule:
    return lambda _dump, row, viewer: bool(row[column] == getattr(viewer, name))


def _of_visit(column: str, name: str) -> Rule:
    """Whose visit, by this row's `column`, is the viewer's."""
    return lambda dump, row, viewer: dump.by_id["visit", row["visit_id"]][column] == getattr(viewer, name)


def _tracked(column: str) -> Rule:
    return lambda dump, row, viewer: any(
        visit[column] == row["id"] for visit in dump.rows["visit"] if visit["id"] == viewer.visit_id
    )


def _lies_near(dump: Dump, row: Row, viewer: Viewer) -> bool:
    place = dump.by_id["stock_location", row.get("stock_location_id", row["id"])]
    return bool(place["kind"] == "WAREHOUSE" or place["technician_id"] == viewer.technician_id)


def _starts_or_ends_near(dump: Dump, row: Row, viewer: Viewer) -> bool:
    ends = (row["from_location_id"], row["to_location_id"])
    return any(_lies_near(dump, dump.by_id["stock_location", end], viewer) for end in ends)


def _serves(dump: Dump, row: Row, viewer: Viewer) -> bool:
    return any(
        one["technician_id"] == row["id"] and one["customer_id"] == viewer.customer_id
        for one in dump.rows["assignment"]
    )


def _at_an_end(dump: Dump, row: Row, viewer: Viewer) -> bool:
    reached = {one["visit_id"] for one in dump.reaching(viewer)}
    return not reached.isdisjoint({row["predecessor_id"], row["successor_id"]})


def _in_it(dump: Dump, row: Row, viewer: Viewer) -> bool:
    return any(
        one["crew_id"] == row["id"] and one["technician_id"] == viewer.technician_id
        for one in dump.rows["crew_member"]
    )


def _named(_dump: Dump, row: Row, viewer: Viewer) -> bool:
    """Whose table it is not the history of is told nothing of it."""
    closed = CLOSED.get(row["entity_type"], frozenset())
    return viewer.role not in closed


def told_of(change: Row) -> set[UUID]:
    """The rows whose history has a change of the audit: its own, and those that it belongs to."""
    return {change["entity_id"], *(change["belongs_to"] or ())}


CLOSED = {
    **dict.fromkeys(("api_key", "app_user", "credential"), STAFF - {Role.ADMIN}),
    "plan": frozenset({Role.SALES}),
    "scheduling_policy": frozenset({Role.SALES}),
    "tracking_link": frozenset({Role.SALES, Role.INTEGRATION}),
    "upload": frozenset({Role.SALES}),
    "visit_cost": frozenset({Role.DISPATCHER}),
}
OWN = _same("customer_id", "customer_id")


def _signed(dump: Dump, row: Row, viewer: Viewer) -> bool:
    return bool(row["kind"] == "SIGNATURE") and OWN(dump, row, viewer)


MINE = _same("technician_id", "technician_id")
LIVE_FACT: dict[Role, Rule] = {
    **_field(MINE),
    Role.CUSTOMER: _of_visit("customer_id", "customer_id"),
    Role.TRACKING: _of_visit("id", "visit_id"),
}
EXCHANGERS = frozenset({Role.ADMIN, Role.MANAGER, Role.INTEGRATION})
NOT_SALES = STAFF - {Role.SALES}
FIELD_TOO = STAFF | FIELD
RULES: dict[str, tuple[frozenset[Role], dict[Role, Rule]]] = {
    "organization": (EVERYBODY, {}),
    "customer": (
        STAFF,
        {**_field(_through("id", "customer_id")), Role.CUSTOMER: _same("id", "customer_id")},
    ),
    "contact": (STAFF, {**_field(_through("customer_id", "customer_id")), Role.CUSTOMER: OWN}),
    "external_id": (STAFF, {}),
    "asset": (STAFF, {**_field(_through("site_id", "site_id")), Role.CUSTOMER: OWN}),
    "meter_reading": (STAFF, {**_field(_through("site_id", "site_id")), Role.CUSTOMER: OWN}),
    "territory": (FIELD_TOO, {}),
    "site": (
        STAFF,
        {**_field(_through("id", "site_id")), Role.CUSTOMER: OWN, Role.TRACKING: _tracked("site_id")},
    ),
    "contract": (STAFF, {Role.CUSTOMER: OWN}),
    "entitlement": (STAFF, {Role.CUSTOMER: OWN}),
    "contract_asset": (STAFF, {Role.CUSTOMER: OWN}),
    "contract_work_type": (STAFF, {Role.CUSTOMER: OWN}),
    "milestone": (STAFF, {**_field(_through("work_order_id", "work_order_id")), Role.CUSTOMER: OWN}),
    "skill": (FIELD_TOO, {}),
    "work_type": (EVERYBODY, {}),
    "work_type_skill": (FIELD_TOO, {}),
    "work_type_part": (FIELD_TOO, {}),
    "work_type_task": (FIELD_TOO, {}),
    "work_task": (STAFF, {**_field(_through("work_order_id", "work_order_id")), Role.CUSTOMER: OWN}),
    "maintenance_plan": (STAFF, {**_field(_through("site_id", "site_id")), Role.CUSTOMER: OWN}),
    "maintenance_occurrence": (STAFF, {**_field(_through("site_id", "site_id")), Role.CUSTOMER: OWN}),
    "work_order": (
        STAFF,
        {
            **_field(_through("id", "work_order_id")),
            Role.CUSTOMER: OWN,
            Role.TRACKING: _tracked("work_order_id"),
        },
    ),
    "visit": (
        STAFF,
        {**_field(_through("id", "visit_id")), Role.CUSTOMER: OWN, Role.TRACKING: _same("id", "visit_id")},
    ),
    "assignment": (
        STAFF,
        {
            **_field(_through("id", "id")),
            Role.CUSTOMER: OWN,
            Role.TRACKING: _same("visit_id", "visit_id"),
        },
    ),
    "visit_dependency": (STAFF, _field(_at_an_end)),
    "substatus": (FIELD_TOO, {}),
    "crew": (STAFF, _field(_in_it)),
    "crew_member": (STAFF, _field(MINE)),
    "visit_part": (STAFF, _field(_through("visit_id", "visit_id"))),
    "technician": (
        STAFF,
        {
            **_field(_same("id", "technician_id")),
            Role.CUSTOMER: _serves,
            Role.TRACKING: _through("id", "technician_id"),
        },
    ),
    "technician_skill": (STAFF, _field(MINE)),
    "certification": (STAFF, _field(MINE)),
    "shift_pattern": (STAFF, _field(MINE)),
    "shift_pattern_day": (STAFF, _field(MINE)),
    "shift": (STAFF, _field(MINE)),
    "absence": (STAFF, _field(MINE)),
    "part": (FIELD_TOO, {}),
    "stock_location": (STAFF, _field(_lies_near)),
    "stock_level": (STAFF, _field(_lies_near)),
    "stock_movement": (STAFF, _field(_lies_near)),
    "transfer": (STAFF, _field(_starts_or_ends_near)),
    "reservation": (STAFF, _field(_lies_near)),
    "stock_serial": (STAFF, _field(_lies_near)),
    "reorder_rule": (STAFF, {}),
    "purchase_order": (STAFF, {}),
    "purchase_order_line": (STAFF, {}),
    "scheduling_policy": (NOT_SALES, {}),
    "plan": (NOT_SALES, {}),
    "plan_change": (NOT_SALES, {}),
    "plan_reason": (NOT_SALES, {}),
    "position_current": (NOT_SALES, _field(MINE)),
    "eta": (STAFF, LIVE_FACT),
    "arrival": (STAFF, LIVE_FACT),
    "tracking_link": (OFFICE, {}),
    "app_user": (frozenset({Role.ADMIN}), dict.fromkeys(PEOPLE, _same("id", "user_id"))),
    "api_key": (frozenset({Role.ADMIN}), {}),
    "upload": (NOT_SALES, _field(MINE)),
    "attachment": (STAFF, {**_field(_through("visit_id", "visit_id")), Role.CUSTOMER: _signed}),
    "import": (EXCHANGERS, {}),
    "import_line": (EXCHANGERS, {}),
    "audit": (frozenset({Role.ADMIN}), dict.fromkeys(STAFF - {Role.ADMIN}, _named)),
}
"""Roles that see every row of their company, and whom the others see which of; a table's own words."""
