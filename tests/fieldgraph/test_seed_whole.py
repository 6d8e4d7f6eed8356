"""The demo's seed, as a whole: no table and no state is forgotten, and what it tells of imports is true."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from io import BytesIO
from itertools import chain
from typing import get_args

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import imports
from domain.access.tables import TABLES
from domain.imports import Import, ImportLine
from domain.plans import Plan, PlanChange, PlanReason
from domain.policies import POLICY, SchedulingPolicy
from domain.sheets import SHEETS, ImportKind
from domain.stock import Part, Reservation
from domain.technicians import Absence, Shift
from domain.tracking import Arrival
from domain.unit_of_work import UnitOfWork
from domain.uploads import Upload
from domain.viewers import Role
from domain.visits import Assignment, Visit
from domain.work_orders import WorkOrder, WorkTask
from fieldgraph.demo import exchange
from fieldgraph.demo.seed import seed
from fieldgraph.demo.tales import Tale, tell
from integrations import sheets
from tests.fieldgraph.test_seed import START, engine, helsinki, rows

__all__ = ["engine"]
NOT_SEEDED = {
    "position": "the technicians' devices report it while the day is driven",
    "position_current": "as above",
    "eta": "computed when a visit is under way",
    "credential_use": "noted when a key is used",
    "bucket": "made by whoever asks, and full again in seconds",
    "tracking_link": "has a credential; the demo opens one by its public API when it starts",
    "job": "a worker would take it",
    "idempotency": "answers to requests, and the seed makes none",
    "event": "the unit of work makes them as the rows are written",
    "touched": "triggers write it",
    "audit": "its own triggers write it",
    "audit_value": "as above",
    "audit_seal": "as above",
    "audit_chain": "as above",
}
"""Tables of which the seed of the first organization has no row, each with why."""
DRIVEN = "the first minutes of the drive bring it; who has such a visit gets no first plan"
WORKERS = "a worker brings it on within seconds, and nobody would"
FILES = "its bytes would have to lie in the store"
WORD = "a word of the company's own, as many as it likes"
NEVER = "what is held was READY; these come of other holds"
MACHINES = dict.fromkeys(
    sorted(str(role) for role in Role if role != Role.INTEGRATION), "keys are of machines; people sign in"
)
NOT_TOLD: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("app_user", "role"): dict.fromkeys(("INTEGRATION", "TRACKING"), "nobody is: links and keys are"),
    ("api_key", "role"): MACHINES,
    ("credential", "role"): MACHINES,
    ("attachment", "kind"): {"DOCUMENT": "phones take pictures; documents come from the office"},
    ("visit", "state"): dict.fromkeys(("EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED"), DRIVEN),
    ("work_order", "state"): {"IN_PROGRESS": DRIVEN},
    ("work_order", "state_before_hold"): dict.fromkeys(
        (
            "NEW",
            "PENDING_APPROVAL",
            "SCHEDULED",
            "IN_PROGRESS",
            "COMPLETED",
            "CLOSED",
            "ON_HOLD",
            "CANCELLED",
        ),
        NEVER,
    ),
    ("plan", "state"): {
        "DRAFT": WORKERS,
        "SOLVING": WORKERS,
        "PROPOSED": "the visitor asks for it; the drive would make it stale at once",
    },
    ("import", "state"): dict.fromkeys(("QUEUED", "STAGING", "WRITING"), WORKERS),
    ("import", "kind"): dict.fromkeys(("CUSTOMERS", "ASSETS", "TECHNICIANS"), "one kind shows the report"),
    ("import_line", "outcome"): {"WITHHELD": "of upserts alone: an import keeps each line for itself"},
    ("upload", "state"): {"WAITING": FILES, "STORED": FILES},
    ("substatus", "visit_state"): dict.fromkeys(
        ("DISPATCHED", "EN_ROUTE", "IN_PROGRESS", "COMPLETED", "INCOMPLETE", "NO_ACCESS", "CANCELLED"), WORD
    ),
    ("work_type", "priority"): {"EMERGENCY": "said of a work order; no type of work is always one"},
}
"""Values of the seeded tables' enums that no seeded row of the first organization has, each with why."""


