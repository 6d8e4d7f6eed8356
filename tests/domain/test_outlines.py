"""Outlines: what is no position is refused with a sentence, however large its numbers are."""

import math
from typing import Any

import pytest

from domain import outlines

GOOD = [[24.94, 60.17], [24.95, 60.17], [24.95, 60.18], [24.94, 60.17]]


@pytest.mark.parametrize("number", [10**400, -(10**400), math.nan, math.inf, 180.5, True, "24", None])
def test_a_number_that_is_no_degree_is_refused(number: Any) -> None:
    ring = [[number, 60.17], *GOOD[1:3], [number, 60.17]]

    with pytest.raises(ValueError, match=r"degrees|longitude|A position"):
        outlines.outline({"type": "Polygon", "coordinates": [ring]})


def test_a_ring_is_kept_as_it_was_said() -> None:
    polygon = {"type": "Polygon", "coordinates": [GOOD]}

    assert outlines.outline(polygon) == polygon
