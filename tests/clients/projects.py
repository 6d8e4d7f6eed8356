"""A client developer's project: generated, compiled and type-checked from our schema, then run."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.clients.nodes import HERE, Failed, Node
from tests.fieldgraph.page_documents import SCRIPTS, operations

CHECKOUT = HERE.parents[1]
SOURCES = HERE / "project"
SCHEMA = CHECKOUT / "schema" / "schema.graphql"
README = CHECKOUT / "README.md"
GRAPHQL = re.compile(r"```graphql\n(.*?)```", re.DOTALL)
NAME = re.compile(r"(query|mutation|subscription) (\w+)")


@dataclass(frozen=True, slots=True)
class Project:
    """A copy of the project beside the installed packages, where their imports are found."""

    node: Node
    folder: Path

    def gather(self) -> list[str]:
        """Every operation of the README and the pages, a file each; answers their names."""
        written = {"Readme": GRAPHQL.findall(README.read_text())}
        for script in SCRIPTS:
            place = script.removesuffix(".js").capitalize()
            written[place] = [document for _, document in operations(script)]
        folder = self.folder / "operations"
        folder.mkdir()
        names = []
        for place, documents in written.items():
            for document in documents:
                name = place + _name(document)
                names.append(name)
                # Pages repeat the names of others; in one project each operation and fragment has its own.
                text = NAME.sub(rf"\1 {name}", document, count=1)
                text = re.sub(r"(fragment |\.\.\.)(?!on\b)(\w+)", rf"\1{name}\2", text)
                (folder / f"{name}.graphql").write_text(text)
        return names

    async def generate(self) -> None:
        """Runs graphql-code-generator."""
        program = self.node.program("@graphql-codegen/cli", "cjs/bin.js")
        await self.node.run(program, "--config", "codegen.ts", folder=self.folder)

    async def compile_relay(self) -> str:
        """Runs relay-compiler; answers what it says."""
        program = self.node.program("relay-compiler", "cli.js")
        return await self.node.run(program, "relay.config.json", folder=self.folder)

    async def check_types(self) -> None:
        """`tsc` under `strict`, which also writes what is run."""
        await self.node.run(self.node.program("typescript", "bin/tsc"), folder=self.folder)

    async def type_faults(self) -> list[str]:
        """Place and code of each fault that `tsc` finds; nothing is written."""
        try:
            await self.node.run(self.node.program("typescript", "bin/tsc"), "--noEmit", folder=self.folder)
        except Failed as failed:
            return re.findall(r"^(\S+\(\d+,\d+\): error TS\d+)", str(failed), re.MULTILINE)
        return []

    async def run(self, program: str, url: str, token: str, **more: str) -> dict[str, Any]:
        """What a program tells at its end."""
        environment = {"GRAPH_URL": url, "GRAPH_TOKEN": token} | more
        said = await self.node.run(f"dist/{program}.js", folder=self.folder, environment=environment)
        facts: dict[str, Any] = json.loads(said.splitlines()[-1])
        return facts


@asynccontextmanager
async def copied(node: Node) -> AsyncIterator[Project]:
    """The project as it lies here, with the schema as it is published; gone afterwards."""
    folder = Path(mkdtemp(prefix="project-", dir=node.folder))
    try:
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        shutil.copy(SCHEMA, folder)
        yield Project(node, folder)
    finally:
        shutil.rmtree(folder)


def _name(document: str) -> str:
    named = NAME.match(document)
    assert named, document
    return named[2]


def costs_apart(found: object) -> object:
    """What a program printed, without what its answers cost."""
    if isinstance(found, list):
        return [costs_apart(one) for one in found]
    if isinstance(found, dict):
        return {
            name: costs_apart(one)
            for name, one in found.items()
            if not (name == "extensions" and isinstance(one, dict) and one.keys() == {"cost"})
        }
    return found
