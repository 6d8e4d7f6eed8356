"""The benchmark of patches: a change of a board is told in little, and no longer than jsonpatch takes."""

import pytest

from tests.benchmarks.patches import CHANGES, measured


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_small_and_soon_found(name: str) -> None:
    found = measured(CHANGES[name])

    assert found.bytes < found.whole_bytes / 20
    assert found.bytes <= found.theirs_bytes * 1.1
    assert found.milliseconds < 2 * found.theirs_milliseconds
