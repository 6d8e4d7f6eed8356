"""Charges: what is told of the cost, what an answer really cost, and who is refused before anything runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from domain.buckets import client_of
from domain.viewers import Role, Viewer
from fieldgraph.demo.cast import Seeded
from fieldgraph.postgres import EmbeddedPostgres
from resolvers.documents import DocumentRef
from resolvers.limits import MOST_COST
from resolvers.refusals import Refusal
from tests.conftest import connected
from tests.resolvers.companies import Companies, running
from tests.resolvers.conftest import copied, dropped
from tests.resolvers.test_mutations import _free
from tests.resolvers.test_subscriptions import CHANGES, _schedule

POINTS = 6_000


@pytest.fixture(scope="module")
async def metered(
    postgres: EmbeddedPostgres, seeded: tuple[Seeded, Seeded], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Companies]:
    """A company whose clients' points are counted; each test has a client of its own."""
    database = await copied(postgres, "metered_companies")
    async with running(database, seeded, tmp_path_factory.mktemp("data"), rate_points=POINTS) as found:
        yield found
    await dropped(postgres, database.name)


@pytest.fixture
def viewer(metered: Companies, numbers: Iterator[int]) -> Viewer:
    """Not a user's: who a user is, is read anew at the door, and with it whose bucket is drained."""
    return replace(metered.viewer(Role.ADMIN), subject=f"client {next(numbers)}", user_id=None)


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(1_000))


def cost_of(answer: dict[str, Any]) -> tuple[int, int]:
    cost = answer["extensions"]["cost"]
    assert set(cost) == {"requestedQueryCost", "actualQueryCost", "throttleStatus"}
    assert (cost["throttleStatus"]["maximumAvailable"], cost["throttleStatus"]["restoreRate"]) == (
        POINTS,
        2_500,
    )
    return cost["requestedQueryCost"], cost["actualQueryCost"]


def objects(value: object) -> int:
    """Rows in an answer that says each row's id, those that are shared told once for each way to them."""
    if isinstance(value, list):
        return sum(objects(one) for one in value)
    if isinstance(value, dict):
        return ("id" in value) + sum(objects(one) for one in value.values())
    return 0


@pytest.mark.parametrize(
    ("query", "requested"),
    [
        ("{ visits(first: 7) { nodes { id assignments { nodes { id } } } } }", None),
        ("{ visits(first: 7) { nodes { id } } sites(last: 3) { edges { node { id } } } }", 10),
        (
            '{ workOrders(where: {number: {eq: "none"}}) { nodes { id visits { nodes { id } } } } }',
            None,
        ),
        ("{ parts(first: 4) { nodes { id } } viewer { role organization { id name } } }", None),
        ("{ customers(first: 5) { nodes { id sites { nodes { id assets { nodes { id } } } } } } }", None),
        ("{ visits(first: 5) { nodes { id history(first: 250) { nodes { id } } } } }", 1_255),
        ('{ work: workOrders(first: 3, search: "a") { nodes { id } } }', 3),
    ],
)
async def test_an_answer_costs_the_rows_that_are_in_it(
    metered: Companies, viewer: Viewer, query: str, requested: int | None
) -> None:
    answer = await metered.ask(query, viewer=viewer)

    asked, actual = cost_of(answer)
    assert asked == (requested or asked)
    viewers = "viewer" in answer["data"]  # it has no id of its own
    assert actual == max(1, objects(answer["data"]) + viewers) + ("where" in query)
    assert actual <= asked


async def test_a_row_that_many_share_is_read_once_and_counts_once(metered: Companies, viewer: Viewer) -> None:
    answer = await metered.ask("{ visits(first: 40) { nodes { id customer { id } } } }", viewer=viewer)

    customers = {one["customer"]["id"] for one in answer["data"]["visits"]["nodes"]}
    assert cost_of(answer) == (80, 40 + len(customers))
    assert len(customers) < 40


async def test_what_is_written_again_and_again_costs_half_of_what_is_written(
    metered: Companies, viewer: Viewer
) -> None:
    text = """{ visits(first: 100) { nodes { id customer { id
        visits(first: 8) { nodes { id site { id } customer { id } } } } } } }"""
    answer = await metered.ask(text, viewer=viewer)

    requested, actual = cost_of(answer)
    written = objects(answer["data"])
    assert written > 200
    assert written / 2 <= actual <= requested


async def test_what_is_not_there_costs_a_point(metered: Companies, viewer: Viewer) -> None:
    visit = (await metered.data("{ visits(first: 1) { nodes { id } } }"))["visits"]["nodes"][0]["id"]
    text = "query ($id: ID!) { visit(id: $id) { id } site(id: $id) { id customer { id } } }"
    assert cost_of(await metered.ask(text, {"id": visit}, viewer=viewer)) == (3, 1)
    nothing = "vis1_018f0000-0000-7000-8000-000000000000"
    assert cost_of(await metered.ask(text, {"id": nothing}, viewer=viewer)) == (3, 1)
    several = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert cost_of(await metered.ask(several, {"ids": [visit, nothing]}, viewer=viewer)) == (2, 1)


