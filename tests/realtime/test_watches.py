"""Watches: told of each transaction that meets them, and of no other, by whichever way they are found."""

from collections.abc import Callable
from random import Random
from uuid import UUID

import pytest

from realtime.mailboxes import Snapshot
from realtime.touches import Interest, Touch
from realtime.watches import FEW_KEYS, RECENT, Watch, Watches

HEATWORKS, COOLWORKS = UUID(int=1), UUID(int=2)
MANY = frozenset(UUID(int=number) for number in range(1000, 1000 + FEW_KEYS + 1))


def key(number: int) -> UUID:
    return UUID(int=number)


def touch(xid: int, table: str, row: int | None, organization_id: UUID = HEATWORKS) -> Touch:
    return Touch(xid, organization_id, table, None if row is None else key(row))


def watching(
    watches: Watches,
    tables: dict[str, frozenset[UUID] | None],
    *,
    organization_id: UUID = HEATWORKS,
    seen: str | None = None,
    touched: Callable[[int], None] | None = None,
) -> tuple[Watch, list[int]]:
    told: list[int] = []
    watch = Watch(watches, organization_id, Interest(tables), touched or told.append)
    watches.add(watch, Snapshot.parse(seen) if seen else None)
    return watch, told


@pytest.mark.parametrize(
    ("read", "row", "met"),
    [
        (None, 5, True),
        (None, None, True),
        (frozenset({key(5)}), 5, True),
        (frozenset({key(5)}), 6, False),
        (frozenset({key(5)}), None, True),
        (frozenset(), 5, False),
        (frozenset(), None, False),
        (MANY, 1000, True),
        (MANY, 5, False),
        (MANY, None, True),
    ],
)
def test_a_touch_meets_who_has_read_that_row_or_might_have(
    read: frozenset[UUID] | None, row: int | None, met: bool
) -> None:
    watches = Watches()
    _watch, told = watching(watches, {"visit": read})
    one = touch(7, "visit", row)

    watches.tell([one, touch(7, "site", row), touch(8, "visit", row, COOLWORKS)])

    assert told == ([7] if met else [])
    assert Interest({"visit": read}).meets(one) is met
    assert not Interest({"visit": read}).meets(touch(7, "site", row))


def test_each_transaction_is_told_once_and_in_order() -> None:
    watches = Watches()
    _watch, told = watching(watches, {"visit": None, "site": frozenset({key(1)})})

    watches.tell([touch(3, "visit", 1), touch(3, "site", 1), touch(3, "visit", None)])
    watches.tell([touch(4, "site", 2), touch(5, "site", 1), touch(9, "visit", 1)])

    assert told == [3, 5, 9]


def test_a_replaced_interest_counts_and_the_old_one_does_not() -> None:
    watches = Watches()
    watch, told = watching(watches, {"visit": frozenset({key(1), key(2)}), "site": None, "part": MANY})
    other, others = watching(watches, {"visit": frozenset({key(1)}), "part": MANY})

    watch.replace(Interest({"visit": frozenset({key(2), key(3)}), "asset": None, "part": frozenset()}))
    watches.tell([touch(1, "visit", 1), touch(2, "visit", 2), touch(3, "visit", 3)])
    watches.tell([touch(4, "site", 1), touch(5, "asset", 1), touch(6, "part", 1000)])

    assert told == [2, 3, 5]
    assert others == [1, 6]
    watch.close()
    watch.close()
    watch.replace(Interest({"visit": None}))
    other.close()
    watches.tell([touch(7, "visit", 2)])
    assert (told, len(watches), watches._shelves) == ([2, 3, 5], 0, {})


def test_who_fails_or_closes_others_disturbs_nobody() -> None:
    watches = Watches()

    def fails(_xid: int) -> None:
        raise ZeroDivisionError

    def closes(_xid: int) -> None:
        last.close()

    watching(watches, {"visit": None}, touched=fails)
    watching(watches, {"visit": None}, touched=closes)
    _watch, told = watching(watches, {"visit": frozenset({key(1)})})
    last, never = watching(watches, {"visit": frozenset({key(1)})})

    watches.tell([touch(1, "visit", 1), touch(2, "visit", 1)])

    assert (told, never, len(watches)) == ([1, 2], [], 2)
    watches.tell_all(3)
    assert told == [1, 2, 3]


def test_what_was_touched_since_a_statement_is_told_to_who_comes_after_it() -> None:
    watches = Watches()
    watches.begin(10)
    watches.tell([touch(10, "visit", 1), touch(12, "visit", 2), touch(14, "site", 1)])
    one, two = frozenset({key(1)}), frozenset({key(2)})

    cases: list[tuple[dict[str, frozenset[UUID] | None], str, list[int]]] = [
        ({"visit": None}, "15:15:", []),
        ({"visit": None}, "12:15:12", [12]),
        ({"visit": one}, "12:15:12", []),
        ({"visit": two}, "11:11:", [12]),
        ({"visit": one}, "10:15:10,12", [10]),
        ({"site": None}, "12:13:12", [14]),
        ({"part": None}, "9:20:9", [20]),
    ]
    for tables, seen, expected in cases:
        assert watching(watches, tables, seen=seen)[1] == expected, (tables, seen)
        watch, told = watching(watches, {"part": None})
        watch.replace(Interest(tables), seen=seen)
        assert told == expected, (tables, seen)
    assert watching(watches, {"visit": None}, organization_id=COOLWORKS, seen="10:10:")[1] == []


def test_only_so_many_touches_are_kept_and_beyond_them_everything_may_have_changed() -> None:
    watches = Watches()
    watches.begin(1)
    watches.tell(touch(xid, "visit", xid) for xid in range(1, RECENT + 3))

    assert len(watches._recent) == RECENT
    assert watching(watches, {"part": None}, seen="3:3:")[1] == []
    assert watching(watches, {"part": None}, seen="2:2:")[1] == [2]


def test_the_index_tells_what_asking_everybody_would() -> None:
    """Against `Interest.meets`, over random interests, replacements and touches."""
    random = Random(7)  # noqa: S311  # the same cases each time, no secret
    watches = Watches()
    tables = ("visit", "site", "part")

    def interest() -> Interest:
        kinds = {
            table: random.choice([None, frozenset(key(random.randrange(9)) for _ in range(3)), MANY])
            for table in tables
            if random.random() < 0.6
        }
        return Interest(kinds)

    watched = [
        watching(watches, dict(interest().tables), organization_id=random.choice([HEATWORKS, COOLWORKS]))
        for _ in range(60)
    ]
    for turn in range(200):
        random.choice(watched)[0].replace(interest())
        rows = [None, *range(9), 1000, 1064]
        touches = [
            touch(turn, random.choice(tables), random.choice(rows), random.choice([HEATWORKS, COOLWORKS]))
            for _ in range(3)
        ]
        expected = [
            any(one.organization_id == watch.organization_id and watch.interest.meets(one) for one in touches)
            for watch, _ in watched
        ]
        watches.tell(touches)
        assert [told[-1:] == [turn] for _, told in watched] == expected
