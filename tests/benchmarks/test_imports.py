"""The benchmark of imports runs, and its figures are those of a whole file."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_a_small_file_is_measured_new_and_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "imports.json"
    command = [sys.executable, "-m", "fieldgraph.cli", "bench", "imports", "--lines", "1200"]
    ran = subprocess.run(  # noqa: S603  # our own module
        [*command, "--json", str(file)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(file.read_text())
    assert found.keys() == {"new", "unchanged"}
    for figures in found.values():
        assert figures["rows_a_second"] > 0
        assert 0 < figures["longest_transaction_ms"] < 5000
        assert figures["grown_mb"] < 100
