"""Certificates: dated proofs of skills, good by the date of the visit, told before and when they end."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_
from sqlmodel import col, select

from domain import inputs, organizations
from domain.errors import Conflict, Invalid, InvalidTransition
from domain.events import Event, Scope
from domain.inputs import Check
from domain.technicians.rows import Certification, CertificationState, Skill, Technician, TechnicianSkill
from domain.unit_of_work import UnitOfWork

NOTICE = timedelta(days=30)
"""So long before its end a certificate is EXPIRING."""
AT_ONCE = 200
CERTIFICATION: Mapping[str, Check] = {
    "number": inputs.words(100, optional=True),
    "issued_on": inputs.optional_day,
    "valid_until": inputs.optional_day,
}
"""What may be said of a certificate, by column."""
Proofs = Mapping[tuple[UUID, UUID], Sequence[Certification]]
"""By technician and skill."""


def counts(proofs: Sequence[Certification], day: date, *, required: bool) -> bool:
    """Whether a skill counts on a day: who has a certificate for it, or needs one, has a good one then."""
    return any(one.is_good(day) for one in proofs) if proofs or required else True


def certified_until(proofs: Sequence[Certification]) -> date | None:
    """The last day of those that were not revoked, else of all; None without any, or where one has no end."""
    ends = [_last_day(one) for one in proofs if one.revoked_at is None] or [_last_day(one) for one in proofs]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def _last_day(one: Certification) -> date | None:
    """Of a revoked one: the day before that, at the latest."""
    if one.revoked_at is None:
        return one.valid_until
    before = one.revoked_at.date() - timedelta(days=1)
    return before if one.valid_until is None else min(before, one.valid_until)


def state(one: Certification, at: datetime) -> CertificationState:
    """As of a time; one that was revoked has ended."""
    if one.revoked_at is not None or (one.expires_at is not None and one.expires_at <= at):
        return CertificationState.EXPIRED
    if one.expiring_at is not None and one.expiring_at <= at:
        return CertificationState.EXPIRING
    return CertificationState.VALID


def ends(valid_until: date | None, zone: ZoneInfo) -> dict[str, Any]:
    """`expires_at`, the midnight after the last day, and `expiring_at`, the one 30 days earlier."""
    if valid_until is None:
        return {"expires_at": None, "expiring_at": None}
    after = valid_until + timedelta(days=1)
    midnights = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (after, after - NOTICE))
    return dict(zip(("expires_at", "expiring_at"), midnights, strict=True))


async def proofs(work: UnitOfWork, technician_ids: Collection[UUID]) -> Proofs:
    """The certificates of some technicians, by one statement."""
    statement = (
        select(Certification)
        .where(col(Certification.technician_id).in_(technician_ids))
        .order_by(col(Certification.id))
    )
    found: dict[tuple[UUID, UUID], list[Certification]] = {}
    for row in (await work.session.exec(statement)).all():
        found.setdefault((row.technician_id, row.skill_id), []).append(row)
    return found


async def add(
    work: UnitOfWork, technician_id: UUID, skill_id: UUID, values: Mapping[str, Any]
) -> Certification:
    """A certificate of a technician for a skill. Raises NotFound, Invalid, Conflict if it is known."""
    kept = inputs.checked(values, CERTIFICATION)
    technician = await work.get(Technician, technician_id, "technician")
    skill = await work.find(Skill, skill_id, "skill")
    row = Certification(technician_id=technician.id, skill_id=skill.id, **kept)
    await _check(work, row)
    await _settle(work, row)
    _announce(work, row, "CertificationAdded")
    return row


async def update(
    work: UnitOfWork, key: UUID, values: Mapping[str, Any], *, expected_version: int | None = None
) -> Certification:
    """Puts right what a certificate says; its end is told anew. Raises as `add`, or InvalidTransition."""
    row = await _held(work, key, expected_version)
    kept = inputs.checked(values, CERTIFICATION)
    with work.session.no_autoflush:
        before = inputs.write(row, kept)
        await _check(work, row)
    if before:
        if "valid_until" in before:
            row.told = None
        await _settle(work, row)
        _announce(work, row, "CertificationChanged", before)
    return row


async def revoke(
    work: UnitOfWork, key: UUID, *, reason: str, expected_version: int | None = None
) -> Certification:
    """It proves nothing from now on; visits that stand are the dispatcher's to look at."""
    reason = inputs.checked({"reason": reason}, {"reason": inputs.words(500)})["reason"]
    row = await _held(work, key, expected_version)
    row.revoked_at, row.reason = work.at, reason
    work.reason = reason
    await _settle(work, row)
    _announce(work, row, "CertificationRevoked")
    return row


