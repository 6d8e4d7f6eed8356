"""Tracking: where technicians are, when they will be there, that they have arrived, and who may watch."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field, col, select

from domain import inputs, milestones, visits
from domain.credentials import Credential
from domain.errors import Invalid, InvalidTransition
from domain.events import Event
from domain.rows import Row, Table, between, jsonb, one_of, refers, text, timestamp
from domain.unit_of_work import UnitOfWork
from domain.viewers import OFFICE, Role
from domain.visits import Assignment, Visit, VisitState
from domain.work_orders import WorkOrder

LONGEST_LINK = timedelta(days=60)
EARLIEST = timedelta(hours=12)
"""So long before a visit's start or the way to it somebody may have been there, by their word."""


class EtaBasis(StrEnum):
    """What an ETA was computed from: the plan, the road from where the journey began, or live positions."""

    PLAN = "PLAN"
    TRAVEL = "TRAVEL"
    POSITION = "POSITION"


class ConfirmedBy(StrEnum):
    """Who said that the technician had arrived."""

    GEOFENCE = "GEOFENCE"
    TECHNICIAN = "TECHNICIAN"
    DISPATCHER = "DISPATCHER"


class Position(Table, table=True):
    """One fix of a technician's device, as it was accepted. `received_at` is business time too."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "technician_id"], ["technician.organization_id", "technician.id"]
        ),
        between("longitude", -180, 180),
        between("latitude", -90, 90),
    )
    organization_id: UUID = Field(primary_key=True, foreign_key="organization.id")
    technician_id: UUID = Field(primary_key=True)
    at: datetime = timestamp(primary_key=True)
    longitude: float = Field(primary_key=True)
    latitude: float = Field(primary_key=True)
    accuracy_metres: float
    speed_metres_per_second: float | None = None
    sequence: int | None = None
    received_at: datetime = timestamp()


class PositionCurrent(Row, table=True):
    """The latest position of a technician. `machine` is the state of their fence machine (realtime/)."""

    __table_args__ = (*refers(("technician_id",), technician_id="technician"),)
    technician_id: UUID
    at: datetime | None = timestamp(default=None)
    longitude: float | None = None
    latitude: float | None = None
    accuracy_metres: float | None = None
    machine: dict[str, Any] | None = jsonb(default=None)


class Eta(Row, table=True):
    """When a technician is expected at a visit: `earliest` to `latest` hold in about 80 of 100 cases."""

    __table_args__ = (
        one_of("basis", EtaBasis),
        CheckConstraint("earliest <= expected AND expected <= latest", name="interval"),
        *refers(("visit_id",), visit_id="visit"),
        *refers(technician_id="technician"),
    )
    visit_id: UUID
    technician_id: UUID
    earliest: datetime = timestamp()
    expected: datetime = timestamp()
    latest: datetime = timestamp()
    basis: EtaBasis = text()
    as_of: datetime = timestamp()
    stale_after: datetime = timestamp()


class Arrival(Row, table=True):
    """That a technician was at a visit's site, and what shows it. One per visit."""

    __table_args__ = (
        one_of("confirmed_by", ConfirmedBy),
        *refers(("visit_id",), visit_id="visit"),
        *refers(technician_id="technician"),
    )
    visit_id: UUID
    technician_id: UUID
    occurred_at: datetime = timestamp()
    departed_at: datetime | None = timestamp(default=None)
    confirmed_by: ConfirmedBy = text()
    late: bool = False
    evidence: dict[str, Any] | None = jsonb(default=None)


class TrackingLink(Row, table=True):
    """A customer's scoped, expiring, revocable door to one visit."""

    __table_args__ = (*refers(visit_id="visit", customer_id="customer", credential_id="credential"),)
    visit_id: UUID
    customer_id: UUID
    credential_id: UUID
    expires_at: datetime = timestamp()
    revoked_at: datetime | None = timestamp(default=None)


async def arrive(  # one fact with its evidence
    work: UnitOfWork,
    visit: Visit,
    *,
    technician_id: UUID,
    occurred_at: datetime,
    confirmed_by: ConfirmedBy,
    evidence: dict[str, Any] | None = None,
    late: bool = False,
) -> Arrival:
    """DISPATCHED or EN_ROUTE → ARRIVED, once per visit. Raises InvalidTransition when it is too late."""
    crew = await visits.change(
        work,
        visit,
        VisitState.ARRIVED,
        "VisitArrived",
        occurred_at=occurred_at,
        confirmed_by=confirmed_by.value,
    )
    _arrived(visit, crew, occurred_at)
    await _clock(work, visit)
    arrival = await _arrival(work, visit.id)
    if arrival is None:
        arrival = work.add(
            Arrival(
                visit_id=visit.id,
                technician_id=technician_id,
                occurred_at=occurred_at,
                confirmed_by=confirmed_by,
            )
        )
    arrival.technician_id, arrival.occurred_at = technician_id, occurred_at
    arrival.confirmed_by, arrival.evidence, arrival.late = confirmed_by, evidence, late
    return arrival


