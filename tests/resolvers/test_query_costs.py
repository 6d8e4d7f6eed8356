"""Costs: what an operation may cost, worked out once and linear in its size; the SDL says the same."""

import json
import re
from typing import Any

import pytest
from graphql import (
    DirectiveNode,
    GraphQLSchema,
    ObjectTypeDefinitionNode,
    OperationDefinitionNode,
    parse,
    parse_value,
    value_from_ast_untyped,
)

from fieldgraph.contract import published
from resolvers import federation
from resolvers.compiler.shapes import executable_of
from resolvers.limits import DEEPEST, MOST_ALIASES, MOST_COST, Limits, Measure
from resolvers.query_costs import ENOUGH
from resolvers.refusals import Refusal
from resolvers.root import build
from schema.query_costs import Price, declared, prices
from tests.benchmarks.queries import OURS
from tests.resolvers.test_compilable import sources

EXECUTABLE: GraphQLSchema = executable_of(build())
LIMITS = Limits(EXECUTABLE)
LONGEST = 250


def cost(text: str, **variables: object) -> int:
    (found,) = LIMITS.check(parse(text)).values()
    return found.evaluated(variables).requested


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ __typename cursor }", 1),
        ("{ viewer { role } rateLimit { restoreRate } }", 2),
        ('{ workOrder(id: "x") { number customer { name } } }', 2),
        ("{ workOrders { totalCount } }", 25),
        ("{ workOrders(first: 4) { nodes { customer { name } } } }", 8),
        ("{ workOrders(last: 4) { edges { node { customer { name } } } } }", 8),
        ("{ workOrders(first: 4) { nodes { visits { nodes { id } } } } }", 16),  # as many as are expected
        ("{ workOrders(first: 4) { nodes { visits(first: 1) { nodes { id } } } } }", 8),
        ("{ workOrders(first: 4) { nodes { visits(first: 200) { nodes { id } } } } }", 804),
        ("{ customers(first: 2) { nodes { externalIds { key } } } }", 8),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        (
            """{ node(id: "x") { ... on Visit { site { id } customer { id } }
                ... on Site { customer { id } } } }""",
            3,
        ),
        (
            """{ visits(first: 3) { nodes { site @skip(if: true) { id }
                customer @include(if: true) { id } } } }""",
            6,
        ),
        ("query ($b: Boolean!) { visits(first: 3) { nodes { site @include(if: $b) { name } } } }", 6),
        ("{ __schema { types { name } } viewer { role } }", 101),
        ('mutation { cancelVisit(input: {visit: "x", reason: CUSTOMER}) { visit { site { id } } } }', 12),
        ("subscription { scheduleChanges { __typename } }", 1),
        ("subscription { scheduleChanges { ... on ScheduleSnapshot { visits { site { id } } } } }", 101),
        ("subscription { stockAlerts { ... on StockSnapshot { shortages { part { id } } } } }", 51),
        ("subscription { changes { ... on ChangeEvent { entity { id } } } }", 2),
        ("{ changes { items { entity { id } } } }", 75),
        ("{ changes(first: 4) { items { entity { id } } } }", 12),
        ("{ visits(first: 1000000) { nodes { id } } }", 250),
        ("{ visits(first: -3) { nodes { id } } }", 1),
    ],
)
def test_what_an_operation_may_cost(text: str, points: int) -> None:
    assert cost(text) == points


PAGED = "query ($n: Int, $m: Int) { workOrders(first: $n, last: $m) { nodes { site { id } } } }"


@pytest.mark.parametrize(
    ("variables", "points"),
    [
        ({}, 50),
        ({"n": None}, 50),
        ({"n": 7}, 14),
        ({"n": None, "m": 9}, 18),
        ({"n": 10**9}, 500),
        ({"n": -1}, 2),
    ],
)
def test_a_page_that_a_variable_says_is_worked_out_for_each_request(
    variables: dict[str, object], points: int
) -> None:
    assert cost(PAGED, **variables) == points


def test_a_list_that_a_variable_says_counts_as_long_as_it_is() -> None:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Visit { site { id } } ... on Site { id } } }"
    assert cost(text, ids=["a", "b", "c"]) == 6
    assert cost(text, ids=[]) == 2


@pytest.mark.parametrize(("size", "points"), [(1, 15), (2, 32), (3, 55), (4, 84)])
def test_a_variable_deep_in_fragments_counts_as_often_as_they_are_spread(size: int, points: int) -> None:
    """As many as the variable says, also where fewer are expected."""
    text = """query ($n: Int) {
        a: workOrders(first: $n) { nodes { ...W } }
        b: workOrders(first: 2) { nodes { ...W } }
    }
    fragment W on WorkOrder { visits(first: $n) { nodes { ...V } } customer { ...C } }
    fragment C on Customer { sites(first: $n) { nodes { id } } }
    fragment V on Visit { site { id } }"""
    assert cost(text, n=size) == points


