"""Contenders: who tells a change to many sockets: each has a server, its words, and a crowd to listen."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from domain import ids
from domain.unit_of_work import settings_of
from domain.viewers import Role, Viewer
from fieldgraph.lifelines import PARENT
from fieldgraph.settings import AUDIENCE, CHECKOUT, ISSUER
from integrations.identity import Identity
from tests.benchmarks.lineup import LIFETIME_SECONDS, free_port
from tests.benchmarks.measure import Request, Server, started
from tests.benchmarks.stages import Stage
from tests.benchmarks.world import ORGANIZATION, VISITS_A_DAY, key

KEY = "k" * 32
"""Signs the tokens of a server that lives for minutes, on this machine only."""
USERS = 25
"""Dispatchers of one organization: at 5,000 sockets each has 200, and may have 500."""
POLL_SECONDS = 0.1
MADE = (
    " cursor occurredAt reason before { state plannedStart } technician { id name }"
    " visit { id state pin planned { start end } workOrder { id number title } site { id name address } }"
)
SUBSCRIPTION = (
    "subscription Fanout($scope: ScheduleScope%s) { scheduleChanges(scope: $scope%s) { __typename"
    " ... on ScheduleSnapshot { cursor } ... on VisitProgressed {%s } } }"
)
THEIRS = SUBSCRIPTION % ("", "", MADE)
DOCUMENT = SUBSCRIPTION % (", $after: Cursor", ", after: $after", MADE)
WIDE = DOCUMENT.replace(MADE, MADE + "".join(f" reason{n}: reason" for n in range(7)))
"""The reason eight times: a long message, so that a reader who stops is soon behind."""
PIN = "mutation Pin($input: PinVisitInput!) { pinVisit(input: $input) { %s } }"
PINS = ("TIME", "TECHNICIAN")


class Crowd:
    """The process of tests/benchmarks/sockets.py, asked and answering by lines."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._said, self._heard = process.stdin, process.stdout
        self._name = name

    def ask(self, *, meanwhile: Callable[[], object] | None = None, **command: Any) -> dict[str, Any]:
        """The answer; `meanwhile` is called again and again until it comes. Raises RuntimeError."""
        self._said.write(json.dumps(command).encode() + b"\n")
        self._said.flush()
        while meanwhile is not None and not select.select([self._heard], [], [], POLL_SECONDS)[0]:
            meanwhile()
        answer: dict[str, Any] = json.loads(self._heard.readline() or b'{"error": "it is gone"}')
        if "error" in answer:
            raise RuntimeError(f"The crowd of {self._name}: {answer['error']}")
        return answer


@contextmanager
def crowded(name: str) -> Iterator[Crowd]:
    """On the core of this process."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.sockets"],
        cwd=CHECKOUT,
        env={**os.environ, PARENT: str(os.getpid())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Crowd(process, name)
        finally:
            process.kill()


@dataclass(kw_only=True)
class Contender:
    """One way to tell a change: a server, its words, and its crowd.

    `most` are the sockets that it can be asked to have, `share` is the part of the changes that it is given:
    one that takes seconds for each tells enough with few, and the processor's clock needs some. `day` is
    whose visits it changes, so that nobody waits for another's row; each technician has one on it.
    """

    name: str
    server: Server
    crowd: Crowd
    path: str = "/graphql"
    greetings: Sequence[str] = ()
    most: int = 1_000_000
    share: float = 1.0
    day: int = 0
    technicians: int = 1
    pinned: dict[int, int] = field(default_factory=dict)

    def open(
        self, count: int, *, technicians: Sequence[int] = (), document: str = "", slow: int = 0
    ) -> dict[str, Any]:
        """Sockets that hear of all visits, or in turn of one technician's each; each `slow`-th is slow."""
        return self.crowd.ask(
            do="open",
            port=self.server.port,
            path=self.path,
            count=count,
            at_once=50,
            greetings=list(self.greetings),
            subscriptions=self.subscriptions(technicians, document),
            slow=slow,
        )

    def change(
        self,
        marks: Sequence[str],
        heard: int,
        *,
        of: Sequence[int] = (0,),
        meanwhile: Callable[[], object] | None = None,
    ) -> dict[str, Any]:
        """Changes a visit of these technicians in turn; so many sockets hear of each. Raises RuntimeError."""
        wires = [self._wire(mark, of[n % len(of)]).decode() for n, mark in enumerate(marks)]
        changes = [(mark, wire, heard) for mark, wire in zip(marks, wires, strict=True)]
        answer = self.crowd.ask(do="change", port=self.server.port, changes=changes, meanwhile=meanwhile)
        if answer["others"] or answer["lost"]:
            raise RuntimeError(
                f"{self.name}: {answer['others']} stray messages, {answer['lost']} sockets lost"
            )
        return answer

    def close(self) -> None:
        self.crowd.ask(do="cut", cursors=False)

    def subscriptions(self, _technicians: Sequence[int], _document: str) -> list[str]:
        """None: whoever has connected hears."""
        return []

    def request(self, mark: str, _visit: UUID, _pin: str) -> Request:
        """One that asks for a change which all will hear of."""
        raise NotImplementedError(mark)

    def _wire(self, mark: str, technician: int) -> bytes:
        turn = self.pinned[technician] = self.pinned.get(technician, 0) + 1
        of_day = (
            technician - 37 * self.day
        ) % self.technicians  # as tests/benchmarks/world.py deals them out
        visit = key("visit", self.day * VISITS_A_DAY + of_day)
        return self.request(mark, visit, PINS[turn % 2]).wire(self.server.port)


