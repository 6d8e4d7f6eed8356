"""The catalogue: a process whose declarations and tables differ does not start, and says which line it is."""

from datetime import datetime
from pathlib import Path

import pytest
import strawberry

from domain import visits
from domain.viewers import Role
from fieldgraph.app import App
from fieldgraph.settings import Settings
from resolvers.catalogue import StartRefused, declared, faults, unanswered
from resolvers.compiler.shapes import Graph
from resolvers.derived import DERIVED
from resolvers.root import build
from schema.graph import ById, column, embedded, node, one, root, sql, value
from schema.values import counted, derived, foremost
from tests.conftest import Database, connected

ALTERED = [
    ("ALTER TABLE visit DROP COLUMN pin", "Visit.pin: table visit has no column pin"),
    (
        "ALTER TABLE site ALTER COLUMN address DROP NOT NULL",
        "Site.address is promised (“!”), but column site.address can be null",
    ),
    (
        "ALTER TABLE contract ALTER COLUMN price DROP NOT NULL",
        "Contract.price is promised (“!”), but column contract.price can be null",
    ),
    (
        "ALTER TABLE stock_level RENAME COLUMN part_id TO piece_id",
        "Part.onHand: table stock_level has no column part_id",
    ),
    ("ALTER TABLE absence RENAME TO hole", "Absence.reason: there is no table absence"),
]


def _app(database: Database, folder: Path) -> App:
    named = {"database_url": database.owner_url, "app_database_url": database.app_url, "data_folder": folder}
    return App(Settings().model_copy(update=named))


@pytest.mark.parametrize(("change", "fault"), ALTERED)
async def test_a_database_that_is_otherwise_refuses_the_start(
    database: Database, tmp_path: Path, change: str, fault: str
) -> None:
    # given
    async with connected(database.owner_url) as connection:
        await connection.execute(change)
    app = _app(database, tmp_path)
    # when
    with pytest.raises(StartRefused) as refused:
        async with app.running():
            pass
    # then
    lines = str(refused.value).splitlines()
    assert fault in lines
    assert "migrations of this release have not run" in lines[-1]
    assert not app.ready


async def test_an_empty_database_is_told_in_few_lines(database: Database, tmp_path: Path) -> None:
    async with connected(database.owner_url) as connection:
        await connection.execute("DROP SCHEMA public CASCADE")
    with pytest.raises(StartRefused) as refused:
        async with _app(database, tmp_path).running():
            pass
    lines = str(refused.value).splitlines()
    assert lines[0] == "The graph cannot be served."
    assert lines[1] == "Organization.id: there is no table organization"
    assert len(lines) == 23
    assert lines[-2].endswith(" more lines.")
    assert "migrations of this release have not run" in lines[-1]


async def test_a_database_that_was_migrated_starts(database: Database, tmp_path: Path) -> None:
    async with connected(database.owner_url) as connection:
        await connection.execute("ALTER TABLE visit ADD COLUMN of_a_later_release text")
    app = _app(database, tmp_path)
    async with app.running():
        assert app.ready


def test_the_functions_are_those_that_fields_ask_for() -> None:
    graph = Graph(build())
    assert unanswered(graph, DERIVED) == []
    assert unanswered(graph, [*DERIVED, "nobody"]) == ["“nobody” is derived, but no field asks for it"]
    assert unanswered(graph, [key for key in DERIVED if key != "drive"]) == [
        "Visit.drive: no function derives “drive”"
    ]


@value("A window.")
class Window:
    start: datetime = column("From when.")


@node(visits.Visit, prefix="vsx", description="A visit whose lines are wrong.")
class Wrong:
    id: strawberry.ID = column("Its id.")
    reason: str = column("Can be null.")
    late: bool = sql("{t}.planned_start < {now}", "Not said to be never null.")
    window: Window = embedded("Can be null.", prefix="window_")
    pin: str | None = column("For the office.", roles=(Role.ADMIN,))
    before: "Wrong" = one("An edge.", by="follow_up_of_id")
    last: "Wrong" = foremost("An edge.", via="follow_up_of_id", order=("-nothing",))
    lost: int = counted("No such table.", via="job_item.visit_id")
    secret: int = counted("Nobody said who may read it.", via="alembic_version.version_num")
    leaks: str | None = derived("leaks", "Needs what not everybody may read.", needs="pin")
    absent: str | None = derived("absent", "Needs what is not there.", needs="nothing")


@strawberry.type(description="What can be read.")
class Query:
    wrong: Wrong | None = root(ById(), "One.")


def test_every_line_that_cannot_be_is_named() -> None:
    tables = {**declared(), "alembic_version": {"version_num": False}}
    assert faults(Graph(strawberry.Schema(Query)), tables) == [
        "Wrong.reason is promised (“!”), but column visit.reason can be null",
        "Wrong.late is promised (“!”), but its expression does not say never_null",
        "Wrong.window is promised (“!”), but column visit.window_start can be null",
        "Wrong.before is promised (“!”), but what an edge leads to may not be the viewer's to see",
        "Wrong.last: table visit has no column nothing",
        "Wrong.lost: there is no table job_item",
        "Wrong.secret: nothing says who may read table alembic_version (domain/access.py)",
        "Wrong.leaks: some of its roles may not ask for Wrong.pin, which it needs",
        "Wrong.absent: Cannot query field 'nothing' on type 'Wrong'.",
    ]