def bomb(length: int, last: str) -> str:
    """Each fragment spreads the next one twice."""
    links = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(length)]
    return f"query ($n: Int) {{ ...f0 }} {' '.join(links)} fragment f{length} on Query {{ {last} }}"


@pytest.mark.parametrize("length", [10, 50, 150])
def test_a_bomb_of_fragments_is_looked_at_once(length: int) -> None:
    document = parse(bomb(length, "visits(first: $n) { nodes { id } } sites(first: $n) { nodes { id } }"))
    measure = Measure(LIMITS, document)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    extent = measure.operation(operation)

    assert measure.visited == 2 * length + 1 + 6
    assert len(measure.reckoning.steps) == 3
    assert extent.fields == 6 * 2**length
    assert measure.reckoning.cost(extent.cost).evaluated({"n": 10}).requested == min(20 * 2**length, ENOUGH)
    with pytest.raises(Refusal) as refused:
        LIMITS.check(document)
    assert refused.value.code == "COST_EXCEEDED"


def test_a_chain_of_fragments_is_looked_at_once() -> None:
    links = [f"fragment f{n} on Viewer {{ role ...f{n + 1} }}" for n in range(200)]
    last = "fragment f200 on Viewer { organization { name } }"
    document = parse(f"{{ viewer {{ ...f0 }} }} {' '.join(links)} {last}")
    measure = Measure(LIMITS, document)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    extent = measure.operation(operation)

    assert (measure.visited, extent.fields) == (2 + 2 * 200 + 2, 203)
    assert LIMITS.check(document)[operation].evaluated({}).requested == 2


def test_a_chain_that_is_longer_than_the_stack_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        LIMITS.check(parse(bomb(3_000, "cursor")))
    assert refused.value.code == "COST_EXCEEDED"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{ nodes(ids: [%s]) { id } }", "nodes.ids"),
        ("{ visits(where: {and: [{state: {in: [%s]}}]}) { totalCount } }", "visits.where.and.0.state.in"),
        ("query ($ids: [ID!]! = [%s]) { nodes(ids: $ids) { id } }", "$ids"),
        ("{ _entities(representations: [%s]) { __typename } }", "_entities.representations"),
    ],
)
def test_a_list_in_the_document_is_as_long_as_allowed(text: str, place: str) -> None:
    LIMITS.check(parse(text % ("X " * LONGEST)))
    with pytest.raises(Refusal) as refused:
        LIMITS.check(parse(text % ("X " * (LONGEST + 1))))
    assert refused.value.errors == [
        {
            "message": f"“{place}” has 251 items; at most 250 are allowed.",
            "extensions": {"code": "BAD_USER_INPUT", "input": place},
        }
    ]


def test_a_filter_is_nested_as_deep_as_allowed() -> None:
    text = "{{ visits(where: {} {{}} {}) {{ totalCount }} }}"
    LIMITS.check(parse(text.format("{not: " * 60, "}" * 60)))
    with pytest.raises(Refusal) as refused:
        LIMITS.check(parse(text.format("{not: " * 61, "}" * 61)))
    assert "is nested too deeply: at most 60 levels" in str(refused.value)


def test_every_operation_that_we_print_or_ask_keeps_its_limits() -> None:
    """README, pages, demo, benchmarks: with pages as large as they may be, where a variable says so."""
    found = {}
    for name, (texts, _roles) in sources().items():
        for text in texts:
            for node, one in LIMITS.check(parse(text)).items():
                given = {each.variable.name.value: LONGEST for each in node.variable_definitions or ()}
                found[name, node.name.value if node.name else None] = one.evaluated(given).requested
    assert len(found) >= 27
    assert max(found.values()) < MOST_COST * 2 // 3
    assert {name: found["benchmarks", name] for name in ("point", "list", "board")} == {
        "point": 1,
        "list": 250,
        "board": 2_602,
    }
    assert found["portal", "portal"] == 43
    assert set(OURS) == {"point", "list", "board", "portal"}
    assert (DEEPEST, MOST_ALIASES) == (15, 30)


def costs_in(sdl: str) -> dict[tuple[str, str], Price]:
    """What the SDL says, read as any tool would."""
    found = {}
    for kind in parse(sdl).definitions:
        if isinstance(kind, ObjectTypeDefinitionNode):
            for field in kind.fields or ():
                for directive in field.directives or ():
                    if directive.name.value == "cost":
                        found[kind.name.value, field.name.value] = _price(directive)
    return found


