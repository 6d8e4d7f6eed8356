"""Documents: trusted by id, accepted ones kept within their bytes, refused ones never, hashes registered."""

import asyncio
import hashlib
from uuid import UUID

import pytest
from graphql import build_schema

from resolvers import queues
from resolvers.documents import DOCUMENT_BYTES, TREE_BYTES, DocumentRef, Documents, Operation, Policy
from resolvers.refusals import Refusal

EXECUTABLE = build_schema("type Query { hello(name: String): String me: Query }")
OURS = UUID("018f0000-0000-7000-8000-000000000001")
THEIRS = UUID("018f0000-0000-7000-8000-000000000002")
HELLO = "query Hello { hello }"
DIGEST = hashlib.sha256(HELLO.encode()).hexdigest()


async def ask(documents: Documents, query: str | None, name: str | None = None, **more: str) -> Operation:
    return await documents.operation(DocumentRef(query, **more), name, organization_id=OURS)


async def refused(documents: Documents, query: str | None, **more: str) -> tuple[str, str]:
    with pytest.raises(Refusal) as found:
        await ask(documents, query, **more)
    return found.value.code, str(found.value)


async def test_a_document_is_parsed_once() -> None:
    documents = Documents(EXECUTABLE)

    first = await ask(documents, "{ hello }")

    assert await ask(documents, "{ hello }") is first
    assert not first.trusted
    assert documents.kept.bytes == DOCUMENT_BYTES + len("{ hello }") * TREE_BYTES


async def test_ever_new_documents_stay_within_the_bound() -> None:
    documents = Documents(EXECUTABLE, most_bytes=100_000)

    for number in range(500):
        await ask(documents, f"query q{number} {{ hello }}")

    assert documents.kept.bytes <= 100_000
    assert 10 < len(documents.kept) < 20


@pytest.mark.parametrize(
    "text", ["{ goodbye }", "{ hello", "{ hello(name: 3) }", "fragment f on Query { hello }"]
)
async def test_a_refused_document_is_not_kept(text: str) -> None:
    documents = Documents(EXECUTABLE, Policy(registers=True))

    with pytest.raises(Refusal):
        await ask(documents, text, digest=hashlib.sha256(text.encode()).hexdigest())

    assert len(documents.kept) == len(documents.registered) == len(documents._looks) == 0
    assert documents.queues._queues == {}


async def test_whoever_asks_for_the_same_text_waits_for_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    documents, looks = Documents(EXECUTABLE), 0
    accept = documents._accept

    def counted(query: str) -> dict[str | None, Operation]:
        nonlocal looks
        looks += 1
        return accept(query)

    monkeypatch.setattr(documents, "_accept", counted)
    first = asyncio.create_task(ask(documents, HELLO))
    others = [asyncio.create_task(ask(documents, HELLO)) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()

    answered = await asyncio.gather(*others)

    assert looks == 1
    assert len({id(one) for one in answered}) == 1
    assert first.cancelled()


async def test_an_organization_waits_behind_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "MOST_WAITING", 3)
    documents = Documents(EXECUTABLE)

    async def asked(number: int, organization_id: UUID) -> object:
        ref = DocumentRef(f"query q{number} {{ hello }}")
        return await documents.operation(ref, None, organization_id=organization_id)

    many = [asyncio.create_task(asked(number, OURS)) for number in range(5)]
    await asyncio.sleep(0)
    one = await asked(99, THEIRS)
    done = await asyncio.gather(*many, return_exceptions=True)

    assert isinstance(one, Operation)
    assert [type(each).__name__ for each in done] == ["Operation"] * 3 + ["Refusal"] * 2
    assert isinstance(done[4], Refusal)
    assert (done[4].code, done[4].retry_after_seconds) == ("RATE_LIMITED", 1)


async def test_a_text_that_another_organization_waits_for_is_looked_at_in_ones_own_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "MOST_WAITING", 3)
    documents, ended = Documents(EXECUTABLE), list[str]()

    async def asked(text: str, organization_id: UUID) -> Operation:
        try:
            return await documents.operation(DocumentRef(text), None, organization_id=organization_id)
        finally:
            ended.append(f"{'ours' if organization_id == OURS else 'theirs'} {text}")

    texts = ["query a { hello }", "query b { hello }", HELLO, "query c { hello }"]
    many = [asyncio.create_task(asked(text, OURS)) for text in texts]
    await asyncio.sleep(0)
    await asyncio.gather(*(asked(text, THEIRS) for text in (HELLO, "query c { hello }")))
    done = await asyncio.gather(*many, return_exceptions=True)

    assert ended.index(f"theirs {HELLO}") < ended.index(f"ours {HELLO}")
    assert [type(each).__name__ for each in done] == ["Operation"] * 3 + ["Refusal"]
    assert done[2] is await ask(documents, HELLO)
    assert documents._looks == {}


