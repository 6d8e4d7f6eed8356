"""Assets: their mutations' cases."""

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong


async def _asset(stage: Stage) -> str:
    return await stage.make(
        "createAsset", "asset", site=await stage.first("sites"), name="Boiler", serial="SN-1"
    )


async def create(stage: Stage) -> Given:
    await _asset(stage)
    return {"site": await stage.first("sites"), "name": "Hall boiler", "serial": "SN-2"}


async def update(stage: Stage) -> Given:
    return {"asset": await _asset(stage), "name": "Yard boiler"}


async def read(stage: Stage) -> Given:
    asset = await _asset(stage)
    await stage.make("recordMeterReading", "meterReading", asset=asset, value="10")
    return {"asset": asset, "value": "11.5", "at": "2026-11-23T06:01:00Z"}


CASES = [
    Case(
        mutation="createAsset",
        right=create,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "a serial that another has": Wrong({"serial": "SN-1"}, "CONFLICT", ("serial",)),
        },
    ),
    Case(
        mutation="updateAsset",
        right=update,
        wrong={"no name": Wrong({"name": None}, "INVALID", ("name",))},
    ),
    Case(
        mutation="recordMeterReading",
        right=read,
        wrong={
            "backwards": Wrong({"value": "9"}, "INVALID", ("value",)),
            "of the future": Wrong({"at": "2026-11-24T06:00:00Z"}, "INVALID", ("at",)),
        },
    ),
]
