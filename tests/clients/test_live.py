"""Live queries by patches, applied by the client that people use for that, over sockets and as events."""

from tests.clients.projects import Project
from tests.fieldgraph.driven import Day


async def test_what_the_client_makes_of_patches_is_what_is_asked_anew(project: Project, served: Day) -> None:
    found = await project.run("protocols/live", served.server.graph, served.access["MANAGER"])

    steps = [[], ["move", "replace"], ["replace", "add"]]
    assert found == {
        "same": [True, True],
        "revisions": [[1, 2, 3]] * 2,
        "wholes": [[True, False, False]] * 2,
        "steps": [steps, steps],
    }
