"""A world with at least one row in every table, for tests of who may see which."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import text as literal
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import ids, milestones, scheduling, tracking, visits
from domain.api_keys import ApiKey
from domain.assets import Asset, MeterReading
from domain.buckets import Bucket
from domain.contracts import Contract, ContractAsset, ContractState, ContractWorkType, Entitlement
from domain.credentials import Credential
from domain.crews import Crew, CrewMember
from domain.customers import Contact, Customer, ExternalId
from domain.imports import Import, ImportLine
from domain.jobs import Job
from domain.maintenance import MaintenanceOccurrence, MaintenancePlan
from domain.plans import Plan, PlanChange, PlanChangeKind, PlanReason
from domain.policies import SchedulingPolicy
from domain.rows import Row
from domain.sheets import ImportKind
from domain.stock import (
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderState,
    ReorderRule,
    StockLocation,
    StockLocationKind,
    StockSerial,
    Transfer,
)
from domain.technicians import AbsenceReason, ShiftPattern, ShiftPatternDay, Technician, TechnicianKind
from domain.territories import Territory
from domain.tracking import Eta, EtaBasis, Position, PositionCurrent
from domain.uploads import Upload
from domain.users import PERSONS, User
from domain.viewers import FIELD, Role, Viewer
from domain.visits import (
    Attachment,
    AttachmentKind,
    Substatus,
    Visit,
    VisitCost,
    VisitDependency,
    VisitState,
)
from domain.work_orders import WorkOrder, WorkTask, WorkTypeTask
from fieldgraph.addresses import SYSTEM_ROLE
from tests.domain.world import DAY, MORNING, World, at, certificate


@dataclass(frozen=True)
class Places:
    """A furnished company: two customers, two technicians and a subcontractor, each with a visit.

    The tracked visit is the first customer's, held by the first technician, who has arrived there.
    """

    world: World
    customers: tuple[UUID, UUID]
    employees: tuple[UUID, UUID]
    subcontractor: UUID
    tracked: UUID
    digest: bytes
    users: Mapping[Role, UUID]

    def viewer(self, role: Role) -> Viewer:
        """Someone of this role who is bound to something of this company."""
        technician = self.subcontractor if role == Role.SUBCONTRACTOR else self.employees[0]
        return Viewer(
            organization_id=self.world.organization_id,
            role=role,
            subject=f"the {role.lower()}",
            customer_id=self.customers[0] if role == Role.CUSTOMER else None,
            technician_id=technician if role in FIELD else None,
            visit_id=self.tracked if role == Role.TRACKING else None,
            user_id=self.users.get(role),
        )

    def viewers(self) -> Iterator[Viewer]:
        return (self.viewer(role) for role in Role)


async def _bucket(engine: AsyncEngine, world: World) -> None:
    """What a client has left, as only the process itself writes it."""
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"SET LOCAL ROLE {SYSTEM_ROLE}"))
        await connection.execute(
            sa.insert(Bucket).values(
                organization_id=world.organization_id,
                client="subject someone",
                left_points=10,
                granted_points=5,
                filled_at=MORNING,
            )
        )


async def furnish(engine: AsyncEngine, name: str) -> Places:
    world = await World.make(engine)
    first, second = world.customer_id, ids.new()
    await world.keep(Customer(id=second, number="C2", name=f"{name} Second"))
    skill, valve = await world.skill("Gas"), await world.part("Valve")
    ada = await world.technician("Ada", skills={skill: 3}, van={valve: 4})
    ben = await world.technician("Ben", skills={skill: 3}, van={valve: 4})
    eve = await world.technician("Eve", skills={skill: 3}, van={valve: 4})
    await _change(world, Technician, eve, kind=TechnicianKind.SUBCONTRACTOR)
    kind = await world.work_type(skills={skill: 1}, parts={valve: 1})
    held = [await _visit(world, kind, customer) for customer in (first, second, second)]
    for visit, technician in zip(held, (ada, ben, eve), strict=True):
        await world.schedule(visit, technician, 9)
    await _visit(world, kind, first)
    for technician, visit in zip((ada, ben, eve), held, strict=True):
        await _live(world, technician, visit)
        await _equipment(world, visit)
        await _staff(world, technician, skill)
        await _upkeep(world, visit, kind)
    contract = await _papers(world, first, second)
    await world.keep(SchedulingPolicy(name=f"{name}: punctual", is_default=True))
    await _plan(world, held, (ada, ben, eve))
    await _crews(world, held, (ada, ben, eve))
    await _transfers(world, valve, (ada, ben, eve))
    await _stores(world, valve)
    await _file(world)
    await _evidence(world, held, (ada, ben, eve))
    await _bucket(engine, world)
    digest = name.encode().ljust(32, b".")
    async with world.unit() as work:
        await tracking.create_link(
            work, held[0], digest=digest, expires_at=MORNING + timedelta(days=2), real_now=MORNING
        )
        row, _ = await work.replay("a key", {"of": str(contract)})
        row.answer = {"id": str(contract)}
    users = await _people(world, first, ada, eve)
    await _key(world, ada)
    return Places(world, (first, second), (ada, ben), eve, held[0], digest, users)


async def _people(world: World, customer: UUID, employee: UUID, subcontractor: UUID) -> dict[Role, UUID]:
    """A user of each role, with a token of their own."""
    technicians = {Role.TECHNICIAN: employee, Role.SUBCONTRACTOR: subcontractor}
    users = {}
    for role in sorted(PERSONS):
        user = User(name=f"The {role.lower()}", handle=f"user:{role.lower()}", role=role)
        user.customer_id = customer if role == Role.CUSTOMER else None
        user.technician_id = technicians.get(role)
        digest = user.id.bytes * 2
        await world.keep(user)
        await world.keep(Credential(digest=digest, subject=user.handle, user_id=user.id, expires_at=at(99)))
        users[role] = user.id
    return users


async def _key(world: World, technician: UUID) -> None:
    """Of a technician's device, and used once."""
    credential = Credential(
        digest=technician.bytes * 2, role=Role.TECHNICIAN, subject="key", scopes="work:read"
    )
    await world.keep(credential)
    bound: dict[str, Any] = {"credential_id": credential.id, "technician_id": technician}
    await world.keep(ApiKey(name="Van", hint="abcd", role=Role.TECHNICIAN, scopes=["work:read"], **bound))
    async with world.unit() as work:
        statement = literal("INSERT INTO credential_use VALUES (:organization_id, :credential_id, :at)")
        await work.session.execute(literal("SET LOCAL ROLE fieldgraph_system"))
        own = {"organization_id": world.organization_id, "credential_id": credential.id}
        await work.session.execute(statement, {**own, "at": at(9)})


