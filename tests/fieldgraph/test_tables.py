"""Tables: each process knows all of them before it writes, also those that it never names itself."""

import subprocess
import sys

import pytest

from domain import access, tables
from tests.fieldgraph.running import CHECKOUT

WRITES = """
import importlib, sys
importlib.import_module(sys.argv[1])
from fieldgraph.databases import writing_engine
writing_engine("postgresql://nobody@/nowhere")
from sqlalchemy.orm import configure_mappers
from sqlmodel import SQLModel
configure_mappers()
print(len(SQLModel.metadata.sorted_tables))
"""


@pytest.mark.parametrize(
    "process", ["fieldgraph.app", "fieldgraph.working", "fieldgraph.bringing", "fieldgraph.founding"]
)
def test_a_process_finds_every_table_that_another_refers_to(process: str) -> None:
    found = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-c", WRITES, process],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (found.returncode, found.stdout.strip()) == (0, str(len(access.TABLES))), found.stderr


def test_no_module_with_a_table_is_forgotten() -> None:
    assert tables.resolve() == access.TABLES.keys()
