"""Audited: which tables' changes are kept, what they are told of, and which of their values are kept apart.

A trigger writes what this declares (revision 0016); `capture` prints the SQL that puts it on a table. What
is kept apart lies in `audit_value`, and the audit row has only its reference and digest: so it can be erased
without breaking the chain, and be read by fewer than the row is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.access.tables import ALL, STAFF, TABLES
from domain.viewers import Role

EXEMPT: Mapping[str, str] = {
    "audit": "is the audit",
    "audit_chain": "is the audit",
    "audit_seal": "is the audit",
    "audit_value": "is the audit; what is erased from it must not come back into it",
    "bucket": "is how much a client has asked for lately; nobody decides it, and it is full again in seconds",
    "credential_use": "is a measurement, to the hour; that somebody asked is no change to the books",
    "counter": "only remembers the last number given out; what got the number is audited",
    "eta": "is computed again with every position, by nobody's decision",
    "event": "is a log of its own, append-only, kept 30 days",
    "idempotency": "is the record of an answer, kept 7 days",
    "import": "counts how far a file is; what its lines wrote is audited",
    "import_line": "is a line of a file and what became of it; what it wrote is audited",
    "job": "is the workers' queue; what was asked for is audited",
    "plan_change": "is part of a proposal, kept as it was made; a commit changes visits, which are audited",
    "plan_reason": "is part of a proposal, kept as it was made",
    "position": "is a measurement, thousands an hour; where people were is no change to the books",
    "position_current": "is the last of the positions",
    "touched": "is the note that something changed, kept for a day",
}
"""Tables whose changes are not kept, and why."""

BELONGS: Mapping[str, tuple[str, ...]] = {
    "absence": ("technician_id",),
    "arrival": ("visit_id", "technician_id"),
    "asset": ("site_id",),
    "attachment": ("visit_id",),
    "assignment": ("visit_id", "work_order_id", "technician_id"),
    "certification": ("technician_id",),
    "contact": ("customer_id",),
    "contract": ("customer_id",),
    "contract_asset": ("contract_id", "asset_id"),
    "contract_work_type": ("contract_id",),
    "api_key": ("technician_id",),
    "app_user": ("technician_id", "customer_id"),
    "credential": ("visit_id", "technician_id"),
    "crew": (),
    "crew_member": ("crew_id", "technician_id"),
    "customer": (),
    "entitlement": ("contract_id",),
    "external_id": ("entity_id",),
    "maintenance_occurrence": ("plan_id", "work_order_id"),
    "maintenance_plan": ("site_id", "contract_id"),
    "meter_reading": ("asset_id",),
    "milestone": ("work_order_id",),
    "organization": (),
    "part": (),
    "plan": (),
    "purchase_order": (),
    "purchase_order_line": ("purchase_order_id",),
    "reorder_rule": ("part_id", "stock_location_id"),
    "reservation": ("visit_id",),
    "scheduling_policy": (),
    "shift": ("technician_id",),
    "shift_pattern": ("technician_id",),
    "shift_pattern_day": ("shift_pattern_id", "technician_id"),
    "site": ("customer_id",),
    "skill": (),
    "stock_level": (),
    "stock_location": ("technician_id", "site_id"),
    "stock_movement": ("visit_id", "transfer_id", "purchase_order_id"),
    "stock_serial": ("visit_id", "asset_id"),
    "substatus": (),
    "technician": (),
    "technician_skill": ("technician_id",),
    "territory": (),
    "tracking_link": ("visit_id",),
    "transfer": ("from_location_id", "to_location_id"),
    "upload": (),
    "visit": ("work_order_id",),
    "visit_cost": ("visit_id", "work_order_id"),
    "visit_dependency": ("predecessor_id", "successor_id"),
    "visit_part": ("visit_id",),
    "work_order": (),
    "work_task": ("work_order_id", "visit_id"),
    "work_type": (),
    "work_type_part": ("work_type_id",),
    "work_type_skill": ("work_type_id",),
    "work_type_task": ("work_type_id",),
}
"""Columns that name the rows a row is part of: its changes are told in the history of those, too.