async def _visit(world: World, kind: UUID, customer_id: UUID) -> UUID:
    """The factories know one customer at a time."""
    own, world.customer_id = world.customer_id, customer_id
    try:
        return await world.visit(kind)
    finally:
        world.customer_id = own


async def _change(world: World, table: type[Row], key: UUID, **values: object) -> None:
    async with world.unit() as work:
        row = await work.get(table, key)
        for name, value in values.items():
            setattr(row, name, value)


async def _live(world: World, technician: UUID, visit: UUID) -> None:
    """On the way and there, with fixes and an ETA."""
    await world.dispatch(visit)
    world.now = at(9)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        await tracking.record_arrival(work, visit, occurred_at=None)
        fix: dict[str, Any] = {"longitude": 24.9, "latitude": 60.2, "accuracy_metres": 5.0}
        work.add(PositionCurrent(technician_id=technician, at=at(9), **fix))
        work.session.add(
            Position(
                organization_id=world.organization_id,
                technician_id=technician,
                at=at(9),
                received_at=at(9),
                **fix,
            )
        )
        row = await work.find(Visit, visit)
        estimate = Eta(
            visit_id=visit,
            technician_id=technician,
            earliest=at(9),
            expected=at(9.1),
            latest=at(9.2),
            basis=EtaBasis.PLAN,
            as_of=at(9),
            stale_after=at(10),
        )
        await tracking.publish_eta(work, row, estimate)
    world.now = MORNING


