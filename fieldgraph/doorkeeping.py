"""Doorkeeping: whom a process lets in, how it learns that somebody is to leave, which keys are in use."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from domain import credentials
from domain.credentials import ENDED
from domain.errors import Unauthenticated
from domain.viewers import Role, Viewer
from fieldgraph.settings import AUDIENCE, ISSUER, Settings
from integrations.files import NOT_GOOD
from integrations.identity import Identity, People
from integrations.providers import Provider, provider
from realtime.log import Entry
from resolvers.following import grounds_of
from resolvers.reads import Reads

FLUSH_SECONDS = 60.0
HOUR = timedelta(hours=1)


class Doorkeeper:
    """The identity of one API process: look-ups by `reads`, uses kept by `system`."""

    def __init__(self, settings: Settings, key: bytes, *, reads: Reads, system: asyncpg.Pool) -> None:
        self._reads = reads
        self._system = system
        self._used: dict[tuple[UUID, UUID], datetime] = {}
        """By organization and credential, the hour in which a key was last seen here."""
        self._unkept: set[tuple[UUID, UUID]] = set()
        self._revoke: Callable[[UUID], None] = _nothing
        self._provider = _provider(settings)
        self.identity = Identity(
            key=key,
            issuer=ISSUER,
            audience=AUDIENCE,
            find_credential=self._credential,
            people=People(self._user, self._subject, self._provider),
        )

    async def start(self, stack: AsyncExitStack, revoke: Callable[[UUID], None]) -> None:
        """`revoke` ends the sockets and event streams that stand on a credential or user."""
        self._revoke = revoke
        loops = [self._keep_uses()]
        if self._provider is not None:
            loops.append(self._provider.keyring.keep())
        for loop in loops:
            stack.push_async_callback(_ended, asyncio.create_task(loop))

    async def check(self, viewer: Viewer) -> None:
        """Raises Unauthenticated when what a viewer stands on is gone, or stands for something else now.

        For what was signed in their name and outlives the request, such as the doors for files.
        """
        organization_id, credential_id = viewer.organization_id, viewer.credential_id
        if credential_id is not None and not await credentials.is_good(
            self._system, organization_id, credential_id, datetime.now(UTC)
        ):
            raise Unauthenticated(NOT_GOOD)
        if viewer.user_id is not None:
            found = await self._user((organization_id, viewer.user_id))
            # A user's own token is no part of the user, and users have no scopes.
            if found is None or found.standing != replace(viewer, credential_id=None).standing:
                raise Unauthenticated(NOT_GOOD)

    def heard(self, entry: Entry) -> None:
        """An event of the log: of those that end something, what was remembered and opened ends here."""
        if entry.topic == ENDED:
            for text in grounds_of(entry):
                self.identity.forget(UUID(text))
                self._revoke(UUID(text))

    async def _credential(self, digest: bytes) -> Viewer | None:
        viewer = await credentials.find_viewer(self._reads, digest)
        if viewer is not None and viewer.user_id is None and viewer.role is not Role.TRACKING:
            self._note(viewer)
        return viewer

    async def _user(self, key: tuple[UUID, UUID]) -> Viewer | None:
        return await credentials.find_user(self._reads, *key)

    async def _subject(self, issuer: str, subject: str, organization_id: UUID | None) -> Viewer | None:
        return await credentials.find_subject(self._reads, issuer, subject, organization_id)

    def _note(self, viewer: Viewer) -> None:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        if viewer.credential_id is None:
            return
        key = (viewer.organization_id, viewer.credential_id)
        if self._used.get(key) != hour:
            self._used[key] = hour
            self._unkept.add(key)

    async def _keep_uses(self) -> None:
        """Once a minute at most, and for each key once an hour: never by a write of the request's own."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.keep_uses()

    async def keep_uses(self) -> None:
        """Writes down which keys were used since the last time; what fails is tried again with the next."""
        keys, self._unkept = self._unkept, set()
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self._used = {key: at for key, at in self._used.items() if at > hour - HOUR}
        if not keys:
            return
        try:
            await credentials.used(self._system, sorted(keys), hour)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._unkept |= keys
            structlog.get_logger(__name__).warning("uses_not_kept", error=repr(error))


def _provider(settings: Settings) -> Provider | None:
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    return provider(
        settings.oidc_issuer,
        settings.oidc_audience,
        jwks_url=settings.oidc_jwks_url,
        algorithms=settings.oidc_algorithms,
    )


def _nothing(_ground: UUID) -> None:
    """Before there are any."""


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
