"""Structured logs to standard error: one event a line with its fields, secrets left out by their names."""

import logging
import logging.config
from collections.abc import Sequence

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_WORDS = ("token", "authorization", "password", "secret", "signing_key", "cookie", "database_url")


def set_up(level: str, *, as_json: bool) -> None:
    """Sends structlog's and the standard library's loggers the same way; to be called once per process."""
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        hide_secrets,
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard_library(level, shared, as_json=as_json))


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A field whose name speaks of a secret keeps its name and loses its value."""
    return {
        name: "(hidden)" if any(word in name.lower() for word in SECRET_WORDS) else value
        for name, value in event.items()
    }


def _standard_library(level: str, shared: Sequence[Processor], *, as_json: bool) -> dict[str, object]:
    drawing: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        drawing += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # The renderer's own choice draws the locals of every frame, and keys and tokens are among them.
        plain = structlog.dev.plain_traceback
        drawing.append(structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain))
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": list(shared),
                "processors": drawing,
            }
        },
        "handlers": {
            "error": {"class": "logging.StreamHandler", "formatter": "lines"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["error"], "level": level.upper()},
        # uvicorn brings handlers of its own; its lines go our way, and we write access lines ourselves.
        "loggers": {
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True},
            "uvicorn.error.wire": {"level": "WARNING"},
            "uvicorn.access": {"handlers": ["nowhere"], "propagate": False},
        },
    }