@pytest.mark.parametrize("key", ["hello", DIGEST, f"sha256:{DIGEST}"])
async def test_a_trusted_document_is_found_by_its_id_and_by_its_hash(key: str) -> None:
    documents = Documents(EXECUTABLE, Policy({key: HELLO}))

    found = await ask(documents, None, document_id=key)

    assert found.trusted
    assert found.name == "Hello"
    assert await ask(documents, None, digest=DIGEST) is found
    assert await ask(documents, None, document_id=f"sha256:{DIGEST}") is found
    assert await ask(documents, HELLO) is found
    assert await refused(documents, None, document_id="other") == (
        "PERSISTED_QUERY_NOT_FOUND",
        "PersistedQueryNotFound",
    )
    assert len(documents.kept) == 0


async def test_only_trusted_documents_are_taken_when_strict() -> None:
    documents = Documents(EXECUTABLE, Policy({"hello": HELLO}, strict=True))

    assert (await ask(documents, HELLO)).trusted
    assert (await ask(documents, HELLO, digest=DIGEST)).trusted
    for text in ("{ hello }", "{", HELLO + " "):
        assert (await refused(documents, text))[0] == "FORBIDDEN"
    assert len(documents.kept) == 0


@pytest.mark.parametrize(
    ("trusted", "message"),
    [
        ({"a": "{ goodbye }"}, "The trusted document “a” is refused: Cannot query field 'goodbye'"),
        ({"a": "{"}, "The trusted document “a” is refused: Syntax Error"),
        ({"a": HELLO, "sha256:a": "{ hello }"}, "The trusted document “sha256:a” is there twice"),
    ],
)
def test_a_manifest_that_cannot_be_answered_is_refused(trusted: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Documents(EXECUTABLE, Policy(trusted))


async def test_a_text_is_registered_by_its_hash_once_it_was_accepted() -> None:
    documents = Documents(EXECUTABLE, Policy(registers=True))

    before = await refused(documents, None, digest=DIGEST)
    found = await ask(documents, HELLO, digest=DIGEST)

    assert before == ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    assert await ask(documents, None, digest=DIGEST) is found
    assert not found.trusted
    other = hashlib.sha256(b"{ hello }").hexdigest()
    assert await refused(documents, HELLO, digest=other) == (
        "BAD_USER_INPUT",
        "provided sha does not match query",
    )
    assert (await refused(documents, None, digest=other))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_nothing_is_registered_unless_that_was_chosen() -> None:
    documents = Documents(EXECUTABLE)

    await ask(documents, HELLO, digest=DIGEST)

    # Apollo's link sends no hash any more after this, and would ask anew each time after the other.
    assert await refused(documents, None, digest=DIGEST) == (
        "PERSISTED_QUERY_NOT_SUPPORTED",
        "PersistedQueryNotSupported",
    )
    assert (await refused(documents, None, document_id=DIGEST))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_what_is_registered_stays_within_its_bytes() -> None:
    documents = Documents(EXECUTABLE, Policy(registers=True))
    documents.registered.most_bytes = 5_000

    for number in range(100):
        text = f"query q{number} {{ hello }}"
        await ask(documents, text, digest=hashlib.sha256(text.encode()).hexdigest())

    assert documents.registered.bytes <= 5_000
    assert 10 < len(documents.registered) < 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ me { " + "hello " * 142 + "} }", "The document asks for the same fields too often."),
        (
            "{ me { "
            + "me { me { hello } } " * 25
            + "...F } } fragment F on Query { "
            + "hello " * 140
            + "}",
            "The document asks for the same fields too often.",
        ),
        (
            " ".join(f"query q{number} {{ hello }}" for number in range(51)),
            "The document has 51 operations; at most 50 are allowed.",
        ),
    ],
)
async def test_what_would_be_compared_too_long_is_refused(text: str, message: str) -> None:
    assert await refused(Documents(EXECUTABLE), text) == ("COST_EXCEEDED", message)


async def test_what_is_asked_for_twice_in_reason_is_answered() -> None:
    text = "{ me { " + "hello " * 141 + "} }"

    assert (await ask(Documents(EXECUTABLE), text)).kind == "query"
