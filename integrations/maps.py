"""Maps: the roads that a process has: a street graph that was prepared, or straight lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from integrations.roads import StraightLines

if TYPE_CHECKING:
    from integrations.streets import Roads


def opened(file: Path | None) -> Roads | StraightLines:
    """The road graph that was prepared (.npz); straight lines where there is none."""
    if file is not None and file.suffix == ".npz" and file.exists():
        from integrations.streets import Roads  # noqa: PLC0415  # brings scipy: 40 MB only where they are needed

        return Roads.load(file)
    return StraightLines()
