"""Optimizer: our search beside PyVRP, VROOM and OR-Tools routing, on files and on days drawn by seed.

All engines get the same seconds of the wall, one process on one core each, after each other, instance by
instance and seed by seed. Reading the kernels from their cache and stating a day to a rival is not counted.
Rivals answer orders of visits; those are timed by one plain simulation, what does not fit is left out and
tried once more, and one judge scores every plan. Broken plans are refused.

python3 run.py bench optimizer --instances DIR|FILE|generated:50x400:1[,…] --seconds 20
                               [--against pyvrp,vroom,ortools] [--seeds 1] [--json FILE]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from optimizer.instances import reading
from optimizer.instances.instance import Instance
from tests.benchmarks import contest, rivals, standings
from tests.benchmarks.contest import OURS, Task
from tests.benchmarks.days import generated
from tests.benchmarks.standings import Run

ENDINGS = (".txt", ".vrp", ".json", ".json.gz")
GENERATED = "generated:"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    engines = [OURS, *_rivals(options.against)]
    instances = list(_instances(options.instances))
    if not instances:
        sys.exit(f"There is no instance in {options.instances}.")
    _say("loading the kernels (they are compiled once after an update, which takes a while; not counted)")
    warmed = contest.run(Task(OURS, generated("generated:1x2:1"), 0.1, 1))
    if warmed.fault is not None:
        sys.exit(f"The search does not run: {warmed.fault}")
    runs = []
    for instance in instances:
        for text in standings.heading(instance, options.seconds):
            _show(text)
        for run in _measured(instance, engines, options):
            runs.append(run)
            _show(standings.line(run))
            _write(options.json, runs)
        _show("")
    for text in standings.summary(runs):
        _show(text)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--instances", required=True, help="a folder, files or generated days, by commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the wall, for each run")
    parser.add_argument("--against", default="pyvrp,vroom,ortools", help="rivals, with commas between them")
    parser.add_argument("--seeds", type=int, default=1, help="so many seeds of each run: 1, 2 …")
    parser.add_argument("--json", type=Path, help="write the runs to this file, after each of them")
    options = parser.parse_args(arguments)
    if not 0 < options.seconds < 86_400 or options.seeds < 1:
        parser.error("seconds and seeds are more than none, and no day is searched")
    return options


def _rivals(names: str) -> list[str]:
    """The rivals that can take part; who cannot is told once."""
    found = []
    for name in dict.fromkeys(name.strip() for name in names.split(",") if name.strip()):
        why = rivals.missing(name)
        if why is None:
            found.append(name)
        else:
            _say(why)
    return found


def _instances(places: str) -> Iterator[Instance]:
    """Every instance named; a file that is none is told and passed over."""
    for place in places.split(","):
        if place.startswith(GENERATED):
            try:
                yield generated(place)
            except ValueError as error:
                sys.exit(str(error))
            continue
        for path in _files(Path(place)):
            try:
                yield reading.read(path)
            except (ValueError, OSError) as error:
                _say(f"passed over: {error}")


def _files(place: Path) -> list[Path]:
    """The files below a folder that may be instances: not STRSP's technicians, not TRSP's release dates."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        sys.exit(f"There is no folder or file {place}.")
    return sorted(
        path
        for path in place.rglob("*")
        if path.name.endswith(ENDINGS)
        and not path.name.startswith("technicians")
        and path.parent.name != "dyn"
    )


def _measured(instance: Instance, engines: Sequence[str], options: argparse.Namespace) -> Iterator[Run]:
    """Each seed asks every engine, a different one first, so that noise falls on all of them alike."""
    for seed in range(1, options.seeds + 1):
        first = (seed - 1) % len(engines)
        for engine in (*engines[first:], *engines[:first]):
            task = Task(engine, instance, options.seconds, seed)
            yield standings.judged(task, contest.run(task))


def _write(file: Path | None, runs: Sequence[Run]) -> None:
    if file is not None:
        file.write_text(json.dumps(standings.written(runs), indent=1) + "\n")


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
