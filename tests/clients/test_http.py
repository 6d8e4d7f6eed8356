"""graphql-http's audits of the HTTP door: every one passes, or is listed here with its reason."""

from tests.clients.projects import Project
from tests.fieldgraph.driven import Day

NO_TEXTS_BY_GET = "a MAY: GET is for trusted documents only, so that no link can ask a question of its own"
EXPECTED = {
    "5A70": ("notice", NO_TEXTS_BY_GET),
    "D6D5": ("notice", NO_TEXTS_BY_GET),
    "6A70": ("notice", NO_TEXTS_BY_GET),
}
AUDITS = 61


async def test_every_audit_passes_or_has_its_reason(project: Project, served: Day) -> None:
    found = await project.run("protocols/audits", served.server.graph, served.access["DISPATCHER"])

    results = found["results"]
    assert len(results) == AUDITS
    others = {result["id"]: result["status"] for result in results if result["status"] != "ok"}
    assert others == {audit: status for audit, (status, _reason) in EXPECTED.items()}, results
    assert not [
        result for result in results if result["name"].startswith("MUST") and result["id"] in EXPECTED
    ]
