"""An API process takes the documents that its installation trusts, and says so when it cannot."""

import json
from pathlib import Path

import pytest

from domain.viewers import Role
from fieldgraph import manifests
from fieldgraph.app import App
from fieldgraph.settings import Settings
from fieldgraph.site import PAGES
from resolvers.documents import DocumentRef, Policy
from resolvers.execution import Executor
from resolvers.refusals import Refusal
from resolvers.root import build
from tests.resolvers.companies import Companies


async def test_the_pages_operations_are_always_trusted(companies: Companies) -> None:
    viewer = companies.viewer(Role.DISPATCHER)
    for key, text in manifests.read(PAGES / "documents.json").items():
        operation = await companies.app.executor.prepare(DocumentRef(None, key), None, viewer=viewer)
        assert operation.trusted
        again = await companies.app.executor.prepare(DocumentRef(text), None, viewer=viewer)
        assert again is operation


async def test_a_strict_installation_answers_its_pages_and_nothing_else(companies: Companies) -> None:
    trusted = manifests.read(PAGES / "documents.json")
    executor = Executor(build(), companies.app.services, Policy(trusted, strict=True))
    viewer = companies.viewer(Role.DISPATCHER)

    operation = await executor.prepare(DocumentRef(trusted["board:POSITIONS"]), None, viewer=viewer)
    answered = json.loads(await executor.answer(operation, {}, viewer=viewer))
    with pytest.raises(Refusal) as refused:
        await executor.prepare(DocumentRef("{ cursor }"), None, viewer=viewer)

    assert "errors" not in answered
    assert refused.value.code == "FORBIDDEN"


def test_an_installations_manifest_is_added_to_the_pages(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({"mine": "{ cursor }"}))

    found = App(Settings(documents_file=file))._trusted()

    assert found["mine"] == "{ cursor }"
    assert len(found) == 12


async def test_a_manifest_that_the_schema_does_not_fit_stops_the_start(companies: Companies) -> None:
    policy = Policy({"mine": "{ nothing }"})
    with pytest.raises(ValueError, match="The trusted document “mine” is refused: Cannot query field"):
        Executor(build(), companies.app.services, policy)