def _price(directive: DirectiveNode) -> Price:
    said: dict[str, Any] = {}
    for argument in directive.arguments or ():
        value: Any = argument.value
        listed = getattr(value, "values", None)
        said[argument.name.value] = int(value.value) if listed is None else tuple(one.value for one in listed)
    return Price(said["weight"], said.get("size"), said.get("sizedBy", ()))


def test_the_sdl_says_what_is_counted() -> None:
    said = costs_in(published())

    assert said == declared(EXECUTABLE)
    assert said["Query", "visits"] == Price(1, 25, ("first", "last"))
    assert said["WorkOrder", "visits"] == Price(1, 3, ("first", "last"))
    assert said["Query", "nodes"] == Price(1, None, ("ids",))
    assert said["Mutation", "dispatchVisit"] == Price(10)
    assert said["DispatchVisitPayload", "userErrors"] == Price(0)
    counted = prices(EXECUTABLE)
    assert {key: price for key, price in said.items() if price.weight} == {
        key: counted[key] for key in said if key in counted
    }


def test_a_gateway_reads_the_same_costs() -> None:
    subgraph = federation.subgraph(EXECUTABLE, ["Visit"])

    assert "directive @cost(" in subgraph
    own = {key: price for key, price in declared(EXECUTABLE).items() if not key[1].startswith("_")}
    assert costs_in(subgraph) == own


@pytest.mark.parametrize(
    ("where", "points"),
    [
        ("null", 0),
        ("{}", 0),
        ('{name: {eq: "a"}}', 1),
        ('{name: {gte: "a", lt: "b"}}', 2),
        ('{or: [{name: {eq: "a"}}, {}]}', 3),
        ('{not: {name: {eq: "a"}}}', 2),
        ('{sites: {some: {name: {eq: "a"}}}}', 12),
        ('{sites: {some: {}, none: {customer: {name: {eq: "a"}}}}}', 32),
    ],
)
def test_a_filter_costs_the_same_written_or_given(where: str, points: int) -> None:
    text = "{ customers(first: 1, where: %s) { totalCount } }"
    assert cost(text % where) == 1 + points
    given = value_from_ast_untyped(parse_value(where))
    variable = "query ($w: CustomerWhere) " + text % "$w"
    assert cost(variable, w=given) == 1 + points
    inside = "query ($w: CustomerWhere!) " + text % "{and: [$w, $w]}"
    assert cost(inside, w=given) == 1 + 2 * (points + 1)
    assert cost(variable) == 1


def test_each_order_is_a_condition() -> None:
    text = "query ($o: [CustomerOrder!]) { customers(first: 1, orderBy: $o) { totalCount } }"
    assert cost(text, o=[{"field": "NAME"}, {"field": "ID"}]) == 3
    assert cost("{ customers(first: 1, orderBy: [{field: NAME}]) { totalCount } }") == 2
    assert cost("{ customers(first: 1, orderBy: {field: NAME}) { totalCount } }") == 2


STEPS = {"site": {"visits": {"some": {"site": {"visits": {"some": {"site": {"name": {"eq": "a"}}}}}}}}}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"or": [{"id": {"eq": "x"}}] * 51}, "102 conditions; at most 100"),
        ({"or": [{"or": [{"id": {"eq": "x"}}] * 250}] * 250}, "125250 conditions; at most 100"),
        ({"or": [STEPS, STEPS, STEPS]}, "15 steps along relations; at most 10"),
    ],
)
def test_a_filter_beyond_the_caps_is_refused_with_its_number(where: dict[str, Any], said: str) -> None:
    message = f"The operation's filters have {said} are allowed."
    with pytest.raises(Refusal, match=message) as given:
        cost("query ($w: VisitWhere) { visits(where: $w) { totalCount } }", w=where)
    literal = re.sub(r'"(\w+)":', r"\1:", json.dumps(where))
    with pytest.raises(Refusal, match=message) as written:
        cost(f"{{ visits(where: {literal}) {{ totalCount }} }}")
    assert given.value.code == written.value.code == "COST_EXCEEDED"


def test_all_filters_of_an_operation_count_together_however_they_are_spread() -> None:
    branches = ", ".join(['{id: {eq: "x"}}'] * 7)
    fields = " ".join(f"a{n}: visits(where: {{or: [{branches}]}}) {{ totalCount }}" for n in range(6))
    text = f"fragment F on Query {{ {fields} }}"
    assert cost("{ ...F } " + text) == 6 * (25 + 14)
    with pytest.raises(Refusal, match="168 conditions"):
        cost("{ ...F ...F } " + text)
    twice = "a: visits(where: $w) { totalCount } b: visits(where: $w) { totalCount }"
    with pytest.raises(Refusal, match="104 conditions"):
        cost(f"query ($w: VisitWhere) {{ {twice} }}", w={"or": [{"id": {"eq": "x"}}] * 26})