async def tell(work: UnitOfWork) -> int:
    """Those that are about to end, and those that have ended, once each; some at a time. Says how many."""
    due = or_(
        and_(col(Certification.expiring_at) <= work.at, col(Certification.told).is_(None)),
        and_(
            col(Certification.expires_at) <= work.at,
            col(Certification.told) == CertificationState.EXPIRING.value,
        ),
    )
    statement = (
        select(Certification)
        .where(
            col(Certification.organization_id) == work.viewer.organization_id,
            col(Certification.revoked_at).is_(None),
            due,
        )
        .order_by(col(Certification.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
    )
    rows = (await work.session.exec(statement)).all()
    for row in rows:
        row.told = state(row, work.at).value
    await work.session.flush()
    for row in rows:
        event = "CertificationExpired" if row.told == CertificationState.EXPIRED else "CertificationExpiring"
        _announce(work, row, event)
    return len(rows)


async def _held(work: UnitOfWork, key: UUID, expected_version: int | None) -> Certification:
    """The technician is locked first, as by whoever else changes what they are certified for."""
    found = await work.find(Certification, key, "certification")
    await work.get(Technician, found.technician_id, "certification")
    row = await work.get(Certification, key, "certification")
    inputs.check_version(row, expected_version)
    if row.revoked_at is not None:
        raise InvalidTransition("This certificate was revoked.", "certification")
    return row


async def _check(work: UnitOfWork, row: Certification) -> None:
    if row.issued_on is not None and row.valid_until is not None and row.valid_until < row.issued_on:
        raise Invalid("A certificate does not end before it was issued.", "validUntil")
    if row.number is None:
        return
    others = select(Certification.id).where(
        col(Certification.technician_id) == row.technician_id,
        col(Certification.skill_id) == row.skill_id,
        col(Certification.number) == row.number,
        col(Certification.id) != row.id,
    )
    if (await work.session.exec(others.limit(1))).first() is not None:
        raise Conflict("They have that certificate already.", "number")


async def _settle(work: UnitOfWork, row: Certification) -> None:
    """When it ends, and what the skill's row says of all of them."""
    with work.session.no_autoflush:
        zone = await organizations.home_zone(work)
    for column, value in ends(row.valid_until, zone).items():
        setattr(row, column, value)
    work.add(row)
    await work.session.flush()
    pair = (row.technician_id, row.skill_id)
    found = (await proofs(work, [row.technician_id])).get(pair, ())
    statement = select(TechnicianSkill).where(
        col(TechnicianSkill.technician_id) == pair[0], col(TechnicianSkill.skill_id) == pair[1]
    )
    skill = (await work.session.exec(statement)).first()
    if skill is not None:
        skill.certified_until = certified_until(found)
        await work.session.flush()


def _announce(
    work: UnitOfWork, row: Certification, type: str, before: Mapping[str, Any] | None = None
) -> None:
    scope = Scope(technicians=(row.technician_id,))
    work.emit(
        Event(
            type=type,
            topic="certification",
            subject=row,
            before=before or {},
            values={"skill_id": row.skill_id, "valid_until": row.valid_until},
            scope_before=scope,
            scope_after=scope,
        )
    )
