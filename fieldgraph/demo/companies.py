"""The demo's companies: customers with contracts, technicians with skills, shifts and vans."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple, TypeVar
from uuid import UUID

from domain.contracts import Contract, ContractState, Entitlement
from domain.customers import Channel, Contact, Customer, ExternalId, Tier
from domain.organizations import Organization
from domain.rows import Row
from domain.sites import Site
from domain.stock import Part, StockLevel, StockLocation, StockLocationKind
from domain.technicians import Shift, Skill, Technician, TechnicianKind, TechnicianSkill
from domain.territories import Territory
from domain.work_orders import WorkType, WorkTypePart, WorkTypeSkill
from fieldgraph.demo.catalogue import COOLING, COVERS, KINDS, PARTS, PROFILES, SKILLS, Kind
from fieldgraph.demo.city import CityCustomer, CityHome, CitySite, CityTerritory, CityWarehouse
from fieldgraph.demo.hours import BREAK_EARLIEST, BREAK_LATEST, BREAK_SECONDS, Hours
from integrations.streets import Roads

Kept = TypeVar("Kept", bound=Row)
FOUNDED_DAYS_AGO = 30
OWNERS = ("user:sales", "user:sales-second")
TIERS = (Tier.KEY, Tier.PREFERRED, Tier.PREFERRED, Tier.STANDARD, Tier.STANDARD, Tier.STANDARD)
ACCESS_NOTES = ("Ring the reception.", "Use the yard door.", "Ask for the key at the counter.", None, None)


class Ground(NamedTuple):
    """What a company stands on: real places, and the word its codes and keys begin with."""

    name: str
    letter: str
    crm: str
    time_zone: str
    customers: Sequence[CityCustomer]
    homes: Sequence[CityHome]
    warehouses: Sequence[CityWarehouse]
    territories: Sequence[CityTerritory]
    subcontractors: int
    roads: Roads


class Book:
    """Rows in the making, by the time at which they come to be; each gets its id here, in order.

    The ids are shaped like UUIDv7 of the demo's start, their random bits drawn from the seed.
    """

    def __init__(self, random: Random, start: datetime) -> None:
        self.random = random
        self.rows: dict[datetime, list[Row]] = {}
        self._milliseconds = int(start.timestamp() * 1000)

    def key(self) -> UUID:
        high, low = self.random.getrandbits(12), self.random.getrandbits(62)
        return UUID(int=self._milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)

    def add(self, row: Kept, at: datetime) -> Kept:
        row.id = self.key()
        self.rows.setdefault(at, []).append(row)
        return row


@dataclass
class Company:
    """One organization's standing rows, as the day's stories need them."""

    ground: Ground
    hours: Hours
    book: Book
    territories: dict[str, Territory] = field(default_factory=dict)
    customers: list[Customer] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    entitlements: dict[UUID, Entitlement] = field(default_factory=dict)
    """By customer, for those with an active contract."""
    skills: dict[str, Skill] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    kinds: dict[str, WorkType] = field(default_factory=dict)
    technicians: list[Technician] = field(default_factory=list)
    abilities: dict[UUID, dict[str, TechnicianSkill]] = field(default_factory=dict)
    vans: dict[UUID, StockLocation] = field(default_factory=dict)
    levels: dict[tuple[UUID, UUID], StockLevel] = field(default_factory=dict)
    used: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)
    """Pieces that history took from (place, part): they were received too."""
    orders: int = 0
    """How many work orders there are, hence the last number given out."""

    @property
    def founded(self) -> datetime:
        return self.hours.opens - timedelta(days=FOUNDED_DAYS_AGO)

    def add(self, row: Kept, at: datetime | None = None) -> Kept:
        return self.book.add(row, at or self.founded)

    def apart(self, organization: Organization, part: str) -> Book:
        """For more rows of the same story: draws of its own, so that nobody else's shift."""
        book = Book(Random(f"{organization.id}:{part}"), self.hours.start)  # noqa: S311  # guards nothing
        book.rows = self.book.rows
        return book

    def rows_of(self, kind: type[Kept]) -> list[Kept]:
        """What has been told of a kind, in the order of the telling."""
        return [row for rows in self.book.rows.values() for row in rows if isinstance(row, kind)]

    def can(self, technician: Technician, kind: Kind) -> bool:
        """Every skill at its level, certified on the day."""
        has = self.abilities[technician.id]
        return all(
            name in has
            and has[name].level >= level
            and (has[name].certified_until or self.hours.day) >= self.hours.day
            for name, level in kind.skills
        )

    def employees(self) -> list[Technician]:
        return [one for one in self.technicians if one.kind == TechnicianKind.EMPLOYEE]

    def subcontractors(self) -> list[Technician]:
        return [one for one in self.technicians if one.kind == TechnicianKind.SUBCONTRACTOR]


def found(ground: Ground, hours: Hours, book: Book) -> Company:
    """A company with everything but its work and its stock, which follows from the work."""
    company = Company(ground, hours, book)
    for territory in ground.territories:
        area = {"type": "Polygon", "coordinates": [[list(point) for point in territory.ring]]}
        company.territories[territory.name] = company.add(Territory(name=territory.name, area=area))
    for number, customer in enumerate(ground.customers, 1):
        _customer(company, number, customer)
    _catalogue(company)
    for number, home in enumerate(ground.homes, 1):
        _technician(company, number, home)
    return company


