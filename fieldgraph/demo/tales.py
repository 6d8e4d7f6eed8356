"""The demo's two organizations as rows in memory: what the seed writes, and whom it is about."""

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.organizations import Counter, Organization
from domain.rows import Row
from domain.scopes import SCOPES
from domain.technicians import Technician
from domain.viewers import Role, Viewer
from fieldgraph.demo.agreements import agree
from fieldgraph.demo.cast import Seeded, technician_viewer
from fieldgraph.demo.city import City, CityContact, CityCustomer, CitySite
from fieldgraph.demo.companies import OWNERS, Book, Company, Ground, found
from fieldgraph.demo.crews import tell_crews
from fieldgraph.demo.evidence import keep_evidence
from fieldgraph.demo.exchange import exchange
from fieldgraph.demo.hours import Hours
from fieldgraph.demo.maintenance import tell_maintenance
from fieldgraph.demo.people import admit
from fieldgraph.demo.proposals import propose, weigh
from fieldgraph.demo.rosters import tell_rosters
from fieldgraph.demo.shelves import fill_shelves
from fieldgraph.demo.staff import equip
from fieldgraph.demo.stores import keep_stores
from fieldgraph.demo.stories import Set, tell_past, tell_today
from fieldgraph.demo.supplies import supply
from fieldgraph.demo.unfinished import tell_unfinished
from integrations.roads import metres_between

SECOND_CUSTOMERS = 5
SECOND_TECHNICIANS = 3
SECOND_OPEN_VISITS = 3  # beside the three of its technician and the two of its subcontractor
SECOND_SPACING_METRES = 150.0
SUBJECTS = {
    Role.ADMIN: "user:admin",
    Role.MANAGER: "user:manager",
    Role.DISPATCHER: "user:dispatcher",
    Role.SALES: OWNERS[0],
    Role.INTEGRATION: "machine:gateway",
}


class Tale(NamedTuple):
    """One organization with all its rows, in an order in which they can be written, by business time."""

    seeded: Seeded
    organization: Organization
    chapters: tuple[tuple[datetime, tuple[Row, ...]], ...]


class Books(NamedTuple):
    """One organization's rows in the making, and those that are drawn apart."""

    main: Book
    staff: Book


def tell(city: City, *, seed: int, start: datetime, time_zone: str = "Europe/Helsinki") -> tuple[Tale, Tale]:
    """Both organizations, a function of its arguments; `start` is when the demo's business time begins."""
    hours = Hours.around(start, ZoneInfo(time_zone))
    homes = len(city.homes) - SECOND_TECHNICIANS
    first = Ground(
        name=f"{city.name} Building Services",
        letter="A",
        crm="salesforce",
        time_zone=time_zone,
        customers=city.customers,
        homes=city.homes[:homes],
        warehouses=city.warehouses,
        territories=city.territories,
        subcontractors=2,
        roads=city.roads,
    )
    second = first._replace(
        name=f"{city.name} Door and Lift Care",
        letter="B",
        crm="hubspot",
        customers=_corner_customers(city, _random(seed, "corners")),
        homes=city.homes[homes:],
        warehouses=city.warehouses[-1:],
        territories=(),
        subcontractors=1,
    )
    return (
        _tale(first, hours, _books(seed, "first", start)),
        _tale(second, hours, _books(seed, "second", start)),
    )


def _random(seed: int, part: str) -> Random:
    return Random(f"{seed}:{part}")  # noqa: S311  # tells a story; guards nothing


def _books(seed: int, part: str, start: datetime) -> Books:
    return Books(Book(_random(seed, part), start), Book(_random(seed, f"{part}:staff"), start))


def _tale(ground: Ground, hours: Hours, books: Books) -> Tale:
    book = books.main
    organization = Organization(id=book.key(), name=ground.name, time_zone=ground.time_zone)
    organization.updated_at = hours.start
    company = found(ground, hours, book)
    equip(company, books.staff)
    large = bool(ground.territories)
    if large:
        tell_past(company)
    supply(company)
    waiting = tell_today(company) if large else tell_today(company, SECOND_OPEN_VISITS)
    tell_maintenance(company, organization)
    agree(company, Random(f"{organization.id}:agreements"))  # noqa: S311  # as above
    tell_crews(company, organization, waiting)
    numbers = company.add(Counter(series="WORK_ORDER"))
    keep_stores(company)
    weigh(company, organization)
    if large:
        tell_unfinished(company, organization)
        fill_shelves(company, organization)
        tell_rosters(company, organization)
        propose(company, organization)
        exchange(company, organization)
    keep_evidence(company, organization)
    numbers.value = company.orders
    seeded = _seeded(company, organization, waiting)
    viewers = admit(company, seeded.viewers, Random(f"{organization.id}:people"))  # noqa: S311  # as above
    seeded = seeded._replace(viewers=viewers)
    return Tale(seeded, organization, tuple((at, tuple(book.rows[at])) for at in sorted(book.rows)))


def _seeded(company: Company, organization: Organization, waiting: Set) -> Seeded:
    visitors = company.employees()[0], company.subcontractors()[0]
    return Seeded(
        id=organization.id,
        name=organization.name,
        day=company.hours.day,
        time_zone=company.ground.time_zone,
        viewers=_viewers(organization.id, visitors, waiting.technicians[0].customer_id),
        visitors=tuple(one.id for one in visitors),
        simulated=tuple(one.id for one in company.technicians if one not in visitors),
        tracked=tuple(visit.id for visit in waiting.technicians),
    )


def _viewers(
    organization_id: UUID, visitors: tuple[Technician, Technician], customer_id: UUID
) -> dict[Role, Viewer]:
    employee, subcontractor = visitors
    viewers = {
        role: Viewer(organization_id=organization_id, role=role, subject=subject)
        for role, subject in SUBJECTS.items()
    }
    viewers[Role.INTEGRATION] = replace(viewers[Role.INTEGRATION], scopes=SCOPES)
    viewers[Role.TECHNICIAN] = technician_viewer(organization_id, employee.id)
    viewers[Role.SUBCONTRACTOR] = technician_viewer(
        organization_id, subcontractor.id, role=Role.SUBCONTRACTOR
    )
    viewers[Role.CUSTOMER] = Viewer(
        organization_id=organization_id,
        role=Role.CUSTOMER,
        subject=f"customer:{customer_id}",
        customer_id=customer_id,
    )
    return viewers


def _corner_customers(city: City, random: Random) -> tuple[CityCustomer, ...]:
    """Housing companies at street corners, the second organization's: none is a customer of the first."""
    graph = city.roads.graph
    nodes = [number for number in range(len(graph.longitude)) if city.roads.street(number)]
    random.shuffle(nodes)
    chosen: list[CityCustomer] = []
    for node in nodes:
        where = float(graph.longitude[node]), float(graph.latitude[node])
        apart = all(
            metres_between(where, (site.longitude, site.latitude)) >= SECOND_SPACING_METRES
            for customer in chosen
            for site in customer.sites
        )
        if apart and len(chosen) < SECOND_CUSTOMERS:
            address = f"{city.roads.street(node)} {2 + 2 * random.randrange(20)}"
            name = f"Housing company {address}"
            contact = CityContact("Outi", f"Korpela-{len(chosen) + 1}", "board@housing.example", "fi")
            site = CitySite(name, address, None, city.name, *where, "")
            chosen.append(CityCustomer(name, (site,), (contact,)))
    return tuple(chosen)
