"""All that must hold before a change goes in, one step after the other: `python3 run.py check`."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what it is called and the command that ends with 0 when it holds."""

    title: str
    command: Sequence[str]


def steps() -> list[Step]:
    """Quick ones first; the last is the README's own test command, run as a newcomer runs it."""
    python = sys.executable
    programs = Path(python).parent
    return [
        Step("format", [python, "-m", "ruff", "format", "--check", "."]),
        Step("lint", [python, "-m", "ruff", "check", "."]),
        Step("imports", [str(programs / "lint-imports"), "--no-cache"]),
        Step("types", [python, "-m", "mypy"]),
        Step("schema.graphql", [python, "-m", "fieldgraph.cli", "sdl", "--check"]),
        Step("tests", [python, "run.py", "test"]),
    ]


def run(chosen: Sequence[Step], folder: Path) -> list[str]:
    """Runs every step, also after a failure, and gives back the titles of those that failed."""
    failed = []
    for step in chosen:
        say(f"── {step.title}: {' '.join(Path(part).name for part in step.command)}")
        started = time.monotonic()
        code = subprocess.run(step.command, cwd=folder, check=False).returncode  # noqa: S603  # ours, above
        seconds = time.monotonic() - started
        say(f"── {step.title}: {'ok' if code == 0 else 'FAILED'} ({seconds:.1f} s)")
        if code != 0:
            failed.append(step.title)
    return failed


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    failed = run(steps(), CHECKOUT)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")
    say("All checks hold.")


if __name__ == "__main__":
    main()
