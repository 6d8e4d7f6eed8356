"""What the README tells client developers is what the tests compile and run, and short."""

import re

from tests.clients.projects import CHECKOUT, README

MOST_LINES = 30
LINK = re.compile(r"\]\((tests/clients/project/[^)]+)\)")


def test_every_set_up_is_there_is_short_and_is_run() -> None:
    section = README.read_text().partition("## Clients\n")[2].partition("\n## ")[0]
    paths = LINK.findall(section)
    assert [path.removeprefix("tests/clients/project/") for path in paths] == [
        "codegen.ts",
        "src/apollo/client.ts",
        "src/urql/client.ts",
        "relay.config.json",
        "src/relay/environment.ts",
    ]
    assert len(section.splitlines()) <= 25
    for path in paths:
        assert len((CHECKOUT / path).read_text().splitlines()) < MOST_LINES, path
    for client in ("apollo", "urql"):
        program = CHECKOUT / "tests/clients/project/src" / client / "program.ts"
        assert 'from "./client"' in program.read_text()
    relay = CHECKOUT / "tests/clients/project/src/relay/program.ts"
    assert 'from "./environment"' in relay.read_text()