@pytest.fixture(scope="module")
def tale() -> Tale:
    return tell(helsinki(), seed=1, start=START)[0]


def test_no_table_is_forgotten(tale: Tale) -> None:
    told = {type(row).__tablename__ for _, chapter in tale.chapters for row in chapter}

    assert TABLES.keys() - told - {"organization"} == NOT_SEEDED.keys()


def test_no_state_is_forgotten(tale: Tale) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    known: dict[tuple[str, str], set[str]] = {}
    for row in chain.from_iterable(chapter for _, chapter in tale.chapters):
        for name, field in type(row).model_fields.items():
            kinds = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
            for kind in (one for one in kinds if issubclass(one, StrEnum)):
                column = str(type(row).__tablename__), name
                known[column] = {one.value for one in kind}
                seen.setdefault(column, set()).add(str(getattr(row, name)))

    missing = {column: values - seen[column] for column, values in known.items()}
    assert len(known) == 36
    assert {column: values for column, values in missing.items() if values} == {
        column: set(values) for column, values in NOT_TOLD.items()
    }


def test_unfinished_work_is_told_as_the_verbs_would_leave_it(tale: Tale) -> None:
    orders = {one.id: one for one in rows(tale, WorkOrder)}
    visits = {one.id: one for one in rows(tale, Visit)}
    states = Counter(str(one.state) for one in orders.values())
    assert states == {
        "CLOSED": 170 + 1,
        "COMPLETED": 30 + 1,
        "READY": 150,
        "SCHEDULED": 5,
        "ON_HOLD": 2,
        "NEW": 2,
        "PENDING_APPROVAL": 1,
        "CANCELLED": 1,
    }
    outcomes = Counter(str(one.outcome) for one in orders.values() if one.state == "CLOSED")
    assert outcomes == {"SOLVED": 170, "UNRESOLVED": 1}
    assert all(one.outcome is None for one in orders.values() if one.state != "CLOSED")
    again = {str(visits[one.follow_up_of_id].state): one for one in visits.values() if one.follow_up_of_id}
    assert str(again["NO_ACCESS"].state) == "COMPLETED"
    ends = [str(one.state) for one in visits.values() if one.follow_up_of_id]
    assert sorted(ends) == ["CANCELLED", "COMPLETED", "UNSCHEDULED"]
    came = {one.visit_id: one for one in rows(tale, Arrival)}
    for visit in visits.values():
        assert (visit.arrived_at is None) == (visit.id not in came)
        if visit.state in {"INCOMPLETE", "NO_ACCESS"}:
            assert visit.arrived_at is not None
            assert visit.ended_at is not None
            assert visit.reason
    left = {one.state for one in rows(tale, Assignment) if visits[one.visit_id].state == "CANCELLED"}
    assert left == {"RELEASED", "EXPIRED"}
    assert not any(one.done_at for one in rows(tale, WorkTask) if orders[one.work_order_id].state == "NEW")


def test_a_day_is_planned_by_the_default_as_without_any(tale: Tale) -> None:
    usual, storm = rows(tale, SchedulingPolicy)
    without = SchedulingPolicy(name="")

    assert (usual.is_default, storm.is_default) == (True, False)
    said = POLICY.keys() - {"name", "is_default"}
    assert all(getattr(usual, name) == getattr(without, name) for name in said)
    assert any(getattr(storm, name) != getattr(without, name) for name in said)


def test_past_plans_are_of_the_visits_of_their_days(tale: Tale) -> None:
    plans = {one.id: one for one in rows(tale, Plan)}
    visits = {one.id: one for one in rows(tale, Visit)}
    changes = Counter(one.plan_id for one in rows(tale, PlanChange))
    for change in rows(tale, PlanChange):
        planned = visits[change.visit_id].planned_start
        assert planned is not None
        assert planned.date() == plans[change.plan_id].day
    assert {str(one.state): changes[one.id] for one in plans.values()} == {
        "COMMITTED": 10,
        "DISCARDED": 4,
        "STALE": 10,
        "FAILED": 0,
    }
    (reason,) = rows(tale, PlanReason)
    (left_out,) = [one for one in rows(tale, PlanChange) if one.kind == "UNASSIGN"]
    assert reason.visit_id == left_out.visit_id
    assert (plans[reason.plan_id].assigned_count, plans[reason.plan_id].unassigned_count) == (3, 1)


