"""Normalized caches of real clients against the demo: what a payload or an item brings is seen everywhere."""

import re

from tests.clients.projects import Project
from tests.fieldgraph.driven import Day

GONE_ON = ["ScheduleSnapshot", "VisitProgressed", "VisitProgressed"]
REFUSALS = {"malformed": ["BAD_USER_INPUT"], "unknown": ["UNAUTHENTICATED"]}


async def test_apollo_client(project: Project, served: Day) -> None:
    found = await project.run("apollo/program", served.server.graph, served.access["MANAGER"])

    assert found["pages"]["same"] is True
    assert sorted(set(found["pages"]["sizes"])) == [4, 8, 12]
    version = found["rename"]["version"]
    assert found["rename"]["seen"] == [f"Guessed v{version}", f"Renamed v{version + 1}"]
    assert found["rename"]["userErrors"] == 0
    assert found["conflict"] == {"error": None, "codes": ["CONFLICT"], "path": ["input", "expectedVersion"]}
    assert found["create"] == {"during": 1, "guesses": 0, "more": 1, "kind": "Customer", "same": True}
    assert found["follow"] == {"kinds": GONE_ON, "states": ["DISPATCHED", "EN_ROUTE", "DISPATCHED"]}
    assert found["refusals"] == REFUSALS


async def test_urql(project: Project, served: Day) -> None:
    found = await project.run("urql/program", served.server.graph, served.access["MANAGER"])

    assert found["pages"] == {"errors": ["undefined", "undefined"], "listed": 8, "distinct": 8}
    assert found["rename"] == {
        "error": "undefined",
        "userErrors": [],
        "name": "Renamed by urql",
        "versions": 1,
    }
    assert found["follow"] == {"kinds": GONE_ON, "back": "DISPATCHED"}
    assert found["refusals"] == REFUSALS
    assert found["warnings"] == []


async def test_relay(project: Project, served: Day) -> None:
    found = await project.run("relay/program", served.server.graph, served.access["MANAGER"])

    assert found["paged"] == {"first": 4, "both": 8, "distinct": 8}
    assert found["appended"] == {"more": 1, "last": True}
    assert found["refetched"] == ["Made by Relay", "Changed elsewhere"]
    assert found["tasks"] == {"counts": [0, 1, 0], "same": True}
    assert found["followed"] == {"kinds": [*GONE_ON, "VisitRemoved"], "left": True, "kind": "Visit"}
    assert found["warnings"] == []


async def test_relay_compiles_every_document_as_it_is(project: Project) -> None:
    said = re.sub(r"\x1b\[\d*m", "", await project.compile_relay())

    assert "compiled documents: 11 reader, 9 normalization, 11 operation text" in said
    made = {path.name.partition(".")[0] for path in project.folder.glob("src/relay/__generated__/*.ts")}
    assert {"programLineRefetchQuery", "programListPaginationQuery"} <= made
