"""Broken supplies: rules of vans, tools and depots, each broken once."""

from dataclasses import replace
from typing import Any

import numpy as np

from optimizer.plan import Plan, Restock, Stop
from optimizer.problem import Absence, Depot, Planned, Problem
from tests.optimizer.plans import ALONE, A, Case, one, plan, route, stop
from tests.optimizer.problems import problem, technician, visit


def van_stock() -> Case:
    given = problem(
        [technician(stock={"valve": 1})], [visit(parts={"valve": 1}), visit("b", parts={"valve": 1})]
    )
    both = plan(route("Ada", A, stop("b", 0, 4200)))
    return given, plan(route("Ada", A), out=("b",)), both


def facts_use_parts_up() -> Case:
    given = problem(
        [technician(stock={"valve": 1}, fixed=("a",))],
        [visit(parts={"valve": 1}, planned=Planned("Ada", 600)), visit("b", parts={"valve": 1})],
    )
    both = plan(route("Ada", A, stop("b", 0, 4200)))
    return given, plan(route("Ada", A), out=("b",)), both


def tool() -> Case:
    given = problem(
        [technician(tools=frozenset({"pump"})), technician("Bob")], [visit(tools=frozenset({"pump"}))]
    )
    return given, ALONE, plan(route("Bob", A))


def supplied(**fields: Any) -> Problem:
    """A visit that needs a valve and a pump, which only the hub has, 600 s from everywhere."""
    row: dict[str, Any] = {
        "stock": {"valve": 1},
        "service_seconds": 300,
        "tools": frozenset({"pump"}),
    } | fields
    given = one(parts={"valve": 1})
    return replace(
        given,
        travel_seconds=np.array([[0, 600, 600], [600, 0, 600], [600, 600, 0]], np.int32),
        depots=(Depot(key="hub", location=2, **row),),
    )


def fetched(taken: Restock | None = None, first: Stop | None = None, **fields: Any) -> Plan:
    """Ada takes the valve at the hub, then serves a."""
    restock = Restock("hub", 0, 600, 600, 900, {"valve": 1}) if taken is None else taken
    return plan(
        route("Ada", stop("a", 600, 1500) if first is None else first, restock=restock, leave=0, **fields)
    )


def restocked(**fields: Any) -> Plan:
    """The same with a stop at the hub that is not quite so."""
    return fetched(replace(Restock("hub", 0, 600, 600, 900, {"valve": 1}), **fields))


def unknown_depot() -> Case:
    return supplied(), fetched(), restocked(depot="pub")


def restock_is_too_short() -> Case:
    return supplied(), fetched(), restocked(end=899)


def restock_is_no_time_travel() -> Case:
    return supplied(), fetched(), fetched(first=stop("a", 600, 1499))


def way_to_the_depot() -> Case:
    return supplied(), fetched(), restocked(travel_seconds=599)


def depot_stock_is_shared() -> Case:
    given = supplied()
    given = replace(
        given,
        technicians=(*given.technicians, technician("Bob")),
        visits=(*given.visits, visit("b", parts={"valve": 1})),
    )
    taken = Restock("hub", 0, 600, 600, 900, {"valve": 1})
    ada = route("Ada", stop("a", 600, 1500), restock=taken, leave=0)
    bob = route("Bob", stop("b", 600, 1500), restock=taken, leave=0)
    return given, plan(ada, out=("b",)), plan(ada, bob)


def restock_comes_too_late() -> Case:
    given = supplied()
    given = replace(
        given, visits=(*given.visits, visit("b", parts={"valve": 1})), depots=(Depot(key="hub", location=2),)
    )
    both = (stop("a", 600, 1200), stop("b", 0, 4800))
    taken = Restock("hub", 0, 600, 600, 600, {"valve": 2})
    right = plan(route("Ada", *both, restock=taken, leave=0))
    then = Restock("hub", 1, 600, 4800, 4800, {"valve": 1})
    return given, right, plan(route("Ada", stop("a", 600, 600), stop("b", 600, 5400), restock=then, leave=0))


def takes_more_than_it_needs() -> Case:
    return supplied(stock=None), fetched(), restocked(parts={"valve": 2})


def takes_nothing_along() -> Case:
    given = supplied()
    given = replace(given, technicians=(technician(stock={"valve": 1}),))
    return given, fetched(), restocked(parts={"valve": 0})


def takes_fewer_than_none() -> Case:
    return supplied(), fetched(), restocked(parts={"valve": 1, "pipe": -1})


def restock_stands_nowhere() -> Case:
    return supplied(), fetched(), restocked(position=1)


def tool_from_the_depot() -> Case:
    given = supplied()
    given = replace(given, visits=(visit(parts={"valve": 1}, tools=frozenset({"pump"})),))
    return given, restocked(tools=("pump",)), fetched()


def depot_has_no_such_tool() -> Case:
    given = supplied(tools=frozenset({"pump"}))
    wants = replace(given, visits=(visit(parts={"valve": 1}, tools=frozenset({"saw"})),))
    return (
        replace(wants, depots=(replace(given.depots[0], tools=None),)),
        restocked(tools=("saw",)),
        fetched(),
    )


def takes_a_tool_for_nothing() -> Case:
    return supplied(), fetched(), restocked(tools=("pump",))


def absence_meets_restock() -> Case:
    given = replace(supplied(), technicians=(technician(absences=(Absence(700, 800),)),))
    taken = Restock("hub", 0, 600, 600, 1100, {"valve": 1})
    first = stop("a", 600, 1700)
    return given, plan(route("Ada", first, restock=taken, leave=0)), fetched()
