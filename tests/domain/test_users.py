"""Users: who is let in as what, and that there is always somebody who can let others in."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from domain import api_keys, credentials, users
from domain.api_keys import ApiKey
from domain.credentials import Credential, find_subject, find_user, find_viewer
from domain.errors import Conflict, Invalid, InvalidTransition, NotFound
from domain.users import User
from domain.viewers import Role
from tests.conftest import Database, connected
from tests.domain.world import MORNING, World

SOON = MORNING + timedelta(hours=1)
ISSUER = "https://login.example"


async def invite(world: World, name: str, role: Role = Role.ADMIN, **values: object) -> User:
    async with world.unit() as work:
        given = {"name": name, "role": role, **values}
        return await users.create(work, given, digest=name.encode().ljust(32, b"."), real_now=MORNING)


async def test_the_last_admin_stays_and_nobody_shuts_themselves_out(world: World) -> None:
    ann, bob = await invite(world, "Ann"), await invite(world, "Bob")

    with pytest.raises(Invalid, match="their own access"):
        async with world.unit(user_id=ann.id) as work:
            await users.deactivate(work, ann.id, real_now=SOON)
    with pytest.raises(Invalid, match="their own access"):
        async with world.unit(user_id=ann.id) as work:
            await users.update(work, ann.id, {"role": Role.MANAGER})
    async with world.unit(user_id=ann.id) as work:
        await users.deactivate(work, bob.id, real_now=SOON)
    for values in ({"role": Role.MANAGER}, {"role": Role.SALES}):
        with pytest.raises(Invalid, match="last active ADMIN"):
            async with world.unit() as work:
                await users.update(work, ann.id, values)
    with pytest.raises(Invalid, match="last active ADMIN"):
        async with world.unit() as work:
            await users.deactivate(work, ann.id, real_now=SOON)

    assert {row.name: row.is_active for row in await world.all(User)} == {"Ann": True, "Bob": False}


@pytest.mark.parametrize("round", range(3))
async def test_of_many_who_shut_each_other_out_at_once_one_stays(world: World, round: int) -> None:
    admins = [await invite(world, f"Admin {number}") for number in range(6)]

    async def shut_out(number: int, user: User) -> bool:
        async with world.unit() as work:
            if (number + round) % 2:
                await users.deactivate(work, user.id, real_now=SOON)
            else:
                await users.update(work, user.id, {"role": Role.SALES})
        return True

    done = await asyncio.gather(
        *(shut_out(number, user) for number, user in enumerate(admins)), return_exceptions=True
    )

    assert sorted(type(one).__name__ for one in done) == ["Invalid", *["bool"] * 5]
    left = [row for row in await world.all(User) if row.is_active and row.role == Role.ADMIN]
    assert len(left) == 1


async def test_a_deactivated_user_is_found_by_nothing_and_a_restored_one_by_the_new_token_only(
    world: World, database: Database
) -> None:
    await invite(world, "Ann")
    mira = await invite(world, "Mira", Role.DISPATCHER, issuer=ISSUER, subject="mira")
    old, new = b"Mira".ljust(32, b"."), b"new".ljust(32, b".")
    async with connected(database.app_url) as app:
        await _good_for_now(database)
        found = await find_viewer(app, old)
        assert found is not None
        assert (found.role, found.user_id, found.subject) == (Role.DISPATCHER, mira.id, f"user:{mira.id}")
        assert (found.organization_id, found.scopes) == (world.organization_id, frozenset())
        assert await find_user(app, world.organization_id, mira.id) is not None
        assert await find_user(app, UUID(int=1), mira.id) is None
        assert await known(app) == mira.id
        assert await known(app, "Mira") is None

        async with world.unit() as work:
            await users.deactivate(work, mira.id, real_now=SOON)
        assert await find_viewer(app, old) is None
        assert await find_user(app, world.organization_id, mira.id) is None
        assert await known(app) is None
        with pytest.raises(InvalidTransition):
            async with world.unit() as work:
                await users.renew_token(work, mira.id, digest=new, real_now=SOON)

        async with world.unit() as work:
            await users.restore(work, mira.id, digest=new, real_now=MORNING)
        await _good_for_now(database)
        assert await find_viewer(app, old) is None
        assert await find_viewer(app, new) is not None
        assert await known(app) == mira.id


async def _good_for_now(database: Database) -> None:
    """The world's morning may be long past or far ahead; the look-up goes by real time."""
    async with connected(database.owner_url) as owner:
        await owner.execute("UPDATE credential SET expires_at = now() + interval '1 day'")


