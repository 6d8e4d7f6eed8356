"""Lines of a file that was sent to us: read one after another, and each fault says its line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_PLACES = 5_000
"""A matrix of them is 100 MB."""
LARGEST = 2**31 - 1
"""Travel is int32."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank: its number in the file, from 1, and its words."""

    file: str
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def fault(self, sentence: str) -> ValueError:
        return ValueError(f"{self.file}, line {self.number}: {sentence}")

    def numbers(self, words: Sequence[str] | None = None, *, count: int | None = None) -> list[float]:
        """The words (all of the line, unless given) as finite numbers; exactly `count` of them, if given."""
        words = self.words if words is None else words
        if count is not None and len(words) != count:
            raise self.fault(
                f"{count} numbers are needed here, there are {len(words)}: {self.text.strip()!r}"
            )
        return [self._number(word) for word in words]

    def whole(self, word: str, *, least: int = 0, most: int = LARGEST) -> int:
        """The word as a whole number from `least` to `most`."""
        found = self._number(word)
        if not found.is_integer() or not least <= found <= most:
            raise self.fault(f"{word!r} is not a whole number from {least} to {most}")
        return int(found)

    def _number(self, word: str) -> float:
        try:
            found = float(word)
        except ValueError:
            raise self.fault(f"{word!r} is not a number") from None
        if not math.isfinite(found):
            raise self.fault(f"{word!r} is not a finite number")
        return found


class Lines:
    """The lines of a file that are not blank, one after another."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._rows = [
            Line(file, number, row) for number, row in enumerate(text.splitlines(), start=1) if row.strip()
        ]
        self._at = 0
        self.last_number = self._rows[-1].number if self._rows else 1

    def __bool__(self) -> bool:
        return self._at < len(self._rows)

    def take(self, wanted: str) -> Line:
        """The next line; `wanted` says what it should be where the file has ended."""
        if not self:
            raise self.ended(wanted)
        self._at += 1
        return self._rows[self._at - 1]

    def heading(self, *words: str) -> Line:
        """The next line, which must have these words, in any case and before anything else."""
        line = self.take(" ".join(words))
        if [word.upper() for word in line.words[: len(words)]] != list(words):
            raise line.fault(f"{' '.join(words)!r} is expected here, not {line.text.strip()[:60]!r}")
        return line

    def ended(self, wanted: str) -> ValueError:
        return ValueError(f"{self.file}, line {self.last_number}: the file ends here, {wanted} is missing")


@dataclass(frozen=True, slots=True)
class Place:
    """A row of coordinates, time window and service, in the file's units, and the line that says it."""

    line: Line
    key: str
    x: float
    y: float
    ready: float
    due: float
    service: float

    def check(self) -> None:
        if self.due < self.ready:
            raise self.line.fault(f"{self.key} closes at {self.due:g}, before it opens at {self.ready:g}")
        if self.service < 0:
            raise self.line.fault(f"{self.key} has a negative service time")


def units(line: Line, number: float, scale: int) -> int:
    """A number of the file in the Problem's units, to the nearest."""
    found = round(number * scale)
    if abs(found) > LARGEST:
        raise line.fault(f"{number:g} is too large")
    return found


def ways(places: Sequence[Place], scale: int, *, truncated: bool = False) -> NDArray[np.int32]:
    """Euclidean ways [from, to] in the Problem's units, to the nearest or truncated.

    Truncated to 0.1 (scale 10) is the rule of the 12th DIMACS challenge for vehicle routing, 2022.
    """
    if len(places) > MOST_PLACES:
        raise places[MOST_PLACES].line.fault(f"more than {MOST_PLACES} places cannot be read")
    points: NDArray[Any] = np.array([(place.x, place.y) for place in places], dtype=np.float64)
    across, up = (np.subtract.outer(points[:, axis], points[:, axis]) for axis in (0, 1))
    lengths: NDArray[np.float64] = np.sqrt(across * across + up * up) * scale
    far = int(np.argmax(lengths[0]))
    if not lengths.max() < LARGEST:
        raise places[far].line.fault(f"{places[far].key} is too far away")
    whole: NDArray[np.float64] = np.floor(lengths) if truncated else np.rint(lengths)
    return whole.astype(np.int32)


def required_penalty(travel: NDArray[np.int32], *, service: int = 0) -> int:
    """What leaving out a visit that must be served costs: thirty of the longest ways, and the service.

    No detour and no technician more costs as much, and yet it is of the order that a search can take its
    first temperature from (of ten of the ways that was too cold: C203 in 4 s stayed 13 % above the best).
    """
    return 30 * int(travel.max(initial=0)) + service + 1


def unique(places: Sequence[Place]) -> None:
    """Raise ValueError where two rows share a number."""
    seen: set[str] = set()
    for place in places:
        if place.key in seen:
            raise place.line.fault(f"{place.key} has been before")
        seen.add(place.key)
