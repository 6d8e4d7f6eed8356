"""Reservations: the cases of the mutations that hold parts, take them along, use them, bring them back."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong
from tests.resolvers.mutations.stock import hall, meter


def visit(stage: Stage) -> str:
    """The one that is DISPATCHED to the technician who is a viewer."""
    return f"vis1_{stage.company.first.tracked[0]}"


async def van(stage: Stage) -> str:
    own = stage.company.first.visitors[0]
    found: str = await stage.first("stockLocations", f'{{technician: {{id: {{eq: "tec1_{own}"}}}}}}')
    return found


async def hold(stage: Stage) -> str:
    """Two meters, held in the hall."""
    part, place = await meter(stage), await hall(stage)
    parts = [{"part": part, "quantity": 2}]
    await stage.make("reserveParts", "visit", visit=visit(stage), parts=parts, stockLocation=place)
    found: str = await stage.first("reservations", f'{{part: {{id: {{eq: "{part}"}}}}}}')
    return found


async def reserve(stage: Stage) -> Given:
    parts = [{"part": await stage.first("parts"), "quantity": 2}]
    return {"visit": visit(stage), "parts": parts, "stockLocation": await hall(stage)}


async def release(stage: Stage) -> Given:
    return {"reservation": await hold(stage), "quantity": 1}


async def pick(stage: Stage) -> Given:
    given = {"reservation": await hold(stage), "quantity": 1}
    return {**given, "stockLocation": await van(stage), "serials": ["SN-1"]}


async def give_back(stage: Stage) -> Given:
    key = await stage.make("pickParts", "reservation", **await pick(stage))
    return {"reservation": key, "stockLocation": await hall(stage), "serials": ["SN-1"]}


async def consume(stage: Stage) -> Given:
    picked = await pick(stage)
    await stage.make("pickParts", "reservation", **picked)
    await stage.make("recordArrival", "visit", visit=visit(stage))
    await stage.make("startWork", "visit", visit=visit(stage))
    part: str = await stage.first("parts", '{number: {eq: "M-1"}}')
    return {
        "visit": visit(stage),
        "part": part,
        "quantity": 1,
        "stockLocation": picked["stockLocation"],
        "serials": ["SN-1"],
        "install": True,
    }


CASES = [
    Case(
        mutation="reserveParts",
        right=reserve,
        wrong={
            "nothing": Wrong(
                {"parts": [{"part": "prt1_018f0000-0000-7000-8000-000000000000", "quantity": 0}]},
                "INVALID",
                ("parts",),
            )
        },
    ),
    Case(
        mutation="releaseReservation",
        right=release,
        wrong={"more than is held": Wrong({"quantity": 3}, "INVALID", ("quantity",))},
    ),
    Case(
        mutation="pickParts",
        right=pick,
        wrong={
            "nothing": Wrong({"quantity": 0}, "INVALID", ("quantity",)),
            "no serial": Wrong({"serials": None}, "INVALID", ("serials",)),
            "one that lies elsewhere": Wrong({"serials": ["SN-3"]}, "INVALID", ("serials",)),
        },
    ),
    Case(
        mutation="returnParts",
        right=give_back,
        wrong={
            "more than was picked": Wrong({"quantity": 2}, "INVALID", ("quantity",)),
            "one that lies elsewhere": Wrong({"serials": ["SN-2"]}, "INVALID", ("serials",)),
        },
    ),
    Case(
        mutation="consumeParts",
        right=consume,
        wrong={
            "nothing": Wrong({"quantity": 0}, "INVALID", ("quantity",)),
            "more than lies there": Wrong(
                {"quantity": 2, "serials": ["SN-1", "SN-2"]}, "INVALID", ("quantity",)
            ),
            "one that lies elsewhere": Wrong({"serials": ["SN-2"]}, "INVALID", ("serials",)),
        },
    ),
]
