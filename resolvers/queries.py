"""Query: the roots that read."""

from typing import Annotated, Optional

import strawberry

from domain.scopes import ANYBODY, CHANGES
from domain.viewers import OFFICE, Role
from resolvers import log_changes
from schema.api_keys import ApiKey
from schema.assets import Asset
from schema.audit import HistoryEntry
from schema.availability import Nearest, PartAvailability
from schema.changes import ChangesPage
from schema.contracts import Contract, Entitlement
from schema.crews import Crew
from schema.customers import Contact, Customer
from schema.entities import STAFF
from schema.federation import AnyEntities, Service
from schema.graph import (
    All,
    AnyNode,
    AnyNodes,
    AsOf,
    ByExternalId,
    ById,
    ByKey,
    Computed,
    Connection,
    Node,
    root,
)
from schema.imports import Import
from schema.maintenance import MaintenancePlan
from schema.milestones import Milestone
from schema.organizations import Viewer
from schema.plans import Plan
from schema.policies import SchedulingPolicy
from schema.purchasing import PurchaseOrder, ReorderRule
from schema.rates import RateLimit
from schema.scalars import Cursor
from schema.sites import Site, Territory
from schema.stock import Part, Reservation, StockLevel, StockLocation, StockMovement, StockSerial, Transfer
from schema.technicians import Absence, Certification, Shift, ShiftPattern, Skill, Technician
from schema.tracking import TrackingLink
from schema.users import User
from schema.verbs import answer
from schema.visits import Assignment, Substatus, Visit
from schema.work_orders import WorkOrder, WorkType

AS_OF = (
    "The same graph over the schedule as a plan would leave it: visits, assignments, what is held for them,"
    " and the states of work orders. What the plan does to a visit counts while the visit is as the optimizer"
    " saw it. A discarded or stale plan shows what it would have done; one that is committed, failed or not"
    " yet solved, the graph as it is. Null where there is no such plan to be seen; not to be asked for inside"
    " of itself."
)
ELSEWHERE = "One by the key that another system knows it by."
STARTS = "Where the log stands: read it before a first sync, then follow from there."

KEEPERS = frozenset(STAFF)
ADMINS = frozenset({Role.ADMIN})