def test_nobody_is_away_today_and_nobody_was_at_work_when_away(tale: Tale) -> None:
    today = next(iter(rows(tale, Shift)))
    for absence in rows(tale, Absence):
        assert absence.ends_at < today.starts_at or absence.starts_at > today.ends_at
        own = [one for one in rows(tale, Assignment) if one.technician_id == absence.technician_id]
        assert not [
            one for one in own if one.planned_start < absence.ends_at and one.planned_end > absence.starts_at
        ]


def test_the_reports_of_imports_add_up(tale: Tale) -> None:
    rehearsed, kept, refused = rows(tale, Import)
    assert (rehearsed.dry_run, kept.dry_run, refused.dry_run) == (True, False, False)
    parts = {one.id: one for one in rows(tale, Part)}
    for one in (rehearsed, kept):
        lines = [line for line in rows(tale, ImportLine) if line.import_id == one.id]
        assert Counter(str(line.outcome) for line in lines) == {
            "CREATED": 3,
            "UPDATED": 2,
            "UNCHANGED": 1,
            "FAILED": 3,
        }
        assert (one.created, one.updated, one.unchanged, one.failed) == (3, 2, 1, 3)
        assert [line.number for line in lines] == list(range(2, 11))
        assert one.position == 10
        for line in lines:
            unreal = line.outcome == "FAILED" or (line.outcome == "CREATED" and one.dry_run)
            assert (line.entity_id is None) == unreal
            assert line.entity_id is None or parts[line.entity_id].number == line.own_key
    assert refused.failure is not None
    assert refused.failure.startswith("There is no column “street”;")
    handed_in = {one.upload_id for one in (rehearsed, kept, refused)}
    for upload in (one for one in rows(tale, Upload) if one.id in handed_in):
        assert (str(upload.state), upload.expires_at < START) == ("GONE", True)


async def test_the_price_list_once_more_changes_nothing_and_fails_in_the_same_lines(
    engine: AsyncEngine,  # the fixture
    tale: Tale,
) -> None:
    # given a seeded database, and the file whose import the seed tells of
    first, _ = await seed(engine, helsinki(), seed=1, start=START)
    known = {one.id: one for one in rows(tale, Upload)}
    told = next(one for one in rows(tale, Import) if one.kind == "PARTS" and not one.dry_run)
    catalogue = [one for one in rows(tale, Part) if one.number.startswith("P-0") and not one.serialized]
    content = exchange.price_list(catalogue).encode()
    assert len(content) == known[told.upload_id].bytes

    # when it is brought in again
    async with UnitOfWork(engine, first.viewers[Role.ADMIN], START) as work:
        again = work.add(Import(upload_id=told.upload_id, kind=ImportKind.PARTS, name="again.csv"))
        await work.session.flush()
        again.move_to(imports.ImportState.STAGING)
        await imports.stage(work, again, list(sheets.lines(BytesIO(content), SHEETS[ImportKind.PARTS])))
        await imports.staged(work, again)
        while await imports.write(work, again):
            pass
        found = await imports.refused_lines(work, again.id, most=10)
        counts = again.created, again.updated, again.unchanged, again.failed
        faults = [(line.number, line.user_errors) for line in found]

    # then what was kept is as it was, and what was refused is refused in the same words
    assert counts == (0, 0, 6, 3)
    assert faults == [
        (line.number, line.user_errors)
        for line in rows(tale, ImportLine)
        if line.import_id == told.id and line.outcome == "FAILED"
    ]


def test_holds_are_told_in_every_state_and_stand_where_they_say(tale: Tale) -> None:
    visits = {one.id: one for one in rows(tale, Visit)}
    ended = {str(one.state): str(visits[one.visit_id].state) for one in rows(tale, Reservation)}

    assert ended == {
        "CONSUMED": "COMPLETED",
        "HELD": ended["HELD"],
        "PICKED": "UNSCHEDULED",
        "RETURNED": "NO_ACCESS",
        "RELEASED": "CANCELLED",
    }
