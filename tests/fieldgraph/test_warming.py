"""Warming: a process beside compiles where the machine is new to the kernels, and only there."""

from pathlib import Path

import pytest

from fieldgraph import warming
from optimizer import engines


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that tells who did what, the process beside with the words of its own."""
    told = tmp_path / "told"
    words = f"from pathlib import Path; Path({str(told)!r}).write_text('beside')"
    monkeypatch.setattr(warming, "COMPILE", f"from optimizer import engines; {words}")

    def here() -> None:
        told.write_text(f"{told.read_text() if told.exists() else 'nobody'}, here")

    monkeypatch.setattr(engines, "warm_up", here)
    return told


def test_what_is_not_compiled_is_compiled_beside_first(order: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "is_compiled", lambda: False)

    warming.warm_up()

    assert order.read_text() == "beside, here"


def test_what_is_compiled_is_only_loaded(order: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "is_compiled", lambda: True)

    warming.warm_up()

    assert order.read_text() == "nobody, here"


def test_where_the_process_beside_fails_the_caller_compiles(
    order: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "is_compiled", lambda: False)
    monkeypatch.setattr(warming, "COMPILE", "raise SystemExit(3)")

    warming.warm_up()

    assert order.read_text() == "nobody, here"
