"""Customers, their contacts and their sites: their mutations' cases."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

PLACE = {
    "address": "Kaivokatu 1, 00100 Helsinki",
    "location": {"type": "Point", "coordinates": [24.94, 60.17]},
    "timeZone": "Europe/Helsinki",
}
CROSSED = [[24.9, 60.1], [24.91, 60.11], [24.91, 60.1], [24.9, 60.11], [24.9, 60.1]]


async def customer(stage: Stage, number: str = "K-1") -> str:
    return await stage.make("createCustomer", "customer", name="Harbour", number=number)


async def create(stage: Stage) -> Given:
    await customer(stage)
    return {"name": "Market hall", "number": "K-2", "tier": "KEY", "owner": "sales:1"}


async def update(stage: Stage) -> Given:
    await customer(stage)
    return {"customer": await customer(stage, "K-2"), "name": "Market hall", "tier": "PREFERRED"}


async def archive(stage: Stage) -> Given:
    return {"customer": await customer(stage)}


async def create_contact(stage: Stage) -> Given:
    return {
        "customer": await customer(stage),
        "name": "Ida",
        "email": "ida@example.com",
        "emailOptIn": True,
    }


async def update_contact(stage: Stage) -> Given:
    given = await create_contact(stage)
    return {"contact": await stage.make("createContact", "contact", **given), "language": "sv"}


async def create_site(stage: Stage) -> Given:
    return {"customer": await customer(stage), "name": "Hall", **PLACE, "geofenceRadiusMetres": 80}


async def update_site(stage: Stage) -> Given:
    given = await create_site(stage)
    site = await stage.make("createSite", "site", **given)
    return {"site": site, "accessNotes": "Ring twice.", "territory": await stage.first("territories")}


CASES = [
    Case(
        mutation="createCustomer",
        right=create,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a number that another has": Wrong({"number": "K-1"}, "CONFLICT", ("number",)),
            "a number of 61 characters": Wrong({"number": "K" * 61}, "INVALID", ("number",)),
        },
    ),
    Case(
        mutation="updateCustomer",
        right=update,
        wrong={
            "no name": Wrong({"name": None}, "INVALID", ("name",)),
            "no tier": Wrong({"tier": None}, "INVALID", ("tier",)),
            "a number that another has": Wrong({"number": "K-1"}, "CONFLICT", ("number",)),
        },
    ),
    Case(mutation="archiveCustomer", right=archive),
    Case(
        mutation="createContact",
        right=create_contact,
        wrong={
            "no name": Wrong({"name": ""}, "INVALID", ("name",)),
            "no address": Wrong({"email": "ida"}, "INVALID", ("email",)),
            "nothing to agree to": Wrong({"email": None}, "INVALID", ("emailOptIn",)),
            "no telephone number": Wrong({"phone": "040"}, "INVALID", ("phone",)),
            "no language": Wrong({"language": "Finnish!"}, "INVALID", ("language",)),
        },
    ),
    Case(
        mutation="updateContact",
        right=update_contact,
        wrong={
            "no name": Wrong({"name": None}, "INVALID", ("name",)),
            "nothing to agree to": Wrong({"smsOptIn": True}, "INVALID", ("smsOptIn",)),
        },
    ),
    Case(
        mutation="createSite",
        right=create_site,
        wrong={
            "no address": Wrong({"address": " "}, "INVALID", ("address",)),
            "a circle of 5 metres": Wrong({"geofenceRadiusMetres": 5}, "INVALID", ("geofenceRadiusMetres",)),
            "an outline that crosses itself": Wrong(
                {"geofence": {"type": "Polygon", "coordinates": [CROSSED]}}, "INVALID", ("geofence",)
            ),
        },
    ),
    Case(
        mutation="updateSite",
        right=update_site,
        wrong={
            "no name": Wrong({"name": None}, "INVALID", ("name",)),
            "nowhere": Wrong({"location": None}, "INVALID", ("location",)),
        },
    ),
]
