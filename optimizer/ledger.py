"""The ledger: hard rules as literals of one CP-SAT model, to learn which of them a fixed plan breaks."""

from collections.abc import Iterable

from ortools.sat.python import cp_model


class Ledger:
    """Rules over numbers that are all fixed; as many as can be are kept, and the others are broken.

    Each rule is enforced by its own literal, so that one broken rule hides no other.
    """

    def __init__(self) -> None:
        self.model = cp_model.CpModel()
        self._rules: list[tuple[cp_model.IntVar, str]] = []
        self._numbers: dict[int, cp_model.IntVar] = {}

    def number(self, value: int) -> cp_model.IntVar:
        """A number of the plan as a variable with one value."""
        if value not in self._numbers:
            self._numbers[value] = self.model.new_constant(value)
        return self._numbers[value]

    def literal(self, sentence: str) -> cp_model.IntVar:
        """True where the rule is kept; the sentence says that it is broken."""
        literal = self.model.new_bool_var("")
        self._rules.append((literal, sentence))
        return literal

    def require(self, constraint: cp_model.BoundedLinearExpression | bool, sentence: str) -> None:
        self.model.add(constraint).only_enforce_if(self.literal(sentence))

    def within(self, value: int, values: cp_model.Domain, sentence: str) -> None:
        """The number must be one of the values."""
        constraint = self.model.add_linear_expression_in_domain(self.number(value), values)
        constraint.only_enforce_if(self.literal(sentence))

    def apart(self, spans: Iterable[tuple[int, int]], sentence: str) -> None:
        """No two of the spans (start, end) may overlap."""
        intervals = [self.model.new_fixed_size_interval_var(start, end - start, "") for start, end in spans]
        self.model.add_no_overlap(intervals).only_enforce_if(self.literal(sentence))

    def broken(self, *, seconds: float) -> list[str]:
        """The sentences of the rules that cannot be kept; all numbers are fixed, so presolve decides."""
        self.model.maximize(sum(literal for literal, _ in self._rules))
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        # With every number fixed there is nothing to probe or relax: 132 ms become 67 on 50 x 400.
        solver.parameters.symmetry_level = 0
        solver.parameters.cp_model_probing_level = 0
        solver.parameters.linearization_level = 0
        if solver.solve(self.model) != cp_model.OPTIMAL:
            return ["the validator could not prove the plan: its numbers are too large or its time was over"]
        return [sentence for literal, sentence in self._rules if not solver.boolean_value(literal)]
