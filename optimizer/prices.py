"""Prices: what one technician's route adds to the objective, in plain Python."""

from optimizer.plan import Route
from optimizer.problem import Problem, Technician, Visit


class Prices:
    """The prices of one Problem, each of them an int of the policy's currency."""

    def __init__(self, problem: Problem) -> None:
        self.policy = problem.policy
        self.visits = {visit.key: visit for visit in problem.visits}
        self.depots = {depot.key: depot for depot in problem.depots}

    def start(self, visit: Visit, start: int) -> int:
        """Lateness, and a planned start that moved by more than the tolerance."""
        price = 0
        if visit.due is not None and start > visit.due:
            price += (start - visit.due) * visit.lateness_weight
        planned = visit.planned
        if planned is not None and abs(start - planned.start) > self.policy.start_tolerance_seconds:
            price += self.policy.change_start_price
        return price

    def pair(self, technician: Technician, visit: Visit) -> int:
        """Another technician than planned, not a preferred one, outside the territories."""
        price = 0
        if visit.planned is not None and visit.planned.technician != technician.key:
            price += self.policy.change_technician_price
        if visit.preferred and technician.key not in visit.preferred:
            price += self.policy.not_preferred_price
        if visit.territory is not None and visit.territory not in technician.territories:
            price += self.policy.outside_territory_price or 0
        return price

    def route(self, technician: Technician, route: Route) -> int:
        """Travel, overtime, hours, shift, fairness and the pairs: all but what the starts cost."""
        if not route.stops or route.end is None:
            return 0
        travel = sum(stop.travel_seconds for stop in route.stops) + route.return_travel_seconds
        busy = travel + sum(stop.end - stop.start for stop in route.stops)
        if route.restock is not None:
            travel += route.restock.travel_seconds
            busy += route.restock.travel_seconds + self.depots[route.restock.depot].service_seconds
        out = route.end - (technician.shift_start if route.leave is None else route.leave)
        overtime = max(0, route.end - technician.shift_end) * self.policy.overtime_weight
        labour = technician.shift_price + technician.hourly_price * out // 3600
        fairness = self.policy.fairness_weight * (busy // 60) ** 2 // 3600
        pairs = sum(self.pair(technician, self.visits[stop.visit]) for stop in route.stops if stop.seat == 0)
        return travel * self.policy.travel_weight + overtime + labour + fairness + pairs

    def left_out(self, visit: Visit) -> int:
        """The penalty of a visit that nobody serves."""
        return visit.unassigned_penalty + visit.customer_value * self.policy.customer_value_weight
