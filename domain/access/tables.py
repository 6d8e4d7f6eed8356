"""Tables: which rows of which table a role may read and write, declared once and used twice.

Migrations freeze it into row-level security policies; compiled reads bind the same predicates as parameters.
A predicate is SQL over the row `{t}` with the viewer's values as `:organization`, `:customer`, `:technician`,
`:visit` and `:user`. It looks at the row's own columns and asks at most one of the LOOK_UPS about another
table, whose own predicate for the same role looks at its own columns only (mutual look-ups would recurse for
ever).
None: the role sees no row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.viewers import Role

ALL = "TRUE"
EVERYONE = tuple(Role)
OFFICE = (Role.ADMIN, Role.MANAGER, Role.DISPATCHER)
STAFF = (*OFFICE, Role.SALES, Role.INTEGRATION)
FIELD = (Role.TECHNICIAN, Role.SUBCONTRACTOR)


@dataclass(frozen=True, slots=True)
class Access:
    """Read: role → predicate. Write: the roles that may also change, delete and insert within it."""

    read: Mapping[Role, str]
    write: frozenset[Role] = frozenset()
    insert: frozenset[Role] | None = None
    """Who may insert, if not those who write; who does not write may insert what they cannot read back."""
    organization: str = "organization_id"
    system: bool = field(default=False)
    """Read across organizations by fieldgraph_system (the log's reader, workers, token look-up)."""
    kept: bool = field(default=False)
    """Written by triggers alone, which run as fieldgraph_audit."""

    @property
    def adds(self) -> frozenset[Role]:
        return self.write if self.insert is None else self.insert


_ASSIGNED = (
    "assignment reach WHERE reach.organization_id = :organization AND reach.technician_id = :technician"
    " AND reach.state IN ('OFFERED', 'ACCEPTED')"
)
_TRACKED = "visit tracked WHERE tracked.organization_id = :organization AND tracked.id = :visit"
LOOK_UPS = {
    "viewer_assigned_customers": f"reach.customer_id FROM {_ASSIGNED}",
    "viewer_assigned_sites": f"reach.site_id FROM {_ASSIGNED}",
    "viewer_assigned_work_orders": f"reach.work_order_id FROM {_ASSIGNED}",
    "viewer_assigned_visits": f"reach.visit_id FROM {_ASSIGNED}",
    "viewer_tracked_sites": f"tracked.site_id FROM {_TRACKED}",
    "viewer_tracked_work_orders": f"tracked.work_order_id FROM {_TRACKED}",
    "viewer_tracked_technicians": (
        "reach.technician_id FROM assignment reach WHERE reach.organization_id = :organization"
        " AND reach.visit_id = :visit AND reach.state IN ('OFFERED', 'ACCEPTED')"
    ),
    "viewer_known_technicians": (
        "reach.technician_id FROM assignment reach WHERE reach.organization_id = :organization"
        " AND reach.customer_id = :customer"
    ),
    "viewer_own_visits": (
        "own.id FROM visit own WHERE own.organization_id = :organization AND own.customer_id = :customer"
    ),
    "viewer_crews": (
        "own.crew_id FROM crew_member own WHERE own.organization_id = :organization"
        " AND own.technician_id = :technician"
    ),
    "viewer_stock_locations": (
        "place.id FROM stock_location place WHERE place.organization_id = :organization"
        " AND (place.technician_id = :technician OR place.kind = 'WAREHOUSE')"
    ),
}
"""Keys of rows that another table's rows lead the viewer to; a predicate says `{t}.id IN viewer_…`.

A policy asks a function of that name, once a statement and only for the roles that need it: written out, the
other table's own policies would be planned and started with every read, for roles that never ask. A compiled
read has it written out, so that the viewer's few rows lead to what is read.
"""


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


def _roles_named() -> dict[Role, str]:
    """Staff, as far as the row itself does not name others as its readers."""
    named = "({{t}}.readers IS NULL OR '{role}' = ANY ({{t}}.readers))"
    return {role: ALL if role == Role.ADMIN else named.format(role=role.value) for role in STAFF}


OFFICE_WRITES = frozenset({*OFFICE, Role.INTEGRATION})
FIELD_WRITES = frozenset({*OFFICE, Role.INTEGRATION, *FIELD})
OWN_CUSTOMER = "{t}.customer_id = :customer"
OWN_ASSIGNMENT = "{t}.technician_id = :technician AND {t}.state IN ('OFFERED', 'ACCEPTED')"
OWN_VAN = "{t}.stock_location_id IN viewer_stock_locations"
TO_OR_FROM = (
    "({t}.from_location_id IN viewer_stock_locations OR {t}.to_location_id IN viewer_stock_locations)"
)
EXCHANGERS = frozenset({Role.ADMIN, Role.MANAGER, Role.INTEGRATION})
IN_ORGANIZATION = dict.fromkeys(EVERYONE, ALL)
NO_SALES = (Role.SALES,)
ONLY_ADMIN = {Role.ADMIN: ALL}
PEOPLE = (Role.MANAGER, Role.DISPATCHER, *FIELD, Role.SALES, Role.CUSTOMER)
LINKS = "{t}.role = 'TRACKING'"

TABLES: dict[str, Access] = {
    "organization": Access(IN_ORGANIZATION, frozenset({Role.ADMIN}), organization="id"),
    "counter": Access(_roles(), OFFICE_WRITES),
    "customer": Access(
        _roles(technician="{t}.id IN viewer_assigned_customers", customer="{t}.id = :customer"), OFFICE_WRITES
    ),
    "contact": Access(
        _roles(technician="{t}.customer_id IN viewer_assigned_customers", customer=OWN_CUSTOMER),
        OFFICE_WRITES,
    ),
    "external_id": Access(_roles(), OFFICE_WRITES),
    "territory": Access(_roles(technician=ALL), OFFICE_WRITES),
    "site": Access(
        _roles(
            technician="{t}.id IN viewer_assigned_sites",
            customer=OWN_CUSTOMER,
            tracking="{t}.id IN viewer_tracked_sites",
        ),
        OFFICE_WRITES,
    ),
    "asset": Access(
        _roles(technician="{t}.site_id IN viewer_assigned_sites", customer=OWN_CUSTOMER), OFFICE_WRITES
    ),
    "meter_reading": Access(
        _roles(technician="{t}.site_id IN viewer_assigned_sites", customer=OWN_CUSTOMER), FIELD_WRITES
    ),
    "contract": Access(_roles(customer=OWN_CUSTOMER), OFFICE_WRITES, system=True),
    "entitlement": Access(_roles(customer=OWN_CUSTOMER), OFFICE_WRITES),
    "contract_asset": Access(_roles(customer=OWN_CUSTOMER), OFFICE_WRITES),
    "contract_work_type": Access(_roles(customer=OWN_CUSTOMER), OFFICE_WRITES),
    "skill": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_type": Access(_roles(technician=ALL, customer=ALL, tracking=ALL), OFFICE_WRITES),
    "work_type_skill": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_type_part": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_type_task": Access(_roles(technician=ALL), OFFICE_WRITES),
    "work_task": Access(
        _roles(technician="{t}.work_order_id IN viewer_assigned_work_orders", customer=OWN_CUSTOMER),
        FIELD_WRITES,
        insert=OFFICE_WRITES,
    ),
    "maintenance_plan": Access(
        _roles(technician="{t}.site_id IN viewer_assigned_sites", customer=OWN_CUSTOMER),
        OFFICE_WRITES,
        system=True,
    ),
    "maintenance_occurrence": Access(
        _roles(technician="{t}.site_id IN viewer_assigned_sites", customer=OWN_CUSTOMER), OFFICE_WRITES
    ),
    "work_order": Access(
        _roles(
            technician="{t}.id IN viewer_assigned_work_orders",
            customer=OWN_CUSTOMER,
            tracking="{t}.id IN viewer_tracked_work_orders",
        ),
        FIELD_WRITES,
        insert=OFFICE_WRITES,
    ),
    "milestone": Access(
        _roles(technician="{t}.work_order_id IN viewer_assigned_work_orders", customer=OWN_CUSTOMER),
        OFFICE_WRITES,
        system=True,
    ),
    "visit": Access(
        _roles(
            technician="{t}.id IN viewer_assigned_visits", customer=OWN_CUSTOMER, tracking="{t}.id = :visit"
        ),
        FIELD_WRITES,
        insert=OFFICE_WRITES,
    ),
    "assignment": Access(
        _roles(technician=OWN_ASSIGNMENT, customer=OWN_CUSTOMER, tracking="{t}.visit_id = :visit"),
        FIELD_WRITES,
        insert=OFFICE_WRITES,
    ),
    "visit_dependency": Access(
        _roles(
            technician="({t}.predecessor_id IN viewer_assigned_visits"
            " OR {t}.successor_id IN viewer_assigned_visits)"
        ),
        OFFICE_WRITES,
    ),
    "substatus": Access(_roles(technician=ALL), OFFICE_WRITES),
    "crew": Access(_roles(technician="{t}.id IN viewer_crews"), OFFICE_WRITES),
    "crew_member": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "visit_part": Access(_roles(technician="{t}.visit_id IN viewer_assigned_visits"), OFFICE_WRITES),
    "technician": Access(
        _roles(
            technician="{t}.id = :technician",
            customer="{t}.id IN viewer_known_technicians",
            tracking="{t}.id IN viewer_tracked_technicians",
        ),
        OFFICE_WRITES,
    ),
    "technician_skill": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "certification": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "shift_pattern": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "shift_pattern_day": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "shift": Access(_roles(technician="{t}.technician_id = :technician"), OFFICE_WRITES),
    "absence": Access(_roles(technician="{t}.technician_id = :technician"), FIELD_WRITES),
    "part": Access(_roles(technician=ALL), OFFICE_WRITES),
    "stock_location": Access(
        _roles(technician="({t}.technician_id = :technician OR {t}.kind = 'WAREHOUSE')"), OFFICE_WRITES
    ),
    "stock_level": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "stock_movement": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "transfer": Access(_roles(technician=TO_OR_FROM), FIELD_WRITES),
    "reservation": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "stock_serial": Access(_roles(technician=OWN_VAN), FIELD_WRITES),
    "reorder_rule": Access(_roles(), OFFICE_WRITES),
    "purchase_order": Access(_roles(), OFFICE_WRITES),
    "purchase_order_line": Access(_roles(), OFFICE_WRITES),
    "scheduling_policy": Access(_roles(without=NO_SALES), OFFICE_WRITES),
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
            customer="{t}.visit_id IN viewer_own_visits",
            tracking="{t}.visit_id = :visit",
        ),
        FIELD_WRITES,
    ),
    "arrival": Access(
        _roles(
            technician="{t}.technician_id = :technician",
            customer="{t}.visit_id IN viewer_own_visits",
            tracking="{t}.visit_id = :visit",
        ),
        FIELD_WRITES,
    ),
    "tracking_link": Access(_roles(without=(Role.SALES, Role.INTEGRATION)), OFFICE_WRITES),
    "credential": Access(
        {**ONLY_ADMIN, **dict.fromkeys((Role.MANAGER, Role.DISPATCHER), LINKS)},
        frozenset(OFFICE),
        system=True,
    ),
    "app_user": Access(
        {**ONLY_ADMIN, **dict.fromkeys(PEOPLE, "{t}.id = :user")}, frozenset({Role.ADMIN}), system=True
    ),
    "api_key": Access(ONLY_ADMIN, frozenset({Role.ADMIN})),
    "credential_use": Access(ONLY_ADMIN, system=True),
    "job": Access(
        dict.fromkeys(OFFICE, ALL), frozenset(OFFICE), insert=frozenset({*OFFICE, *EXCHANGERS}), system=True
    ),
    "upload": Access(_roles(without=NO_SALES, technician="{t}.technician_id = :technician"), FIELD_WRITES),
    "attachment": Access(
        _roles(
            technician="{t}.visit_id IN viewer_assigned_visits",
            customer="{t}.customer_id = :customer AND {t}.kind = 'SIGNATURE'",
        ),
        FIELD_WRITES,
    ),
    "visit_cost": Access(_roles(without=(Role.DISPATCHER,)), frozenset({Role.ADMIN})),
    "import": Access(dict.fromkeys(EXCHANGERS, ALL), EXCHANGERS),
    "import_line": Access(dict.fromkeys(EXCHANGERS, ALL), EXCHANGERS),
    "idempotency": Access(IN_ORGANIZATION, frozenset(EVERYONE), system=True),
    "bucket": Access({Role.ADMIN: ALL}, system=True),
    "event": Access(_roles(), insert=frozenset(EVERYONE), system=True),
    "touched": Access({}, system=True, kept=True),
    "audit": Access(_roles_named(), system=True, kept=True),
    "audit_value": Access(_roles_named(), system=True, kept=True),
    "audit_seal": Access(ONLY_ADMIN, system=True, kept=True),
    "audit_chain": Access(ONLY_ADMIN, system=True, kept=True),
}

SEARCHED = frozenset(
    {
        "asset",
        "contact",
        "contract",
        "crew",
        "customer",
        "maintenance_plan",
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
