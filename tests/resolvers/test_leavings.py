"""Leavings: an App that is closed leaves nothing behind: the tests alone open hundreds in one process."""

import gc
from collections.abc import Iterator
from pathlib import Path
from weakref import ref

from fieldgraph.demo.cast import Seeded
from fieldgraph.postgres import EmbeddedPostgres
from tests.resolvers.companies import running
from tests.resolvers.conftest import copied, dropped

FILTERED = """query F($where: CustomerWhere) {
  customers(first: 1, where: $where) { nodes { id } }
  visits(first: 1, where: {state: {eq: SCHEDULED}}) { nodes { id state } } }"""


async def test_a_closed_app_leaves_no_graph_behind(
    postgres: EmbeddedPostgres,
    seeded: tuple[Seeded, Seeded],
    tmp_path: Path,
    database_numbers: Iterator[int],
) -> None:
    """56,000 objects each: of some hundred, one collection of garbage stops the process for seconds."""
    database = await copied(postgres, f"company_{next(database_numbers)}")
    async with running(database, seeded, tmp_path) as company:
        await company.data(FILTERED, {"where": {"name": {"eq": "Nobody"}}})
        graph, app = ref(company.app.executor.documents.limits.executable), ref(company.app)
        assert graph() is not None
    del company
    await dropped(postgres, database.name)
    gc.collect()
    assert (app(), graph()) == (None, None)
