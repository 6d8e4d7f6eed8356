"""Warming: the optimizer's kernels compiled in a process beside the one that is to use them."""

import atexit
import os
import subprocess
import sys
from pathlib import Path

from optimizer import engines

COMPILE = "import os; os.nice(5); from optimizer import engines; engines.warm_up()"


def warm_up() -> None:
    """Load the kernels, after compiling them where this machine is new to them (it takes minutes).

    In a thread the compiler would hold the interpreter, and starve the fallback that searches meanwhile.
    """
    if not engines.is_compiled():
        _compile()
    engines.warm_up()


def _compile() -> None:
    """Where the process fails, whoever called compiles for itself."""
    where = Path(engines.__file__).parents[1]
    paths = [str(where), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    child = subprocess.Popen(  # noqa: S603  # our own words
        [sys.executable, "-c", COMPILE], env=environment, stdin=subprocess.DEVNULL
    )
    atexit.register(child.kill)
    try:
        child.wait()
    finally:
        atexit.unregister(child.kill)
