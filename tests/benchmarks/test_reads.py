"""The benchmark of reads runs: every figure is there, for every read and server, and none is judged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.goals import AT_LEAST, verdicts
from tests.benchmarks.measure import Round

FIGURES = {"rps", "p50_ms", "p99_ms", "cpu_ms", "rss_mb"}
CHECKOUT = Path(__file__).parents[2]


def test_a_tiny_run_measures_every_read_of_every_server(tmp_path: Path) -> None:
    file = tmp_path / "reads.json"
    tiny = ["--scale", "0", "--rounds", "1", "--seconds", "0.2", "--connections", "2", "--json", str(file)]
    ran = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", "fieldgraph.cli", "bench", "reads", "--only", "fieldgraph,floor,usual", *tiny],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(file.read_text())
    assert found.keys() == {"queries", "goals"}
    assert found["queries"].keys() == {"board", "list", "portal", "point"}
    for read, servers in found["queries"].items():
        expected = {"fieldgraph", "fieldgraph_fifty", "floor", "usual"} | (
            {"static"} if read == "point" else set()
        )
        assert servers.keys() == expected
        for figures in servers.values():
            assert figures.keys() == FIGURES
            assert all(figures[name] > 0 for name in FIGURES - {"cpu_ms"})  # its clock ticks every 10 ms
    told = {one["name"] for one in found["goals"]}
    assert {"point ÷ floor", "list ÷ usual", "board ÷ floor", "MB after all reads"} <= told
    assert "MB after all reads" in ran.stdout


def _round(rps: float, cpu_ms: float = 1.0) -> Round:
    return Round(rps=rps, p50_ms=1.0, p99_ms=1.0, cpu_ms=cpu_ms, rss_mb=100.0)


def test_a_goal_is_the_median_of_paired_ratios() -> None:
    ours, theirs = [_round(95.0), _round(300.0), _round(99.0)], [_round(100.0), _round(100.0), _round(100.0)]
    measured = {"board": {"fieldgraph": ours, "floor": theirs}}

    (found, megabytes) = verdicts(measured, 161.0)

    assert (found.found, found.least, found.most, found.met) == (0.99, 0.95, 3.0, True)
    assert found.line() == "board ÷ floor: 0.99 (0.95 to 3.00), goal ≥ 0.95: met"
    assert megabytes.line() == "MB after all reads: 161.00, goal ≤ 160: not met"


def test_cpu_is_told_against_a_static_response() -> None:
    measured = {
        "point": {
            "fieldgraph": [_round(1.0, cpu_ms=0.2), _round(1.0, cpu_ms=0.4)],
            "static": [_round(1.0, cpu_ms=0.1), _round(1.0, cpu_ms=0.1)],
        }
    }

    (found,) = verdicts(measured, None)

    assert found.found == pytest.approx(3.0)
    assert found.met


def test_what_was_not_measured_is_not_judged() -> None:
    assert list(verdicts({"board": {"fieldgraph": [_round(1.0)]}}, None)) == []
    assert AT_LEAST.keys() == {"board", "list", "portal", "point"}
