"""A bug, told to the log with its correlation id and to the client without detail."""

import structlog


def report(correlation_id: str, operation_name: str | None) -> list[dict[str, object]]:
    """Logs the exception being handled; returns the GraphQL errors to answer with.

    Neither variables nor tokens are logged: both may hold what nobody but their owner should read.
    """
    structlog.get_logger(__name__).exception(
        "request_failed", correlation_id=correlation_id, operation=operation_name
    )
    extensions = {"code": "INTERNAL_SERVER_ERROR", "correlationId": correlation_id}
    return [{"message": "Something went wrong on our side", "extensions": extensions}]