def _customer(company: Company, number: int, place: CityCustomer) -> None:
    random, letter = company.book.random, company.ground.letter
    customer = company.add(
        Customer(
            number=f"{letter}{number:04d}",
            name=place.name,
            tier=TIERS[number % len(TIERS)],
            owner=OWNERS[number % len(OWNERS)],
        )
    )
    company.customers.append(customer)
    for contact in place.contacts:
        company.add(
            Contact(
                customer_id=customer.id,
                name=f"{contact.given_name} {contact.family_name}",
                email=contact.email,
                phone=f"+35840{random.randrange(1_000_000, 10_000_000)}",
                language=contact.language,
                channel=random.choice(tuple(Channel)),
            )
        )
    company.add(
        ExternalId(
            system=company.ground.crm,
            key=f"{letter}-{random.getrandbits(40):010X}",
            entity_type="customer",
            entity_id=customer.id,
        )
    )
    for site in place.sites:
        _site(company, customer, site)
    _contract(company, customer, number)


def _site(company: Company, customer: Customer, place: CitySite) -> None:
    territory = company.territories.get(place.territory)
    address = f"{place.address}, {place.postcode} {place.city}" if place.postcode else place.address
    site = Site(
        customer_id=customer.id,
        territory_id=territory.id if territory else None,
        name=place.name,
        address=address,
        longitude=place.longitude,
        latitude=place.latitude,
        time_zone=company.ground.time_zone,
        access_notes=company.book.random.choice(ACCESS_NOTES),
    )
    company.sites.append(company.add(site))


def _contract(company: Company, customer: Customer, number: int) -> None:
    cover, day = COVERS[customer.tier], company.hours.day
    if company.book.random.random() > cover.chance:
        return
    active = number % 12 != 0
    contract = company.add(
        Contract(
            customer_id=customer.id,
            number=f"{company.ground.letter}C-{number:04d}",
            name=cover.name,
            state=ContractState.ACTIVE if active else ContractState.EXPIRED,
            starts_on=day - timedelta(days=400 + number),
            ends_on=day + timedelta(days=365 - number) if active else day - timedelta(days=number),
            price=Decimal(cover.price),
        )
    )
    entitlement = company.add(
        Entitlement(
            contract_id=contract.id,
            customer_id=customer.id,
            name=f"{cover.name}: arrival",
            respond_minutes=cover.respond_minutes,
            arrive_minutes=cover.arrive_minutes,
            resolve_minutes=cover.resolve_minutes,
        )
    )
    if active:
        company.entitlements[customer.id] = entitlement


def _catalogue(company: Company) -> None:
    company.skills = {name: company.add(Skill(name=name)) for name in SKILLS}
    for number, (name, price) in enumerate(PARTS, 1):
        part = Part(
            number=f"P-{number:03d}",
            name=name,
            barcode=f"20{number:010d}",
            unit_price=Decimal(price),
        )
        company.parts.append(company.add(part))
    for kind in KINDS:
        row = company.add(
            WorkType(
                code=kind.code, name=kind.name, duration_seconds=kind.minutes * 60, priority=kind.priority
            )
        )
        company.kinds[kind.code] = row
        for skill, level in kind.skills:
            company.add(WorkTypeSkill(work_type_id=row.id, skill_id=company.skills[skill].id, level=level))
        for place, quantity in kind.parts:
            company.add(WorkTypePart(work_type_id=row.id, part_id=company.parts[place].id, quantity=quantity))


def _technician(company: Company, number: int, home: CityHome) -> None:
    ground, random = company.ground, company.book.random
    last = len(ground.homes) - ground.subcontractors
    territory = company.territories.get(home.territory)
    technician = company.add(
        Technician(
            code=f"{ground.letter}T{number:02d}",
            name=f"{home.given_name} {home.family_name}",
            kind=TechnicianKind.EMPLOYEE if number <= last else TechnicianKind.SUBCONTRACTOR,
            phone=f"+35850{random.randrange(1_000_000, 10_000_000)}",
            territory_id=territory.id if territory else None,
            home_longitude=home.longitude,
            home_latitude=home.latitude,
            hourly_cost=Decimal(random.randrange(38, 62)),
        )
    )
    company.technicians.append(technician)
    _abilities(company, technician, number)
    _shift(company, technician)
    van = StockLocation(
        name=f"Van {technician.code}", kind=StockLocationKind.VAN, technician_id=technician.id
    )
    company.vans[technician.id] = company.add(van)


def _abilities(company: Company, technician: Technician, number: int) -> None:
    """A certificate for refrigerants each; the third technician's ended yesterday."""
    has = {}
    for name, level in PROFILES[(number - 1) % len(PROFILES)]:
        until = None
        if name == COOLING:
            until = company.hours.day + timedelta(days=-1 if number == 3 else 30 * number)
        has[name] = company.add(
            TechnicianSkill(
                technician_id=technician.id,
                skill_id=company.skills[name].id,
                level=level,
                certified_until=until,
            )
        )
    company.abilities[technician.id] = has


def _shift(company: Company, technician: Technician) -> None:
    hours = company.hours
    shift = Shift(technician_id=technician.id, starts_at=hours.opens, ends_at=hours.closes)
    if hours.break_fits:
        shift.break_earliest, shift.break_latest = hours.opens + BREAK_EARLIEST, hours.opens + BREAK_LATEST
        shift.break_seconds = BREAK_SECONDS
    company.add(shift)
