"""Scraping: who may read /metrics: whoever knows the token, or without one this machine only."""

import hmac
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from fieldgraph.metrics import Metrics

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers by which a proxy says that somebody else asks: one on this machine makes the world look near."""


class MetricsDoor:
    """Answers `/metrics` to those who may look."""

    def __init__(self, metrics: Metrics, token: str | None) -> None:
        self._metrics = metrics
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(Request(scope))
        await (refused or self._metrics)(scope, receive, send)

    def _refused(self, request: Request) -> Response | None:
        if self._token is None:
            if _is_near(request):
                return None
            return PlainTextResponse("metrics are for this machine: set FIELDGRAPH_METRICS_TOKEN", 403)
        scheme, _, said = request.headers.get("authorization", "").partition(" ")
        is_known = hmac.compare_digest(said.strip().encode(), self._token.encode())
        if is_known and scheme.lower() == "bearer":
            return None
        return PlainTextResponse("a token is needed", 401, headers={"www-authenticate": "Bearer"})


def _is_near(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
