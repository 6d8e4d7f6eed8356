"""Look-ups: the functions that policies ask are as declared, and tell a caller only what is the viewer's."""

import asyncpg
import pytest

from domain import access
from domain.unit_of_work import settings_of
from domain.viewers import Role, Viewer
from domain.visits import Assignment, AssignmentState, Visit
from fieldgraph.addresses import SYSTEM_ROLE
from resolvers.reads import ENTER
from tests.conftest import Database, connected
from tests.domain.world import World, at

FUNCTIONS = """
SELECT pg_get_functiondef(oid), proacl::text FROM pg_proc
WHERE starts_with(proname, 'viewer_') ORDER BY proname
"""


async def test_the_functions_of_a_migrated_database_are_what_is_declared(database: Database) -> None:
    async with connected(database.owner_url) as owner:
        migrated = await owner.fetch(FUNCTIONS)
        for statement in access.functions():
            await owner.execute(statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        assert migrated == await owner.fetch(FUNCTIONS)
        assert len(migrated) == len(access.LOOK_UPS)
        assert not any("SECURITY DEFINER" in text or "SET search_path" not in text for text, _ in migrated)

        await owner.execute("ALTER FUNCTION viewer_own_visits() VOLATILE")
        assert migrated != await owner.fetch(FUNCTIONS)


async def test_only_the_app_may_ask(database: Database) -> None:
    async with connected(database.app_url, role=SYSTEM_ROLE) as system:
        for name in access.LOOK_UPS:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await system.fetch(f"SELECT * FROM {name}()")


async def test_nobody_is_told_nothing_and_a_technician_their_own(database: Database, world: World) -> None:
    work_type, ada, eve = (
        await world.work_type(),
        await world.technician("Ada"),
        await world.technician("Eve"),
    )
    keys = {name: await world.visit(work_type) for name in ("ada", "eve")}
    for name, technician in (("ada", ada), ("eve", eve)):
        visit = await world.read(Visit, keys[name])
        await world.keep(
            Assignment(
                visit_id=visit.id,
                technician_id=technician,
                work_order_id=visit.work_order_id,
                customer_id=visit.customer_id,
                site_id=visit.site_id,
                state=AssignmentState.ACCEPTED,
                planned_start=at(9),
                planned_end=at(10),
            )
        )

    async with connected(database.app_url) as app:
        for name in access.LOOK_UPS:
            assert await app.fetch(f"SELECT * FROM {name}()") == [], name

        viewer = Viewer(
            organization_id=world.organization_id, role=Role.TECHNICIAN, subject="ada", technician_id=ada
        )
        await app.execute(ENTER, *settings_of(viewer).values())
        assert [row[0] for row in await app.fetch("SELECT viewer_assigned_visits()")] == [keys["ada"]]
        assert await app.fetch("SELECT viewer_own_visits()") == []
