"""Notes: what the door wants to know about an operation that it handed on, such as its cost."""

from contextvars import ContextVar


class Note:
    """One operation, as far as the executor tells of it; the door that asked reads it afterwards.

    It goes beside the call, since most of what it passes on the way has nothing to say or to ask.
    """

    request_id: str = ""
    requested: int | None = None
    actual: int | None = None
    is_compiled = True
    failure: str | None = None
    """The code of an error that a response tells beside its data."""
    span: object = None
    """Of a trace, if anybody keeps traces: what its statements hang on."""


CURRENT: ContextVar[Note | None] = ContextVar("note", default=None)
"""Of the operation that this task answers; None where nobody wants to know."""
