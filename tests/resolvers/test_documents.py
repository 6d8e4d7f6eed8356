"""Documents: accepted ones are kept within their bytes, refused ones never."""

import pytest
from graphql import build_schema

from resolvers.documents import DOCUMENT_BYTES, TREE_BYTES, Documents
from resolvers.refusals import Refusal

EXECUTABLE = build_schema("type Query { hello(name: String): String }")


def test_a_document_is_parsed_once() -> None:
    documents = Documents(EXECUTABLE)

    first = documents.operation("{ hello }", None)

    assert documents.operation("{ hello }", None) is first
    assert documents.kept.bytes == DOCUMENT_BYTES + len("{ hello }") * TREE_BYTES


def test_ever_new_documents_stay_within_the_bound() -> None:
    documents = Documents(EXECUTABLE, most_bytes=100_000)

    for number in range(500):
        documents.operation(f"query q{number} {{ hello }}", None)

    assert documents.kept.bytes <= 100_000
    assert 10 < len(documents.kept) < 20


@pytest.mark.parametrize(
    "text", ["{ goodbye }", "{ hello", "{ hello(name: 3) }", "fragment f on Query { hello }"]
)
def test_a_refused_document_is_not_kept(text: str) -> None:
    documents = Documents(EXECUTABLE)

    with pytest.raises(Refusal):
        documents.operation(text, None)

    assert len(documents.kept) == 0