def _arrived(visit: Visit, crew: Iterable[Assignment], occurred_at: datetime | None) -> None:
    """The lead's arrival is the visit's."""
    visit.arrived_at = occurred_at
    if (led := visits.leader(crew)) is not None:
        led.arrived_at = occurred_at


async def record_arrival(
    work: UnitOfWork, visit_id: UUID, *, occurred_at: datetime | None, technician_id: UUID | None = None
) -> Visit:
    """A technician's or dispatcher's word that the technician is there; it wins over the fence.

    Of somebody who does not lead the visit it is said for themselves: the visit stands where it stood.
    Raises Conflict while they are on the way to another or at work on it.
    """
    visit = await work.get(Visit, visit_id, "visit")
    assignment, is_lead = await visits.taking_part(work, visit, technician_id)
    if occurred_at is not None:
        _check_time(work, assignment, occurred_at)
    await visits.check_alone(work, visit, assignment.technician_id)
    if not is_lead:
        await visits.come(work, visit, assignment, occurred_at=occurred_at or work.at)
        return visit
    confirmed_by = ConfirmedBy.DISPATCHER if work.viewer.role in OFFICE else ConfirmedBy.TECHNICIAN
    await arrive(
        work,
        visit,
        technician_id=assignment.technician_id,
        occurred_at=occurred_at or work.at,
        confirmed_by=confirmed_by,
    )
    return visit


def _check_time(work: UnitOfWork, assignment: Assignment, occurred_at: datetime) -> None:
    """Told late, with all of a day at once, an arrival may be older than the word of the way there.

    But nobody is there before they have the visit, nor long before they set off or were to begin.
    """
    if occurred_at > work.at + timedelta(minutes=1):
        raise Invalid("An arrival cannot lie in the future.", "occurredAt")
    begun = min(assignment.planned_start, assignment.en_route_at or work.at)
    if occurred_at < max(assignment.created_at, begun - EARLIEST):
        raise Invalid("They did not have that visit then, or not for that day.", "occurredAt")


async def correct(work: UnitOfWork, visit: Visit, *, occurred_at: datetime, evidence: dict[str, Any]) -> None:
    """Fixes that came late date the fence's arrival otherwise; told to the office, never pushed again."""
    arrival = await _arrival(work, visit.id)
    if arrival is None or arrival.confirmed_by != ConfirmedBy.GEOFENCE or arrival.occurred_at == occurred_at:
        return
    if visit.started_at is not None and occurred_at > visit.started_at:
        return
    before = {"occurred_at": arrival.occurred_at}
    arrival.occurred_at, arrival.evidence, arrival.late = occurred_at, evidence, True
    _arrived(visit, await visits.crew(work, visit), occurred_at)
    await _clock(work, visit)
    await _tell(work, visit, "ArrivalCorrected", before, {"occurred_at": occurred_at})


async def withdraw(work: UnitOfWork, visit: Visit) -> None:
    """ARRIVED → EN_ROUTE: fixes that came late show that the fence was wrong. A person's word stays."""
    arrival = await _arrival(work, visit.id)
    if arrival is None or arrival.confirmed_by != ConfirmedBy.GEOFENCE:
        return
    await _take_back(work, visit, arrival)


async def withdraw_arrival(
    work: UnitOfWork, visit_id: UUID, *, reason: str, expected_version: int | None = None
) -> Visit:
    """ARRIVED → EN_ROUTE by the office's word, whoever had said that they were there."""
    visits.check_reason(reason)
    visit = await work.get(Visit, visit_id, "visit")
    inputs.check_version(visit, expected_version)
    visits.check_state(visit, VisitState.ARRIVED, VisitState.EN_ROUTE)
    work.reason = visit.reason = reason
    await _take_back(work, visit, await _arrival(work, visit.id))
    return visit


async def _take_back(work: UnitOfWork, visit: Visit, arrival: Arrival | None) -> None:
    """The log keeps what was said and shown: a correction, never a silent rewrite."""
    facts = {"arrived_at": arrival.occurred_at, "evidence": arrival.evidence} if arrival else {}
    crew = await visits.change(work, visit, VisitState.EN_ROUTE, "ArrivalWithdrawn", **facts)
    _arrived(visit, crew, None)
    await _clock(work, visit)
    if arrival is not None:
        await work.session.delete(arrival)


async def _clock(work: UnitOfWork, visit: Visit) -> None:
    """The order's clock that waits for an arrival is judged by the first there is, of whichever visit."""
    async with work.unscoped():
        order = await work.get(WorkOrder, visit.work_order_id)
        arrivals = select(Visit.arrived_at).where(col(Visit.work_order_id) == order.id)
        known = [at for at in (await work.session.exec(arrivals)).all() if at is not None]
        await milestones.arrived(work, order, known)