async def test_the_plain_way_counts_what_it_reads(metered: Companies, viewer: Viewer) -> None:
    answer = await metered.ask("{ __schema { queryType { name } } }", viewer=viewer)
    assert cost_of(answer) == (100, 100)
    alias = "v" * 70
    answer = await metered.ask(f"{{ {alias}: viewer {{ organization {{ id }} }} }}", viewer=viewer)
    assert cost_of(answer) == (2, 1)


async def test_a_mutation_costs_its_work_and_its_payload(metered: Companies, viewer: Viewer) -> None:
    text = """mutation ($name: String!) { createCustomer(input: {name: $name})
        { customer { id sites { nodes { id } } } userErrors { code } } }"""
    answer = await metered.ask(text, {"name": "Metered"}, viewer=viewer)
    assert answer["data"]["createCustomer"]["userErrors"] == []
    assert cost_of(answer) == (13, 11)


async def test_a_subscription_costs_what_an_item_may_and_says_so_once(
    metered: Companies, viewer: Viewer
) -> None:
    executor = metered.app.executor
    plan = (await metered.data("{ visits(first: 1) { nodes { id } } }"))["visits"]["nodes"][0]["id"]
    text = "subscription ($v: ID!) { visitTracking(visit: $v) { __typename } }"
    operation = await executor.prepare(DocumentRef(text), None, viewer=viewer)
    async with aclosing(executor.stream(operation, {"v": plan}, viewer=viewer)) as items:  # type: ignore[type-var]  # an async generator
        first = orjson.loads(await anext(items))
    assert cost_of(first) == (1, 1)


async def test_each_further_item_takes_a_point_and_the_stream_ends_where_there_is_none(
    metered: Companies, viewer: Viewer
) -> None:
    buckets = metered.app.services.buckets
    assert buckets is not None
    able, _, visit = await _free(metered)
    async with metered.stream(CHANGES, viewer=viewer) as items:
        assert (await anext(items))["__typename"] == "ScheduleSnapshot"
        lease = buckets._leases[viewer.organization_id, client_of(viewer)]
        before = lease.points
        await _schedule(metered, 0.5, visit=visit["id"], technician=able)
        told = await anext(items)
        assert (told["__typename"], lease.points, lease.running) == ("VisitScheduled", before - 1, 1)

        await drained(metered, viewer)
        await _schedule(metered, 1, visit=visit["id"], technician=able)
        with pytest.raises(Refusal) as caught:
            await anext(items)
        assert caught.value.code == "RATE_LIMITED"
        assert caught.value.retry_after_seconds is not None
    assert lease.running == 0
    lease.points = 10  # and when there is some again, it goes on with what was not told
    async with metered.stream(CHANGES, {"after": told["cursor"]}, viewer=viewer) as items:
        assert (await anext(items))["__typename"] == "VisitRescheduled"


async def test_what_is_left_is_told_and_asked_for(metered: Companies, viewer: Viewer) -> None:
    text = """{ rateLimit { maximumAvailable currentlyAvailable restoreRate requestedQueryCost }
        visits { totalCount } }"""
    answer = await metered.ask(text, viewer=viewer)
    # Some, on a slow machine all, have come back by the time that it is told.
    available = answer["data"]["rateLimit"].pop("currentlyAvailable")
    assert POINTS - 26 <= available <= POINTS
    assert answer["data"]["rateLimit"] == {
        "maximumAvailable": POINTS,
        "restoreRate": 2_500,
        "requestedQueryCost": 26,
    }
    requested, actual = cost_of(answer)
    assert requested == 26
    left = answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
    assert POINTS - actual <= left <= POINTS


async def test_a_read_that_takes_too_long_costs_all_that_it_might(metered: Companies, viewer: Viewer) -> None:
    reads, buckets = metered.app.reads, metered.app.services.buckets
    assert buckets is not None
    async with reads.connections.lend(viewer) as connection:
        await connection.driver.execute("SET statement_timeout = 100")
    async with connected(metered.app.settings.database_url or "") as owner, owner.transaction():
        await owner.execute("LOCK TABLE site IN ACCESS EXCLUSIVE MODE")
        answer = await metered.ask("{ sites(first: 200) { nodes { id } } }", viewer=viewer)
    async with reads.connections.lend(viewer) as again:
        assert again is connection
        await again.driver.execute("RESET statement_timeout")

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "COST_EXCEEDED"
    assert "longer than a read may" in error["message"]
    lease = await buckets.spend(viewer, 0)
    buckets.settle(lease, 0)
    assert lease.points == POINTS / 10 - 200


COSTLY = "{ visits(first: 250) { nodes { id history(first: 5) { nodes { id } } site { id } } } }"
CREATE = 'mutation { createCustomer(input: {name: "Too much"}) { customer { id } } }'


async def drained(metered: Companies, viewer: Viewer) -> None:
    """Nothing is left, and nothing comes back."""
    buckets = metered.app.services.buckets
    assert buckets is not None
    lease = await buckets.spend(viewer, 1)
    lease.points = 0
    buckets.settle(lease, 0)
    # Its time only goes forward, so nothing comes back until the test is over, on any machine.
    sql = "UPDATE bucket SET left_points = 0, filled_at = now() + interval '1 hour' WHERE client = $1"
    await metered.app.system.execute(sql, client_of(viewer))


