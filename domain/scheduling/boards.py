"""Boards: some visits with all that putting them elsewhere reads and changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlmodel import col

from domain import milestones, stock, visits
from domain.scheduling.rules import Placement, Rules, every, rules
from domain.unit_of_work import UnitOfWork
from domain.visits import Assignment, AssignmentState, Visit, VisitPart, VisitState
from domain.work_orders import Orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Some visits with all that putting them elsewhere reads and changes, so that a move is no statement.

    What changes is written by the unit's flush. What was freed has to be flushed before it is placed anew.
    """

    rules: Rules
    orders: Orders
    leads: Mapping[UUID, UUID]
    """Visit → the technician who led it."""
    parts: Mapping[UUID, Mapping[UUID, int]]
    """Visit → part → pieces that it needs."""
    holds: stock.Holds

    def changes_hands(self, visit: Visit, technician_id: UUID) -> bool:
        return self.leads.get(visit.id, technician_id) != technician_id

    def free(self, visit: Visit, placement: Placement) -> None:
        """Who does not go there any more is free again; with its lead a visit lets go of its parts."""
        people = self.rules.people(visit, placement)
        for row in self.rules.crews[visit.id]:
            if row.technician_id not in people:
                row.state, row.occupies = AssignmentState.RELEASED, False
            elif row.technician_id != placement.technician_id:
                row.is_lead = False
        if self.changes_hands(visit, placement.technician_id):
            self.holds.release(visit.id)

    async def place(self, work: UnitOfWork, visit: Visit, placement: Placement) -> None:
        """Write where a visit goes: plan, assignments, held parts, events. The rules were checked before."""
        crew = self.rules.crews[visit.id]
        before = {**visits.snapshot(visit, crew), "technician_id": self.leads.get(visit.id)}
        scope = visits.scope(visit, visits.people(crew))
        moved = visit.state == VisitState.SCHEDULED
        if not moved:
            visits.step(visit, VisitState.SCHEDULED)
        end = placement.start + timedelta(seconds=visit.duration_seconds)
        if placement.others is not None or self.changes_hands(visit, placement.technician_id) or not moved:
            visit.crew_id = placement.crew_id
        visit.planned_start, visit.planned_end = placement.start, end
        visit.planned_travel_seconds, visit.reason = placement.travel_seconds, None
        people = self._assign(work, visit, placement)
        event = "VisitRescheduled" if moved else "VisitScheduled"
        visits.announce(work, visit, event, before=before, scopes=(scope, visits.scope(visit, people)))
        for technician_id in people:
            self.rules.capacities.take(technician_id, placement.start, visit.duration_seconds)
        await self.orders.settle(work, visit.work_order_id)

    def _assign(self, work: UnitOfWork, visit: Visit, placement: Placement) -> list[UUID]:
        end = placement.start + timedelta(seconds=visit.duration_seconds)
        known = {row.technician_id: row for row in self.rules.crews[visit.id]}
        people = self.rules.people(visit, placement)
        for technician_id in people:
            is_lead = technician_id == placement.technician_id
            if technician_id in known:
                row = known[technician_id]
                row.planned_start, row.planned_end, row.is_lead = placement.start, end, is_lead
            else:
                work.add(self._assignment(visit, placement, technician_id=technician_id))
        if self.leads.get(visit.id) != placement.technician_id:
            parts = self.parts.get(visit.id, {})
            self.holds.reserve(work, visit.id, technician_id=placement.technician_id, parts=parts)
        return people

    def _assignment(self, visit: Visit, placement: Placement, *, technician_id: UUID) -> Assignment:
        technician = self.rules.technicians[technician_id]
        row = visits.assigned(visit, technician, at=placement.start, until=placement.offer_expires_at)
        row.is_lead = technician_id == placement.technician_id
        if row.is_lead and placement.assignment_id is not None:
            row.id = placement.assignment_id
        return row

    async def give_up(self, work: UnitOfWork, visit: Visit, *, reason: str) -> None:
        """Back to the pool. The reason is that of this visit only, not of what the unit does after it."""
        said = work.reason
        visits.give_up(work, visit, self.rules.crews[visit.id], reason=reason)
        await self.orders.settle(work, visit.work_order_id)
        self.holds.release(visit.id)
        work.reason = said


async def prepare(work: UnitOfWork, moves: Sequence[tuple[Visit, Placement | None]]) -> Board:
    """Read and lock what moving the visits takes, each list by one statement; they are locked already."""
    keys = [visit.id for visit, _ in moves]
    async with work.unscoped():
        orders = await visits.orders_of(work, [visit for visit, _ in moves])
        orders = replace(orders, clocks=await milestones.of(work, orders.rows))
    found = await rules(work, moves, orders)
    parts: dict[UUID, dict[UUID, int]] = {key: {} for key in keys}
    for need in await every(work, VisitPart, col(VisitPart.visit_id).in_(keys)):
        parts[need.visit_id][need.part_id] = need.quantity
    wanted = [
        (placement.technician_id, part_id)
        for visit, placement in moves
        if placement is not None
        for part_id in parts[visit.id]
    ]
    holds = await stock.holds(work, keys, wanted)
    leads = {key: row.technician_id for key, rows in found.crews.items() for row in rows if row.is_lead}
    return Board(rules=found, orders=orders, leads=leads, parts=parts, holds=holds)
