"""The benchmark of subscriptions runs, and its pure parts are right: frames, percentiles, figures, goals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.figures import Round, quantile, spread, typical, verdicts, whole
from tests.benchmarks.frames import CLOSE, PING, TEXT, Frames, NotOurs, masked, plain

CHECKOUT = Path(__file__).parents[2]
FIGURES = {"messages_per_s", "p50_ms", "p99_ms", "told_per_s", "client_busy"}


def test_a_tiny_run_plays_fan_out_before_every_contender(tmp_path: Path) -> None:
    file = tmp_path / "realtime.json"
    tiny = [
        "--sizes",
        "5",
        "--rounds",
        "1",
        "--messages",
        "20",
        "--scenes",
        "idle,fanout",
        "--json",
        str(file),
    ]
    ran = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", "fieldgraph.cli", "bench", "realtime", *tiny],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=600,  # this machine may be busy with other tests
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(file.read_text())
    assert found.keys() >= {"fanout", "idle_kb_per_socket", "subscribe_ms", "goals"}
    contenders = {"fieldgraph", "strawberry", "strawberry_reading", "raw", "written"}
    assert found["fanout"].keys() == {"5"}
    assert found["fanout"]["5"].keys() == contenders
    for figures in found["fanout"]["5"].values():
        assert figures.keys() == FIGURES
        assert all(figures[name] > 0 for name in FIGURES)
    assert found["idle"].keys() == contenders - {"written"}
    assert found["subscribe_ms"] == found["idle"]["fieldgraph"]["subscribe_ms"] > 0
    assert "5 ÷ strawberry" in ran.stdout


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_size_is_read_in_pieces_of_any_size(size: int) -> None:
    payload = b"x" * size
    wire = plain(TEXT, payload) + plain(PING, b"") + plain(CLOSE, b"\x03\xf4bye")
    expected = [(TEXT, payload), (PING, b""), (CLOSE, b"\x03\xf4bye")]
    for step in (1 if size < 1000 else 4_001, 7_919, len(wire)):
        frames = Frames()
        pieces = [wire[at : at + step] for at in range(0, len(wire), step)]
        assert [frame for piece in pieces for frame in frames.feed(piece)] == expected


def test_what_a_client_says_is_masked_and_reads_as_it_is() -> None:
    assert masked(TEXT, b"hi") == b"\x81\x82\x00\x00\x00\x00hi"
    assert masked(TEXT, b"x" * 126)[:4] == b"\x81\xfe\x00\x7e"
    assert plain(TEXT, b"hi") == b"\x81\x02hi"


@pytest.mark.parametrize("wire", [b"\x01\x02hi", masked(TEXT, b"hi")], ids=["a part", "masked"])
def test_a_frame_that_no_server_here_sends_is_refused(wire: bytes) -> None:
    with pytest.raises(NotOurs):
        list(Frames().feed(wire))


def test_a_quantile_is_one_of_the_figures() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert (quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1.0)) == (50.0, 99.0, 100.0)
    assert (quantile([7.0], 0.01), quantile([7.0], 0.99), quantile([], 0.99)) == (7.0, 7.0, 0.0)
    assert spread([0.003, 0.001, 0.002]) == {"p50_ms": 2.0, "p99_ms": 3.0, "worst_ms": 3.0}


def _round(messages: int, cpu_seconds: float, p99_ms: float = 9.0) -> Round:
    return Round(
        messages=messages,
        changes=10,
        cpu_seconds=cpu_seconds,
        p50_ms=1.0,
        p99_ms=p99_ms,
        written_cpu_seconds=0.01,
        client_busy=0.5,
    )


def test_messages_are_counted_with_the_changes_and_without() -> None:
    one = _round(10_000, 0.5)
    assert (one.messages_per_s, one.told_per_s) == (20_000, 25_000)
    assert _round(10, 0.05).told_per_s == 2_000  # the changes took all that the clock saw: a tenth is left


def test_the_file_holds_what_is_promised() -> None:
    fanout = {
        "1000": {
            "fieldgraph": [
                _round(10_000, 0.5, 90.0),
                _round(10_000, 0.25, 210.0),
                _round(10_000, 0.2, 201.0),
            ],
            "strawberry": [_round(1_000, 1.0), _round(1_000, 1.0), _round(1_000, 1.0)],
            "raw": [_round(10_000, 0.25), _round(10_000, 0.125), _round(10_000, 0.2)],
        }
    }
    found = {
        "idle": {"fieldgraph": {"kb_per_socket": 40.5, "subscribe_ms": 0.25}},
        "slow": {"megabytes_more": 3.0, "slower": 1.5},
    }

    written = whole(fanout, found)

    assert written["idle_kb_per_socket"] == 40.5
    assert written["subscribe_ms"] == 0.25
    assert written["fanout"]["1000"]["fieldgraph"] == {
        "messages_per_s": 40_000,
        "p50_ms": 1.0,
        "p99_ms": 201.0,
        "told_per_s": pytest.approx(66_666.667),
        "client_busy": 0.5,
    }
    assert [one.line() for one in verdicts(fanout, found)] == [
        "1000 ÷ strawberry: 40.00 (20.00 to 50.00), goal ≥ 15: met",
        "1000, raw ÷ ours, told alone: 2.67 (1.00 to 6.00), goal ≤ 1.5: not met",
        "1000, p99 ms: 201.00 (90.00 to 210.00), goal ≤ 200: not met",
        "kB of an idle socket: 40.50, goal ≤ 40: not met",
        "MB more with slow readers: 3.00, goal ≤ 20: met",
        "the others' p99 ÷ without them: 1.50, goal ≤ 2: met",
    ]
    assert len(written["goals"]) == 6


def test_what_was_not_played_is_not_judged() -> None:
    assert list(verdicts({"100": {"raw": [_round(1, 1.0)]}}, {})) == []
    assert whole({}, {})["idle_kb_per_socket"] is None
    assert typical([_round(10_000, 0.5)])["messages_per_s"] == 20_000
