"""Audit: the history of every row, as its readers may see it, and the erasure of what was personal."""

from datetime import datetime

import strawberry

from domain import audit
from domain.access import audited
from domain.audit import ChangeAction
from domain.events import Origin
from domain.viewers import Role
from schema.customers import VERSION, Contact
from schema.errors import UserError
from schema.graph import Node, column, listed, node, one, one_of, record, sql, value

PREFIXES = {
    "absence": "abs",
    "api_key": "key",
    "app_user": "usr",
    "arrival": "arr",
    "asset": "ast",
    "assignment": "asg",
    "attachment": "att",
    "certification": "cer",
    "contact": "cnt",
    "contract": "con",
    "contract_asset": "cas",
    "contract_work_type": "cwt",
    "crew": "crw",
    "crew_member": "cme",
    "customer": "cus",
    "entitlement": "ent",
    "external_id": "ext",
    "maintenance_occurrence": "moc",
    "maintenance_plan": "mpl",
    "meter_reading": "mtr",
    "milestone": "mil",
    "organization": "org",
    "part": "prt",
    "plan": "pln",
    "purchase_order": "por",
    "purchase_order_line": "pul",
    "reorder_rule": "ror",
    "reservation": "rsv",
    "scheduling_policy": "pol",
    "shift": "shf",
    "shift_pattern": "shp",
    "site": "sit",
    "skill": "skl",
    "stock_level": "slv",
    "stock_location": "stl",
    "stock_movement": "mov",
    "stock_serial": "ssn",
    "substatus": "sub",
    "technician": "tec",
    "technician_skill": "tsk",
    "territory": "ter",
    "tracking_link": "trk",
    "transfer": "trf",
    "upload": "upl",
    "visit": "vis",
    "visit_dependency": "vde",
    "visit_part": "vpt",
    "work_order": "wor",
    "work_task": "wtk",
    "work_type": "wty",
    "work_type_part": "wtp",
    "work_type_skill": "wts",
    "work_type_task": "wtt",
}
"""By table, how the ids of its type begin; a test compares. What is not here is no type of the graph."""
_CASES = " ".join(f"WHEN '{table}' THEN '{prefix}1_'" for table, prefix in PREFIXES.items())
ENTITY_ID = f"CASE {{t}}.entity_type {_CASES} END || {{t}}.entity_id"
ENTITY_TYPE = (
    "CASE {t}.entity_type WHEN 'app_user' THEN 'User'"
    " ELSE replace(initcap(replace({t}.entity_type, '_', ' ')), ' ', '') END"
)
"""`user` is Postgres' own word, so that one table is called otherwise than its type."""
FIELDS = "audit_fields({t}.organization_id, {t}.before, {t}.after, {t}.apart)"
"""Values that are kept apart are under policies of their own; the compiled read adds none."""


@value("One field of a row, before and after a change.")
class FieldChange:
    field: str = column("Its name, such as plannedStart.")
    before: str | None = column(
        "What it was, as text: instants in UTC, JSON where it has parts; null for nothing."
    )
    after: str | None = column("What it became, likewise.")
    withheld: bool = column("Whether its values are not told: they were erased, or are not for the viewer.")


@node(audit.Audit, prefix="his", description="One change of one row; it is never altered.", order=("-id",))
class HistoryEntry(Node):
    action: ChangeAction = column("What was done.")
    at: datetime = column("When, by business time.")
    recorded_at: datetime = column("When the database took it in.")
    actor: str = column("Who, as their token says; `database:` and a user for SQL of their own.")
    role: Role | None = column("As what they did it; null for SQL of their own.", of="actor_role")
    origin: Origin = column("By which door.")
    reason: str | None = column("Why, where a reason was given.")
    version: int = column("The row's version since then.", of="entity_version")
    entity: Node | None = one_of(
        "What changed; null where it is gone.",
        type="entity_type",
        by="entity_id",
        tables=tuple(audited.tables()),
    )
    entity_type: str = sql(ENTITY_TYPE, "The type of what changed, such as Visit.", never_null=True)
    entity_id: strawberry.ID | None = sql(
        ENTITY_ID,
        "The global id of what changed, also where it is gone; null for what is no type of the graph.",
    )
    fields: list[FieldChange] = listed(
        "What differs: all that has a value for a row that came to be or is gone. Without what is computed.",
        expression=FIELDS,
    )


@strawberry.input(description="A person whose data shall be gone.")
class EraseContactInput:
    contact: strawberry.ID = strawberry.field(description="Which one.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@record("The contact as it is now.", contact_id="uuid", user_errors="jsonb")
class EraseContactPayload:
    contact: Contact | None = one("The contact as it is now: without name and addresses.", by="contact_id")
    user_errors: list[UserError] = listed("Why nothing was done; empty when it was.")
