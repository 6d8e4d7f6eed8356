"""Sites: the mutations that keep the places of work."""

from collections.abc import Mapping
from typing import Any

from domain import sites
from domain.unit_of_work import UnitOfWork
from resolvers.context import Context, key, named
from resolvers.inputs import stated, told
from schema.sites import CreateSiteInput, UpdateSiteInput

Values = Mapping[str, Any]
SITE = tuple(name for name in sites.SITE if name != "territory_id")


async def create_site(work: UnitOfWork, given: CreateSiteInput, _context: Context) -> Values:
    territory = {"territory_id": key("ter", given.territory)} if given.territory is not None else {}
    site = await sites.create(work, key("cus", given.customer), {**stated(given, *SITE), **territory})
    return {"site_id": site.id}


async def update_site(work: UnitOfWork, given: UpdateSiteInput, _context: Context) -> Values:
    values = told(given, *SITE)
    for territory in told(given, "territory").values():
        values["territory_id"] = named("ter", territory)
    site = await sites.update(work, key("sit", given.site), values, expected_version=given.expected_version)
    return {"site_id": site.id}