async def _equipment(world: World, visit: UUID) -> None:
    """At the visit's site, with a meter that was read once."""
    place = await world.read(Visit, visit)
    where: dict[str, Any] = {"customer_id": place.customer_id, "site_id": place.site_id}
    asset = Asset(name="Boiler", serial=f"S{place.id}", **where)
    await world.keep(asset)
    await world.keep(MeterReading(asset_id=asset.id, at=MORNING, value=Decimal(12), **where))


async def _staff(world: World, technician: UUID, skill: UUID) -> None:
    """A certificate, and a pattern of shifts."""
    pattern = ShiftPattern(
        technician_id=technician, time_zone="Europe/Helsinki", valid_from=DAY, generated_until=DAY
    )
    await world.keep(certificate(technician, skill, DAY + timedelta(days=400)), pattern)
    hours: dict[str, Any] = {"weekday": 1, "starts": "08:00", "ends": "16:00"}
    await world.keep(ShiftPatternDay(shift_pattern_id=pattern.id, technician_id=technician, **hours))


async def _upkeep(world: World, visit: UUID, kind: UUID) -> None:
    """A task of the visit's order and of its type; a plan at its site, with an occurrence."""
    place = await world.read(Visit, visit)
    where: dict[str, Any] = {"customer_id": place.customer_id, "site_id": place.site_id}
    of_order: dict[str, Any] = {"work_order_id": place.work_order_id, "customer_id": place.customer_id}
    rule: dict[str, Any] = {"rrule": "FREQ=YEARLY", "starts_on": DAY, "local_time": "08:00"}
    plan = MaintenancePlan(title="Check", work_type_id=kind, window_seconds=3600, **rule, **where)
    await world.keep(
        WorkTypeTask(work_type_id=kind, position=1, name="Look"),
        WorkTask(position=1, name="Look", **of_order),
        plan,
    )
    await world.keep(MaintenanceOccurrence(plan_id=plan.id, day=DAY, starts_at=at(8), **where))


async def _papers(world: World, *customers: UUID) -> UUID:
    """Contacts, contracts and what hangs on them, of each customer."""
    contract = ids.new()
    for number, customer in enumerate(customers):
        contract = ids.new()
        await world.keep(
            Contact(customer_id=customer, name="Contact"),
            ExternalId(system="crm", key=f"{number}", entity_type="customer", entity_id=customer),
            Contract(
                id=contract,
                customer_id=customer,
                number=f"K{number}",
                name="Care",
                state=ContractState.ACTIVE,
                starts_on=DAY,
                ends_on=DAY,
                price=Decimal(100),
            ),
        )
        await world.keep(Entitlement(contract_id=contract, customer_id=customer, name="Fast"))
    await _clocks(world)
    await world.keep(Territory(name="North"), StockLocation(name="Hall", kind=StockLocationKind.WAREHOUSE))
    return contract


async def _clocks(world: World) -> None:
    """Each work order under its customer's contract, which names its type of work and the equipment there."""
    kinds = {row.work_type_id for row in await world.all(WorkOrder)}
    for contract in await world.all(Contract):
        named: dict[str, Any] = {"contract_id": contract.id, "customer_id": contract.customer_id}
        for asset in await world.all(Asset, customer_id=contract.customer_id):
            await world.keep(ContractAsset(asset_id=asset.id, **named))
        await world.keep(*(ContractWorkType(work_type_id=kind, **named) for kind in kinds))
        (entitlement,) = await world.all(Entitlement, contract_id=contract.id)
        for order in await world.all(WorkOrder, customer_id=contract.customer_id):
            entitlement.resolve_minutes = 600
            await world.keep(*milestones.draw(order, entitlement, "Europe/Helsinki", MORNING))


