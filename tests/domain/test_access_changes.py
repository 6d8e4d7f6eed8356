"""Changes: what a role may change of some rows only stays within them once it is changed."""

import asyncpg
import pytest

from domain import access
from domain.viewers import Role
from tests.domain import test_access
from tests.domain.test_access import REFUSED, Town, enter, rows

town, app, owner = test_access.town, test_access.app, test_access.owner


@pytest.mark.parametrize("role", [Role.MANAGER, Role.DISPATCHER, *access.FIELD])
async def test_no_change_leads_out_of_what_a_role_may_change(
    town: Town, app: asyncpg.Connection, owner: asyncpg.Connection, role: Role
) -> None:
    """Without a WHERE the policy of reading is not asked about the new row."""
    changes = {
        "credential": "role = 'ADMIN', visit_id = NULL",
        "absence": "technician_id = $1",
        "upload": "technician_id = $1",
    }
    other = await owner.fetchval(
        "SELECT id FROM technician WHERE organization_id = $1 AND id <> ALL($2)",
        town.north.world.organization_id,
        [town.north.viewer(one).technician_id for one in access.FIELD],
    )
    await enter(app, town.north.viewer(role))
    tried = {table for table in changes if (role in access.OFFICE) == (table == "credential")}
    for table, change in changes.items():
        if table not in tried:
            continue
        assert await rows(app, table), table
        before = await owner.fetch(f"SELECT * FROM {table} ORDER BY id")
        with pytest.raises(REFUSED):
            await app.execute(f"UPDATE {table} SET {change.replace('$1', repr(str(other)))}")
        assert await owner.fetch(f"SELECT * FROM {table} ORDER BY id") == before
