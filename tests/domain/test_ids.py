"""Ids: UUIDv7 keys that sort by their time, and global ids that are read back or refused."""

import time
from datetime import UTC, datetime
from uuid import RFC_4122, UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain import ids
from domain.errors import BadInput

KEY = UUID("018f3e6c-1b2a-7c3d-8e4f-0123456789ab")


def test_a_key_is_a_version_7_uuid_of_this_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    key = ids.new()
    after = time.time_ns() // 1_000_000

    assert (key.version, key.variant) == (7, RFC_4122)
    assert before <= key.int >> 80 <= after
    assert datetime.fromtimestamp((key.int >> 80) / 1000, UTC).year == datetime.now(UTC).year


def test_keys_are_distinct_and_every_random_bit_moves() -> None:
    keys = [ids.new().int for _ in range(2000)]

    assert len(set(keys)) == 2000
    fixed = (1 << 80) - 1 & ~(0xF << 76) & ~(0b11 << 62)
    ever, always = 0, (1 << 128) - 1
    for key in keys:
        ever, always = ever | key, always & key
    assert ever & fixed == fixed
    assert always & fixed == 0


def test_keys_sort_by_the_millisecond_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for milliseconds in (1, 2, 1_000, 1_700_000_000_000, 2**48 - 1):
        monkeypatch.setattr(time, "time_ns", lambda at=milliseconds: at * 1_000_000)
        made.append(ids.new())

    assert made == sorted(made)
    assert [key.int >> 80 for key in made] == [1, 2, 1_000, 1_700_000_000_000, 2**48 - 1]
    assert {key.version for key in made} == {7}


def test_a_global_id_is_prefix_version_and_key() -> None:
    assert ids.encode("wor", KEY) == "wor1_018f3e6c-1b2a-7c3d-8e4f-0123456789ab"
    assert ids.split(ids.encode("wor", KEY)) == ("wor", KEY)
    assert ids.decode("wor", ids.encode("wor", KEY)) == KEY


@given(key=some.uuids(), prefix=some.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=3))
def test_every_key_comes_back(key: UUID, prefix: str) -> None:
    assert ids.split(ids.encode(prefix, key)) == (prefix, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_",
        str(KEY),
        f"wor_{KEY}",
        f"wor2_{KEY}",
        f"WOR1_{KEY}",
        f"work1_{KEY}",
        f"wor1-{KEY}",
        f"wor1_{KEY} ",
        f"wor1_{KEY.hex}",
        f"wor1_{{{KEY}}}",
        f"wor1_urn:uuid:{KEY}",
        "wor1_018f3e6c-1b2a-7c3d-8e4f-0123456789ag",
        f"wor1__{KEY}",
        "wor1_" + "x" * 36,
        "d29ya29yZGVyOjE=",
    ],
)
def test_a_malformed_id_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match="is not an id of this graph"):
        ids.split(text)


@given(text=some.text(max_size=60))
def test_any_text_is_an_id_or_bad_input(text: str) -> None:
    try:
        prefix, key = ids.split(text)
    except BadInput:
        return
    assert ids.encode(prefix, key) == text.lower()


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(BadInput) as refused:
        ids.split("y" * 100_000)

    assert len(str(refused.value)) < 120


def test_an_id_of_another_type_is_bad_input() -> None:
    with pytest.raises(BadInput, match="begins with vis1_ is needed"):
        ids.decode("vis", ids.encode("wor", uuid4()))
