"""The real graphql-ws client on the WebSocket door: all on one socket, a break, and every close code."""

from tests.clients.projects import Project, costs_apart
from tests.fieldgraph.driven import Day

FOR_GOOD, TRIED_AGAIN = (
    1,
    2,
)  # attempts: the client gives up at once, or after the one retry that it was given


async def test_the_client_asks_changes_follows_resumes_and_hears_why_it_is_closed(
    project: Project, served: Day
) -> None:
    found = await project.run("protocols/sockets", served.server.graph, served.access["MANAGER"])

    assert costs_apart(found["together"]) == {
        "items": ["ScheduleSnapshot"],
        "wrong": ["GRAPHQL_VALIDATION_FAILED"],
        "syntax": ["GRAPHQL_PARSE_FAILED"],
        "heads": 1,
        "head": [{"data": {"__typename": "Query"}}],
        "renamed": [{"data": {"updateCustomer": {"customer": {"name": "By socket"}, "userErrors": []}}}],
        "live": True,
        "ended": True,
        "sockets": 1,
    }
    assert found["resumed"] == {
        "kinds": ["ScheduleSnapshot", "VisitProgressed", "VisitProgressed"],
        "meanwhile": 1,
    }
    assert found["codes"] == {
        "garbage": _closed(4400, FOR_GOOD),
        "unknown": _closed(4400, FOR_GOOD),
        "stranger": _closed(4403, TRIED_AGAIN),
        "nobody": _closed(4403, TRIED_AGAIN),
        "silent": _closed(4408, TRIED_AGAIN),
        "twins": _closed(4409, FOR_GOOD),
        "again": _closed(4429, FOR_GOOD),
        "wordless": _closed(4406, FOR_GOOD),
    }
    assert found["early"] == 4401


def _closed(code: int, attempts: int) -> dict[str, int]:
    return {"code": code, "attempts": attempts, "fatal": code}
