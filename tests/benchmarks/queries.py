"""Queries: the four reads that are measured, in each server's own words, and how answers are compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain import ids
from domain.viewers import Role, Viewer
from tests.benchmarks.world import ORGANIZATION, TODAY, World, key

VIEWERS = 50
ORDER = "id number title state priority createdAt"
OURS = {
    "point": f"query point($id: ID!) {{ workOrder(id: $id) {{ {ORDER} dueAt }} }}",
    "list": f"query list {{ workOrders(first: 50) {{ nodes {{ {ORDER}"
    " customer { id number name } visits { nodes { id state plannedStart } } } } }",
    "portal": "query portal($id: ID!) { customer(id: $id) { id number name"
    " contracts { nodes { id number name state startsOn endsOn } }"
    " workOrders(first: 10) { nodes { id number title state createdAt"
    " visits { nodes { id state arrivalWindow { start end } } } } } } }",
    "board": "query board($from: DateTime!, $to: DateTime!) {"
    f" workOrders(first: 200, where: {{createdAt: {{gte: $from, lt: $to}}}}) {{ nodes {{ {ORDER} dueAt"
    " customer { id number name } site { id name address timeZone } contract { id number name }"
    " visits { nodes { id state plannedStart arrivalWindow { start end } createdAt"
    " assignments { nodes { id state isLead plannedStart plannedEnd"
    " technician { id code name phone kind } } } } } } } }",
}
# The usual way answers lists where ours are pages.
USUAL = {
    "point": OURS["point"],
    "list": f"query list {{ workOrders(first: 50) {{ {ORDER}"
    " customer { id number name } visits { id state plannedStart } } }",
    "portal": "query portal($id: ID!) { customer(id: $id) { id number name"
    " contracts { id number name state startsOn endsOn }"
    " workOrders(first: 10) { id number title state createdAt"
    " visits { id state arrivalWindow { start end } } } } }",
    "board": "query board($from: DateTime!, $to: DateTime!) {"
    f" workOrders(first: 200, createdFrom: $from, createdTo: $to) {{ {ORDER} dueAt"
    " customer { id number name } site { id name address timeZone } contract { id number name }"
    " visits { id state plannedStart arrivalWindow { start end } createdAt"
    " assignments { id state isLead plannedStart plannedEnd"
    " technician { id code name phone kind } } } } }",
}

# PostGraphile names an edge after its columns, keeps `id` for itself, and knows the day by a SQL function.
_PG_ORDER = f"id: row{ORDER[0].upper()}{ORDER[1:]}"
_PG_CUSTOMER = "customerByOrganizationIdAndCustomerId { id: rowId number name }"
_PG_VISITS = "visitsByOrganizationIdAndWorkOrderId(orderBy: [PLANNED_START_ASC, PRIMARY_KEY_ASC])"
POSTGRAPHILE = {
    "point": "query point($organization: UUID!, $id: UUID!) {"
    f" workOrderByOrganizationIdAndRowId(organizationId: $organization, rowId: $id)"
    f" {{ {_PG_ORDER} dueAt }} }}",
    "list": "query list { allWorkOrders(first: 50, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) {"
    f" nodes {{ {_PG_ORDER} {_PG_CUSTOMER} {_PG_VISITS}"
    " { nodes { id: rowId state plannedStart } } } } }",
    "portal": "query portal($organization: UUID!, $id: UUID!) {"
    " customerByOrganizationIdAndRowId(organizationId: $organization, rowId: $id) { id: rowId number name"
    " contractsByOrganizationIdAndCustomerId(orderBy: [NUMBER_ASC])"
    " { nodes { id: rowId number name state startsOn endsOn } }"
    " workOrdersByOrganizationIdAndCustomerId(first: 10, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC])"
    f" {{ nodes {{ id: rowId number title state createdAt {_PG_VISITS}"
    " { nodes { id: rowId state windowStart windowEnd } } } } } }",
    "board": "query board($from: Datetime!, $to: Datetime!) {"
    f" benchDayOrders(fromAt: $from, toAt: $to, first: 200) {{ nodes {{ {_PG_ORDER} dueAt {_PG_CUSTOMER}"
    " siteByOrganizationIdAndSiteId { id: rowId name address timeZone }"
    f" contractByOrganizationIdAndContractId {{ id: rowId number name }} {_PG_VISITS}"
    " { nodes { id: rowId state plannedStart windowStart windowEnd createdAt"
    " assignmentsByOrganizationIdAndVisitId(orderBy: [PLANNED_START_ASC, PRIMARY_KEY_ASC])"
    " { nodes { id: rowId state isLead plannedStart plannedEnd"
    " technicianByOrganizationIdAndTechnicianId { id: rowId code name phone kind } } } } } } } }",
}


@dataclass(frozen=True)
class Asked:
    """One read by one viewer: `ours` are its variables with our ids, `plain` with bare uuids."""

    name: str
    viewer: Viewer
    ours: dict[str, str]
    plain: dict[str, str]


def asked(name: str, world: World, n: int = 0) -> Asked:
    """The read of the n-th viewer."""
    customer = world.customer_of(world.days * 200 - 1 - n)
    role = Role.CUSTOMER if name == "portal" else Role.DISPATCHER
    viewer = Viewer(
        organization_id=ORGANIZATION,
        role=role,
        subject=f"bench:{role.lower()}:{n}",
        customer_id=key("customer", customer) if role == Role.CUSTOMER else None,
    )
    if name == "point":
        row = key("work_order", world.days * 100 + n)
        return Asked(name, viewer, {"id": ids.encode("wor", row)}, {"id": str(row)})
    if name == "portal":
        row = key("customer", customer)
        return Asked(name, viewer, {"id": ids.encode("cus", row)}, {"id": str(row)})
    if name == "board":
        day = {"from": TODAY.isoformat(), "to": (TODAY + timedelta(days=1)).isoformat()}
        return Asked(name, viewer, day, day)
    return Asked(name, viewer, {}, {})


def leaves(value: Any) -> Iterator[object]:
    """An answer's values in order: ids without their prefix, instants as such, whatever it is nested in."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, str):
        yield _bare(value)
    else:
        yield value


def _bare(text: str) -> object:
    tail = text.partition("_")[2] or text
    if len(tail) == 36 and tail.count("-") == 4:
        return UUID(tail)
    if re.match(r"\d{4}-\d\d-\d\dT", text):
        return datetime.fromisoformat(text)
    return text