async def test_a_new_token_revokes_those_before_it(world: World) -> None:
    mira = await invite(world, "Mira", Role.DISPATCHER)
    async with world.unit() as work:
        await users.renew_token(work, mira.id, digest=b"n" * 32, real_now=SOON)

    rows = {row.digest: row.revoked_at for row in await world.all(Credential)}
    assert rows == {b"Mira".ljust(32, b"."): SOON, b"n" * 32: None}


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ({"name": "Other"}, False),
        ({"email": "m@example.com"}, False),
        ({"role": Role.MANAGER}, True),
        ({"issuer": ISSUER, "subject": "other"}, True),
        ({"name": "Mira"}, False),
    ],
    ids=str,
)
async def test_what_changes_how_far_a_user_sees_ends_what_they_have_open(
    world: World, database: Database, values: dict[str, object], ends: bool
) -> None:
    mira = await invite(world, "Mira", Role.DISPATCHER)
    async with world.unit() as work:
        await users.update(work, mira.id, values)

    async with connected(database.owner_url) as owner:
        told = await owner.fetch("SELECT payload->>'user_id' AS key FROM event WHERE topic = 'credential'")
        payloads = await owner.fetch("SELECT payload::text AS text FROM event")
    assert [row["key"] for row in told] == ([str(mira.id)] if ends else [])
    assert not [row for row in payloads if "Mira" in row["text"] or ISSUER in row["text"]]


async def test_two_users_do_not_share_an_identity_but_two_companies_may(
    world: World, database: Database
) -> None:
    await invite(world, "Mira", issuer=ISSUER, subject="mira")
    with pytest.raises(Conflict):
        await invite(world, "Mirror", issuer=ISSUER, subject="mira")
    other = await World.make(world.engine)
    async with other.unit() as work:
        given = {"name": "Mira", "role": Role.SALES, "issuer": ISSUER, "subject": "mira"}
        await users.create(work, given, digest=b"s" * 32, real_now=MORNING)

    async with connected(database.app_url) as app:
        for one in (world, other):
            found = await find_subject(app, ISSUER, "mira", one.organization_id)
            assert found is not None
            assert found.organization_id == one.organization_id
        assert await find_subject(app, ISSUER, "mira", UUID(int=1)) is None


@pytest.mark.parametrize("way", ["anew", "by a change", "over and over"])
async def test_an_identity_that_works_is_taken_away_by_no_other_company(
    world: World, database: Database, way: str
) -> None:
    """Whoever binds it later, to however old a user, is found by the organization's claim only."""
    others = [await World.make(world.engine) for _ in range(12 if way == "over and over" else 1)]
    old = [await invite(one, "Squat") for one in others] if way == "by a change" else []
    mira = await invite(world, "Mira", Role.DISPATCHER, issuer=ISSUER, subject="mira")
    for number, one in enumerate(others):
        if way != "by a change":
            await invite(one, f"Squat {number}", Role.SALES, issuer=ISSUER, subject="mira")
    for one, user in zip(others, old, strict=False):
        async with one.unit() as work:
            changed = await users.update(work, user.id, {"issuer": ISSUER, "subject": "mira"})
            changed.bound_at = MORNING - timedelta(days=9999)

    async with connected(database.app_url) as app:
        assert await known(app) == mira.id
        found = await find_subject(app, ISSUER, "mira", others[-1].organization_id)
        assert found is not None
        assert found.organization_id == others[-1].organization_id
        # A change of something else binds nobody anew; another identity does.
        async with world.unit() as work:
            await users.update(work, mira.id, {"name": "Mira B"})
        assert await known(app) == mira.id
        for subject in ("other", "mira"):
            async with world.unit() as work:
                await users.update(work, mira.id, {"subject": subject})
        assert await known(app) != mira.id


