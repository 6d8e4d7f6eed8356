"""The demo's maintenance: steps of every work order, plans ahead and behind, nothing due on the first day."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from domain.assets import MeterReading
from domain.contracts import Contract
from domain.maintenance import MaintenanceOccurrence, MaintenancePlan
from domain.visits import Visit
from domain.work_orders import WorkOrder, WorkTask, WorkTypeTask
from fieldgraph.demo.tales import Tale, tell
from tests.fieldgraph.test_seed import START, helsinki, rows


@pytest.fixture(scope="module")
def tales() -> tuple[Tale, Tale]:
    return tell(helsinki(), seed=1, start=START)


def test_every_work_order_has_the_steps_of_its_type(tales: tuple[Tale, Tale]) -> None:
    for tale in tales:
        states = {visit.work_order_id: visit for visit in rows(tale, Visit)}
        steps = Counter(task.work_type_id for task in rows(tale, WorkTypeTask))
        told: dict[UUID, list[WorkTask]] = {}
        for task in rows(tale, WorkTask):
            told.setdefault(task.work_order_id, []).append(task)
        for order in rows(tale, WorkOrder):
            tasks, visit = told[order.id], states[order.id]
            assert len(tasks) == steps[order.work_type_id]
            left = [task for task in tasks if task.done_at is None]
            if visit.state == "COMPLETED":
                assert not any(task.required for task in left)
                assert {task.visit_id for task in tasks if task.done_at} <= {visit.id}
                begun = [task for task in tasks if task.safety]
                assert all(task.done_at == visit.started_at for task in begun)
            else:
                assert left == tasks


def test_maintenance_is_ahead_and_behind_and_nothing_of_it_is_due_on_the_first_day(
    tales: tuple[Tale, Tale],
) -> None:
    first, second = tales
    plans, times = rows(first, MaintenancePlan), rows(first, MaintenanceOccurrence)
    assert (len(plans), len(rows(second, MaintenancePlan))) == (9 + 1, 5)
    assert {plan.state for plan in plans} == {"ACTIVE", "PAUSED", "ARCHIVED"}
    assert sum(plan.meter_every is not None for plan in plans) == 3
    states = Counter(str(one.state) for one in times)
    assert states["GENERATED"] == 4
    assert states["SKIPPED"] >= 4
    assert sum(one.moved_to is not None for one in times) >= 1
    orders = {order.id for order in rows(first, WorkOrder)}
    assert {one.work_order_id for one in times if one.work_order_id} <= orders
    contracts = {one.id: one for one in rows(first, Contract)}
    by_id = {plan.id: plan for plan in plans}
    for one in times:
        plan = by_id[one.plan_id]
        if plan.contract_id and one.day:
            assert one.day <= contracts[plan.contract_id].ends_on
    assert all(plan.next_due_at > START + timedelta(days=1) for plan in plans if plan.next_due_at)
    readings = [reading for tale in tales for reading in rows(tale, MeterReading)]
    assert max(reading.value for reading in readings) < 9000 - 100
