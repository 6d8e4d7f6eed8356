"""Access: which rows of which table a role may read and write, declared once and used twice.

Migrations freeze it into row-level security policies; compiled reads bind the same predicates as parameters.
A predicate is SQL over the row `{t}` with the viewer's values as `:organization`, `:customer`, `:technician`
and `:visit`. It looks at the row's own columns and at most one other table, whose own predicate for the same
role looks at its own columns only (mutual look-ups would recurse for ever). None: the role sees no row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.viewers import Role

ALL = "TRUE"
REACH = "assignment"
EVERYONE = tuple(Role)
OFFICE = (Role.ADMIN, Role.MANAGER, Role.DISPATCHER)
STAFF = (*OFFICE, Role.SALES, Role.INTEGRATION)
FIELD = (Role.TECHNICIAN, Role.SUBCONTRACTOR)
VALUES = {
    "organization": ("app.organization_id", "uuid"),
    "customer": ("app.customer_id", "uuid"),
    "technician": ("app.technician_id", "uuid"),
    "visit": ("app.visit_id", "uuid"),
}


@dataclass(frozen=True, slots=True)
class Access:
    """Read: role → predicate. Write: the roles that may also insert, change and delete within it."""

    read: Mapping[Role, str]
    write: frozenset[Role] = frozenset()
    insert: frozenset[Role] = frozenset()
    """Roles that may insert, even a row that they cannot read back."""
    organization: str = "organization_id"
    system: bool = field(default=False)
    """Read across organizations by fieldgraph_system (the log's reader, workers, token look-up)."""


def reached(column: str, by: str) -> str:
    """Rows that an assignment of the viewer's leads to, `by` naming the assignment's column."""
    return (
        f"EXISTS (SELECT 1 FROM {REACH} reach WHERE reach.organization_id = {{t}}.organization_id"
        f" AND reach.technician_id = :technician AND reach.state IN ('OFFERED', 'ACCEPTED')"
        f" AND reach.{by} = {{t}}.{column})"
    )


def tracked(column: str, by: str) -> str:
    """Rows that the tracked visit's own row points at."""
    return (
        "EXISTS (SELECT 1 FROM visit tracked WHERE tracked.organization_id = {t}.organization_id"
        f" AND tracked.id = :visit AND tracked.{by} = {{t}}.{column})"
    )


def _roles(
    staff: str | None = ALL,
    *,
    technician: str | None = None,
    customer: str | None = None,
    tracking: str | None = None,
    without: tuple[Role, ...] = (),
) -> dict[Role, str]:
    rows: dict[Role, str] = {}
    if staff:
        rows.update(dict.fromkeys((role for role in STAFF if role not in without), staff))
    if technician:
        rows.update(dict.fromkeys(FIELD, technician))
    if customer:
        rows[Role.CUSTOMER] = customer
    if tracking:
        rows[Role.TRACKING] = tracking
    return rows


OFFICE_WRITES = frozenset({*OFFICE, Role.INTEGRATION})
FIELD_WRITES = frozenset({*OFFICE, Role.INTEGRATION, *FIELD})
OWN_CUSTOMER = "{t}.customer_id = :customer"
OWN_ASSIGNMENT = "{t}.technician_id = :technician AND {t}.state IN ('OFFERED', 'ACCEPTED')"
OWN_VAN = (
    "EXISTS (SELECT 1 FROM stock_location place WHERE place.organization_id = {t}.organization_id"
    " AND place.id = {t}.stock_location_id "
    " AND (place.technician_id = :technician OR place.kind = 'WAREHOUSE'))"
)
TECHNICIAN_OF_CUSTOMER = (
    "EXISTS (SELECT 1 FROM assignment reach WHERE reach.organization_id = {t}.organization_id"
    " AND reach.customer_id = :customer AND reach.technician_id = {t}.id)"
)
TECHNICIAN_OF_VISIT = (
    "EXISTS (SELECT 1 FROM assignment reach WHERE reach.organization_id = {t}.organization_id"
    " AND reach.visit_id = :visit AND reach.technician_id = {t}.id"
    " AND reach.state IN ('OFFERED', 'ACCEPTED'))"
)
IN_ORGANIZATION = dict.fromkeys(EVERYONE, ALL)
NO_SALES = (Role.SALES,)

TABLES: dict[str, Access] = {
    "organization": Access(IN_ORGANIZATION, frozenset({Role.ADMIN}), organization="id"),
    "counter": Access(_roles(), OFFICE_WRITES),
    "customer": Access(
        _roles(technician=reached("id", "customer_id"), customer="{t}.id = :customer"), OFFICE_WRITES
    ),
    "contact": Access(
        _roles(technician=reached("customer_id", "customer_id"), customer=OWN_CUSTOMER), OFFICE_WRITES
    ),
    "external_id": Access(_roles(), OFFICE_WRITES),
    "territory": Access(_roles(technician=ALL), OFFICE_WRITES),
    "site": Access(
        _roles(technician=reached("id", "site_id"), customer=OWN_CUSTOMER, tracking=tracked("id", "site_id")),
        OFFICE_WRITES,
    ),
    "contract": Access(_roles(customer=OWN_CUSTOMER), OFFICE_WRITES),
    "entitlement": Access(_roles(customer=OWN_CUSTOMER), OFFICE_WRITES),
    "skill": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_type": Access(_roles(technician=ALL, customer=ALL, tracking=ALL), OFFICE_WRITES),
    "work_type_skill": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_type_part": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_order": Access(
        _roles(
            technician=reached("id", "work_order_id"),
            customer=OWN_CUSTOMER,
            tracking=tracked("id", "work_order_id"),
        ),
        FIELD_WRITES,
    ),
    "visit": Access(
        _roles(technician=reached("id", "visit_id"), customer=OWN_CUSTOMER, tracking="{t}.id = :visit"),
        FIELD_WRITES,
    ),
    "assignment": Access(
        _roles(technician=OWN_ASSIGNMENT, customer=OWN_CUSTOMER, tracking="{t}.visit_id = :visit"),
        FIELD_WRITES,
    ),
    "visit_part": Access(_roles(technician=reached("visit_id", "visit_id")), OFFICE_WRITES),
    "technician": Access(
        _roles(
            technician="{t}.id = :technician", customer=TECHNICIAN_OF_CUSTOMER, tracking=TECHNICIAN_OF_VISIT
        ),
        OFFICE_WRITES,
    ),
    "technician_skill": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "shift": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "absence": Access(_roles(technician="{t}.technician_id = :technician"), FIELD_WRITES),
    "part": Access(_roles(technician=ALL), OFFICE_WRITES),
    "stock_location": Access(
        _roles(technician="({t}.technician_id = :technician OR {t}.kind = 'WAREHOUSE')"), OFFICE_WRITES
    ),
    "stock_level": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "stock_movement": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "reservation": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "plan": Access(_roles(without=NO_SALES), OFFICE_WRITES),
    "plan_change": Access(_roles(without=NO_SALES), OFFICE_WRITES),
    "plan_reason": Access(_roles(without=NO_SALES), OFFICE_WRITES),
    "position": Access(_roles(without=NO_SALES, technician="{t}.technician_id = :technician"), FIELD_WRITES),
    "position_current": Access(
        _roles(without=NO_SALES, technician="{t}.technician_id = :technician"), FIELD_WRITES
    ),
    "eta": Access(
        _roles(
            technician="{t}.technician_id = :technician",
            customer=(
                "EXISTS (SELECT 1 FROM visit own WHERE own.organization_id = {t}.organization_id"
                " AND own.id = {t}.visit_id AND own.customer_id = :customer)"
            ),
            tracking="{t}.visit_id = :visit",
        ),
        FIELD_WRITES,
    ),
    "arrival": Access(
        _roles(
            technician="{t}.technician_id = :technician",
            customer=(
                "EXISTS (SELECT 1 FROM visit own WHERE own.organization_id = {t}.organization_id"
                " AND own.id = {t}.visit_id AND own.customer_id = :customer)"
            ),
            tracking="{t}.visit_id = :visit",
        ),
        FIELD_WRITES,
    ),
    "tracking_link": Access(_roles(without=(Role.SALES, Role.INTEGRATION)), OFFICE_WRITES),
    "credential": Access(dict.fromkeys(OFFICE, ALL), frozenset(OFFICE), system=True),
    "job": Access(dict.fromkeys(OFFICE, ALL), frozenset(OFFICE), system=True),
    "idempotency": Access(IN_ORGANIZATION, frozenset(EVERYONE), system=True),
    "event": Access(_roles(), insert=frozenset(EVERYONE), system=True),
}

SEARCHED = frozenset(
    {
        "contact",
        "contract",
        "customer",
        "part",
        "site",
        "skill",
        "stock_location",
        "technician",
        "territory",
        "work_order",
        "work_type",
    }
)
"""Tables with a `searched` column; fieldgraph_search, as whom only `search_ids` runs, reads it and ids."""


def predicate(role: Role, table: str, alias: str, bind: Callable[[str], str]) -> str:
    """The rows of a table that a role may read, as SQL; `bind` gives the text that stands for a value.

    Fails closed: KeyError for a table that is not declared, FALSE for a role that has no rows in it.
    """
    access = TABLES[table]
    rows = access.read.get(role)
    if rows is None:
        return "FALSE"
    own = f"{alias}.{access.organization} = :organization"
    whole = own if rows == ALL else f"{own} AND {rows.format(t=alias)}"
    return re.sub(r"(?<!:):([a-z]+)", lambda found: bind(found[1]), whole)


def statements(table: str) -> list[str]:
    """The SQL that makes a table's row-level security what is declared here."""
    access = TABLES[table]
    own = f"{access.organization} = {_setting('organization')}"
    written = {role: access.read.get(role, "FALSE") for role in access.write}
    lines = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    ]
    if table in SEARCHED:
        lines.append(f"CREATE POLICY search ON {table} FOR SELECT TO fieldgraph_search USING (true)")
    lines.append(_policy(table, "reads", "SELECT", f"USING ({own} AND ({_cases(table, access.read)}))"))
    if written:
        rows = f"{own} AND ({_cases(table, written)})"
        lines.append(_policy(table, "changes", "UPDATE", f"USING ({rows}) WITH CHECK ({own})"))
        lines.append(_policy(table, "deletes", "DELETE", f"USING ({rows})"))
    adds = access.insert | access.write
    if adds:
        names = ", ".join(f"'{role}'" for role in sorted(adds))
        lines.append(_policy(table, "adds", "INSERT", f"WITH CHECK ({own} AND {_ROLE} IN ({names}))"))
    if access.system:
        lines.append(f"CREATE POLICY system ON {table} TO fieldgraph_system USING (true)")
    return lines


_ROLE = "(SELECT current_setting('app.role', true))"


def _setting(name: str) -> str:
    setting, kind = VALUES[name]
    return f"(SELECT nullif(current_setting('{setting}', true), '')::{kind})"


def _policy(table: str, name: str, command: str, rule: str) -> str:
    return f"CREATE POLICY {name} ON {table} FOR {command} TO fieldgraph_app {rule}"


def _cases(table: str, rows: Mapping[Role, str]) -> str:
    """Roles with the same predicate share one case."""
    by_predicate: dict[str, list[str]] = {}
    for role in Role:
        if role in rows:
            by_predicate.setdefault(rows[role], []).append(f"'{role}'")
    cases = []
    for rule, roles in by_predicate.items():
        text = re.sub(r"(?<!:):([a-z]+)", lambda found: _setting(found[1]), rule.format(t=table))
        names = f"{_ROLE} IN ({', '.join(roles)})"
        cases.append(names if rule == ALL else f"({names} AND {text})")
    return " OR ".join(cases) or "FALSE"
