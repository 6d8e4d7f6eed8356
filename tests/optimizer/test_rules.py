"""Each hard rule broken on purpose: judge and validator catch it alike, each alone."""

from collections.abc import Callable

import pytest

from optimizer.judge import score, violations
from optimizer.validator import validate
from tests.optimizer import broken_bonds, broken_supplies, broken_times
from tests.optimizer.plans import Case

# The rule, what the judge says of it, what the validator says of it.
RULES: tuple[tuple[Callable[[], Case], str, str], ...] = (
    (broken_times.skill_level, "needs skill gas at level 2, the technician", "needs the skills {'gas': 2}"),
    (broken_times.skill_missing, "needs skill gas at level 0, the technician", "needs the skills {'gas': 0}"),
    (
        broken_times.certificate_at_the_start,
        "the certificate for gas ends at 600, before",
        "the certificate for gas ends at 600",
    ),
    (broken_times.shift_start, "the way there starts at 0, before 100", "the way starts at 0, before 100"),
    (broken_times.available_from, "the way there starts at 0, before 100", "the way starts at 0, before 100"),
    (broken_times.now, "the way there starts at 0, before 100", "the way starts at 0, before 100"),
    (
        broken_times.overtime_limit,
        "the route ends at 4901, the limit is 4900",
        "the route ends at 4901, the limit is 4900",
    ),
    (broken_times.longest_seconds, "is away for 4801 s, at most 4800 s are", "is away longer than 4800 s"),
    (broken_times.most_visits, "has 2 visits, at most 1 are allowed", "has more than 1 visits"),
    (
        broken_times.absence_meets_service,
        "the service of a from 600 to 4200 meets the",
        "drives or serves in an absence",
    ),
    (
        broken_times.absence_meets_way,
        "the way to a from 199 to 799 meets the",
        "drives or serves in an absence",
    ),
    (
        broken_times.absence_meets_return,
        "the return from 4200 to 4800 meets the",
        "drives or serves in an absence",
    ),
    (
        broken_times.lunch_owed,
        "no lunch, though the route ends at 4800",
        "no lunch, though the route ends at 4800",
    ),
    (
        broken_times.lunch_late,
        "lunch starts at 4501, not from 3600 to 4500",
        "lunch starts at 4501, not from 3600 to 4500",
    ),
    (
        broken_times.lunch_early,
        "lunch starts at 99, not from 100 to 4500",
        "lunch starts at 99, not from 100 to 4500",
    ),
    (
        broken_times.lunch_before_the_shift,
        "lunch starts at 99, before the technician",
        "lunch starts at 99, not from 100 to 4500",
    ),
    (
        broken_times.lunch_meets_way,
        "lunch at 0 meets travel or service (the way",
        "lunch at 0 meets travel or service",
    ),
    (
        broken_times.lunch_meets_service,
        "lunch at 600 meets travel or service (the",
        "lunch at 600 meets travel or service",
    ),
    (
        broken_times.lunch_meets_return,
        "lunch at 4200 meets travel or service (the",
        "lunch at 4200 meets travel or service",
    ),
    (
        broken_times.window_between_two,
        "starts at 800, outside every window",
        "starts at 800, outside every window",
    ),
    (
        broken_times.window_is_over,
        "starts at 601, outside every window",
        "starts at 601, outside every window",
    ),
    (broken_times.forbidden, "this technician is forbidden", "this technician is forbidden"),
    (broken_times.territory, "territory north is not the technician's", "outside the territories"),
    (broken_times.pinned_technician, "pinned to technician Ada", "pinned to technician Ada"),
    (broken_times.pinned_time, "pinned to the start 700, starts at 600", "pinned to the start 700"),
    (broken_times.pinned_both, "pinned to technician Ada", "pinned to technician Ada"),
    (
        broken_times.overlap,
        "the way there starts at 4199, before 4200",
        "the way starts at 4199, before it can at",
    ),
    (
        broken_times.starts_before_it_arrives,
        "starts at 699, before the arrival at 700",
        "starts at 699, before the arrival at 700",
    ),
    (broken_times.service_is_cut_short, "is served 3599 s instead of 3600 s", "is served 3599 s, not 3600 s"),
    (
        broken_times.way_is_cut_short,
        "the way to a takes 600 s, the plan says 599",
        "the plan says 599 s for a way of 600 s",
    ),
    (
        broken_times.return_is_cut_short,
        "the return takes 600 s, the plan says 599 s",
        "the plan says 599 s for a way of 600 s",
    ),
    (
        broken_times.ends_before_it_can,
        "the route cannot end at 4799",
        "the way starts at 4199, before it can at",
    ),
    (broken_times.never_ends, "the route cannot end at None", "the route cannot end at None"),
    (
        broken_times.leaves_after_the_way_begins,
        "leaves at 101, after the first way begins",
        "leaves at 101, too early or after its first",
    ),
    (
        broken_times.leaves_before_the_shift,
        "leaves at -1, before 0",
        "leaves at -1, too early or after its first",
    ),
    (
        broken_times.leaves_without_a_stop,
        "leaves, restocks or ends without a stop",
        "leaves, restocks or ends without a stop",
    ),
    (
        broken_times.slices,
        "the way to a takes 900 s, the plan says 600",
        "the way from 0 to 600 is not by the slices",
    ),
    (
        broken_times.slices_round_up,
        "the way to a takes 134 s, the plan says 133",
        "the way from 0 to 133 is not by the slices",
    ),
    (
        broken_supplies.van_stock,
        "the visits need 2 of part valve, the van",
        "the visits need 2 of part valve, the van",
    ),
    (
        broken_supplies.facts_use_parts_up,
        "the visits need 2 of part valve, the van",
        "the visits need 2 of part valve, the van",
    ),
    (broken_supplies.tool, "tool pump is not in the van", "tool pump is not in the van"),
    (broken_supplies.unknown_depot, "depot pub is not in the problem", "depot pub is not in the problem"),
    (
        broken_supplies.restock_is_too_short,
        "depot hub takes 300 s",
        "starts at 599, before the arrival at 600",
    ),
    (
        broken_supplies.restock_is_no_time_travel,
        "the way there starts at 899, before 900",
        "the way starts at 899, before it can at 900",
    ),
    (
        broken_supplies.way_to_the_depot,
        "the way to depot hub takes 600 s, the plan",
        "the plan says 599 s for a way of 600 s",
    ),
    (
        broken_supplies.depot_stock_is_shared,
        "the routes take 2 of part valve, it has 1",
        "the routes take more than 1 of part valve",
    ),
    (
        broken_supplies.restock_comes_too_late,
        "the visits need 1 of part valve, the van",
        "the visits need 1 of part valve, the van",
    ),
    (
        broken_supplies.takes_more_than_it_needs,
        "takes 2 of part valve at hub, the stops",
        "takes 2 of part valve at hub, the stops",
    ),
    (
        broken_supplies.takes_nothing_along,
        "takes nothing along at hub",
        "takes nothing along at hub",
    ),
    (
        broken_supplies.takes_fewer_than_none,
        "takes -1 of part pipe at hub, the stops",
        "has a negative way, service or number of",
    ),
    (
        broken_supplies.restock_stands_nowhere,
        "the restock stands before stop 1, which is",
        "the restock stands before stop 1, which is",
    ),
    (broken_supplies.tool_from_the_depot, "tool pump is not in the van", "tool pump is not in the van"),
    (broken_supplies.depot_has_no_such_tool, "tool saw is not in the van", "tool saw is not in the van"),
    (
        broken_supplies.takes_a_tool_for_nothing,
        "takes tool pump at hub, which no stop after",
        "takes tool pump at hub, which is not there",
    ),
    (
        broken_supplies.absence_meets_restock,
        "the restock at hub from 600 to 900 meets",
        "drives or serves in an absence",
    ),
    (
        broken_bonds.fixed_head,
        "Ada must begin with the fixed visits",
        "Ada must begin with the fixed visits ('a',)",
    ),
    (
        broken_bonds.fixed_is_left_out,
        "visit a has been started or dispatched by",
        "visit a has been started or dispatched by",
    ),
    (
        broken_bonds.fixed_is_given_away,
        "visit a has been started or dispatched by",
        "visit a has the seats 0 to 0, the plan",
    ),
    (broken_bonds.begun_is_moved, "visit a began at 600, the plan says 601", "began at 600"),
    (
        broken_bonds.dispatched_is_hurried,
        "visit a is dispatched for 700, the plan",
        "starts at 600, before 700, for which it is",
    ),
    (
        broken_bonds.after_a_fact,
        "the way there starts at 4199, before 4200",
        "the way starts at 4199, before it can at",
    ),
    (
        broken_bonds.crew_is_incomplete,
        "visit a needs the seats 0 to 1, the plan",
        "visit a has the seats 0 to 1, the plan",
    ),
    (
        broken_bonds.crew_has_a_seat_too_many,
        "visit a needs the seats 0 to 1, the plan",
        "visit a has the seats 0 to 1, the plan",
    ),
    (
        broken_bonds.crew_shares_a_seat,
        "visit a is in the plan 2 times",
        "visit a has the seats 0 to 2, the plan",
    ),
    (
        broken_bonds.crew_lacks_a_skill,
        "needs skill gas at level 1, the technician",
        "needs the skills {'gas': 1}",
    ),
    (
        broken_bonds.crew_is_one_person_twice,
        "visit a has Ada in 2 of its seats",
        "visit a has the seats 0 to 1, the plan",
    ),
    (
        broken_bonds.crew_does_not_start_together,
        "its crew does not start together but at",
        "its crew does not start together but at",
    ),
    (
        broken_bonds.crew_has_a_forbidden_member,
        "this technician is forbidden",
        "this technician is forbidden",
    ),
    (
        broken_bonds.seat_without_a_crew,
        "visit a needs the seats 0 to 0, the plan",
        "visit a has the seats 0 to 0, the plan",
    ),
    (
        broken_bonds.gap_is_too_short,
        "visit b starts 99 s after a ends, 100 s are",
        "visit b starts 99 s after a ends",
    ),
    (
        broken_bonds.gap_is_too_long,
        "visit b starts 101 s after a ends, at most",
        "visit b starts 101 s after a ends",
    ),
    (broken_bonds.another_day, "visit b is not on the same day as a", "visit b is not on the same day as a"),
    (
        broken_bonds.first_is_left_out,
        "visit b is in the plan though a, which it",
        "visit b is in the plan though a, which it",
    ),
    (broken_bonds.visit_twice, "visit a is in the plan 2 times", "visit a has the seats 0 to 0, the plan"),
    (broken_bonds.visit_in_and_out, "visit a is in the plan 2 times", "it is 1 + 1 times"),
    (broken_bonds.visit_out_twice, "visit a is in the plan 2 times", "it is 0 + 2 times"),
    (broken_bonds.visit_nowhere, "visit a is neither assigned nor unassigned", "it is 0 + 0 times"),
    (broken_bonds.visit_of_another_problem, "visit z is not in the problem", "visit z is not in the problem"),
    (
        broken_bonds.stranger,
        "the route of Eve belongs to no technician",
        "the route of Eve belongs to no technician",
    ),
    (broken_bonds.two_routes, "Ada has 2 routes", "Ada has 2 routes"),
)


@pytest.mark.parametrize(
    ("rule", "judged", "proven"), RULES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_rule_that_is_broken_is_caught_by_judge_and_validator_alike(
    rule: Callable[[], Case], judged: str, proven: str
) -> None:
    given, right, wrong = rule()
    given.check()

    assert list(violations(given, right)) == []
    assert validate(given, right) == ()
    assert any(judged in sentence for sentence in violations(given, wrong))
    assert any(proven in sentence for sentence in validate(given, wrong))
    with pytest.raises(ValueError, match=r"\w+"):
        score(given, wrong)


def test_every_rule_of_the_modules_is_in_the_table() -> None:
    modules = (broken_bonds, broken_supplies, broken_times)
    cases = {
        value
        for module in modules
        for value in vars(module).values()
        if getattr(value, "__annotations__", {}).get("return") == Case
    }

    assert {rule for rule, _, _ in RULES} == cases