@dataclass(kw_only=True)
class Fieldgraph(Contender):
    """Our server as `serve` starts it."""

    token: str = ""

    def request(self, mark: str, visit: UUID, pin: str) -> Request:
        given = {"visit": ids.encode("vis", visit), "pin": pin, "reason": mark}
        return Request(_asked(PIN % "visit { id } userErrors { code }", given), f"Bearer {self.token}")

    def subscriptions(self, technicians: Sequence[int], document: str) -> list[str]:
        names = [ids.encode("tec", key("technician", n)) for n in technicians]
        return [subscribed(document or DOCUMENT, scope=scope) for scope in _scopes(names)]


@dataclass(kw_only=True)
class Pushed(Contender):
    """Plain strawberry."""

    def request(self, mark: str, visit: UUID, pin: str) -> Request:
        return Request(_asked(PIN % "id", {"visit": str(visit), "pin": pin, "reason": mark}))

    def subscriptions(self, technicians: Sequence[int], document: str) -> list[str]:
        names = [str(key("technician", n)) for n in technicians]
        return [subscribed(document or THEIRS, scope=scope) for scope in _scopes(names)]


@dataclass(kw_only=True)
class Raw(Contender):
    """Sends what it is given: a message of ours, with another mark."""

    sample: str = ""
    sample_mark: str = ""

    def request(self, mark: str, _visit: UUID, _pin: str) -> Request:
        return Request(self.sample.replace(self.sample_mark, mark).encode(), path=self.path)


def _scopes(technicians: Sequence[str]) -> Sequence[dict[str, Any] | None]:
    return [{"technicians": [one]} for one in technicians] or [None]


def subscribed(document: str, **variables: Any) -> str:
    payload = {"query": document, "variables": variables}
    return json.dumps({"id": "1", "type": "subscribe", "payload": payload})


def _asked(document: str, given: dict[str, Any]) -> bytes:
    return json.dumps({"query": document, "variables": {"input": given}}).encode()


@dataclass(frozen=True)
class Lineup:
    """Starts the contenders: each server on the same core, the crowds on this process's."""

    stage: Stage
    stack: ExitStack
    core: int

    def fieldgraph(self, name: str = "fieldgraph", *, beside: Contender | None = None) -> Fieldgraph:
        """`beside` has pinned the same visits before."""
        port, folder = free_port(), self.stage.folder
        server = self._started(
            name,
            [sys.executable, "-m", "fieldgraph.cli", "serve", "--port", str(port)],
            port,
            DATABASE_URL=self.stage.owner_url,
            APP_DATABASE_URL=self.stage.app_url,
            FIELDGRAPH_SIGNING_KEY=KEY,
            FIELDGRAPH_DATA_FOLDER=str(folder / "data"),
            FIELDGRAPH_MIGRATES="false",
            FIELDGRAPH_STREAMS_OF_ADDRESS="10000",  # all crowds are here, and some still leave
            FIELDGRAPH_RATE_POINTS="1000000000",  # counted as ever, and never refused
            FIELDGRAPH_RATE_RESTORE="1000000000",
        )
        tokens = [self._token(n) for n in range(USERS)]
        init = [{"type": "connection_init", "payload": {"authorization": f"Bearer {one}"}} for one in tokens]
        return Fieldgraph(
            name=name,
            server=server,
            crowd=self.stack.enter_context(crowded(name)),
            greetings=[json.dumps(one) for one in init],
            token=tokens[0],
            pinned=beside.pinned if beside else {},
            **self._day(1),
        )

    def pushed(self, name: str, *, reading: bool) -> Pushed:
        port, file = free_port(), self.stage.folder / f"{name}.json"
        viewer = {f"app.{key}": value for key, value in settings_of(_dispatcher(0)).items()}
        file.write_text(json.dumps({"url": self.stage.app_url, "viewer": viewer, "reading": reading}))
        command = [sys.executable, "-m", "tests.benchmarks.servers.pushed", str(file), str(port)]
        return Pushed(
            name=name,
            server=self._started(name, command, port, PYTHONPATH=str(CHECKOUT)),
            crowd=self.stack.enter_context(crowded(name)),
            greetings=['{"type":"connection_init"}'],
            most=1000 if reading else 1_000_000,
            share=0.1 if reading else 1.0,
            **self._day(3 if reading else 2),
        )

    def raw(self) -> tuple[Raw, Raw]:
        """Messages as uvicorn sends them, and frames that are made once; the same sockets."""
        port = free_port()
        command = [sys.executable, "-m", "tests.benchmarks.servers.raw", str(port)]
        server = self._started("raw", command, port, PYTHONPATH=str(CHECKOUT))
        crowd = self.stack.enter_context(crowded("raw"))
        sent = Raw(name="raw", server=server, crowd=crowd, path="/", share=2.0)
        return sent, replace(sent, name="written", path="/written")

    def _day(self, before_tomorrow: int) -> dict[str, Any]:
        world = self.stage.world
        return {"day": world.days - before_tomorrow, "technicians": world.technicians}

    def _started(self, name: str, command: Sequence[str], port: int, **environment: str) -> Server:
        lifeline = {PARENT: str(os.getpid()), **environment}
        log = self.stage.folder / f"{name}.log"
        running = started(command, port, core=self.core, environment=lifeline, log=log)
        return Server(name, self.stack.enter_context(running), port)

    @staticmethod
    def _token(n: int) -> str:
        identity = Identity(key=KEY.encode(), issuer=ISSUER, audience=AUDIENCE, find_credential=_nobody)
        return identity.issue(_dispatcher(n), lifetime_seconds=LIFETIME_SECONDS)


def _dispatcher(n: int) -> Viewer:
    return Viewer(organization_id=ORGANIZATION, role=Role.DISPATCHER, subject=f"bench:dispatcher:{n}")


async def _nobody(_digest: bytes) -> Viewer | None:
    return None
