"""Visits: every step by hand, then their verbs in random order, compared with what must always hold."""

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain import visits
from tests.conftest import Database
from tests.domain.crew_steps import Crews
from tests.domain.detours import TURNS, Detours
from tests.domain.machines import Bench

THOROUGH = int(os.environ.get("FIELDGRAPH_THOROUGH", "1"))


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    bench = Bench(database)
    try:
        bench.run(bench.open())
        yield bench
        bench.run(bench.close())
    finally:
        bench.loop.close()


def test_every_legal_step_is_taken_by_a_verb(bench: Bench) -> None:
    """By hand, on the same machine, so that what the random days check is known to be everything."""
    day = Detours(bench)
    day.company()
    for _ in range(4):
        day.order()

    day.go_on(0, 0, 6)
    day.cancel(1, 0)
    for steps in (1, 2, 3):
        day.unschedule(2, steps)
    for number, after in ((2, 1), (5, 2)):
        day.cancel(number, after)
    day.go_on(3, 1, 2)
    day.arrive_by_fence(3)
    day.withdraw(3, 1, 0)
    day.go_on(4, 0, 5)
    day.absent(4, 0, 0, (9, 1))
    day.order()
    day.order()
    day.go_on(8, 2, 2)
    day.detour(8, "recall")
    day.go_on(8, 2, 2)
    day.detour(8, "stop_travel")
    day.go_on(8, 2, 3)
    for name in ("pause", "resume", "pause", "mark_incomplete"):
        day.detour(8, name)
    day.go_on(9, 2, 4)
    day.detour(9, "withdraw_arrival")
    day.go_on(9, 2, 1)
    for name in ("mark_no_access", "create_follow_up", "create_follow_up"):
        day.detour(9, name)

    assert bench.steps == visits.TRANSITIONS
    states = [visit["state"] for visit in day.dump["visit"]]
    assert states == [
        *("COMPLETED", "CANCELLED", "CANCELLED", "EN_ROUTE", "INCOMPLETE", "CANCELLED"),
        *("UNSCHEDULED", "UNSCHEDULED", "INCOMPLETE", "NO_ACCESS", "UNSCHEDULED", "UNSCHEDULED"),
    ]


def test_a_verb_out_of_its_turn_is_refused_in_every_state(bench: Bench) -> None:
    """Also where the step itself is legal but another verb's, as from ARRIVED back to EN_ROUTE."""
    day = Detours(bench)
    day.company()
    verbs: dict[str, Callable[[], None]] = {
        "SCHEDULED": lambda: day.dispatch(0),
        "DISPATCHED": lambda: day.start_travel(0, None),
        "EN_ROUTE": lambda: day.record_arrival(0, None),
        "ARRIVED": lambda: day.start_work(0, None),
        "IN_PROGRESS": lambda: day.complete(0, None),
    }
    for state in ("UNSCHEDULED", *verbs, "COMPLETED"):
        assert day.visit(0)["state"] == state
        for start, verb in verbs.items():
            if start != state and (start, state) != ("EN_ROUTE", "DISPATCHED"):
                verb()
        for name, turns in TURNS.items():
            if state not in turns:
                day.detour(0, name)
        day.go_on(0, 0, 1)

    assert day.visit(0)["state"] == "COMPLETED"


def test_visits_in_any_order_of_verbs(bench: Bench) -> None:
    class Machine(Crews):
        def __init__(self) -> None:
            super().__init__(bench)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12 * THOROUGH,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=THOROUGH == 1,
            phases=list(Phase) if THOROUGH > 1 else [Phase.generate],  # to shrink takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert len(bench.steps) > len(visits.TRANSITIONS) // 2