Not what it merely refers to: a customer's history is not that of all their work orders, nor a part's that of
every movement. A row that goes from one whole to another is told of both, so two columns name as many rows as
are found (`audit.PLACES`); three columns are for tables where they never change.
"""

PERSONAL: Mapping[str, tuple[str, ...]] = {
    "app_user": ("name", "email", "issuer", "subject"),
    "absence": ("reason",),
    "attachment": ("signed_by",),
    "contact": ("name", "email", "phone"),
    "customer": ("name",),
    "site": ("name", "address", "longitude", "latitude", "access_notes"),
    "technician": ("name", "phone", "home_longitude", "home_latitude"),
}
"""What says something about a person (a customer may be one, a site their home), so that it can be erased."""

_WITHOUT_DISPATCHERS = frozenset({Role.ADMIN, Role.MANAGER, Role.SALES, Role.INTEGRATION})
_COSTS = frozenset({Role.ADMIN, Role.MANAGER, Role.INTEGRATION})
_POSITIONS = frozenset({Role.ADMIN, Role.MANAGER, Role.DISPATCHER, Role.INTEGRATION})
READERS: Mapping[str, Mapping[str, frozenset[Role]]] = {
    "arrival": {"evidence": _POSITIONS},
    "contract": {"price": _WITHOUT_DISPATCHERS, "currency": _WITHOUT_DISPATCHERS},
    "part": {"unit_cost": _WITHOUT_DISPATCHERS},
    "purchase_order_line": {"unit_cost": _WITHOUT_DISPATCHERS, "currency": _WITHOUT_DISPATCHERS},
    "reorder_rule": {"unit_cost": _WITHOUT_DISPATCHERS, "currency": _WITHOUT_DISPATCHERS},
    "technician": {
        "home_longitude": _POSITIONS,
        "home_latitude": _POSITIONS,
        "hourly_cost": _COSTS,
        "overtime_hourly_cost": _COSTS,
        "kilometre_cost": _COSTS,
        "currency": _COSTS,
    },
}
"""Columns that fewer roles may read than see the row, as the fields over them declare it (`roles=`)."""

SECRET: Mapping[str, tuple[str, ...]] = {"credential": ("digest",), "api_key": ("hint",)}
"""What is not kept at all: only that it changed."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How one column's values are kept: erasable, and by whom they are read; None: by all who see the row."""

    personal: bool
    readers: frozenset[Role] | None


def tables() -> list[str]:
    """Every table whose changes are kept."""
    return sorted(TABLES.keys() - EXEMPT.keys())


def apart(table: str) -> dict[str, Apart]:
    """The columns whose values are kept apart."""
    personal, readers = PERSONAL.get(table, ()), READERS.get(table, {})
    return {
        column: Apart(column in personal, readers.get(column)) for column in sorted({*personal, *readers})
    }


def readers(table: str) -> frozenset[Role]:
    """Who may read the history of a table's rows: the staff that sees all of them."""
    return frozenset(role for role in STAFF if TABLES[table].read.get(role) == ALL)


def instruction(table: str) -> dict[str, Any]:
    """What the trigger is told about a table; what goes without saying is left out."""
    told: dict[str, Any] = {}
    if values := apart(table):
        told["apart"] = {column: _told(how) for column, how in values.items()}
    if table in SECRET:
        told["secret"] = sorted(SECRET[table])
    if BELONGS[table]:
        told["belongs"] = f"{{{','.join(BELONGS[table])}}}"
    if readers(table) != frozenset(STAFF):
        told["readers"] = _array(readers(table))
    return told


def capture(table: str) -> str:
    """The SQL, for a migration, that puts the trigger on a table, or anew after its declaration changed."""
    return f"SELECT audit_table('{table}', '{json.dumps(instruction(table), sort_keys=True)}')"


def _told(how: Apart) -> dict[str, Any]:
    told: dict[str, Any] = {"personal": True} if how.personal else {}
    return told if how.readers is None else {**told, "readers": _array(how.readers)}


def _array(roles: frozenset[Role]) -> str:
    """As Postgres reads an array of text."""
    return f"{{{','.join(sorted(roles))}}}"
