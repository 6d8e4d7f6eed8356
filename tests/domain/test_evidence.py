"""Evidence: who attaches what to which visit and when, what a type of work asks for; it is never changed."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlmodel import col, select

from domain import assignments, ids, tracking, uploads, visits, work_types
from domain.assignments import Member
from domain.errors import Invalid, InvalidTransition, MissingEvidence, NotFound, Refused
from domain.events import EventRow
from domain.uploads import Upload
from domain.viewers import Role
from domain.visits import Attachment, AttachmentKind, Evidence, Visit, VisitCost
from domain.work_types import Needs
from tests.conftest import Database, connected
from tests.domain.ledgers import DUMP
from tests.domain.world import MORNING, World, at

PHOTO, SIGNATURE, DOCUMENT = AttachmentKind


async def strict(world: World) -> UUID:
    """A type of work that asks for all the evidence there is."""
    kind = await world.work_type()
    async with world.unit() as work:
        asked = {"signature_required": True, "no_access_photo_required": True}
        await work_types.update(work, kind, asked, Needs())
    return kind


async def arrived(world: World, technician: UUID, *, kind: UUID | None = None, begun: bool = True) -> UUID:
    visit = await world.visit(kind or await strict(world))
    await world.schedule(visit, technician, 10)
    await world.dispatch(visit)
    world.now = at(10)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
        await tracking.record_arrival(work, visit, occurred_at=None)
        if begun:
            await visits.start_work(work, visit)
    return visit


async def signature(world: World, technician: UUID | None = None) -> Evidence:
    upload_id = await world.upload(technician_id=technician)
    return Evidence(upload_id=upload_id, kind=SIGNATURE, signed_by=" Aino Aalto ")


async def dump(world: World, database: Database) -> str:
    async with connected(database.owner_url) as owner:
        found: str = await owner.fetchval(DUMP, world.organization_id)
        files = await owner.fetch("SELECT id, state, version FROM upload ORDER BY id")
    return found + str(files)


async def test_work_is_completed_with_a_signature_where_its_type_asks_for_one(
    world: World, database: Database
) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada)
    world.now = at(11)
    before = await dump(world, database)

    with pytest.raises(MissingEvidence) as refusal:
        async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
            await visits.complete(work, visit)

    assert (refusal.value.code, refusal.value.path) == ("MISSING_EVIDENCE", ("signature",))
    assert await dump(world, database) == before
    signed = await signature(world, ada)
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        done = await visits.complete(work, visit, signature=signed)
    assert done.state == "COMPLETED"
    (row,) = await world.all(Attachment)
    upload = await world.read(Upload, signed.upload_id)
    assert (row.kind, row.signed_by, row.technician_id, row.added_by) == (
        *("SIGNATURE", "Aino Aalto"),
        *(ada, "test"),
    )
    assert (row.visit_id, row.customer_id, row.upload_id) == (visit, world.customer_id, upload.id)
    assert (row.taken_at, row.created_at) == (at(11), at(11))
    assert (row.name, row.content_type, row.bytes, row.sha256) == ("file", "image/png", 9, upload.sha256)
    assert upload.state == "KEPT"


async def test_one_that_was_signed_already_needs_no_other(world: World) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada)
    shown = await signature(world, ada)
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await visits.add_attachment(work, visit, shown)

    async with world.unit() as work:
        assert (await visits.complete(work, visit)).state == "COMPLETED"


async def test_a_photo_shows_that_nobody_was_let_in(world: World, database: Database) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada, begun=False)
    signed = await signature(world, ada)
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await visits.add_attachment(work, visit, signed)
    before = await dump(world, database)

    with pytest.raises(MissingEvidence) as refusal:
        async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
            await visits.mark_no_access(work, visit, reason="The door is shut")

    assert refusal.value.path == ("photo",)
    assert await dump(world, database) == before
    photo = Evidence(upload_id=await world.upload(technician_id=ada), taken_at=at(9.99))
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        done = await visits.mark_no_access(work, visit, reason="The door is shut", photo=photo)
    assert done.state == "NO_ACCESS"
    assert [(row.kind, row.taken_at) for row in await world.all(Attachment)] == [
        ("SIGNATURE", at(10)),
        ("PHOTO", at(9.99)),
    ]


async def test_where_nothing_is_asked_for_nothing_is_needed_and_what_is_shown_is_kept(world: World) -> None:
    ada, kind = await world.technician("Ada"), await world.work_type()
    bare = await arrived(world, ada, kind=kind)
    async with world.unit() as work:
        await visits.complete(work, bare)
    shown = await world.visit(kind)
    world.now = at(10)
    await world.schedule(shown, ada, 12)
    await world.dispatch(shown)
    async with world.unit() as work:
        await visits.start_travel(work, shown)
        await tracking.record_arrival(work, shown, occurred_at=None)
        await visits.start_work(work, shown)
    signed = await signature(world)
    async with world.unit() as work:
        await visits.complete(work, shown, signature=signed)

    assert [(row.visit_id, row.technician_id) for row in await world.all(Attachment)] == [(shown, None)]


@pytest.mark.parametrize(
    ("given", "error", "path"),
    [
        ({"signed_by": " "}, Invalid, ("signature", "signedBy")),
        ({"signed_by": "x" * 201}, Invalid, ("signature", "signedBy")),
        ({"taken_at": at(10.02)}, Invalid, ("signature", "takenAt")),
        ({"upload_id": ids.new()}, NotFound, ("signature", "upload")),
    ],
)
async def test_a_signature_that_is_none_ends_nothing(
    world: World,
    database: Database,
    given: dict[str, object],
    error: type[Refused],
    path: tuple[str, ...],
) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada)
    right = {"upload_id": await world.upload(), "kind": SIGNATURE, "signed_by": "Aino"}
    before = await dump(world, database)

    with pytest.raises(error) as refusal:
        async with world.unit() as work:
            await visits.complete(work, visit, signature=Evidence(**{**right, **given}))  # type: ignore[arg-type]  # as the parameters say

    assert refusal.value.path == path
    assert await dump(world, database) == before


async def test_a_file_is_an_image_of_ones_own_and_attached_once(world: World, database: Database) -> None:
    ada, ben = await world.technician("Ada"), await world.technician("Ben")
    visit = await arrived(world, ada)
    own, other = await world.upload(technician_id=ada), await world.upload(technician_id=ben)
    paper = await world.upload(technician_id=ada, content_type="application/pdf")
    async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
        await visits.add_attachment(work, visit, Evidence(upload_id=own))
        await visits.add_attachment(work, visit, Evidence(upload_id=await _held(world, ada), kind=DOCUMENT))
    drawing = await world.upload(technician_id=ada, content_type="image/svg+xml")
    before = await dump(world, database)

    for upload_id, error in (
        (own, InvalidTransition),
        (other, NotFound),
        (paper, Invalid),
        (drawing, Invalid),
    ):
        with pytest.raises(error) as refusal:
            async with world.unit(Role.TECHNICIAN, technician_id=ada) as work:
                await visits.add_attachment(work, visit, Evidence(upload_id=upload_id))
        assert refusal.value.path == ("upload",)
        assert await dump(world, database) == before


async def _held(world: World, technician: UUID) -> UUID:
    return await world.upload(technician_id=technician, content_type="application/pdf")


async def test_who_goes_there_attaches_from_the_arrival_on_and_afterwards(world: World) -> None:
    ada, ben, eve = [await world.technician(name) for name in ("Ada", "Ben", "Eve")]
    visit = await world.visit(await world.work_type())
    await world.schedule(visit, ada, 10)
    async with world.unit() as work:
        await assignments.assign(work, visit, Member(technician_id=ben))
    await world.dispatch(visit)

    async def outcome(role: Role, technician: UUID | None = None) -> str:
        upload_id = await world.upload(technician_id=technician)
        try:
            async with world.unit(role, technician_id=technician) as work:
                await visits.add_attachment(work, visit, Evidence(upload_id=upload_id))
        except Refused as refusal:
            return refusal.code
        return "kept"

    assert await outcome(Role.DISPATCHER) == await outcome(Role.TECHNICIAN, ada) == "INVALID_TRANSITION"
    world.now = at(10)
    async with world.unit() as work:
        await visits.start_travel(work, visit)
    assert await outcome(Role.TECHNICIAN, ada) == "INVALID_TRANSITION"
    async with world.unit() as work:
        await tracking.record_arrival(work, visit, occurred_at=None)
    for step in (visits.start_work, visits.complete):
        found = [
            await outcome(Role.TECHNICIAN, ada),
            await outcome(Role.TECHNICIAN, ben),
            await outcome(Role.TECHNICIAN, eve),
            await outcome(Role.DISPATCHER),
        ]
        assert found == ["kept", "kept", "NOT_FOUND", "kept"]
        async with world.unit() as work:
            await step(work, visit)
    assert await outcome(Role.TECHNICIAN, ben) == "kept"

    rows = await world.all(Attachment)
    assert [row.technician_id for row in rows] == [ada, ben, None, ada, ben, None, ben]
    async with world.unit() as work:
        told = select(EventRow).where(EventRow.topic == "attachment")
        events = (await work.session.exec(told.order_by(col(EventRow.xid), col(EventRow.n)))).all()
    assert [event.subject_id for event in events] == [row.id for row in rows]
    assert {tuple(sorted(event.scope_after["technicians"])) for event in events} == {
        tuple(sorted((str(ada), str(ben))))
    }
    assert events[0].payload["kind"] == "PHOTO"
    assert "signed_by" not in events[0].payload


async def test_evidence_is_never_changed_or_taken_away(world: World, database: Database) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada)
    async with world.unit() as work:
        await visits.add_attachment(work, visit, await signature(world))

    async with connected(database.app_url) as app:
        await app.execute(
            "SELECT set_config('app.organization_id', $1, false), set_config('app.role', 'ADMIN', false)",
            str(world.organization_id),
        )
        assert await app.fetchval("SELECT count(*) FROM attachment") == 1
        for statement in ("UPDATE attachment SET signed_by = 'Somebody'", "DELETE FROM attachment"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)


async def test_customers_see_what_they_signed_and_nothing_else_of_it(world: World) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada)
    async with world.unit() as work:
        await visits.add_attachment(work, visit, Evidence(upload_id=await world.upload()))
        await visits.complete(work, visit, signature=await signature(world))

    for role, customer, kinds in (
        (Role.CUSTOMER, world.customer_id, ["SIGNATURE"]),
        (Role.CUSTOMER, ids.new(), []),
        (Role.SALES, None, ["PHOTO", "SIGNATURE"]),
    ):
        async with world.unit(role, customer_id=customer) as work:
            rows = (await work.session.exec(select(Attachment).order_by("kind"))).all()
            assert [row.kind for row in rows] == kinds
            costs = (await work.session.exec(select(VisitCost))).all()
            assert len(costs) == (role == Role.SALES)


async def test_a_file_that_is_attached_does_not_expire(world: World) -> None:
    ada = await world.technician("Ada")
    visit = await arrived(world, ada)
    kept, loose = await world.upload(), await world.upload()
    async with world.unit() as work:
        await visits.add_attachment(work, visit, Evidence(upload_id=kept))

    async with world.unit() as work:
        gone = await uploads.expire(work, real_now=MORNING + timedelta(days=9), in_use=frozenset())

    assert gone == [loose]
    assert (await world.read(Upload, kept)).state == "KEPT"
    assert (await world.read(Visit, visit)).state == "IN_PROGRESS"
