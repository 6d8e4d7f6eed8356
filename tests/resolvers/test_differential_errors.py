"""Every error path: both ways refuse the same operations, with the same code, message and path."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from domain.viewers import Role
from tests.resolvers.companies import Companies
from tests.resolvers.test_differential import ROUNDS, known, same
from tests.resolvers.wrongs import Wrong, at_edges, at_roots, at_single, by_variables

__all__ = ["known"]
STEP = 2 if ROUNDS == 1 else 1
"""A type has an odd number of faults, so each of them comes up at some connection."""


async def _cursor(companies: Companies) -> str:
    """One of a filter that nothing else here has."""
    query = "{ contacts(first: 1, where: {name: {isNull: false}}) { pageInfo { endCursor } } }"
    found = await companies.data(query)
    cursor: str = found["contacts"]["pageInfo"]["endCursor"]
    return cursor


async def _refused(companies: Companies, wrongs: Iterable[Wrong], code: str = "BAD_USER_INPUT") -> int:
    viewer, count = companies.viewer(Role.ADMIN), 0
    for wrong in wrongs:
        before = companies.app.reads.statements
        errors = await same(companies, wrong.query, dict(wrong.variables), viewer)
        assert isinstance(errors, list), f"answered: {wrong.query}\n{wrong.variables}"
        assert [one["extensions"]["code"] for one in errors] == [code], wrong
        assert errors[0]["path"] == list(wrong.path), wrong
        assert companies.app.reads.statements - before < 20
        count += 1
    return count


async def test_at_the_roots(lively: Companies) -> None:
    graph = lively.app.executor.graph
    every = at_roots(graph, cursor=await _cursor(lively))
    assert await _refused(lively, islice(every, 0, None, STEP)) > 300


async def test_at_the_edges(lively: Companies, known: dict[str, Any]) -> None:  # the fixture
    graph = lively.app.executor.graph
    ids = {graph.prefixes[name[:3]]: name for name in known["ids"]}
    visible = await lively.data(
        "query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": list(ids.values())}
    )
    seen = {one["id"] for one in visible["nodes"] if one}
    own = {kind: name for kind, name in ids.items() if name in seen}
    every = at_edges(graph, own, cursor=await _cursor(lively))
    assert await _refused(lively, islice(every, 0, None, STEP)) > 200


async def test_at_single_rows_and_by_variables(lively: Companies) -> None:
    graph = lively.app.executor.graph
    assert await _refused(lively, at_single(graph)) > 100
    assert await _refused(lively, by_variables(await _cursor(lively))) == 12
