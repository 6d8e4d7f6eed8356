"""The one command: makes the environment when it is missing or old, then hands over to it (Linux, macOS).

python3 run.py demo | serve | worker | migrate | found NAME | admit ID | import KIND FILE | verify-audit
python3 run.py solve FILE | sdl | bench NAME | test | check
"""

from __future__ import annotations  # so that an old Python comes as far as the sentence about its age

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = HERE / "requirements.lock"
STAMP = VENV / "installed"
VERBS = {"test": ["-m", "pytest"], "check": ["-m", "fieldgraph.checks"]}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  # who starts this file has not read pyproject.toml
        sys.exit(f"Fieldgraph needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    with LOCK.open("rb") as lock:
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if not ready(wanted):
            fcntl.flock(lock, fcntl.LOCK_EX)  # of two first calls the second waits, and finds it done
            if not ready(wanted):
                install(wanted)
    verb, rest = (sys.argv[1] if sys.argv[1:] else "--help"), sys.argv[2:]
    if verb in VERBS:
        os.chdir(HERE)
    arguments = VERBS.get(verb, ["-m", "fieldgraph.cli", verb])
    os.execv(PYTHON, [str(PYTHON), *arguments, *rest])  # in our place: signals and exit codes pass


def ready(wanted: str) -> bool:
    return STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists()


def install(wanted: str) -> None:
    if not PYTHON.exists():
        if importlib.util.find_spec("ensurepip") is None:
            sys.exit(
                "This Python cannot make environments. On Debian or Ubuntu: apt-get install python3-venv"
            )
        step("1/3 making .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    quick = step("2/3 getting uv, the quick installer", [*pip, "uv"], needed=False)
    # uv does not know the mirrors that only pip was told of; then pip does it, in three times as long.
    if not (quick and step("3/3 installing with uv", [*uv, "-r", str(LOCK)], needed=False)):
        step("3/3 installing with pip", [*pip, "-r", str(LOCK)])
    where = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.check_output(where, text=True).strip()
    Path(packages, "fieldgraph_checkout.pth").write_text(f"{HERE}\n")
    STAMP.write_text(wanted)


def step(title: str, command: list[str], *, needed: bool = True) -> bool:
    print(title, end=" … ", file=sys.stderr, flush=True)
    started = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    outcome = "ok" if done.returncode == 0 else "failed" if needed else "not possible here"
    print(f"{outcome} ({time.monotonic() - started:.1f} s)", file=sys.stderr, flush=True)
    if needed and done.returncode != 0:
        sys.exit(done.stderr or done.stdout)
    return done.returncode == 0


if __name__ == "__main__":
    main()
