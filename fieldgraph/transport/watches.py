"""Watches: asks again and again whether the tokens behind what is open still stand for the same."""

import asyncio
from collections.abc import Callable

import structlog

from domain.errors import Unauthenticated
from domain.viewers import Viewer
from integrations.identity import Identity

EVERY_SECONDS = 0.5
"""Who the token of a link or a key stands for is remembered for a second: together within 2 s."""
AT_ONCE = 16
CHANGED = "This token stands for other rights now"
BREATH = 512
"""So many tokens are looked at before others get their turn; those that are signed suspend nothing."""

End = Callable[[str], None]


class Watch:
    """One task for all that is open, alive only while there is something."""

    def __init__(self, identity: Identity, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._identity = identity
        self._every_seconds = every_seconds
        self._ends: dict[str, dict[End, Viewer]] = {}
        self._task: asyncio.Task[None] | None = None
        self._free = asyncio.Semaphore(AT_ONCE)

    def begin(self, token: str, viewer: Viewer, end: End) -> None:
        """Calls `end` with the reason when the token is not good any more, or not for what `viewer` may.

        That goes on until `stop` is called.
        """
        self._ends.setdefault(token, {})[end] = viewer
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self, token: str, end: End) -> None:
        """Forgets it; what was forgotten already is no fault."""
        ends = self._ends.get(token, {})
        ends.pop(end, None)
        if not ends:
            self._ends.pop(token, None)
        if not self._ends and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            tokens = list(self._ends)
            for start in range(0, len(tokens), BREATH):
                async with asyncio.TaskGroup() as group:
                    for token in tokens[start : start + BREATH]:
                        group.create_task(self._look(token))

    async def _look(self, token: str) -> None:
        async with self._free:
            try:
                viewer = await self._identity.viewer(token)
            except Unauthenticated as error:
                for end in list(self._ends.get(token, ())):
                    end(str(error))
            except Exception as error:  # noqa: BLE001  # a database that is away takes no rights from anybody
                structlog.get_logger(__name__).warning("token_not_looked_at", error=type(error).__name__)
            else:
                for end, opened in list(self._ends.get(token, {}).items()):
                    if opened.standing != viewer.standing:
                        end(CHANGED)
