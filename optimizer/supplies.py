"""Supplies: what a route needs beyond its van, and where it could be fetched, in plain Python."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from optimizer.plan import Restock
from optimizer.problem import Depot, Problem, Technician
from optimizer.simulation import Fetch


class Supplies:
    """Parts and tools of one Problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.visits = {visit.key: visit for visit in problem.visits}

    def fetches(
        self, technician: Technician, order: Sequence[str], *, others: Iterable[Restock]
    ) -> list[Fetch | None]:
        """[None] where the van has all; else each way to fetch what lacks; empty: there is none.

        `order` is the whole route, fixed visits first; `others` are the depot stops of the other routes.
        """
        short, tools = self._lacking(technician, order)
        if not short and not tools:
            return [None]
        latest = self._first_lacking(technician, order, short=short, tools=tools)
        taken = Counter[tuple[str, str]]()
        for restock in others:
            taken.update({(restock.depot, part): count for part, count in restock.parts.items()})
        return [
            Fetch(depot, position, short, tuple(sorted(tools)))
            for depot in self.problem.depots
            if _has(depot, short, tools=tools, taken=taken)
            for position in range(len(technician.fixed), latest + 1)
            if self._is_needed_after(order[position:], short)
        ]

    def _lacking(self, technician: Technician, order: Sequence[str]) -> tuple[dict[str, int], set[str]]:
        """Pieces and tools that the movable visits need and the van has not."""
        need, wanted, tools = Counter[str](), set[str](), set[str]()
        for position, key in enumerate(order):
            visit = self.visits[key]
            need.update(visit.parts)
            if position >= len(technician.fixed):
                wanted.update(part for part, count in visit.parts.items() if count)
                tools |= visit.tools - technician.tools
        short = {part: need[part] - technician.stock.get(part, 0) for part in sorted(wanted)}
        return {part: count for part, count in short.items() if count > 0}, tools

    def _first_lacking(
        self, technician: Technician, order: Sequence[str], *, short: Mapping[str, int], tools: set[str]
    ) -> int:
        """The position of the first movable visit that cannot be served from the van."""
        need = Counter[str]()
        for position, key in enumerate(order):
            visit = self.visits[key]
            need.update(visit.parts)
            if position < len(technician.fixed):
                continue
            if visit.tools & tools:
                return position
            if any(visit.parts.get(part) and need[part] > technician.stock.get(part, 0) for part in short):
                return position
        return len(order) - 1

    def _is_needed_after(self, keys: Sequence[str], short: Mapping[str, int]) -> bool:
        return all(
            sum(self.visits[key].parts.get(part, 0) for key in keys) >= count for part, count in short.items()
        )


def _has(
    depot: Depot, short: Mapping[str, int], *, tools: set[str], taken: Mapping[tuple[str, str], int]
) -> bool:
    if depot.tools is not None and not tools <= depot.tools:
        return False
    stock = depot.stock
    return stock is None or all(
        stock.get(part, 0) - taken.get((depot.key, part), 0) >= count for part, count in short.items()
    )


def offered(problem: Problem, *, part: str | None = None, tool: str | None = None) -> bool:
    """Whether some depot has the part or the tool."""
    return any(
        (part is not None and (depot.stock is None or depot.stock.get(part, 0) > 0))
        or (tool is not None and (depot.tools is None or tool in depot.tools))
        for depot in problem.depots
    )
