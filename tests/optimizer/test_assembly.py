"""The assembly: what breaks a rule is left out, what is out is placed, and ties between routes hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.assembly import assemble
from optimizer.judge import score, violations
from optimizer.plan import Plan
from optimizer.problem import Dependency, Depot, Planned, Policy, Window
from optimizer.simulation import Simulation
from optimizer.supplies import Supplies
from tests.optimizer.drawn import Drawn
from tests.optimizer.problems import HOUR, problem, technician, visit


def starts(plan: Plan) -> dict[str, int]:
    return {stop.visit: stop.start for route in plan.routes for stop in route.stops}


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_orders_of_a_plan_with_everything_in_it_make_a_plan_that_holds(seed: int) -> None:
    drawn = Drawn(seed)
    orders = {route.technician: [stop.visit for stop in route.stops] for route in drawn.plan.routes}

    plan = assemble(drawn.problem, orders)

    assert list(violations(drawn.problem, plan)) == []
    assert score(drawn.problem, plan) == plan.objective


def test_the_visit_of_the_least_penalty_that_mends_the_route_is_left_out() -> None:
    # given three visits of an hour in a shift with room for two
    visits = [
        visit(key, 1, unassigned_penalty=penalty)
        for key, penalty in (("a", 9_000), ("b", 5_000), ("c", 7_000))
    ]
    day = problem([technician(shift_end=2 * HOUR + 1_200)], visits)

    plan = assemble(day, {"Ada": ["a", "b", "c"]})

    assert starts(plan) == {"a": 600, "c": 600 + HOUR}
    assert [row.visit for row in plan.unassigned] == ["b"]
    assert plan.objective.total == 1_200 + 5_000


def test_a_visit_left_out_is_placed_where_it_costs_least_unless_its_penalty_is_less() -> None:
    crew = [technician("Ada"), technician("Ben", start_location=2, end_location=2)]
    day = problem(crew, [visit("a", 3, unassigned_penalty=1_201), visit("b", 4, unassigned_penalty=1_199)])

    plan = assemble(day, {})

    # both are nearest to Ben: 1,200 s there and back for a, then 1,200 s more for b
    assert starts(plan) == {"a": 600}
    assert [row.visit for row in plan.unassigned] == ["b"]


def test_unknown_repeated_and_forbidden_visits_and_crews_are_passed_over() -> None:
    visits = [
        visit("a"),
        visit("b", forbidden=frozenset({"Ada"})),
        visit("c", skills={"gas": 2}),
        visit("d", crew=({},)),
        visit("e", territory="north"),
    ]
    day = problem([technician(skills={"gas": 1})], visits, policy=Policy(outside_territory_price=None))

    plan = assemble(day, {"Ada": ["a", "a", "x", "b", "c", "d", "e"], "nobody": ["b"]})

    assert starts(plan) == {"a": 600}
    assert [row.visit for row in plan.unassigned] == ["b", "c", "d", "e"]


def test_a_visit_waits_for_the_one_on_another_route_that_it_depends_on() -> None:
    day = problem(
        [technician("Ada"), technician("Ben")],
        [visit("a", 1), visit("b", 1)],
        dependencies=(Dependency(first="a", second="b", gap_seconds=300),),
    )

    plan = assemble(day, {"Ada": ["a"], "Ben": ["b"]})

    assert starts(plan) == {"a": 600, "b": 600 + HOUR + 300}


def test_what_cannot_keep_its_dependency_is_left_out() -> None:
    def day(**tie: int | bool) -> Plan:
        visits = [visit("a", windows=(Window(0, 700),)), visit("b", windows=(Window(20_000, 21_000),))]
        tied = Dependency(first="a", second="b", **tie)  # type: ignore[arg-type]  # drawn by the test
        crew = [technician("Ada"), technician("Ben")]
        return assemble(
            problem(crew, visits, dependencies=(tied,), day_starts=(0, 10_000)), {"Ada": ["a"], "Ben": ["b"]}
        )

    assert starts(day()) == {"a": 600, "b": 20_000}
    assert starts(day(longest_gap_seconds=20_000 - 600 - HOUR)) == {"a": 600, "b": 20_000}
    assert starts(day(longest_gap_seconds=20_000 - 601 - HOUR)) == {"a": 600}
    assert starts(day(same_day=True)) == {"a": 600}


def test_the_second_is_out_where_the_first_is() -> None:
    visits = [visit("a", skills={"gas": 1}), visit("b")]
    day = problem([technician()], visits, dependencies=(Dependency(first="a", second="b"),))

    assert starts(assemble(day, {"Ada": ["b"]})) == {}


def test_a_subcontractor_takes_on_no_more_than_agreed() -> None:
    day = problem([technician(most_visits=1)], [visit("a", unassigned_penalty=9_000), visit("b")])

    assert starts(assemble(day, {"Ada": ["a", "b"]})) == {"b": 600}


def test_a_pinned_visit_is_placed_whatever_it_costs() -> None:
    planned = Planned("Ada", 4_000)
    day = problem([technician()], [visit("a", unassigned_penalty=1, planned=planned, pin="BOTH")])

    assert starts(assemble(day, {})) == {"a": 4_000}


def test_a_part_is_never_taken_twice_from_the_van() -> None:
    parts = [visit("a", parts={"valve": 1}, unassigned_penalty=9_000), visit("b", parts={"valve": 1})]
    day = problem([technician(stock={"valve": 1})], parts)

    assert starts(assemble(day, {"Ada": ["a", "b"]})) == {"b": 600}


def test_what_the_van_lacks_is_fetched_while_the_depot_has_it() -> None:
    depot = Depot(key="shed", location=0, service_seconds=300, stock={"valve": 1}, tools=frozenset({"crane"}))
    ada = technician(stock={"valve": 1})
    rows = [
        visit("a", parts={"valve": 1}),
        visit("b", parts={"valve": 1}),
        visit("c", tools=frozenset({"crane"})),
    ]
    day = problem([ada], rows, depots=(depot,))
    supplies = Supplies(day)

    # the van has one valve: the depot stop lies before the second at the latest
    found = supplies.fetches(ada, ["a", "b"], others=())
    assert [(each.position, dict(each.parts), each.tools) for each in found if each] == [
        (0, {"valve": 1}, ()),
        (1, {"valve": 1}, ()),
    ]
    # somebody else has taken the only one
    fetched = Simulation(day).time(ada, ["a", "b"], fetch=found[0])
    assert fetched is not None
    assert fetched.route.restock is not None
    assert supplies.fetches(ada, ["a", "b"], others=[fetched.route.restock]) == []
    # two more than the van has are more than the depot has
    assert supplies.fetches(ada, ["c"], others=()) != [None]
    assert supplies.fetches(ada, ["a"], others=()) == [None]
