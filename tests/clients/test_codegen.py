"""graphql-code-generator over our schema and all operations of README and pages, under `tsc --strict`."""

import json
import re

from tests.clients.projects import Project

OPERATIONS = 14


async def test_what_is_generated_compiles_and_knows_every_operation(project: Project) -> None:
    """The fixture has gathered, generated and compiled; what does not hold has failed there."""
    written = sorted(path.stem for path in (project.folder / "operations").iterdir())
    types = (project.folder / "src" / "operations.ts").read_text()
    named = re.findall(r"^export const (\w+)Document = ", types, re.MULTILINE)
    assert len(written) == OPERATIONS
    assert sorted(named) == written
    assert json.loads((project.folder / "tsconfig.json").read_text())["compilerOptions"]["strict"] is True
    assert (project.folder / "dist" / "operations.js").exists()


async def test_every_scalar_has_its_type_and_none_is_any(project: Project) -> None:
    types = (project.folder / "src" / "schema.ts").read_text()
    scalars = types[types.index("export type Scalars = {") :].partition("\n};")[0]
    assert re.findall(r": any\b", types) == []
    assert "DateTime: { input: string; output: string; }" in scalars
    assert 'Point: { input: { type: "Point"; coordinates: [longitude: number, latitude: number] };' in scalars


async def test_a_wrong_use_of_a_type_does_not_compile(project: Project) -> None:
    """The types bite: a field that is not asked for is not there."""
    wrong = project.folder / "src" / "wrong.ts"
    wrong.write_text(
        'import type { ReadmeCustomersQuery } from "./operations";\n'
        "export const wrong = (data: ReadmeCustomersQuery) => data.customers.nodes[0]?.tier;\n"
    )
    try:
        said = await project.type_faults()
    finally:
        wrong.unlink()
    assert said == ["src/wrong.ts(2,79): error TS2339"]
