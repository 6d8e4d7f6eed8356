"""Kept: bounded by bytes, the least recently used goes first."""

from resolvers.kept import Kept


def test_what_was_used_last_stays() -> None:
    # given three values that fill the bound
    kept: Kept[str, int] = Kept(300)
    for number, key in enumerate("abc"):
        kept.put(key, number, size=100)

    # when the oldest is used and a fourth comes
    assert kept.get("a") == 0
    kept.put("d", 3, size=100)

    # then the one not used for the longest time is gone
    assert [kept.get(key) for key in "abcd"] == [0, None, 2, 3]
    assert (len(kept), kept.bytes) == (3, 300)


def test_a_value_put_again_is_counted_once() -> None:
    kept: Kept[str, int] = Kept(300)

    kept.put("a", 1, size=100)
    kept.put("a", 2, size=250)

    assert (kept.get("a"), len(kept), kept.bytes) == (2, 1, 250)


def test_one_larger_than_the_bound_drives_nothing_out() -> None:
    kept: Kept[str, int] = Kept(300)
    kept.put("a", 1, size=100)

    kept.put("b", 2, size=301)

    assert (kept.get("a"), kept.get("b"), kept.bytes) == (1, None, 100)
