"""Documents: accepted ones are kept within their bytes, refused ones never."""

import pytest
from graphql import build_schema

from resolvers.documents import DOCUMENT_BYTES, TREE_BYTES, DocumentRef, Documents
from resolvers.refusals import Refusal

EXECUTABLE = build_schema("type Query { hello(name: String): String }")


async def test_a_document_is_parsed_once() -> None:
    documents = Documents(EXECUTABLE)

    first = await documents.operation(DocumentRef("{ hello }"), None)

    assert await documents.operation(DocumentRef("{ hello }"), None) is first
    assert documents.kept.bytes == DOCUMENT_BYTES + len("{ hello }") * TREE_BYTES


async def test_ever_new_documents_stay_within_the_bound() -> None:
    documents = Documents(EXECUTABLE, most_bytes=100_000)

    for number in range(500):
        await documents.operation(DocumentRef(f"query q{number} {{ hello }}"), None)

    assert documents.kept.bytes <= 100_000
    assert 10 < len(documents.kept) < 20


@pytest.mark.parametrize(
    "text", ["{ goodbye }", "{ hello", "{ hello(name: 3) }", "fragment f on Query { hello }"]
)
async def test_a_refused_document_is_not_kept(text: str) -> None:
    documents = Documents(EXECUTABLE)

    with pytest.raises(Refusal):
        await documents.operation(DocumentRef(text), None)

    assert len(documents.kept) == 0