@strawberry.type(description="What can be read.")
class Query:
    viewer: Viewer = root(Computed(key="viewer", scope=ANYBODY), "Who is asking.")
    cursor: Cursor = root(Computed(key="cursor", scope=ANYBODY), STARTS)
    changes: ChangesPage = answer(
        log_changes.changes_page,
        "The organization's log page by page, as `changes` streams it; a key is told of what its scopes let"
        " it read. Too old a cursor is RESYNC_REQUIRED: read `cursor`, then everything by query, and go on"
        " from there.",
        roles=(Role.ADMIN, Role.INTEGRATION),
        scope=CHANGES,
        arguments={
            "after": (
                Cursor | None,
                "Go on after this cursor; null: from the oldest that is kept (30 days).",
            ),
            "first": (int | None, "So many facts, and the rest of their transaction, 1 to 250; null: 25."),
            "types": (list[str] | None, "Only facts of these types, such as VisitScheduled; null: all."),
            "topics": (list[str] | None, "Only facts about these, such as visit or work_order; null: all."),
        },
    )
    rate_limit: RateLimit = root(
        Computed(key="rateLimit", scope=ANYBODY), "What may still be asked for, and what this costs."
    )
    node: Node | None = root(AnyNode(), "Anything by its id; null where there is none to be seen.")
    nodes: list[Node | None] = root(AnyNodes(), "Several by their ids, in their order; null per miss.")
    entities: list[Node | None] = root(
        AnyEntities(),
        "For a gateway: entities by their keys, in their order; null per miss.",
        name="_entities",
    )
    service: Service = root(
        Computed(key="service", scope=ANYBODY), "For a gateway: this graph's own schema.", name="_service"
    )
    as_of: Optional[Annotated["Query", strawberry.lazy("resolvers.queries")]] = root(
        AsOf(roles=OFFICE, scope="plans:read"), AS_OF
    )
    customer: Customer | None = root(ById(), "One customer by its id.")
    contact: Contact | None = root(ById(), "One contact by its id.")
    site: Site | None = root(ById(), "One site by its id.")
    asset: Asset | None = root(ById(), "One asset by its id.")
    contract: Contract | None = root(ById(), "One contract by its id.")
    maintenance_plan: MaintenancePlan | None = root(ById(), "One maintenance plan by its id.")
    work_type: WorkType | None = root(ById(), "One type of work by its id.")
    work_order: WorkOrder | None = root(ById(), "One work order by its id.")
    visit: Visit | None = root(ById(), "One visit by its id.")
    technician: Technician | None = root(ById(), "One technician by its id.")
    crew: Crew | None = root(ById(), "One crew by its id.")
    territory: Territory | None = root(ById(), "One territory by its id.")
    part: Part | None = root(ById(), "One part by its id.")
    stock_location: StockLocation | None = root(ById(), "One place that holds stock by its id.")
    purchase_order: PurchaseOrder | None = root(ById(), "One purchase order by its id.")
    plan: Plan | None = root(ById(), "One plan by its id.")
    import_: Import | None = root(ById(), "One import by its id.", name="import")
    scheduling_policy: SchedulingPolicy | None = root(ById(), "One policy of planning by its id.")
    user: User | None = root(ById(), "One user by their id.")
    api_key: ApiKey | None = root(ById(), "One key of a machine by its id.")
    work_order_by_number: WorkOrder | None = root(
        ByKey(column="number", argument="number"), "One work order by the organization's number."
    )
    contract_by_number: Contract | None = root(
        ByKey(column="number", argument="number"), "One contract by the organization's number."
    )
    asset_by_serial: Asset | None = root(
        ByKey(column="serial", argument="serial"), "One asset by the maker's number for it."
    )
    part_by_number: Part | None = root(
        ByKey(column="number", argument="number"), "One part by the organization's number."
    )
    part_by_barcode: Part | None = root(
        ByKey(column="barcode", argument="barcode"), "One part by what is printed on it."
    )
    purchase_order_by_number: PurchaseOrder | None = root(
        ByKey(column="number", argument="number"), "One purchase order by the organization's number."
    )
    technician_by_code: Technician | None = root(
        ByKey(column="code", argument="code"), "One technician by the organization's code."
    )
    customer_by_external_id: Customer | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    contact_by_external_id: Contact | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    site_by_external_id: Site | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    asset_by_external_id: Asset | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    contract_by_external_id: Contract | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    work_order_by_external_id: WorkOrder | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    technician_by_external_id: Technician | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    part_by_external_id: Part | None = root(ByExternalId(roles=KEEPERS), ELSEWHERE)
    customers: Connection[Customer] = root(All(), "Customers, by name.")
    contacts: Connection[Contact] = root(All(), "Contacts, by name.")
    sites: Connection[Site] = root(All(), "Sites, by name.")
    assets: Connection[Asset] = root(All(), "Assets, by name.")
    territories: Connection[Territory] = root(All(), "Territories, by name.")
    contracts: Connection[Contract] = root(All(), "Contracts, by number.")
    entitlements: Connection[Entitlement] = root(All(), "Entitlements, by name.")
    milestones: Connection[Milestone] = root(All(), "Clocks of what contracts promise, by when they are due.")
    maintenance_plans: Connection[MaintenancePlan] = root(All(), "Maintenance plans, by title.")
    work_types: Connection[WorkType] = root(All(), "Types of work, by name.")
    work_orders: Connection[WorkOrder] = root(All(), "Work orders, the newest first.")
    visits: Connection[Visit] = root(All(), "Visits, by planned start.")
    assignments: Connection[Assignment] = root(All(), "Assignments, by planned start.")
    technicians: Connection[Technician] = root(All(), "Technicians, by code.")
    crews: Connection[Crew] = root(All(), "Crews, by name.")
    substatuses: Connection[Substatus] = root(
        All(), "The company's own words for where visits stand, by name."
    )
    skills: Connection[Skill] = root(All(), "Skills, by name.")
    certifications: Connection[Certification] = root(All(), "Certificates, by their last day.")
    shift_patterns: Connection[ShiftPattern] = root(All(), "Patterns of shifts, by their first day.")
    shifts: Connection[Shift] = root(All(), "Shifts, by start.")
    absences: Connection[Absence] = root(All(), "Absences, by start.")
    parts: Connection[Part] = root(All(), "Parts, by number.")
    stock_locations: Connection[StockLocation] = root(All(), "Places that hold stock, by name.")
    stock_levels: Connection[StockLevel] = root(All(), "Levels of stock.")
    part_availability: list[PartAvailability] = root(
        Nearest(roles=KEEPERS, scope="stock:read"),
        "The places that have a part free, the nearest to a site first.",
    )
    stock_movements: Connection[StockMovement] = root(All(), "The ledger of stock, the newest first.")
    transfers: Connection[Transfer] = root(All(), "Transfers between places, the newest first.")
    reservations: Connection[Reservation] = root(All(), "Holds of stock for visits.")
    stock_serials: Connection[StockSerial] = root(All(), "Pieces of serialized parts, by number.")
    reorder_rules: Connection[ReorderRule] = root(All(), "When what is ordered by itself.")
    purchase_orders: Connection[PurchaseOrder] = root(All(), "Purchase orders, the newest first.")
    plans: Connection[Plan] = root(All(), "Plans, the newest first.")
    imports: Connection[Import] = root(All(), "Imports, the newest first.")
    scheduling_policies: Connection[SchedulingPolicy] = root(All(), "Policies of planning, by name.")
    users: Connection[User] = root(
        All(roles=ADMINS), "Who gets in, by name. Who is no ADMIN finds themselves by `viewer { user }`."
    )
    api_keys: Connection[ApiKey] = root(All(roles=ADMINS), "Machines' ways in, by name.")
    tracking_links: Connection[TrackingLink] = root(All(), "Links to visits.")
    history: Connection[HistoryEntry] = root(
        All(), "Every change of every row of the company, the newest first; for staff."
    )
