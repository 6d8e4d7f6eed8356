"""Overlays: the schedule as a plan would leave it, as SQL over the tables that its commit writes.

What `plans.commit` does by verbs is said here once more, so that it can be looked at before: a test compares
the two. A change counts while its visit is as the optimizer saw it, and until the plan is committed: a plan
that was made real, or that has no changes yet, shows the graph as it is.

Each layer is an expression of one statement; `{name}` in its text is another layer, `{plan}` the plan's key
and `{scope}` the viewer's plans (`p`). A layer named like a table stands in its place.
"""

from collections.abc import Mapping

from sqlalchemy import Table

from domain.plans import LEFT_OUT
from domain.stock import Reservation, StockLevel
from domain.visits import Assignment, Visit
from domain.work_orders import DERIVED, WorkOrder

HAPPENED = ("en_route_at", "arrived_at", "started_at", "ended_at", "work_since")
TABLES = ("visit", "work_order", "assignment", "reservation", "stock_level")
MOVES = """
SELECT c.id, c.organization_id, c.created_at, c.updated_at, c.visit_id, c.technician_id, c.planned_start,
  c.planned_start + v.duration_seconds * interval '1 second' AS planned_end, c.planned_travel_seconds,
  v.work_order_id, v.customer_id, v.site_id, w.placed, held.id AS held_id,
  coalesce(w.placed AND held.technician_id = c.technician_id, FALSE) AS stays,
  c.kind IN ('REASSIGN', 'UNASSIGN') OR coalesce(held.technician_id <> c.technician_id, FALSE) AS lets_go
FROM plan p
JOIN plan_change c ON c.organization_id = p.organization_id AND c.plan_id = p.id
JOIN visit v ON v.organization_id = c.organization_id AND v.id = c.visit_id AND v.version = c.visit_version
CROSS JOIN LATERAL (SELECT c.technician_id IS NOT NULL AND c.planned_start IS NOT NULL AS placed) w
LEFT JOIN assignment held ON held.organization_id = v.organization_id AND held.visit_id = v.id
  AND held.is_lead AND held.state IN ('OFFERED', 'ACCEPTED')
WHERE {scope} AND p.id = {plan} AND p.state <> 'COMMITTED'
  AND (v.state = 'SCHEDULED' OR (w.placed AND v.state IN ('UNSCHEDULED', 'DISPATCHED')))
"""
ORDER_STATES = """
SELECT m.organization_id, m.work_order_id,
  CASE WHEN bool_or(coalesce(n.state, v.state) IN ('EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'PAUSED'))
    THEN 'IN_PROGRESS'
    WHEN bool_or(coalesce(n.state, v.state) IN ('SCHEDULED', 'DISPATCHED')) THEN 'SCHEDULED'
    ELSE 'READY' END AS state
FROM (SELECT DISTINCT organization_id, work_order_id FROM {moves}) m
JOIN visit v ON v.organization_id = m.organization_id AND v.work_order_id = m.work_order_id
LEFT JOIN {visit_moved} n ON n.id = v.id
GROUP BY m.organization_id, m.work_order_id
"""
"""As `work_orders.derived_state`; an order of a visit that is moved has an open one: it is not COMPLETED."""
HOLDS = """
WITH RECURSIVE wanted AS (
  SELECT m.organization_id, m.created_at, m.updated_at, m.id AS change_id, m.visit_id,
    l.stock_location_id, l.part_id, n.quantity - k.quantity AS quantity,
    l.on_hand - l.reserved + coalesce(b.quantity, 0) AS free,
    row_number() OVER (PARTITION BY l.stock_location_id, l.part_id ORDER BY m.visit_id) AS turn
  FROM {moves} m
  JOIN visit_part n ON n.organization_id = m.organization_id AND n.visit_id = m.visit_id
  JOIN stock_location s ON s.organization_id = m.organization_id AND s.technician_id = m.technician_id
  JOIN stock_level l ON l.organization_id = m.organization_id AND l.stock_location_id = s.id
    AND l.part_id = n.part_id
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(r.quantity), 0)::integer AS quantity FROM reservation r
    WHERE r.organization_id = m.organization_id AND r.visit_id = m.visit_id AND r.part_id = n.part_id
      AND r.state IN ('HELD', 'PICKED') AND NOT m.lets_go
  ) k
  LEFT JOIN (
    SELECT stock_location_id, part_id, sum(quantity)::integer AS quantity FROM {freed} GROUP BY 1, 2
  ) b
    ON b.stock_location_id = l.stock_location_id AND b.part_id = l.part_id
  WHERE m.placed AND NOT m.stays AND n.quantity > k.quantity
), walk AS (
  SELECT w.*, w.quantity <= w.free AS is_held FROM wanted w WHERE w.turn = 1
  UNION ALL
  SELECT w.organization_id, w.created_at, w.updated_at, w.change_id, w.visit_id, w.stock_location_id,
    w.part_id, w.quantity, k.rest, w.turn, w.quantity <= k.rest
  FROM (SELECT *, CASE WHEN is_held THEN free - quantity ELSE free END AS rest FROM walk) k
  JOIN wanted w ON w.stock_location_id = k.stock_location_id AND w.part_id = k.part_id AND w.turn = k.turn + 1
)
SELECT *, md5(change_id::text || part_id::text)::uuid AS id FROM walk WHERE is_held
"""
"""As `stock.Holds.reserve`: visit after visit, and what does not fit is left open."""


