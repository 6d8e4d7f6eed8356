"""Scopes: what a key of a machine may be limited to: areas of the graph, each read or written."""

from collections.abc import Iterable, Mapping

AREAS: Mapping[str, tuple[str, ...]] = {
    "customers": ("asset", "contact", "customer", "external_id", "meter_reading", "site"),
    "contracts": (
        "contract",
        "contract_asset",
        "contract_work_type",
        "entitlement",
        "maintenance_occurrence",
        "maintenance_plan",
        "milestone",
    ),
    "work": (
        "arrival",
        "assignment",
        "attachment",
        "eta",
        "substatus",
        "tracking_link",
        "visit",
        "visit_cost",
        "visit_dependency",
        "visit_part",
        "work_order",
        "work_task",
        "work_type",
        "work_type_part",
        "work_type_skill",
        "work_type_task",
    ),
    "technicians": (
        "absence",
        "certification",
        "crew",
        "crew_member",
        "shift",
        "shift_pattern",
        "shift_pattern_day",
        "skill",
        "technician",
        "technician_skill",
        "territory",
    ),
    "stock": (
        "part",
        "purchase_order",
        "purchase_order_line",
        "reorder_rule",
        "reservation",
        "stock_level",
        "stock_location",
        "stock_movement",
        "stock_serial",
        "transfer",
    ),
    "plans": ("plan", "plan_change", "plan_reason", "scheduling_policy"),
    "positions": ("position", "position_current"),
    "imports": ("import", "import_line", "upload"),
}
"""Each area's tables; an area is read with `area:read`, changed and read with `area:write`."""
CHANGES = "changes:read"
HISTORY = "history:read"
SCOPES = frozenset({f"{area}:{how}" for area in AREAS for how in ("read", "write")} | {CHANGES, HISTORY})
"""All that a key may be given: a closed list."""
ANYBODY = "anybody"
"""Of what tells a key of nothing but itself, and needs no scope."""
PEOPLE = "people"
"""Of what no key does, whatever it was given: letting others in."""
_READ = {
    **{table: f"{area}:read" for area, tables in AREAS.items() for table in tables},
    "audit": HISTORY,
    "organization": ANYBODY,
    "app_user": ANYBODY,  # a row of it is seen by an ADMIN and by that user: by no key
    "api_key": ANYBODY,  # by an ADMIN only
}


def of_table(table: str) -> str:
    """What it takes to read a table; one that nobody has thought of is closed to keys."""
    return _READ.get(table, PEOPLE)


def tables(held: Iterable[str]) -> list[str]:
    """The tables that who holds these scopes may read: the history of others is not for them either."""
    scopes = frozenset(held)
    return sorted(table for table, needed in _READ.items() if permits(scopes, needed))


def permits(held: Iterable[str], needed: str) -> bool:
    """Whether who holds these scopes may do what needs that one; who writes an area reads it, too."""
    if needed == ANYBODY:
        return True
    area, _, how = needed.partition(":")
    return needed in held or (how == "read" and f"{area}:write" in held)
