"""Scenes: what the contenders play: fan-out, small cohorts, idle sockets, a storm, slow readers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.benchmarks.contenders import DOCUMENT, WIDE, Contender, Raw
from tests.benchmarks.figures import Round
from tests.benchmarks.sockets import HERE

REASON_CHARACTERS = 500
"""As long as a reason may be: of the messages that a slow reader leaves unread."""
WARM = 20
SLOW_SHARE = 10


@dataclass
class Scenes:
    """`messages` is how many each round of fan-out tells, however many sockets share them."""

    messages: int
    rounds: int
    say: Callable[[str], None]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def marks(self, number: int, width: int = 0) -> list[str]:
        """By which a change is known in every message about it."""
        return [f"change {next(self._numbers):08}".ljust(width, ".") for _ in range(number)]

    def warm(self, contender: Contender) -> float:
        """Some sockets, some changes; then what one change costs while nobody listens, in CPU seconds."""
        if not isinstance(contender, Raw):
            contender.open(WARM)
            contender.change(self.marks(WARM), WARM)
            contender.close()
        marks = self.marks(WARM if isinstance(contender, Raw) else 10 * WARM)
        before = contender.server.cpu_seconds()
        if isinstance(contender, Raw):
            return 0.0
        contender.change(marks, 0)
        return (contender.server.cpu_seconds() - before) / len(marks)

    def idle(self, contender: Contender, sockets: int) -> dict[str, Any]:
        """Opens them: memory and time of each socket that has connected, subscribed and hears nothing."""
        server = contender.server
        resident, cpu = server.resident_megabytes(), server.cpu_seconds()
        opened = contender.open(sockets)
        return {
            "sockets": sockets,
            "kb_per_socket": round((server.resident_megabytes() - resident) * 1024 / sockets, 2),
            "cpu_ms": round((server.cpu_seconds() - cpu) / sockets * 1000, 3),
            "connect_ms": round(opened["connect_ms"], 3),
            "subscribe_ms": round(opened["subscribe_ms"], 3),
            "connecting": opened["connecting"],
            "subscribing": opened["subscribing"],
        }

    def fanout(
        self, contenders: Sequence[Contender], sockets: int, written: dict[str, float]
    ) -> dict[str, list[Round]]:
        """Rounds in turn, of contenders whose sockets are open."""
        found: dict[str, list[Round]] = {one.name: [] for one in contenders}
        for turn in range(self.rounds):
            start = turn % len(contenders)
            for one in (*contenders[start:], *contenders[:start]):
                number = max(2, round(self.messages * one.share / sockets))
                cost = written.get(one.name, 0.0)
                found[one.name].append(self.told(one, number, sockets, written=cost))
        return found

    def told(
        self, contender: Contender, changes: int, heard: int, *, written: float, of: Sequence[int] = (0,)
    ) -> Round:
        before = contender.server.cpu_seconds()
        answer = contender.change(self.marks(changes), heard, of=of)
        return Round(
            messages=answer["messages"],
            changes=changes,
            cpu_seconds=max(contender.server.cpu_seconds() - before, 0.01),
            p50_ms=answer["latency"]["p50_ms"],
            p99_ms=answer["latency"]["p99_ms"],
            written_cpu_seconds=written,
            client_busy=answer["busy"],
        )

    def storm(self, contender: Contender, sockets: int, missed: int) -> dict[str, Any]:
        """All are cut at once, miss some changes, come back from their cursors, and hear of the next."""
        contender.open(sockets, document=DOCUMENT)
        contender.change(self.marks(1), sockets)
        contender.crowd.ask(do="cut", cursors=True)
        marks = self.marks(missed)
        contender.change(marks, 0)
        before = contender.server.cpu_seconds()
        (subscription,) = contender.subscriptions((), DOCUMENT)
        resumed = subscription.replace('"scope": null', f'"scope": null, "after": "{HERE}"')
        answer = contender.crowd.ask(do="resume", mark=marks[-1], subscriptions=[resumed], at_once=sockets)
        cpu = contender.server.cpu_seconds() - before
        if answer["missed"] != sockets * (missed - 1):
            raise RuntimeError(
                f"{answer['missed']} messages before the last of {missed} to {sockets} sockets"
            )
        contender.change(self.marks(1), sockets)
        contender.close()
        return {
            "sockets": sockets,
            "missed": missed,
            "seconds": round(answer["seconds"], 3),
            "cpu_seconds": round(cpu, 3),
            "caught_up": answer["caught_up"],
        }

    def cohorts(self, contender: Contender, sockets: int, cohorts: int, *, written: float) -> list[Round]:
        """Each cohort listens to the visits of one technician; each change is one of them's."""
        contender.open(sockets, technicians=range(cohorts))
        changes = max(20, self.messages // 100)
        rounds = [
            self.told(contender, changes, sockets // cohorts, written=written, of=range(cohorts))
            for _ in range(self.rounds)
        ]
        contender.close()
        return rounds

    def slow(self, usual: Contender, slowed: Contender, sockets: int, changes: int) -> dict[str, Any]:
        """Long messages to all of one new server; of another a tenth of the sockets reads no more.

        What memory each takes above what it had with all sockets open, at its most; and how long others wait.
        """
        without, before = self._long(usual, sockets, changes, slow=0)
        beside, more = self._long(slowed, sockets, changes, slow=SLOW_SHARE)
        waits, least = beside["latency"]["p99_ms"], without["latency"]["p99_ms"]
        return {
            "sockets": sockets,
            "changes": changes,
            "message_bytes": len(without["sample"]),
            "paused": beside["paused"],
            "megabytes_unread": round(beside["paused"] * changes * len(without["sample"]) / 2**20, 2),
            "megabytes_in_kernel": beside["kernel"],
            "megabytes_more": more,
            "megabytes_more_without": before,
            "p99_ms": waits,
            "p99_without_ms": least,
            "slower": round(waits / least, 3),
            "seconds": round(beside["seconds"], 1),
        }

    def _long(
        self, contender: Contender, sockets: int, changes: int, *, slow: int
    ) -> tuple[dict[str, Any], float]:
        """What is said of the changes, and how much the server's memory grew at its most."""
        server = contender.server
        self.warm(contender)
        contender.open(sockets, document=WIDE, slow=slow)
        paused = contender.crowd.ask(do="pause")["paused"]
        marks, found = self.marks(changes, REASON_CHARACTERS), [server.resident_megabytes()]
        answer = contender.change(
            marks, sockets - paused, meanwhile=lambda: found.append(server.resident_megabytes())
        )
        found.append(server.resident_megabytes())
        kernel = round(unread_megabytes(server.port), 2)
        contender.close()
        return {**answer, "paused": paused, "kernel": kernel}, round(max(found) - found[0], 2)


def unread_megabytes(port: int) -> float:
    """What the system holds of this server's that its clients have not taken (`tx_queue` of proc(5))."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in table]
    return sum(int(row[4][:8], 16) for row in rows if int(row[1][-4:], 16) == port) / 2**20