def layers() -> Mapping[str, str]:
    """Every layer's text, after those that it reads."""
    return {
        "moves": MOVES,
        "visit_moved": _visits(),
        "visit": _laid_over(_table(Visit)),
        "work_order_moved": _work_orders(),
        "work_order": _laid_over(_table(WorkOrder)),
        "assignment_moved": _assignments(),
        "assignment": _laid_over(_table(Assignment)),
        "freed": _freed(),
        "holds": HOLDS,
        "reservation_moved": _reservations(),
        "reservation": _laid_over(_table(Reservation)),
        "stock_level_moved": _stock_levels(),
        "stock_level": _laid_over(_table(StockLevel)),
    }


def is_kept(layer: str) -> bool:
    """Whether a layer's few rows are made once; one that stands for a table is read through instead."""
    return layer not in TABLES


def _table(row: type) -> Table:
    found: Table = row.__table__  # type: ignore[attr-defined]  # made by SQLModel's metaclass
    return found


def _columns(table: Table, alias: str, **changed: str) -> str:
    """All columns of a table, each as it is or by the expression that is given for it."""
    return ", ".join(
        f"{changed[column.name]} AS {column.name}" if column.name in changed else f"{alias}.{column.name}"
        for column in table.columns
    )


def _laid_over(table: Table) -> str:
    """The table with some of its rows exchanged.

    A plain union of whole relations under one condition: so the planner takes it for an inheritance tree,
    and every index of the table serves as ever.
    """
    names, moved = ", ".join(column.name for column in table.columns), f"{{{table.name}_moved}}"
    # OFFSET keeps the second half a query of its own: Postgres (18) joins by index into a union of relations
    # and queries, but not into one that holds an expression of WITH.
    rest = f"(SELECT TRUE, {names} FROM {moved} OFFSET 0)"
    union = f"SELECT FALSE AS moved, {names} FROM {table.name} UNION ALL {rest}"
    return f"SELECT {names} FROM ({union}) u WHERE u.moved OR u.id NOT IN (SELECT id FROM {moved})"


def _visits() -> str:
    columns = _columns(
        _table(Visit),
        "v",
        state="CASE WHEN m.placed THEN 'SCHEDULED' ELSE 'UNSCHEDULED' END",
        reason=f"CASE WHEN NOT m.placed THEN '{LEFT_OUT}' END",
        pin="CASE WHEN m.placed THEN v.pin END",
        planned_start="CASE WHEN m.placed THEN m.planned_start END",
        planned_end="CASE WHEN m.placed THEN m.planned_end END",
        planned_travel_seconds="CASE WHEN m.placed THEN m.planned_travel_seconds END",
        en_route_at="CASE WHEN m.placed THEN v.en_route_at END",
        crew_id="CASE WHEN m.stays AND v.state = 'SCHEDULED' THEN v.crew_id END",
        substatus_id="CASE WHEN m.placed AND v.state = 'SCHEDULED' THEN v.substatus_id END",
    )
    return (
        f"SELECT {columns} FROM {{moves}} m"
        " JOIN visit v ON v.organization_id = m.organization_id AND v.id = m.visit_id"
    )


