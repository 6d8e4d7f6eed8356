"""World: the company whose reads are measured, copied into an empty migrated database in seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

TODAY = datetime(2026, 11, 23, tzinfo=UTC)
ORDERS_A_DAY = 200
VISITS_A_DAY = 300
KINDS = (
    "organization", "territory", "skill", "work_type", "customer", "contact", "site", "contract",
    "entitlement", "technician", "technician_skill", "part", "stock_location", "stock_level", "work_order",
    "visit", "assignment",
)  # fmt: skip  # a word list
SHARED = ("organization_id", "version", "updated_at", "created_at")
ORDER_COLUMNS = (
    "created_at number title state priority customer_id site_id contract_id entitlement_id work_type_id"
    " due_at"
)
VISIT_COLUMNS = (
    "created_at work_order_id customer_id site_id territory_id state duration_seconds window_start window_end"
    " planned_start planned_end"
)
ASSIGNMENT_COLUMNS = (
    "created_at visit_id technician_id work_order_id customer_id site_id state is_lead occupies planned_start"
    " planned_end"
)
DAY_ORDERS = """
CREATE SCHEMA bench;
CREATE FUNCTION bench.day_orders(from_at timestamptz, to_at timestamptz) RETURNS SETOF work_order
LANGUAGE sql STABLE AS $$
    SELECT * FROM work_order o WHERE o.created_at >= from_at AND o.created_at < to_at
    ORDER BY o.created_at DESC, o.id DESC
$$;
GRANT USAGE ON SCHEMA bench TO fieldgraph_app;
"""
"""How PostGraphile is told of a range: its own arguments know equality only."""
Rows = Iterator[tuple[Any, ...]]


def key(kind: str, n: int) -> UUID:
    """The n-th row's id: a UUIDv7 of one instant, so that keys grow as they would in life."""
    milliseconds = int(TODAY.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | KINDS.index(kind) << 64 | 0b10 << 62 | n)


ORGANIZATION = key("organization", 0)


@dataclass(frozen=True)
class World:
    """How much there is of everything."""

    customers: int
    days: int
    technicians: int
    parts: int = 100

    @classmethod
    def of(cls, scale: float) -> "World":
        """At 1: 20 k customers, 200 k work orders, 300 k visits, 500 technicians, 50 k stock rows."""
        return cls(max(100, round(20_000 * scale)), max(2, round(1000 * scale)), max(60, round(500 * scale)))

    @property
    def counts(self) -> dict[str, int]:
        return {
            "customer": self.customers,
            "work_order": self.days * ORDERS_A_DAY,
            "visit": self.days * VISITS_A_DAY,
            "technician": self.technicians,
            "stock_level": self.technicians * self.parts,
        }

    def customer_of(self, order: int) -> int:
        """Spread over the customers; 7919 is prime, so each has as many as the next."""
        return order * 7919 % self.customers

    def day(self, order_day: int) -> datetime:
        """The last day is today."""
        return TODAY - timedelta(days=self.days - 1 - order_day)


async def fill(owner_url: str, world: World) -> None:
    """Copies everything in and analyses it. The owner skips the triggers of foreign keys, nothing else."""
    connection = await asyncpg.connect(owner_url, server_settings={"session_replication_role": "replica"})
    try:
        await connection.execute(
            "INSERT INTO organization (id, name, time_zone, version, currency, updated_at)"
            " VALUES ($1, 'Measured', 'UTC', 1, 'EUR', $2)",
            ORGANIZATION,
            TODAY,
        )
        for table, columns, rows in (*_people(world), *_places(world), *_stock(world), *_work(world)):
            await _copy(connection, table, columns.split(), rows=rows)
        await connection.execute(DAY_ORDERS)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, table: str, columns: Sequence[str], *, rows: Rows) -> None:
    """`created` leads a row where it is not today."""
    own = [name for name in columns if name != "created_at"]
    dated = len(own) < len(columns)
    full = (
        (ORGANIZATION, 1, TODAY, *row) if dated else (ORGANIZATION, 1, TODAY, TODAY, *row) for row in rows
    )
    await connection.copy_records_to_table(table, records=full, columns=[*SHARED, "id", *own])


Tables = Iterator[tuple[str, str, Rows]]


def _people(world: World) -> Tables:
    yield (
        "skill",
        "name",
        ((key("skill", n), f"Skill {n:02}") for n in range(20)),
    )
    yield (
        "technician",
        "code name kind phone territory_id home_longitude home_latitude hourly_cost currency",
        (
            (key("technician", n), f"T{n:04}", f"Technician {n}", "EMPLOYEE", f"+35840{n:07}",
             key("territory", n % 10), 24.9 + n % 100 / 500, 60.1 + n % 50 / 250, 40 + n % 20, "EUR")
            for n in range(world.technicians)
        ),
    )  # fmt: skip  # a row is read as a row
    yield (
        "technician_skill",
        "technician_id skill_id level",
        (
            (key("technician_skill", 3 * n + m), key("technician", n), key("skill", (n + 7 * m) % 20), 3)
            for n in range(world.technicians)
            for m in range(3)
        ),
    )
    yield (
        "work_type",
        "code name duration_seconds priority",
        ((key("work_type", n), f"W{n}", f"Work {n}", 5400, "NORMAL") for n in range(10)),
    )


