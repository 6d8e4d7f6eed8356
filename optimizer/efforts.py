"""The Effort: which engine searches, for how long, from which seed, and who may stop it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.plan import Plan
from optimizer.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one run of an engine is given. `engine` is called as `search.solve` is."""

    engine: Callable[..., Plan]
    seconds: float | None
    iterations: int | None = None
    seed: int = 1
    stop: Callable[[], bool] | None = None

    def part(self, share: float, *, seed: int | None = None) -> "Effort":
        """That share of the seconds and iterations; of iterations at least one."""
        return replace(
            self,
            seconds=None if self.seconds is None else self.seconds * share,
            iterations=None if self.iterations is None else max(1, int(self.iterations * share)),
            seed=self.seed if seed is None else seed,
        )

    def solve(
        self,
        problem: Problem,
        *,
        warm: Plan | None = None,
        on_improvement: Callable[[Plan], None] | None = None,
        explain: bool = True,
    ) -> Plan:
        """The engine's plan; `explain`: with the reasons of what it leaves out."""
        return self.engine(
            problem,
            seconds=self.seconds,
            iterations=self.iterations,
            seed=self.seed,
            warm=warm,
            on_improvement=on_improvement,
            stop=self.stop,
            explain=explain,
        )