def _work_orders() -> str:
    derived = ", ".join(f"'{state}'" for state in DERIVED)
    columns = _columns(
        _table(WorkOrder), "o", state=f"CASE WHEN o.state IN ({derived}) THEN d.state ELSE o.state END"
    )
    return (
        f"SELECT {columns} FROM ({ORDER_STATES}) d"
        " JOIN work_order o ON o.organization_id = d.organization_id AND o.id = d.work_order_id"
    )


def _assignments() -> str:
    """Who is on a visit now, kept or released; and who comes, under the id that the commit will give it."""
    table = _table(Assignment)
    held = _columns(
        table,
        "a",
        state="CASE WHEN m.stays THEN a.state ELSE 'RELEASED' END",
        occupies="m.stays AND a.occupies",
        planned_start="CASE WHEN m.stays THEN m.planned_start ELSE a.planned_start END",
        planned_end="CASE WHEN m.stays THEN m.planned_end ELSE a.planned_end END",
        during="CASE WHEN m.stays THEN tstzrange(m.planned_start, m.planned_end, '[)') ELSE a.during END",
    )
    new = _columns(
        table,
        "m",
        version="1",
        state="CASE WHEN t.kind = 'SUBCONTRACTOR' THEN 'OFFERED' ELSE 'ACCEPTED' END",
        is_lead="TRUE",
        occupies="TRUE",
        offer_expires_at="CASE WHEN t.kind = 'SUBCONTRACTOR' THEN m.planned_start END",
        reason="NULL::text",
        worked_seconds="0",
        **dict.fromkeys(HAPPENED, "NULL::timestamptz"),
        during="tstzrange(m.planned_start, m.planned_end, '[)')",
    )
    return (
        f"SELECT {held} FROM {{moves}} m"
        " JOIN assignment a ON a.organization_id = m.organization_id AND a.id = m.held_id"
        f" UNION ALL SELECT {new} FROM {{moves}} m"
        " JOIN technician t ON t.organization_id = m.organization_id AND t.id = m.technician_id"
        " WHERE m.placed AND NOT m.stays"
    )


def _freed() -> str:
    """What was held for visits that go back, or to somebody else."""
    columns = _columns(_table(Reservation), "r", state="'RELEASED'")
    return (
        f"SELECT {columns} FROM {{moves}} m"
        " JOIN reservation r ON r.organization_id = m.organization_id AND r.visit_id = m.visit_id"
        " WHERE m.lets_go AND r.state IN ('HELD', 'PICKED')"
    )


def _reservations() -> str:
    table = _table(Reservation)
    new = _columns(table, "h", version="1", state="'HELD'", picked_from_id="NULL::uuid")
    return f"SELECT {_columns(table, 'f')} FROM {{freed}} f UNION ALL SELECT {new} FROM {{holds}} h"


def _stock_levels() -> str:
    reserved = "l.reserved + d.quantity"
    columns = _columns(_table(StockLevel), "l", reserved=reserved, available=f"l.on_hand - ({reserved})")
    moved = (
        "SELECT organization_id, stock_location_id, part_id, -quantity AS quantity FROM {freed} UNION ALL"
        " SELECT organization_id, stock_location_id, part_id, quantity FROM {holds}"
    )
    shelves = "organization_id, stock_location_id, part_id"
    return (
        f"SELECT {columns} FROM (SELECT {shelves}, sum(quantity)::integer AS quantity FROM ({moved}) q"
        f" GROUP BY {shelves}) d JOIN stock_level l ON l.organization_id = d.organization_id"
        " AND l.stock_location_id = d.stock_location_id AND l.part_id = d.part_id"
    )