async def depart(work: UnitOfWork, visit: Visit, occurred_at: datetime | None) -> None:
    """The technician has left the site's fence, or (None) is back before it counts as another arrival.

    Told to the office; the visit's state stays its own.
    """
    arrival = await _arrival(work, visit.id)
    if arrival is None or arrival.departed_at == occurred_at:
        return
    if occurred_at is not None and occurred_at < arrival.occurred_at:
        return
    before, arrival.departed_at = {"departed_at": arrival.departed_at}, occurred_at
    name = "VisitDeparted" if occurred_at is not None else "DepartureWithdrawn"
    await _tell(work, visit, name, before, {"occurred_at": occurred_at})


async def approach(work: UnitOfWork, visit: Visit, *, distance_metres: float) -> None:
    """The technician on the way is near: told to the customer once."""
    await _tell(
        work, visit, "ApproachingSite", {}, {"distance_metres": round(distance_metres)}, topic="tracking"
    )


async def move(work: UnitOfWork, visit: Visit, position: PositionCurrent) -> None:
    """The technician on the way to a visit is somewhere else now: only the latest matters."""
    values = {name: getattr(position, name) for name in ("longitude", "latitude", "accuracy_metres", "at")}
    await _tell(
        work, visit, "PositionChanged", {}, values, topic="tracking", technician_id=position.technician_id
    )


async def publish_eta(work: UnitOfWork, visit: Visit, eta: Eta) -> None:
    """The new estimate replaces the one before; told as EtaChanged with the expected time before."""
    # Unscoped: the one before may be of a technician whose visit it was, and who alone could see it.
    async with work.unscoped():
        old = (
            await work.session.exec(select(Eta).where(Eta.visit_id == visit.id).with_for_update())
        ).one_or_none()
        before = {"expected": old.expected if old else None}
        current = old or work.add(eta)
        for name in ("technician_id", "earliest", "expected", "latest", "basis", "as_of", "stale_after"):
            setattr(current, name, getattr(eta, name))
    values = {name: getattr(eta, name) for name in ("earliest", "expected", "latest", "basis")}
    await _tell(work, visit, "EtaChanged", before, values, topic="tracking", technician_id=eta.technician_id)


async def create_link(
    work: UnitOfWork, visit_id: UUID, *, digest: bytes, expires_at: datetime, real_now: datetime
) -> TrackingLink:
    """A door to one visit for whoever holds the token with this digest. `expires_at` is real time."""
    visit = await work.find(Visit, visit_id, "visit")
    if visit.state in visits.FINAL:
        raise InvalidTransition(f"A visit that is {visit.state} cannot be tracked.", "visit")
    if not real_now < expires_at <= real_now + LONGEST_LINK:
        raise Invalid("A link expires within 60 days from now.", "expiresAt")
    credential = work.add(
        Credential(
            digest=digest,
            role=Role.TRACKING,
            subject=f"tracking:{visit.id}",
            visit_id=visit.id,
            expires_at=expires_at,
        )
    )
    await work.session.flush()
    return work.add(
        TrackingLink(
            visit_id=visit.id,
            customer_id=visit.customer_id,
            credential_id=credential.id,
            expires_at=expires_at,
        )
    )


async def revoke_link(work: UnitOfWork, link_id: UUID, *, real_now: datetime) -> TrackingLink:
    """The door closes, and with it every stream opened through it. Revoking twice changes nothing."""
    link = await work.get(TrackingLink, link_id, "trackingLink")
    if link.revoked_at is not None:
        return link
    credential = await work.get(Credential, link.credential_id)
    link.revoked_at = credential.revoked_at = real_now
    visit = await work.find(Visit, link.visit_id)
    scope = visits.scope(visit, [])
    work.emit(
        Event(
            type="TrackingLinkRevoked",
            topic="credential",
            subject=link,
            scope_before=scope,
            scope_after=scope,
            values={"credential_id": link.credential_id},
        )
    )
    return link


async def _arrival(work: UnitOfWork, visit_id: UUID) -> Arrival | None:
    statement = select(Arrival).where(col(Arrival.visit_id) == visit_id)
    return (await work.session.exec(statement.with_for_update())).one_or_none()


async def _tell(
    work: UnitOfWork,
    visit: Visit,
    type: str,
    before: dict[str, Any],
    values: dict[str, Any],
    *,
    topic: str = "visit",
    technician_id: UUID | None = None,
) -> None:
    """A fact about a visit that leaves its state as it is. `technician_id` saves asking who leads it."""
    if technician_id is None:
        scope = await visits.scope_now(work, visit)
    else:
        scope = visits.scope(visit, [technician_id])
    work.emit(
        Event(
            type=type,
            topic=topic,
            subject=visit,
            before=before,
            values={
                "technician_id": next(iter(scope.technicians), None),
                **values,
                "state": visit.state,
            },
            scope_before=scope,
            scope_after=scope,
        )
    )
