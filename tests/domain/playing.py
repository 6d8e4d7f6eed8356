"""Playing: a machine of verbs on a database of its own, in orders that are random and the same each time."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.conftest import Database
from tests.domain.machines import Bench


def play(
    database: Database, machine: Callable[[Bench], RuleBasedStateMachine], *, examples: int, steps: int
) -> set[tuple[str, str]]:
    """The transitions that were seen, where the machine notes them."""
    bench = Bench(database)
    bench.run(bench.open())
    try:
        play_alone(lambda: machine(bench), examples=examples, steps=steps)
    finally:
        bench.run(bench.close())
        bench.loop.close()
    return bench.steps


def play_alone(machine: Callable[[], RuleBasedStateMachine], *, examples: int, steps: int) -> None:
    """A machine that needs no database."""
    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # a function does, as its description says
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # to shrink takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
