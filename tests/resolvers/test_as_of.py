"""asOf: the graph as a plan would leave it is the graph that its commit leaves, to the letter."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text as literal

from domain import ids
from domain.plans import PlanChangeKind
from domain.unit_of_work import UnitOfWork
from domain.viewers import OFFICE, Role
from tests.resolvers.companies import START, Companies
from tests.resolvers.proposals import commit, proposed

GRAPH = """
  visits(where: {state: {neq: COMPLETED}}, first: 250) {
    totalCount pageInfo { hasNextPage } nodes { ...Whole } }
  latest: visits(last: 30, orderBy: [{field: STATE}, {field: PLANNED_START, direction: DESC, nulls: FIRST}]) {
    nodes { id state plannedStart } }
  pool: visits(where: {state: {eq: UNSCHEDULED}}, first: 250) { totalCount nodes { id reason } }
  taken: visits(where: {assignments: {some: {state: {eq: ACCEPTED}, technician: {kind: {eq: EMPLOYEE}}}}}) {
    totalCount nodes { id customer { name visits(first: 3) { totalCount nodes { id state } } } } }
  orders: workOrders(where: {state: {eq: SCHEDULED}}, first: 250) { totalCount nodes { number isOpen visits {
    nodes { id state } } } }
  waiting: workOrders(where: {visits: {every: {state: {eq: UNSCHEDULED}}}}) {
    totalCount nodes { number state } }
  technicians(first: 50) { nodes { name kind
    assignments(first: 10, where: {state: {in: [ACCEPTED, OFFERED]}}) { totalCount nodes {
      id isLead plannedStart plannedEnd visit { state workOrder { number state } } } } } }
  assignments(last: 100, where: {plannedStart: {gte: "2026-11-23T00:00:00Z"}}) { totalCount nodes {
    id state visit { id state } } }
  node(id: $visit) { id ... on Visit { ...Whole } }
  visit(id: $visit) { ...Whole }
  nodes(ids: [$visit]) { ... on Visit { ...Whole } }
"""
WHOLE = """
fragment Whole on Visit { id state reason pin plannedStart planned { start end travelSeconds }
  actual { state enRouteAt } workOrder { number state isOpen }
  assignments { totalCount nodes { id state isLead plannedStart plannedEnd technician { code } } } }
"""
BEFORE = f"query B($plan: ID!, $visit: ID!) {{ asOf(plan: $plan) {{ {GRAPH} }} }} {WHOLE}"
AFTER = f"query A($visit: ID!) {{ {GRAPH} }} {WHOLE}"
HELD = """
  held: reservations(first: 250, where: {state: {eq: HELD}}) { ...Holds }
  freed: reservations(first: 250, where: {state: {eq: RELEASED}}) { ...Holds }
  parts(first: 50) { nodes { number stockLevels(where: {reserved: {gt: 0}}, first: 50) { totalCount nodes {
    id onHand reserved available } } } }
"""
HOLDS = """
fragment Holds on ReservationConnection { totalCount nodes {
  quantity visit { id state } part { number } stockLocation { name } } }
