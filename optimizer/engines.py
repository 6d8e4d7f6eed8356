"""The engines: which one solves a Problem, by name or by what is installed.

`own` is our own search; `ortools` is the fallback. Neither is imported before it is needed: the
search loads numba, and the fallback is there for machines that have none.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from optimizer.plan import Plan
from optimizer.problem import Problem

Engine = Literal["own", "ortools"]


def chosen(engine: Engine | None = None) -> Engine:
    """The engine of that name; without a name our own where numba is there, else the fallback."""
    if engine is not None:
        return engine
    return "ortools" if find_spec("numba") is None else "own"


def warm_up(engine: Engine | None = None) -> None:
    """What an engine needs once, when a worker starts: our own compiles its kernels."""
    if chosen(engine) == "own":
        from optimizer import kernels, search  # noqa: PLC0415  # loads numba

        search.warm_up()
        with suppress(OSError):  # a folder that only reads: the next process asks again
            kernels.COMPLETE.touch()
    else:
        import_module("optimizer.fallback")  # loads ortools


def is_compiled() -> bool:
    """Whether `warm_up` takes seconds here, not minutes."""
    if chosen() != "own":
        return True
    from optimizer import kernels  # noqa: PLC0415  # loads numba

    return kernels.COMPLETE.exists()


def solve(
    problem: Problem,
    *,
    engine: Engine | None = None,
    seconds: float | None,
    iterations: int | None = None,
    seed: int = 1,
    warm: Plan | None = None,
    on_improvement: Callable[[Plan], None] | None = None,
    stop: Callable[[], bool] | None = None,
    chains: int = 1,
    explain: bool = True,
) -> Plan:
    """The best plan that the engine finds; all arguments are those of `search.solve`.

    `chains` and `explain` are our own search's; the fallback runs in one thread and is quick to explain.
    """
    search: Callable[..., Plan]
    if chosen(engine) == "own":
        from optimizer.search import solve as ours  # noqa: PLC0415  # loads numba

        search = partial(ours, chains=chains, explain=explain)
    else:
        from optimizer.fallback import solve as search  # noqa: PLC0415  # loads ortools
    return search(
        problem,
        seconds=seconds,
        iterations=iterations,
        seed=seed,
        warm=warm,
        on_improvement=on_improvement,
        stop=stop,
    )
