"""Plans with everything in them, facts and all, are met or beaten when their orders are kept."""

import pytest

from optimizer.joint import EFFORT, place_group, settle
from optimizer.judge import score, violations
from optimizer.partner.standing import Standing
from tests.optimizer.drawn import Drawn


@pytest.mark.parametrize("seed", range(60))
def test_a_plan_that_holds_is_never_timed_worse(seed: int) -> None:
    drawn = Drawn(seed)
    standing = Standing(drawn.problem, drawn.plan)

    found = settle(standing, set(standing.tracks), effort=EFFORT)

    assert found is not None
    assert list(violations(drawn.problem, found)) == []
    assert score(drawn.problem, found).total <= score(drawn.problem, drawn.plan).total
    assert [[stop.visit for stop in route.stops] for route in found.routes] == [
        [stop.visit for stop in route.stops] for route in drawn.plan.routes
    ]


@pytest.mark.parametrize("seed", range(60))
def test_a_visit_that_is_taken_out_finds_a_place_as_good(seed: int) -> None:
    drawn = Drawn(seed)
    standing = Standing(drawn.problem, drawn.plan)
    before = score(drawn.problem, drawn.plan).total
    for visit in sorted(standing.routes_of.keys() - standing.fixed)[:3]:
        found = place_group(drawn.problem, drawn.plan, visit)

        # By time of day ways are rounded up while places are sought: what just fitted may not be found.
        sliced = len(drawn.problem.travel_slices) > 1
        assert found is not None or sliced
        if found is not None:
            assert list(violations(drawn.problem, found)) == []
            assert found.objective.total <= before or sliced
            assert visit in found.technicians()