async def _transfers(world: World, part: UUID, technicians: tuple[UUID, ...]) -> None:
    """From each van to the next one's."""
    vans = {row.technician_id: row.id for row in await world.all(StockLocation, kind=StockLocationKind.VAN)}
    keys = [vans[technician] for technician in technicians]
    for start, end in zip(keys, (*keys[1:], keys[0]), strict=True):
        await world.keep(Transfer(from_location_id=start, to_location_id=end, part_id=part, quantity=1))


async def _crews(world: World, held: list[UUID], technicians: tuple[UUID, ...]) -> None:
    """Each technician alone in a crew of their own; a visit after the one before."""
    for number, technician in enumerate(technicians):
        crew = Crew(name=f"Crew {number}")
        await world.keep(crew)
        await world.keep(CrewMember(crew_id=crew.id, technician_id=technician, is_lead=True))
    for first, second in pairwise(held):
        await world.keep(VisitDependency(predecessor_id=first, successor_id=second))
    await world.keep(Substatus(code="WAITS", name="Waits at the door", visit_state=VisitState.ARRIVED))


async def _stores(world: World, part: UUID) -> None:
    """A numbered piece in each place; a rule and an open purchase order for each."""
    for number, place in enumerate(await world.all(StockLocation)):
        where: dict[str, Any] = {"part_id": part, "stock_location_id": place.id}
        rule = ReorderRule(**where, minimum=0, maximum=9, supplier_name="Supplier")
        order = PurchaseOrder(
            number=f"PO-{number}",
            state=PurchaseOrderState.ORDERED,
            supplier_name="Supplier",
            stock_location_id=place.id,
            ordered_at=MORNING,
        )
        await world.keep(StockSerial(**where, serial=f"S-{number}"), rule, order)
        await world.keep(
            PurchaseOrderLine(**where, purchase_order_id=order.id, reorder_rule_id=rule.id, quantity=2)
        )


async def _file(world: World) -> None:
    """One that was handed in and is on its way, with a line of it."""
    upload = Upload(name="parts.csv", content_type="text/csv", bytes=9, expires_at=MORNING)
    row = Import(upload_id=upload.id, kind=ImportKind.PARTS, name=upload.name)
    for one in (upload, row, ImportLine(import_id=row.id, number=2)):
        await world.keep(one)


async def _evidence(world: World, held: list[UUID], technicians: tuple[UUID, ...]) -> None:
    """Of each visit a photo and a signature, handed in by whoever has it; and what it cost."""
    for visit, technician in zip(held, technicians, strict=True):
        row = await world.read(Visit, visit)
        for kind in (AttachmentKind.PHOTO, AttachmentKind.SIGNATURE):
            upload = Upload(
                name=f"{kind.lower()}.png",
                content_type="image/png",
                bytes=9,
                expires_at=MORNING,
                technician_id=technician,
            )
            attachment = Attachment(
                visit_id=visit,
                customer_id=row.customer_id,
                upload_id=upload.id,
                technician_id=technician,
                kind=kind,
                name=upload.name,
                content_type=upload.content_type,
                bytes=upload.bytes,
                sha256="ab" * 32,
                taken_at=MORNING,
                added_by="test",
                signed_by="Aalto" if kind == AttachmentKind.SIGNATURE else None,
            )
            await world.keep(upload)
            await world.keep(attachment)
        await world.keep(VisitCost(visit_id=visit, work_order_id=row.work_order_id, currency="EUR"))


async def _plan(world: World, held: list[UUID], technicians: tuple[UUID, ...]) -> None:
    plan = Plan(day=DAY, request={})
    await world.keep(plan, Job(kind="plan", subject_id=plan.id, requested_by="test"))
    spent = PlanChange(plan_id=plan.id, visit_id=held[0], visit_version=1, kind=PlanChangeKind.UNASSIGN)
    await world.keep(spent, PlanReason(plan_id=plan.id, visit_id=held[0], code="NO_ROOM", message="Full"))
    for technician in technicians:
        async with world.unit() as work:
            await scheduling.absent(work, technician, (at(15), at(16)), reason=AbsenceReason.OTHER)
