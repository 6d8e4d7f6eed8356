"""The house rules: the tree keeps each of them, and each of them catches what it forbids."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import DistributionFinder, MetadataPathFinder, distributions
from pathlib import Path

import pytest

from tests.house_rules import ROOMS, RULES, Rule, Source, tracked, violations

CHECKOUT = Path(__file__).parents[1]
HEAVY = ("numba", "ortools", "alembic", "pyrosm", "scipy", "opentelemetry")
# What an API process loads; `fieldgraph.app` pulls in all the rest of it.
API_MODULES = ("fieldgraph.app", "fieldgraph.settings", "fieldgraph.logs", "fieldgraph.postgres")

# Inserted, so that no linter takes a planted exemption for one of this file.
NOQA = "noqa"
IGNORE = "type: ignore"
MANY_LINES = "\n".join(f"    step_{n}()" for n in range(50))
PLANTED = {
    "module_says_what_it_is": [("domain/visits.py", "import uuid\n", 1)],
    "init_is_empty": [("domain/__init__.py", "from domain import visits\n", 1)],
    "module_has_a_name": [("domain/utils.py", "", 1), ("schema/helpers.py", "", 1)],
    "module_has_a_room": [("services/visits.py", "", 1), ("stray.py", "", 1)],
    "every_test_folder_is_a_package": [("tests/loose/test_it.py", "", 1)],
    "sizes_are_bound": [
        ("domain/visits.py", f"def dispatch():\n{MANY_LINES}\n", 1),
        ("domain/visits.py", "n = 1\n" * 401, 1),
    ],
    "parameters_are_few": [
        ("domain/visits.py", "def go(a, b, c, d, e, f): ...\n", 1),
        ("domain/visits.py", "class Visit:\n    def __init__(self, a, b, c, d, e, f): ...\n", 2),
    ],
    "one_place_commits": [("resolvers/visits.py", "async def go(session):\n    await session.commit()\n", 2)],
    "reads_are_declared": [
        ("resolvers/visits.py", "rows = lambda: select(Visit)\n", 1),
        ("realtime/log.py", "rows = lambda: sqlalchemy.select(Visit)\n", 1),
    ],
    "business_time_comes_from_the_clock": [
        ("domain/visits.py", "def go():\n    return datetime.now(UTC)\n", 2),
        ("domain/visits.py", "def go():\n    return time.time()\n", 2),
        ("domain/visits.py", "def go():\n    return datetime.datetime.now(UTC)\n", 2),
        ("domain/visits.py", "QUERY = 'SELECT now()'\n", 1),
        ("domain/visits.py", "at = lambda: func.now()\n", 1),
        ("schema/visits.py", "class Visit:\n    late: bool = sql('due < CURRENT_TIMESTAMP')\n", 2),
    ],
    "enums_are_text": [
        ("domain/visits.py", "from sqlalchemy import Enum\n", 1),
        ("domain/visits.py", "state = lambda: sa.Enum('A')\n", 1),
        ("domain/migrations/versions/0009_x.py", "SQL = 'CREATE TYPE state AS ENUM ()'\n", 1),
    ],
    "words_are_the_glossarys": [
        ("schema/visits.py", "class Appointment: ...\n", 1),
        ("domain/visits.py", "class Job: ...\n", 1),
        ("domain/visits.py", "def move(appointment_id): ...\n", 1),
    ],
    "rooms_own_their_names": [
        ("fieldgraph/app.py", "def go():\n    schema = 1\n", 2),
        ("fieldgraph/app.py", "def go(domain): ...\n", 1),
    ],
    "nothing_runs_on_import": [
        ("fieldgraph/app.py", "print('hello')\n", 1),
        ("fieldgraph/app.py", "engine = create_async_engine('x')\n", 1),
        ("fieldgraph/app.py", "settings = Settings()\n", 1),
        ("fieldgraph/app.py", "lock: Lock = asyncio.Lock()\n", 1),
        ("fieldgraph/app.py", "cache: dict[str, str] = {}\n", 1),
        ("fieldgraph/app.py", "seen = set()\n", 1),
        ("fieldgraph/app.py", "for name in names: load(name)\n", 1),
    ],
    "exemptions_have_reasons": [
        ("domain/visits.py", f"import os  # {NOQA}\n", 1),
        ("domain/visits.py", f"import os  # {NOQA}: F401\n", 1),
        ("domain/visits.py", f"n = m()  # {IGNORE}[arg-type]\n", 1),
    ],
    "work_is_finished": [("README.md", "fine\n" + "TO" + "DO later\n", 2)],
    "migrations_wait_briefly": [
        ("domain/migrations/versions/0009_x.py", "def upgrade():\n    op.execute('ALTER TABLE visit')\n", 1),
    ],
    "no_machine_is_named": [
        ("README.md", "see /ro" + "ot/notes\n", 1),
        ("requirements.lock", "--index-" + "url https://example.org/simple\n", 1),
        ("uv.lock", "", 1),
    ],
}  # fmt: skip  # a table
INNOCENT = [
    Source("domain/visits.py", '"""Visits: now() is a word."""\n\n\ndef go(one, *, a, b, c, d, e): ...\n'),
    Source(
        "domain/migrations/versions/0009_x.py",
        '"""One."""\n\n\ndef upgrade():\n    op.execute("SET LOCAL lock_timeout = \'4s\'")\n    go()\n',
    ),
    Source("domain/ids.py", '"""Ids."""\n\n\ndef go():\n    return time.time_ns()\n'),
    Source("domain/jobs.py", '"""The queue."""\n\n\nclass Job: ...\n'),
    Source("domain/clock.py", '"""The Clock."""\n\n\ndef go():\n    return time.time()\n'),
    Source("domain/unit_of_work.py", '"""The unit of work."""\n\n\ndef go(session):\n    session.commit()\n'),
    Source("resolvers/compiler/select.py", '"""SQL."""\n\n\ndef go():\n    return select(1)\n'),
    Source("domain/__init__.py", ""),
    Source(
        "fieldgraph/app.py",
        '"""Composition."""\n\n'
        "WORDS = {'a': 1}\n"
        "# house: nothing_runs_on_import: a reason that convinced somebody\n"
        "CACHE = {}\n"
        f"import os  # {NOQA}: F401  # kept for its side effect\n",
    ),
    Source("tests/test_it.py", '"""Tests."""\n\n\ndef go(session):\n    session.commit()\n'),
]  # fmt: skip  # a table


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return tracked(CHECKOUT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule, sources: list[Source]) -> None:
    assert violations(sources, rule) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_catches_what_it_forbids(rule: Rule, tmp_path: Path) -> None:
    for number, (path, text, line) in enumerate(PLANTED[rule.__name__]):
        # given a tree of one file that breaks the rule
        root = tmp_path / str(number)
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text)

        # when the tree is read as the real one is
        found = violations(tracked(root), rule)

        # then that line is named
        assert [sentence.split()[0] for sentence in found] == [f"{path}:{line}"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_work_be(rule: Rule) -> None:
    assert violations(INNOCENT, rule) == []


def test_the_tree_is_the_one_of_git(sources: list[Source]) -> None:
    paths = {source.path for source in sources}

    assert {"run.py", "pyproject.toml", ".ci/run", "domain/errors.py", "tests/test_house_rules.py"} <= paths
    assert not [path for path in paths if path.startswith((".venv/", ".git/", ".fieldgraph/"))]


def owners(finder: DistributionFinder.Context | None = None) -> dict[str, set[str]]:
    """Which installed distributions put something under the name of one of our rooms."""
    found = MetadataPathFinder.find_distributions(finder) if finder else distributions()
    owned: dict[str, set[str]] = {}
    for distribution in found:
        for file in distribution.files or ():
            top = file.parts[0].removesuffix(".py")
            if top in ROOMS and distribution.name != "fieldgraph":
                owned.setdefault(top, set()).add(distribution.name)
    return owned


def test_nobody_else_owns_a_rooms_name() -> None:
    assert owners() == {}


def test_another_owner_of_a_rooms_name_is_caught(tmp_path: Path) -> None:
    information = tmp_path / "intruder-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: intruder\nVersion: 1.0\n")
    (information / "RECORD").write_text("schema/__init__.py,,\nother/__init__.py,,\n")

    assert owners(DistributionFinder.Context(path=[str(tmp_path)])) == {"schema": {"intruder"}}


def loaded_by(module: str) -> set[str]:
    """The top-level names in memory after a fresh process has imported the module."""
    text = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own text
    return set(done.stdout.split())


@pytest.mark.parametrize("module", API_MODULES)
def test_an_api_process_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(module) & set(HEAVY) == set()


def test_a_heavy_import_is_caught() -> None:
    assert loaded_by("fieldgraph.migrations") & set(HEAVY) == {"alembic"}
    assert loaded_by("fieldgraph.telemetry") & set(HEAVY) == {"opentelemetry"}


UPHILL = {
    "Requests flow one way": ("domain/planted.py", "import resolvers\n"),
    "The business does not know how it is asked": ("domain/planted.py", "import strawberry\n"),
    "The business states the problem and applies the plan, it never searches": (
        "domain/planted.py",
        "import optimizer.search\n",
    ),
    "The schema and its resolvers write no driver code": ("schema/planted.py", "import asyncpg\n"),
    "The optimizer is arithmetic": ("optimizer/planted.py", "import sqlalchemy\n"),
    "No cycles inside a room": ("realtime/one/first.py", "import realtime.two.second\n"),
}


def lint_imports(root: Path) -> str:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(  # noqa: S603  # the project's own linter
        [str(program), "--no-cache", "--config", "pyproject.toml"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(root)},
    )
    return done.stdout + done.stderr


@pytest.fixture
def bare_rooms(tmp_path: Path) -> Path:
    """Our contracts over rooms that hold nothing but the modules the contracts speak of."""
    text = (CHECKOUT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text)
    spoken = re.findall(rf'"((?:{"|".join(ROOMS)})(?:\.\w+)*)"', text)
    for name in {*spoken, *ROOMS}:
        folder, *modules = name.split(".")
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "__init__.py").touch()
        for module in modules:
            (tmp_path / folder / f"{module}.py").touch()
    return tmp_path


def test_every_import_contract_bites(bare_rooms: Path) -> None:
    # given rooms without an import
    settings = tomllib.loads((bare_rooms / "pyproject.toml").read_text())
    names = [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]
    clean = lint_imports(bare_rooms)
    assert [name for name in names if f"{name} KEPT" in clean] == names
    assert set(names) == set(UPHILL)

    # when each contract is broken in one place
    for path, text in (*UPHILL.values(), ("realtime/two/second.py", "import realtime.one.first\n")):
        with _package(bare_rooms / path).open("a") as file:
            file.write(text)

    # then each of them says so
    broken = lint_imports(bare_rooms)
    assert [name for name in names if f"{name} BROKEN" in broken] == names


def _package(module: Path) -> Path:
    module.parent.mkdir(exist_ok=True)
    (module.parent / "__init__.py").touch()
    return module
