"""run.py on a machine that has nothing but Python: first calls, later calls, and what it cannot do."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_group

from fieldgraph.cli import program

RUN = Path(__file__).parents[2] / "run.py"
# Without an index pip finds no uv either, so the slow way is what runs here.
OFFLINE = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
COMMAND_LINE = """
import os, signal, sys
if sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGTERM)
print(sys.prefix, os.getcwd(), *sys.argv[1:])
sys.exit(7)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose command line and test runner only say how they were called."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(RUN, folder)
    (folder / "requirements.lock").touch()
    (folder / "fieldgraph").mkdir()
    (folder / "fieldgraph" / "__init__.py").touch()
    (folder / "fieldgraph" / "cli.py").write_text(COMMAND_LINE)
    (folder / "fieldgraph" / "checks.py").write_text("import os; print('checks in', os.getcwd())")
    (folder / "pytest.py").write_text("import sys; print('pytest', *sys.argv[1:])")
    return folder


def start(checkout: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  # our own script
        [sys.executable, str(checkout / "run.py"), *arguments],
        cwd=checkout.parent,
        env=OFFLINE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(checkout: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(checkout, *arguments)
    output, error = process.communicate()
    return process.returncode, output, error


def test_first_calls_at_once_make_one_environment_and_later_ones_none(checkout: Path) -> None:
    # given a fresh checkout
    # when two terminals call it at the same moment, from another folder
    processes = [start(checkout, "serve", "--port", "0") for _ in range(2)]
    ends = [(*process.communicate(), process.returncode) for process in processes]

    # then one of them makes the environment, and both hand over inside it
    said = "".join(error for _, error, _ in ends)
    assert said.count("1/3 making .venv") == 1
    assert said.count("3/3 installing with pip … ok") == 1
    expected = f"{checkout / '.venv'} {checkout.parent} serve --port 0\n"
    assert [(output, code) for output, _, code in ends] == [(expected, 7), (expected, 7)]

    # and a later call prints nothing of its own
    assert call(checkout, "worker") == (7, f"{checkout / '.venv'} {checkout.parent} worker\n", "")


def test_its_own_verbs_run_in_the_checkout(checkout: Path) -> None:
    call(checkout)

    assert call(checkout, "test", "-k", "visits") == (0, "pytest -k visits\n", "")
    assert call(checkout, "check") == (0, f"checks in {checkout}\n", "")


def test_signals_and_exit_codes_pass(checkout: Path) -> None:
    call(checkout)

    assert call(checkout, "die")[0] == -signal.SIGTERM


def test_a_new_lock_is_installed_and_a_failure_is_told_and_tried_again(checkout: Path) -> None:
    call(checkout)
    lock = checkout / "requirements.lock"

    # when the lock asks for what cannot be had
    lock.write_text("fieldgraph-has-no-such-package==1\n")
    code, output, error = call(checkout, "serve")

    # then the call ends with the installer's own words, and the next one tries again
    assert (code, output) == (1, "")
    assert "3/3 installing with pip … failed" in error
    assert "fieldgraph-has-no-such-package" in error
    assert call(checkout, "serve")[0] == 1

    # and once it can be had, everything goes on
    lock.write_text("# nothing at all\n")
    code, _, error = call(checkout, "serve")
    assert code == 7
    assert "3/3 installing with pip … ok" in error
    assert call(checkout, "serve")[2] == ""


def pretend(preparation: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a copy of run.py in an interpreter that has been told something about itself."""
    shutil.copy(RUN, folder)
    (folder / "requirements.lock").touch()
    text = f"import runpy, sys, importlib.util\n{preparation}\nrunpy.run_path('run.py', run_name='__main__')"
    command = [sys.executable, "-c", text]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  # ours


def test_a_python_without_ensurepip_is_told_what_to_install(tmp_path: Path) -> None:
    done = pretend("importlib.util.find_spec = lambda name: None", tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        "This Python cannot make environments. On Debian or Ubuntu: apt-get install python3-venv\n"
    )
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_gets_a_sentence_and_no_syntax_error(tmp_path: Path) -> None:
    done = pretend("sys.version_info = (3, 8, 10); sys.version = '3.8.10 (default)'", tmp_path)

    assert (done.returncode, done.stderr) == (1, "Fieldgraph needs Python 3.11 or newer; this is 3.8.10.\n")
    ast.parse(RUN.read_text(), feature_version=(3, 7))


def test_the_continuous_integration_command_runs_every_check(tmp_path: Path) -> None:
    # given a machine where nothing is missing, whose python3 only says how it was called
    (tmp_path / ".ci").mkdir()
    shutil.copy(RUN.parent / ".ci" / "run", tmp_path / ".ci")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("python3", "chromium"):
        (programs / name).write_text('#!/bin/sh\necho "$PWD $0 $*"\n')
        (programs / name).chmod(0o755)

    # when it runs from another folder
    done = subprocess.run(  # noqa: S603  # our own script
        [str(tmp_path / ".ci" / "run")],
        cwd="/",
        env={"PATH": f"{programs}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=True,
    )

    # then its last word is the check command of the checkout
    assert done.stdout.splitlines()[-2:] == [
        "── python3 run.py check",
        f"{tmp_path} {programs / 'python3'} run.py check",
    ]


def test_its_first_lines_name_every_verb() -> None:
    tree = ast.parse(RUN.read_text())
    words = re.split(r"[\s|]+", ast.get_docstring(tree) or "")
    verbs = get_group(program).commands.keys()
    assert {"found", "admit", "import", "verify-audit"} < verbs
    assert (verbs | {"test", "check"}) - set(words) == set()
