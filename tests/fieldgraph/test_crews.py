"""The demo's crews: rows that hold the rules, in both companies alike, and in use."""

import pytest

from domain.crews import Crew, CrewMember
from domain.technicians import Technician
from domain.visits import Assignment, Substatus, Visit, VisitDependency
from fieldgraph.demo.tales import Tale, tell
from tests.fieldgraph.test_seed import START, helsinki, rows


@pytest.fixture(scope="module")
def tales() -> tuple[Tale, Tale]:
    return tell(helsinki(), seed=1, start=START)


def test_two_go_together_after_another_visit_of_theirs(tales: tuple[Tale, Tale]) -> None:
    for tale in tales:
        (crew,) = rows(tale, Crew)
        (visit,) = [one for one in rows(tale, Visit) if one.crew_id == crew.id]
        going = {one.technician_id: one.is_lead for one in rows(tale, Assignment) if one.visit_id == visit.id}
        assert going == {one.technician_id: one.is_lead for one in rows(tale, CrewMember)}
        assert sorted(going.values()) == [False, True]
        assert (visit.state, visit.crew_size) == ("SCHEDULED", 2)
        (link,) = [one for one in rows(tale, VisitDependency) if one.kind == "FINISH_START"]
        (before,) = [one for one in rows(tale, Visit) if one.id == link.predecessor_id]
        assert link.successor_id == visit.id
        assert before.planned_end is not None
        assert visit.planned_start is not None
        assert (visit.planned_start - before.planned_end).total_seconds() >= link.gap_seconds > 0


def test_an_offer_was_declined_and_some_visits_say_what_they_wait_for(tales: tuple[Tale, Tale]) -> None:
    for tale in tales:
        (offer,) = [one for one in rows(tale, Assignment) if one.state == "DECLINED"]
        people = {one.id: one.kind for one in rows(tale, Technician)}
        visits = {one.id: one for one in rows(tale, Visit)}
        assert people[offer.technician_id] == "SUBCONTRACTOR"
        assert not offer.occupies
        assert visits[offer.visit_id].state == "UNSCHEDULED"
        assert visits[offer.visit_id].reason == offer.reason is not None
        words = {one.id: one.visit_state for one in rows(tale, Substatus)}
        said = [one for one in visits.values() if one.substatus_id]
        assert len(words) == 5
        assert len(said) >= 3
        assert all(words[one.substatus_id] == one.state for one in said if one.substatus_id)