def _places(world: World) -> Tables:
    customers = range(world.customers)
    yield "territory", "name", ((key("territory", n), f"Area {n}") for n in range(10))
    yield (
        "customer",
        "number name tier",
        ((key("customer", n), f"C-{n:06}", f"Customer {n * 37 % 99_991:05}", "STANDARD") for n in customers),
    )
    yield (
        "contact",
        "customer_id name email language channel",
        (
            (key("contact", n), key("customer", n), f"Person {n}", f"p{n}@example.com", "en", "EMAIL")
            for n in customers
        ),
    )
    yield (
        "site",
        "customer_id territory_id name address longitude latitude time_zone geofence_radius_metres",
        (
            (key("site", n), key("customer", n), key("territory", n % 10), f"Site {n}", f"Street {n}",
             24.9 + n % 1000 / 5000, 60.1 + n % 700 / 3500, "Europe/Helsinki", 100.0)
            for n in customers
        ),
    )  # fmt: skip  # as above
    term = date(2026, 1, 1), date(2026, 12, 31)
    yield (
        "contract",
        "customer_id number name state starts_on ends_on price currency",
        (
            (key("contract", n), key("customer", n), f"K-{n:06}", "Care", "ACTIVE", *term, 1200, "EUR")
            for n in customers
        ),
    )
    yield (
        "entitlement",
        "contract_id customer_id name arrive_minutes coverage_opens coverage_closes coverage_weekdays",
        (
            (key("entitlement", n), key("contract", n), key("customer", n), "Usual", 480, "08:00", "17:00",
             "12345")
            for n in customers
        ),
    )  # fmt: skip  # as above


def _stock(world: World) -> Tables:
    technicians, parts = range(world.technicians), range(world.parts)
    yield (
        "part",
        "number name unit_price currency",
        ((key("part", n), f"P-{n:04}", f"Part {n}", 10 + n, "EUR") for n in parts),
    )
    yield (
        "stock_location",
        "name kind technician_id",
        ((key("stock_location", n), f"Van {n}", "VAN", key("technician", n)) for n in technicians),
    )
    yield (
        "stock_level",
        "stock_location_id part_id on_hand reserved",
        (
            (key("stock_level", n * world.parts + m), key("stock_location", n), key("part", m), m % 9, 0)
            for n in technicians
            for m in parts
        ),
    )


def _work(world: World) -> Tables:
    yield (
        "work_order",
        ORDER_COLUMNS,
        _orders(world),
    )
    yield (
        "visit",
        VISIT_COLUMNS,
        _visits(world),
    )
    yield (
        "assignment",
        ASSIGNMENT_COLUMNS,
        _assignments(world),
    )


def _orders(world: World) -> Rows:
    for n in range(world.days * ORDERS_A_DAY):
        at, customer = world.day(n // ORDERS_A_DAY), world.customer_of(n)
        created = at + timedelta(seconds=60 * (n % ORDERS_A_DAY))
        yield (
            created, key("work_order", n), f"WO-{n:06}", f"Work number {n}",
            "SCHEDULED" if at == TODAY else "CLOSED", "HIGH" if n % 7 == 0 else "NORMAL",
            key("customer", customer), key("site", customer), key("contract", customer),
            key("entitlement", customer), key("work_type", n % 10), at + timedelta(days=2),
        )  # fmt: skip  # as above


def _slots(world: World) -> Iterator[tuple[int, int, int, datetime]]:
    """Each visit's number, work order and technician, and when it starts; nobody is in two places at once."""
    for day in range(world.days):
        for of_day in range(VISITS_A_DAY):
            order = day * ORDERS_A_DAY + of_day % ORDERS_A_DAY
            technician, turn = (of_day + 37 * day) % world.technicians, of_day // world.technicians
            start = world.day(day) + timedelta(hours=6, minutes=100 * turn, seconds=of_day)
            yield day * VISITS_A_DAY + of_day, order, technician, start


def _visits(world: World) -> Rows:
    for n, order, _, start in _slots(world):
        customer = world.customer_of(order)
        yield (
            start - timedelta(hours=6), key("visit", n), key("work_order", order), key("customer", customer),
            key("site", customer), key("territory", customer % 10),
            "SCHEDULED" if start >= TODAY else "COMPLETED", 5400, start, start + timedelta(hours=2),
            start, start + timedelta(minutes=90),
        )  # fmt: skip  # as above


def _assignments(world: World) -> Rows:
    for n, order, technician, start in _slots(world):
        customer = world.customer_of(order)
        yield (
            start - timedelta(hours=6), key("assignment", n), key("visit", n), key("technician", technician),
            key("work_order", order), key("customer", customer), key("site", customer), "ACCEPTED", True,
            start >= TODAY, start, start + timedelta(minutes=90),
        )  # fmt: skip  # as above