"""
HELD_AFTER = f"query A {{ {HELD} }} {HOLDS}"
HELD_BEFORE = f"query H($plan: ID!) {{ asOf(plan: $plan) {{ {HELD} }} }} {HOLDS}"
COUNT = "query C($plan: ID!) { asOf(plan: $plan) { visits { totalCount } } }"


async def first_change(company: Companies, plan: str, which: str = "where: {}") -> str:
    query = f"query P($plan: ID!) {{ plan(id: $plan) {{ changes(first: 1, {which}) {{"
    query += " nodes { visit { id } } } } }"
    found = await company.data(query, {"plan": plan})
    return str(found["plan"]["changes"]["nodes"][0]["visit"]["id"])


async def test_before_the_commit_it_is_what_is_after(company: Companies) -> None:
    kinds: set[PlanChangeKind] = set()
    for seed in (1, 2, 3):
        plan, found = await proposed(company, seed=seed)
        kinds |= found
        named = {"plan": plan, "visit": await first_change(company, plan)}
        now = await company.data(AFTER, {"visit": named["visit"]})
        # when
        before = company.app.reads.statements
        seen = (await company.data(BEFORE, named))["asOf"]
        assert company.app.reads.statements - before == 1
        # then
        assert seen != now
        await commit(company, plan)
        assert seen == await company.data(AFTER, {"visit": named["visit"]})
        # and a plan that was made real changes nothing more
        assert seen == (await company.data(BEFORE, named))["asOf"]
    assert kinds == set(PlanChangeKind)


EMPTY = """UPDATE stock_level l SET on_hand = reserved FROM part p
WHERE p.organization_id = l.organization_id AND p.id = l.part_id AND NOT p.serialized"""


def in_order(found: dict[str, Any]) -> list[Any]:
    """A new hold has another id before the commit than after it, and holds come by id."""
    return [*(sorted(found[name]["nodes"], key=repr) for name in ("held", "freed")), found["parts"]]


async def test_what_is_held_is_what_will_be_held(company: Companies) -> None:
    counts = []
    for seed in (4, 5, 6):
        plan, _ = await proposed(company, seed=seed)
        now = await company.data(HELD_AFTER)
        seen = (await company.data(HELD_BEFORE, {"plan": plan}))["asOf"]
        assert in_order(seen) != in_order(now)
        await commit(company, plan)
        after = await company.data(HELD_AFTER)
        assert in_order(seen) == in_order(after)
        counts.append((after["held"]["totalCount"], after["freed"]["totalCount"]))
        # next time there is too little, so that who comes first has it, and who wants less may still fit
        await _scarce(company)
    assert counts[0][1] < counts[1][1] < counts[2][1]
    assert counts[1][0] < 0.9 * counts[0][0]


async def _scarce(company: Companies) -> None:
    async with UnitOfWork(company.app.services.engine, company.viewer(Role.ADMIN), START) as work:
        await work.session.execute(literal(EMPTY))


async def test_a_plan_that_is_not_proposed_shows_what_it_would_still_do(company: Companies) -> None:
    plan, _ = await proposed(company, seed=1)
    visit = await first_change(
        company, plan, "where: {fromPlannedStart: {isNull: false}, kind: {neq: UNASSIGN}}"
    )
    both = """query S($plan: ID!) { asOf(plan: $plan) { ...V } ...V }
      fragment V on Query { visits(where: {state: {neq: COMPLETED}}, first: 250) {
        nodes { id state plannedStart } } }"""
    # when one of its visits has moved on, that one stays as it is
    moved = "mutation D($visit: ID!) { dispatchVisit(input: {visit: $visit}) { visit { plannedStart } } }"
    start = (await company.data(moved, {"visit": visit}))["dispatchVisit"]["visit"]["plannedStart"]
    seen = await company.data(both, {"plan": plan})
    assert {"id": visit, "state": "DISPATCHED", "plannedStart": start} in seen["asOf"]["visits"]["nodes"]
    assert seen["asOf"]["visits"] != seen["visits"]
    # and its dismissal changes nothing of what it would have done
    discard = "mutation D($plan: ID!) { discardPlan(input: {plan: $plan}) { plan { state } } }"
    assert (await company.data(discard, {"plan": plan}))["discardPlan"] == {"plan": {"state": "DISCARDED"}}
    assert await company.data(both, {"plan": plan}) == seen
    # while one without changes shows the graph as it is
    ask = f'mutation {{ proposePlan(input: {{day: "{company.first.day}"}}) {{ plan {{ id }} }} }}'
    draft = (await company.data(ask))["proposePlan"]["plan"]["id"]
    seen = await company.data(both, {"plan": draft})
    assert seen["asOf"]["visits"] == seen["visits"]


async def test_a_plan_nobody_may_see_is_null(companies: Companies, plan: str) -> None:
    absent = ids.encode("pln", uuid4())
    assert (await companies.data(COUNT, {"plan": plan}))["asOf"]["visits"]["totalCount"] > 150
    assert await companies.data(COUNT, {"plan": absent}) == {"asOf": None}
    other = companies.viewer(Role.ADMIN, second=True)
    assert await companies.data(COUNT, {"plan": plan}, viewer=other) == {"asOf": None}


@pytest.mark.parametrize("role", [role for role in Role if role not in OFFICE])
async def test_only_planners_look_ahead(companies: Companies, role: Role, plan: str) -> None:
    viewer = replace(companies.viewer(Role.CUSTOMER), role=role)
    found = await companies.ask(COUNT, {"plan": plan}, viewer=viewer)
    assert "data" not in found
    (error,) = found["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("FORBIDDEN", ["asOf"])


@pytest.mark.parametrize(
    "text",
    [
        'asOf(plan: "pln1_1") { visits { totalCount } }',
        'asOf(plan: "vis1_018f0000-0000-7000-8000-000000000000") { visits { totalCount } }',
        'asOf(plan: "{plan}") { asOf(plan: "{plan}") { visits { totalCount } } }',
        'asOf(plan: "{plan}") { ...F } } fragment F on Query { again: asOf(plan: "{plan}") { __typename }',
    ],
)
async def test_what_cannot_be_asked_is_bad_input(companies: Companies, text: str, plan: str) -> None:
    found = await companies.ask(f"{{ {text.replace('{plan}', plan)} }}")
    assert "data" not in found
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_cursor_is_good_under_its_own_plan_only(companies: Companies, plan: str) -> None:
    page = """query P($plan: ID!, $after: String) { asOf(plan: $plan) {
      visits(first: 40, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } } }"""
    here = "query H($after: String) { visits(first: 40, after: $after) { pageInfo { endCursor } } }"
    found, cursor = [], None
    while True:
        visits = (await companies.data(page, {"plan": plan, "after": cursor}))["asOf"]["visits"]
        found += [node["id"] for node in visits["nodes"]]
        if not visits["pageInfo"]["hasNextPage"]:
            break
        cursor = visits["pageInfo"]["endCursor"]
    total = (await companies.data(COUNT, {"plan": plan}))["asOf"]["visits"]["totalCount"]
    assert len(found) == len(set(found)) == total
    # when it is used where it does not belong
    now = (await companies.data(here))["visits"]["pageInfo"]["endCursor"]
    wrong: list[tuple[str, dict[str, Any]]] = [
        (here, {"after": cursor}),
        (page, {"plan": plan, "after": now}),
    ]
    for query, variables in wrong:
        error = (await companies.ask(query, variables))["errors"][0]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_several_plans_are_looked_at_side_by_side(companies: Companies, plan: str) -> None:
    query = """query S($plan: ID!, $other: ID!) {
      a: asOf(plan: $plan) { ...V } b: asOf(plan: $other) { ...V } ...V }
      fragment V on Query { viewer { role } visits(where: {state: {eq: SCHEDULED}}) { totalCount } }"""
    other = ids.encode("pln", uuid4())
    before = companies.app.reads.statements
    found = await companies.data(query, {"plan": plan, "other": other})
    assert companies.app.reads.statements - before == 1
    assert found["b"] is None
    assert found["a"]["viewer"] == {"role": "ADMIN"}
    assert found["a"]["visits"]["totalCount"] > found["visits"]["totalCount"] > 0


async def test_what_is_asked_below_it_counts_as_roots(companies: Companies, plan: str) -> None:
    roots = " ".join(f'n{number}: node(id: "{plan}") {{ id }}' for number in range(20))
    found = await companies.ask(f'{{ asOf(plan: "{plan}") {{ {roots} }} }}')
    assert found["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"
    assert "21 root fields" in found["errors"][0]["message"]
