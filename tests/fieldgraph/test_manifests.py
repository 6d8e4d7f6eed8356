"""Manifests: the shapes that clients' builds write, our own pages' one, and files that are none."""

import json
from pathlib import Path

import pytest

from fieldgraph import manifests
from tests.fieldgraph.page_documents import MANIFEST, manifest

HELLO = "query Hello { hello }"


def written(folder: Path, content: object) -> Path:
    file = folder / "documents.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_a_plain_object_is_what_relay_and_codegen_write(tmp_path: Path) -> None:
    assert manifests.read(written(tmp_path, {"abc": HELLO})) == {"abc": HELLO}


def test_apollos_manifest_gives_bodies_by_id(tmp_path: Path) -> None:
    entry = {"id": "abc", "name": "Hello", "type": "query", "body": HELLO}
    content = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [entry]}

    assert manifests.read(written(tmp_path, content)) == {"abc": HELLO}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is not JSON"),
        ([], "is not a JSON object"),
        ({"abc": 3}, "does not give a text for the id “abc”"),
        ({"": HELLO}, "does not give a text for the id “”"),
        ({"format": "other", "version": 1, "operations": []}, "is not of the format"),
        (
            {"format": "apollo-persisted-query-manifest", "version": 2, "operations": []},
            "is not of the format",
        ),
        (
            {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"body": HELLO}]},
            "without an id of its own",
        ),
        (
            {
                "format": "apollo-persisted-query-manifest",
                "version": 1,
                "operations": [{"id": "a", "body": HELLO}, {"id": "a", "body": "{ hello }"}],
            },
            "without an id of its own",
        ),
    ],
)
def test_a_file_that_is_no_manifest_says_so(tmp_path: Path, content: object, why: str) -> None:
    file = written(tmp_path, content)

    with pytest.raises(manifests.Unreadable, match=f"The manifest {file}.*{why}"):
        manifests.read(file)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(manifests.Unreadable, match="cannot be read: No such file"):
        manifests.read(tmp_path / "none.json")


def test_the_pages_operations_are_in_their_manifest() -> None:
    assert MANIFEST.read_text() == manifest(), "python -m tests.fieldgraph.page_documents writes it anew"
    assert len(manifests.read(MANIFEST)) == 11
