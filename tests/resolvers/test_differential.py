"""Compiled and plain execution say the same, over generated operations on the demo's real data."""

import os
import re
from typing import Any

import orjson
import pytest

from domain.viewers import Role, Viewer
from resolvers.context import Context
from resolvers.documents import DocumentRef
from resolvers.permissions import check_roles
from resolvers.refusals import Refusal
from schema.graph import ByExternalId, ByKey
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.operations import Operations

ROUNDS = int(os.environ.get("FIELDGRAPH_THOROUGH", "1"))
OPERATIONS = 40
WALKS = 6
STEPS = 4
TOKEN = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+')
ID_SAMPLE = 4
OUTSIDE = "SELECT system, key FROM external_id WHERE entity_type = $1 ORDER BY id LIMIT 4"


@pytest.fixture(scope="module")
async def known(lively: Companies) -> dict[str, Any]:
    return await ids_and_keys(lively)


async def ids_and_keys(companies: Companies) -> dict[str, Any]:
    """Real ids of every type, and real natural keys, of which a narrow role can see few."""
    graph = companies.app.executor.graph
    ids, keys = [], {}
    async with connected(str(companies.app.settings.database_url)) as owner:
        for shape in graph.types.values():
            if shape.reading.prefix:
                rows = await owner.fetch(f"SELECT id FROM {shape.table} ORDER BY id LIMIT {ID_SAMPLE}")
                ids += [f"{shape.reading.prefix}1_{row['id']}" for row in rows]
        for name, field in graph.roots.items():
            if isinstance(field.source, ByKey):
                table, column = graph.types[str(field.target)].table, field.source.column
                rows = await owner.fetch(f"SELECT {column} AS k FROM {table} ORDER BY id LIMIT {ID_SAMPLE}")
                keys[name] = [row["k"] for row in rows if row["k"]]
            if isinstance(field.source, ByExternalId):
                rows = await owner.fetch(OUTSIDE, graph.types[str(field.target)].table)
                keys[name] = [(row["system"], row["key"]) for row in rows]
    return {"ids": ids, "keys": keys}


def viewer_of(companies: Companies, role: Role) -> Viewer:
    if role != Role.TRACKING:
        return companies.viewer(role)
    company = companies.first
    return Viewer(organization_id=company.id, role=role, subject="link", visit_id=company.tracked[0])


def packed(body: bytes) -> bytes:
    """Without the white space between tokens, which JSON does not mean; all else to the byte."""
    return TOKEN.sub(lambda found: found[1] or b"", body)


async def answers(
    companies: Companies, query: str, variables: dict[str, Any], viewer: Viewer
) -> tuple[object, object]:
    """What each way says: the bytes of its response, or the errors of its refusal."""
    executor = companies.app.executor
    operation = await executor.prepare(DocumentRef(query), None, viewer=viewer)

    async def compiled() -> bytes:
        return await executor.answer(operation, variables, viewer=viewer)

    async def plain() -> bytes:
        check_roles(executor.graph, operation, viewer.role)
        return await executor.plain.answer(operation, variables, Context(viewer, companies.app.services))

    said: list[object] = []
    for way in (compiled, plain):
        try:
            said.append(packed(await way()))
        except Refusal as refusal:
            said.append(refusal.errors)
    return said[0], said[1]


async def same(companies: Companies, query: str, variables: dict[str, Any], viewer: Viewer) -> object:
    """The answer that both ways give; fails with all that is needed to ask it again."""
    compiled, plain = await answers(companies, query, variables, viewer)
    if compiled != plain:
        pytest.fail(
            f"As {viewer.role}:\n{query}\nvariables: {orjson.dumps(variables).decode()}\n"
            f"{_differing(compiled, plain)}"
        )
    return compiled


def _differing(compiled: object, plain: object) -> str:
    if not isinstance(compiled, bytes) or not isinstance(plain, bytes):
        return f"compiled: {compiled!r}\nplain: {plain!r}"
    at = next((n for n, pair in enumerate(zip(compiled, plain, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, at - 200)
    return f"compiled: {compiled[start : at + 200]!r}\nplain:    {plain[start : at + 200]!r}"


@pytest.mark.parametrize("role", list(Role))
async def test_both_ways_give_the_same_bytes(lively: Companies, known: dict[str, Any], role: Role) -> None:
    executor, viewer = lively.app.executor, viewer_of(lively, role)
    said = set()
    for number in range(OPERATIONS * ROUNDS):
        seed = number * len(Role) + list(Role).index(role)
        operations = Operations(executor.graph, role, seed=seed, **known)
        query = operations.query()
        answer = await same(lively, query, operations.variables, viewer)
        assert isinstance(answer, bytes), f"refused: {query}\n{operations.variables}\n{answer!r}"
        said.add(answer)
    assert len(said) > OPERATIONS // 2
    assert executor.uncompiled == {}


@pytest.mark.parametrize("role", [Role.ADMIN, Role.TECHNICIAN, Role.CUSTOMER])
async def test_both_ways_turn_the_same_pages(lively: Companies, known: dict[str, Any], role: Role) -> None:
    viewer, turned = viewer_of(lively, role), 0
    for number in range(30 * WALKS * ROUNDS):
        if number >= WALKS * ROUNDS and turned >= WALKS // 2:
            break  # who sees few rows needs more walks than others to turn a page at all
        seed = 1_000 * list(Role).index(role) + number
        operations = Operations(lively.app.executor.graph, role, seed=seed, **known)
        query, path = operations.paged()
        side, end, goes_on = ("after", "endCursor", "hasNextPage")
        if number % 2:
            side, end, goes_on = ("before", "startCursor", "hasPreviousPage")
        variables = {**operations.variables, ("last" if number % 2 else "first"): 2}
        for _ in range(STEPS):
            answer = await same(lively, query, variables, viewer)
            assert isinstance(answer, bytes), (query, variables, answer)
            info = _found(orjson.loads(answer)["data"], path)
            if info is None or not info["pageInfo"][goes_on]:
                break
            variables[side] = info["pageInfo"][end]
            turned += 1
    assert turned >= WALKS // 2


def _found(value: Any, path: list[str]) -> Any:
    """What lies at a path, of the first that has more to come in a list."""
    for key in path:
        if isinstance(value, list):
            rows = [one for one in value if one[key]["edges"]]
            value = rows[0] if rows else None
        if value is None:
            return None
        value = value[key]
    return value
