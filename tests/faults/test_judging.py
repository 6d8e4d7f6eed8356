"""Judging itself: a story that differs from the truth in any way is found out."""

from typing import Any
from uuid import uuid4

import pytest

from realtime.log import Cursors, Place
from tests.faults.judging import Fact, Judge, Verdict
from tests.faults.sights import Sight
from tests.faults.watching import Heard, Watcher
from tests.fieldgraph.installations import KEY

CURSORS = Cursors(KEY.encode(), "an epoch")
SUBJECT = str(uuid4())
FACTS = [Fact(Place(xid, 0), SUBJECT, 100.0 + xid, must=xid != 7) for xid in (5, 6, 7, 8)]


def heard(xid: int, *, n: int = 0, subject: str | None = SUBJECT, kind: str = "VisitProgressed") -> Heard:
    return Heard(CURSORS.encode(Place(xid, n)), kind, subject, at=100.5 + xid)


def verdict(*items: Heard) -> Verdict:
    watcher = Watcher(Sight(stream="scheduleChanges", token="", must=""), doors=())  # nobody's
    watcher.heard = [heard(5, n=-1, subject=None, kind="ScheduleSnapshot"), *items]
    unused: Any = None
    return Judge(unused, uuid4(), CURSORS).verdict(watcher, FACTS)


def test_the_whole_truth_is_clean_with_and_without_what_need_not_be_told() -> None:
    assert verdict(heard(5), heard(6), heard(8)).is_clean
    assert verdict(heard(5), heard(6), heard(7), heard(8)).is_clean


@pytest.mark.parametrize(
    ("items", "wrong"),
    [
        ([heard(5), heard(8)], Verdict(lost=(Place(6, 0),))),
        ([heard(5), heard(6)], Verdict(lost=(Place(8, 0),))),
        ([heard(5), heard(6), heard(6), heard(8)], Verdict(doubled=(Place(6, 0),))),
        ([heard(6), heard(5), heard(8)], Verdict(disordered=((Place(6, 0), Place(5, 0)),))),
        ([heard(5), heard(6), heard(6, n=1), heard(8)], Verdict(invented=(heard(6, n=1),))),
    ],
)
def test_each_difference_is_told(items: list[Heard], wrong: Verdict) -> None:
    assert verdict(*items) == wrong


def test_an_item_about_something_else_is_invented() -> None:
    other = heard(6, subject=str(uuid4()))
    assert verdict(heard(5), other, heard(8)).invented == (other,)
