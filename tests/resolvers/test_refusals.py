"""A refusal's code is that of its first error."""

import pytest

from resolvers.refusals import Refusal


def test_a_refusal_of_one_sentence_carries_its_code() -> None:
    refusal = Refusal.of("FORBIDDEN", "Not for you")

    assert refusal.code == "FORBIDDEN"
    assert refusal.errors == [{"message": "Not for you", "extensions": {"code": "FORBIDDEN"}}]
    assert str(refusal) == "Not for you"


@pytest.mark.parametrize(
    "errors", [[], [{"message": "x"}], [{"message": "x", "extensions": {"code": 3}}]], ids=range(3)
)
def test_a_refusal_without_a_code_is_a_bug_of_ours(errors: list[dict[str, object]]) -> None:
    assert Refusal(errors).code == "INTERNAL_SERVER_ERROR"
