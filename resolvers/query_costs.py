"""Costs: what an operation costs, worked out once per document and then only filled in by each request.

An amount is a number and the steps that depend on the request's variables. The steps stand in one list in the
order in which they need each other, so that a request runs through it once, however often a fragment is
spread.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import FieldNode, IntValueNode, ListValueNode, VariableNode

from resolvers.filters import NO_FILTERING, Filtering
from schema.query_costs import Price

MOST_ROWS = 250
"""Of a page or a list; more is refused elsewhere, with its path."""
ENOUGH = 10**9
"""No amount is told to be larger: fragments that spread each other would make numbers of many digits."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, and how many times each step is added to it."""

    fixed: int = 0
    steps: tuple[tuple[int, int], ...] = ()


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Times:
    """So many times an amount: as often as one of the variables says, by its number or its length."""

    variables: tuple[str, ...]
    usual: int
    amount: Amount

    def value(self, values: list[int], given: Mapping[str, Any]) -> int:
        number = self.usual
        for name in self.variables:
            found = given.get(name)
            if found is not None:
                number = len(found) if isinstance(found, list) else found
        return min(max(number, 1), MOST_ROWS) * total(self.amount, values)


@dataclass(frozen=True, slots=True)
class Most:
    """The largest of some amounts: an object is of one type only."""

    amounts: tuple[Amount, ...]

    def value(self, values: list[int], _given: Mapping[str, Any]) -> int:
        return max(total(one, values) for one in self.amounts)


@dataclass(frozen=True, slots=True)
class Sum:
    """A fragment's amount, which many may spread."""

    amount: Amount

    def value(self, values: list[int], _given: Mapping[str, Any]) -> int:
        return total(self.amount, values)


def total(amount: Amount, values: list[int]) -> int:
    found = amount.fixed
    for step, times in amount.steps:
        found += values[step] * times
    return min(found, ENOUGH)


class Points(NamedTuple):
    """What a request may cost: what its answer is made of, and its filters, whatever they find."""

    objects: int
    filters: int = 0

    @property
    def requested(self) -> int:
        return self.objects + self.filters


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation costs; `evaluated` by each request's coerced variables."""

    amount: Amount
    steps: tuple[Times | Most | Sum, ...]
    introspection: int = 0
    """Of that, what is asked of the schema itself."""
    filtering: Filtering = NO_FILTERING

    def evaluated(self, given: Mapping[str, Any]) -> Points:
        """At least one: nothing is asked for free. Raises Refusal for filters beyond their limits."""
        return Points(self._objects(given), self.filtering.weighed(given).points)

    def _objects(self, given: Mapping[str, Any]) -> int:
        if not self.amount.steps:
            return self.amount.fixed or 1
        values: list[int] = []
        for step in self.steps:
            values.append(step.value(values, given))
        return max(1, total(self.amount, values))


class Reckoning:
    """Adds up the amounts of one document."""

    def __init__(self) -> None:
        self.steps: list[Times | Most | Sum] = []

    def cost(self, amount: Amount, introspection: int = 0, filtering: Filtering = NO_FILTERING) -> Cost:
        return Cost(amount, tuple(self.steps) if amount.steps else (), introspection, filtering)

    def sum(self, amounts: Iterable[Amount]) -> Amount:
        fixed, steps = 0, dict[int, int]()
        for one in amounts:
            fixed += one.fixed
            for step, times in one.steps:
                steps[step] = min(steps.get(step, 0) + times, ENOUGH)
        return Amount(min(fixed, ENOUGH), tuple(steps.items()))

    def field(self, price: Price, node: FieldNode, below: Amount) -> Amount:
        """A field's own weight and what is below it, as often as it has rows."""
        each = Amount(price.weight + below.fixed, below.steps)
        if price.size is None and not price.sized_by:
            return each
        usual = price.size or 1
        number, variables = _sizing(price, node)
        if number is None and variables:
            return self._step(Times(variables, usual, each))
        number = min(max(usual if number is None else number, 1), MOST_ROWS)
        fixed = min(number * each.fixed, ENOUGH)
        return Amount(fixed, tuple((step, min(times * number, ENOUGH)) for step, times in each.steps))

    def most(self, amounts: Iterable[Amount]) -> Amount:
        """The largest; known at once where no variable has a say."""
        found = list(amounts)
        if all(not one.steps for one in found):
            return Amount(max((one.fixed for one in found), default=0))
        return found[0] if len(found) == 1 else self._step(Most(tuple(found)))

    def shared(self, amount: Amount) -> Amount:
        """A fragment's amount as one step at most, so that spreading it costs the same every time."""
        return self._step(Sum(amount)) if len(amount.steps) > 1 else amount

    def _step(self, step: Times | Most | Sum) -> Amount:
        self.steps.append(step)
        return Amount(0, ((len(self.steps) - 1, 1),))


def _sizing(price: Price, node: FieldNode) -> tuple[int | None, tuple[str, ...]]:
    """How many the arguments say, or the variables that do; of `first` and `last` one is allowed."""
    number, variables = None, []
    for argument in node.arguments or ():
        value = argument.value
        if argument.name.value not in price.sized_by:
            continue
        if isinstance(value, VariableNode):
            variables.append(value.name.value)
        elif isinstance(value, IntValueNode):
            number = int(value.value[:10])
        elif isinstance(value, ListValueNode):
            number = len(value.values)
    return number, tuple(variables)
