"""Refusal: a whole GraphQL request said no to, before any field of it was answered."""

from collections.abc import Mapping, Sequence
from typing import Self


class Refusal(Exception):
    """A request error: `errors` are GraphQL-formatted, each with `extensions.code`.

    A response made of it has no `data` entry (GraphQL-over-HTTP tells clients so by the status).
    """

    extensions: Mapping[str, object] | None = None
    """What the response says beside the errors."""

    def __init__(self, errors: Sequence[dict[str, object]]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(str(error.get("message", "")) for error in self.errors))

    @classmethod
    def of(cls, code: str, message: str) -> Self:
        return cls([{"message": message, "extensions": {"code": code}}])

    @property
    def code(self) -> str:
        """The code of the first error, which decides how a transport answers."""
        extensions = self.errors[0].get("extensions") if self.errors else None
        code = extensions.get("code") if isinstance(extensions, dict) else None
        return code if isinstance(code, str) else "INTERNAL_SERVER_ERROR"

    @property
    def retry_after_seconds(self) -> float | None:
        """When the same request may be answered: what the first error says of it."""
        extensions = self.errors[0].get("extensions") if self.errors else None
        seconds = extensions.get("retryAfterSeconds") if isinstance(extensions, dict) else None
        return seconds if isinstance(seconds, int | float) else None
