"""Server-sent events by the clients that read them: graphql-sse, and urql without a socket."""

from tests.clients.projects import Project, costs_apart
from tests.fieldgraph.driven import Day

MOVED = ["VisitProgressed DISPATCHED", "VisitProgressed EN_ROUTE"]
"""Each with the state before."""


async def test_graphql_sse(project: Project, served: Day) -> None:
    found = await project.run("protocols/events", served.server.graph, served.access["MANAGER"])

    assert costs_apart(found) == {
        "head": [{"data": {"__typename": "Query"}}],
        "renamed": [{"data": {"updateCustomer": {"customer": {"name": "By events"}, "userErrors": []}}}],
        "wrong": [["GRAPHQL_VALIDATION_FAILED"]],
        "stranger": 401,
        "followed": {"items": ["ScheduleSnapshot", *MOVED, *MOVED], "streams": 2},
    }


async def test_urql_follows_by_fetch_alone(project: Project, served: Day) -> None:
    found = await project.run("urql/events", served.server.graph, served.access["MANAGER"])

    kinds = ["ScheduleSnapshot", "VisitProgressed", "VisitProgressed"]
    assert found == {"followed": {"kinds": kinds, "back": "DISPATCHED"}}
