"""Schemathesis over every field of Query and Mutation, by each role: never a fault of the server.

FIELDGRAPH_THOROUGH=n asks n times as much.
"""

import itertools
import os
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
import pytest
from graphql import GraphQLSchema
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode

from tests.conftest import Database
from tests.fieldgraph import generated
from tests.fieldgraph.driven import Day, day

THOROUGH = int(os.environ.get("FIELDGRAPH_THOROUGH", "0"))
CODES = {
    "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "BAD_REQUEST", "FORBIDDEN",
    "NOT_FOUND", "CONFLICT", "COST_EXCEEDED", "RESYNC_REQUIRED", "IDEMPOTENCY_MISMATCH",
}  # fmt: skip
"""What a generated operation may be answered with, beside data."""
ROLES = ("DISPATCHER", "TECHNICIAN", "CUSTOMER", "INTEGRATION", "ADMIN")
"""An ADMIN last, who takes users away."""


class Target(NamedTuple):
    """A served demo, what schemathesis may ask of it, and the ids that are there."""

    day: Day
    operations: Sequence[Any]
    executable: GraphQLSchema
    known: Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
async def target(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Target]:
    folder = tmp_path_factory.mktemp("generated")
    # Without a bucket: what is refused for now would hide what is wrong.
    async with day(module_database, folder, chosen={"rate_points": 0}) as running:
        operations = generated.operations()
        executable = operations[0].schema.client_schema
        known: dict[str, list[str]] = {}
        with asking(running, "ADMIN") as client:
            for kind, document in generated.samples(executable):
                found = client.post("/graphql", json={"query": document}).json()["data"]["found"]["nodes"]
                if found:
                    known[kind] = [one["id"] for one in found]
        yield Target(running, operations, executable, known)


def asking(running: Day, role: str) -> httpx.Client:
    headers = {
        "authorization": f"Bearer {running.access[role]}",
        "accept": "application/graphql-response+json",
    }
    return httpx.Client(base_url=running.server.url, headers=headers, timeout=60, trust_env=False)


def looked_at(answer: httpx.Response) -> tuple[str | None, str]:
    """What is wrong with an answer, whatever was asked; and its kind: a code, or data."""
    if answer.status_code >= 500:
        return f"status {answer.status_code}", "fault"
    try:
        content = answer.json()
    except ValueError:
        return "no JSON", "fault"
    codes = {error.get("extensions", {}).get("code") for error in content.get("errors", ())}
    if not codes <= CODES:
        return f"codes {codes - CODES}", "fault"
    if "data" not in content and (answer.status_code == 200 or not codes):
        return "neither data nor a reason", "fault"
    return None, min(codes, default="data")


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_asked_the_server_has_no_fault(target: Target, role: str) -> None:
    share = THOROUGH if role == "ADMIN" else (THOROUGH + 2) // 3
    faults: dict[str, str] = {}
    seen: Counter[str] = Counter()
    with asking(target.day, role) as client:
        for operation, mode in itertools.product(target.operations, GenerationMode):
            field = operation.definition.field_name
            for case in examples(operation.as_strategy(generation_mode=mode), max(1, share), role):
                text = generated.with_real_ids(case.body, target.known, target.executable, field)
                answer = client.post("/graphql", json={"query": text})
                wrong, code = looked_at(answer)
                seen[code] += 1
                if wrong:
                    faults.setdefault(f"{field}: {wrong}", f"{text}\n{answer.text[:2_000]}")

    assert not faults, "\n\n".join(f"{name}\n{told}" for name, told in faults.items())
    assert seen["data"] > len(target.operations) // 10, seen
    assert seen["BAD_USER_INPUT"] + seen["GRAPHQL_VALIDATION_FAILED"] > len(target.operations) // 4, seen


def examples(strategy: SearchStrategy[Any], number: int, role: str) -> list[Any]:
    """So many cases, the same ones in each run."""
    found: list[Any] = []

    @seed(zlib.crc32(f"{role} {number}".encode()))
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found