async def known(app: asyncpg.Connection, subject: str = "mira") -> UUID | None:
    """Whom a token is that names no organization."""
    found = await find_subject(app, ISSUER, subject, None)
    return None if found is None else found.user_id


@pytest.mark.parametrize(
    ("values", "path"),
    [({"email": "mira@v.example"}, "email"), ({"issuer": ISSUER, "subject": "mira"}, "subject")],
)
async def test_of_many_who_are_given_one_name_at_once_the_losers_hear_which(
    world: World, values: dict[str, str], path: str
) -> None:
    done = await asyncio.gather(
        *(invite(world, f"Mira {number}", Role.SALES, **values) for number in range(8)),
        return_exceptions=True,
    )

    refused = [one for one in done if isinstance(one, Conflict)]
    assert sorted(type(one).__name__ for one in done) == ["Conflict"] * 7 + ["User"]
    assert {(one.message, one.path) for one in refused} == {(f"Another user has that {path}.", (path,))}
    assert len(await world.all(User)) == len(await world.all(Credential)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE app_user SET role = 'INTEGRATION'",
        "UPDATE app_user SET role = 'CUSTOMER'",
        "UPDATE app_user SET role = 'TECHNICIAN'",
        "UPDATE app_user SET issuer = 'x'",
        "UPDATE credential SET role = 'ADMIN'",
        "UPDATE credential SET user_id = NULL",
    ],
)
async def test_the_database_refuses_what_no_user_is(world: World, database: Database, statement: str) -> None:
    await invite(world, "Ann")
    async with connected(database.owner_url) as owner:
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(statement)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.DISPATCHER])
async def test_the_office_makes_links_and_no_other_way_in(world: World, role: Role) -> None:
    """The wall behind the verbs: a policy, not a rule of Python's."""
    user = await invite(world, "Ann")
    for values in ({"role": Role.INTEGRATION, "scopes": "work:read"}, {"user_id": user.id}):
        with pytest.raises(NotFound, match="Nothing with that id"):
            async with world.unit(role) as work:
                work.add(Credential(digest=b"x" * 32, subject="mine", expires_at=SOON, **values))
    assert len(await world.all(Credential)) == 1


async def test_a_key_acts_for_a_technician_as_what_they_are(world: World, database: Database) -> None:
    ada = await world.technician("Ada")
    given = {"name": "Van", "scopes": ["positions:write", "positions:write"], "technician_id": ada}
    async with world.unit() as work:
        key = await api_keys.create(work, given, secret=("key_abcd1234", b"k" * 32), real_now=MORNING)
    async with connected(database.app_url) as app:
        found = await find_viewer(app, b"k" * 32)
        assert found is not None
        assert (found.role, found.technician_id) == (Role.TECHNICIAN, ada)
        assert (found.scopes, found.subject) == (frozenset({"positions:write"}), f"key:{key.id}")
        assert found.is_limited
        for _ in range(2):
            async with world.unit() as work:
                await api_keys.revoke(work, key.id, real_now=SOON)
        assert await find_viewer(app, b"k" * 32) is None
    (row,) = await world.all(ApiKey)
    assert (row.hint, row.scopes, row.revoked_at, row.version) == ("1234", ["positions:write"], SOON, 2)


async def test_a_use_is_kept_to_the_hour_and_never_taken_back(world: World, database: Database) -> None:
    given = {"name": "ERP", "scopes": ["stock:read"]}
    async with world.unit() as work:
        key = await api_keys.create(work, given, secret=("key_abcd1234", b"k" * 32), real_now=MORNING)
    async with connected(database.app_url, role="fieldgraph_system") as system:
        for hour in (MORNING, SOON, MORNING):
            await credentials.used(system, [(world.organization_id, key.credential_id)], hour)
    async with connected(database.owner_url) as owner:
        assert await owner.fetchval("SELECT used_at FROM credential_use") == SOON
        audited = await owner.fetchval("SELECT count(*) FROM audit WHERE entity_type = 'credential_use'")
        secrets = await owner.fetchval("SELECT count(*) FROM audit WHERE after::text LIKE '%1234%'")
    assert (audited, secrets) == (0, 0)
