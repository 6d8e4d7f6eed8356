"""What the doors ask of whoever executes GraphQL: prepare a document, answer it, or stream it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, Protocol

from domain.viewers import Viewer
from realtime.members import Direct
from resolvers.documents import DocumentRef


class Operation(Protocol):
    """One operation of one accepted document."""

    @property
    def kind(self) -> Literal["query", "mutation", "subscription"]: ...

    @property
    def name(self) -> str | None: ...

    @property
    def document_id(self) -> str | None:
        """In the manifest of trusted documents; None for any other."""
        ...

    @property
    def is_streamed(self) -> bool:
        """Whether it has several results: then it is handed to `stream`, whatever its kind."""
        ...


class Executor(Protocol):
    """Executes operations; every refusal of a whole request is a `Refusal`.

    An operation is handed back only to the executor that prepared it, hence `Any`: each has its own.
    """

    async def prepare(self, ref: DocumentRef, operation_name: str | None, *, viewer: Viewer) -> Operation: ...

    async def answer(
        self,
        operation: Any,
        variables: Mapping[str, object],
        *,
        viewer: Viewer,
        idempotency_key: str | None = None,
    ) -> bytes: ...

    def stream(
        self,
        operation: Any,
        variables: Mapping[str, object],
        *,
        viewer: Viewer,
        direct: Direct | None = None,
    ) -> AsyncIterator[bytes]:
        """What many are told goes through `direct` where that takes it, and not out of the iterator."""
        ...
