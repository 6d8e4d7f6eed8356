"""Visits: every step by hand, then their verbs in random order, compared with what must always hold."""

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain import visits
from tests.conftest import Database
from tests.domain.machines import Bench, Days

THOROUGH = int(os.environ.get("FIELDGRAPH_THOROUGH", "1"))
NOT_BUILT = {
    ("DISPATCHED", "SCHEDULED"),
    ("EN_ROUTE", "DISPATCHED"),
    ("ARRIVED", "NO_ACCESS"),
    ("IN_PROGRESS", "PAUSED"),
    ("PAUSED", "IN_PROGRESS"),
    ("PAUSED", "INCOMPLETE"),
}
"""Legal steps that no verb takes yet."""


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
    day = Days(bench)
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

    assert bench.steps == visits.TRANSITIONS - NOT_BUILT
    states = [visit["state"] for visit in day.dump["visit"]]
    assert states == [
        *("COMPLETED", "CANCELLED", "CANCELLED", "EN_ROUTE", "INCOMPLETE", "CANCELLED"),
        *("UNSCHEDULED", "UNSCHEDULED"),
    ]


def test_a_verb_out_of_its_turn_is_refused_in_every_state(bench: Bench) -> None:
    """Also where the step itself is legal but another verb's, as from ARRIVED back to EN_ROUTE."""
    day = Days(bench)
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
        day.go_on(0, 0, 1)

    assert day.visit(0)["state"] == "COMPLETED"


def test_visits_in_any_order_of_verbs(bench: Bench) -> None:
    class Machine(Days):
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

    assert len(bench.steps) > len(visits.TRANSITIONS - NOT_BUILT) // 2