async def test_who_has_asked_for_too_much_is_refused_before_anything_runs(
    metered: Companies, viewer: Viewer
) -> None:
    await drained(metered, viewer)
    before = await metered.data('{ customers(where: {name: {eq: "Too much"}}) { totalCount } }')
    statements = metered.app.reads.statements

    answer = await metered.ask(CREATE, viewer=viewer)

    assert metered.app.reads.statements == statements
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryAfterSeconds"] == 1
    assert error["extensions"]["cost"]["requestedQueryCost"] == 11
    assert error["extensions"]["cost"]["actualQueryCost"] is None
    assert error["extensions"]["cost"]["throttleStatus"]["maximumAvailable"] == POINTS
    after = await metered.data('{ customers(where: {name: {eq: "Too much"}}) { totalCount } }')
    assert before == after == {"customers": {"totalCount": 0}}
    other = replace(viewer, subject=f"{viewer.subject} too")
    assert "errors" not in await metered.ask("{ cursor }", viewer=other)


async def test_too_much_at_once_is_refused_with_the_cap_unless_it_is_trusted(
    metered: Companies, viewer: Viewer
) -> None:
    text = f"{{ a: {COSTLY[2:-2]} b: {COSTLY[2:-2]} c: {COSTLY[2:-2]} }}"
    statements = metered.app.reads.statements
    answer = await metered.ask(text, viewer=viewer)
    assert metered.app.reads.statements == statements
    assert answer["errors"] == [
        {
            "message": "The operation may cost 5250 points; at most 5000 are allowed.",
            "extensions": {
                "code": "COST_EXCEEDED",
                "cost": {"requestedQueryCost": 5_250, "maximumQueryCost": MOST_COST},
            },
        }
    ]
    executor = metered.app.executor
    operation = await executor.prepare(DocumentRef(text), None, viewer=viewer)
    object.__setattr__(operation, "trusted", True)
    found = orjson.loads(await executor.answer(operation, {}, viewer=viewer))
    assert cost_of(found)[0] == 5_250


@pytest.mark.parametrize("length", [251, 300])
async def test_a_list_that_is_given_is_as_long_as_allowed(
    metered: Companies, viewer: Viewer, length: int
) -> None:
    text = "query ($w: VisitWhere) { visits(where: $w) { totalCount } }"
    answer = await metered.ask(text, {"w": {"or": [{"id": {"in": ["x"] * length}}]}}, viewer=viewer)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "input": "$w.or.0.id.in"}
    assert answer["errors"][0]["message"].startswith(f"“$w.or.0.id.in” has {length} items")


async def test_the_refusal_over_http_says_when_to_come_again(metered: Companies, viewer: Viewer) -> None:
    viewer = replace(viewer, user_id=None)  # who has an account is called as it says, whatever the token does
    token = metered.app.identity.issue(viewer, lifetime_seconds=60)
    transport = httpx.ASGITransport(app=metered.app)
    headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://fieldgraph") as client:
        good = await client.post("/graphql", json={"query": "{ viewer { role } }"}, headers=headers)
        await drained(metered, viewer)
        refused = await client.post("/graphql", json={"query": "{ viewer { role } }"}, headers=headers)

    assert (good.status_code, refused.status_code) == (200, 429)
    assert cost_of(good.json()) == (1, 1)
    body = refused.json()
    assert int(refused.headers["retry-after"]) >= 1
    assert body["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert body["extensions"]["cost"] == body["errors"][0]["extensions"]["cost"]
    assert "data" not in body


async def test_where_nobody_counts_nothing_is_told(companies: Companies) -> None:
    answer = await companies.ask("{ rateLimit { maximumAvailable } visits { totalCount } }")
    assert set(answer) == {"data"}
    assert answer["data"]["rateLimit"] == {"maximumAvailable": 0}
    executor, admin = companies.app.executor, companies.viewer(Role.ADMIN)
    text = f"{{ a: {COSTLY[2:-2]} b: {COSTLY[2:-2]} c: {COSTLY[2:-2]} }}"
    operation = await executor.prepare(DocumentRef(text), None, viewer=admin)
    with pytest.raises(Refusal):
        await executor.answer(operation, {}, viewer=admin)


async def test_a_list_of_records_is_counted_in_whole_points(metered: Companies, viewer: Viewer) -> None:
    text = """mutation ($rows: [UpsertCustomerRow!]!) {
        upsertCustomers(input: {rows: $rows, mode: PER_ITEM}) { results { index customer { id } } } }"""
    rows = [{"externalId": {"system": "erp", "key": f"K{number}"}, "name": "Metered"} for number in range(3)]

    answer = await metered.ask(text, {"rows": rows}, viewer=viewer)

    assert [one["index"] for one in answer["data"]["upsertCustomers"]["results"]] == [0, 1, 2]
    requested, actual = cost_of(answer)
    assert 10 + 3 <= actual <= requested
    assert type(actual) is int
