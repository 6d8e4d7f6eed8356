"""Stock: the cases of the mutations that keep parts, places, levels and transfers."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

COSTS = {"unitPrice": "12.50", "unitCost": "7.25"}


async def hall(stage: Stage) -> str:
    found: str = await stage.first("stockLocations", "{kind: {eq: WAREHOUSE}}")
    return found


async def other_hall(stage: Stage) -> str:
    return await stage.make("createStockLocation", "stockLocation", name="Hall 9", kind="WAREHOUSE")


async def shelf(stage: Stage) -> Given:
    return {"stockLocation": await hall(stage), "part": await stage.first("parts")}


async def meter(stage: Stage) -> str:
    """A serialized part of which two pieces lie in the hall: SN-1 and SN-2."""
    part = await stage.make("createPart", "part", number="M-1", name="Meter", unitPrice="90", serialized=True)
    await stage.make(
        "receiveStock",
        "part",
        stockLocation=await hall(stage),
        part=part,
        quantity=2,
        serials=["SN-1", "SN-2"],
    )
    return part


async def create_part(stage: Stage) -> Given:
    await stage.make("createPart", "part", number="N-0", name="Valve", unitPrice="1", barcode="123")
    return {"number": "N-1", "name": "Ball valve", "barcode": "4006381333931", **COSTS}


async def create_place(stage: Stage) -> Given:
    site: str = await stage.first("sites")
    stands = {"type": "Point", "coordinates": [24.9, 60.2]}
    return {"name": "Room 2", "kind": "SITE", "site": site, "location": stands}


async def receive(stage: Stage) -> Given:
    return {**await shelf(stage), "part": await meter(stage), "quantity": 1, "serials": ["SN-3"]}


async def adjust(stage: Stage) -> Given:
    part = await meter(stage)
    return {
        **await shelf(stage),
        "part": part,
        "quantity": -1,
        "reason": "broken",
        "serials": ["SN-2"],
    }


async def count(stage: Stage) -> Given:
    return {**await shelf(stage), "quantity": 71}


async def request(stage: Stage) -> Given:
    return {
        "fromLocation": await hall(stage),
        "toLocation": await other_hall(stage),
        "part": await stage.first("parts"),
        "quantity": 2,
    }


async def ship(stage: Stage) -> Given:
    wish = {**await request(stage), "part": await meter(stage)}
    transfer = await stage.make("requestTransfer", "transfer", **wish)
    return {"transfer": transfer, "serials": ["SN-1", "SN-2"]}


async def arrive(stage: Stage) -> Given:
    shipped = await ship(stage)
    return {"transfer": await stage.make("shipTransfer", "transfer", **shipped)}


CASES = [
    Case(
        mutation="createPart",
        right=create_part,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "less than nothing": Wrong({"unitPrice": "-1"}, "INVALID", ("unitPrice",)),
            "a cost below nothing": Wrong({"unitCost": "-1"}, "INVALID", ("unitCost",)),
            "no currency": Wrong({"currency": "euro"}, "INVALID", ("currency",)),
            "a number that another has": Wrong({"number": "N-0"}, "CONFLICT", ("number",)),
            "a barcode that another has": Wrong({"barcode": "123"}, "CONFLICT", ("barcode",)),
        },
    ),
    Case(
        mutation="createStockLocation",
        right=create_place,
        wrong={
            "no name": Wrong({"name": ""}, "INVALID", ("name",)),
            "a site of a hall": Wrong({"kind": "WAREHOUSE"}, "INVALID", ("site",)),
            "a van of nobody": Wrong({"kind": "VAN", "site": None}, "INVALID", ("technician",)),
        },
    ),
    Case(
        mutation="receiveStock",
        right=receive,
        wrong={
            "nothing": Wrong({"quantity": 0}, "INVALID", ("quantity",)),
            "no reason": Wrong({"reason": " "}, "INVALID", ("reason",)),
            "no serial": Wrong({"serials": None}, "INVALID", ("serials",)),
            "too many serials": Wrong({"serials": ["SN-3", "SN-4"]}, "INVALID", ("serials",)),
            "one that is there": Wrong({"serials": ["SN-1"]}, "CONFLICT", ("serials",)),
        },
    ),
    Case(
        mutation="adjustStock",
        right=adjust,
        wrong={
            "nothing": Wrong({"quantity": 0}, "INVALID", ("quantity",)),
            "no reason": Wrong({"reason": ""}, "INVALID", ("reason",)),
            "no serial": Wrong({"serials": []}, "INVALID", ("serials",)),
            "one that is not there": Wrong({"serials": ["SN-9"]}, "INVALID", ("serials",)),
        },
    ),
    Case(
        mutation="countStock",
        right=count,
        wrong={"less than nothing": Wrong({"quantity": -1}, "INVALID", ("quantity",))},
    ),
    Case(
        mutation="requestTransfer",
        right=request,
        wrong={"nothing": Wrong({"quantity": 0}, "INVALID", ("quantity",))},
    ),
    Case(
        mutation="shipTransfer",
        right=ship,
        wrong={
            "no serials": Wrong({"serials": None}, "INVALID", ("serials",)),
            "one twice": Wrong({"serials": ["SN-1", "SN-1"]}, "INVALID", ("serials",)),
            "one that is not there": Wrong({"serials": ["SN-1", "SN-3"]}, "INVALID", ("serials",)),
        },
    ),
    Case(mutation="receiveTransfer", right=arrive),
]
