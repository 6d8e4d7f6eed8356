"""Serving: an API process' server, its bounds, and how it is told to stop."""

import gc
import sys
from socket import socket
from types import FrameType

import uvicorn

from fieldgraph.app import App
from fieldgraph.transport.heads import Head
from fieldgraph.transport.wires import Wire

SWITCH_SECONDS = 0.001
"""How long the loop waits for the thread that looks at new documents; the interpreter's own is 5 ms."""


class Server(uvicorn.Server):
    """Uvicorn, which tells the app first when it has to stop."""

    def __init__(self, app: App) -> None:
        settings = app.settings
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=Head,
                ws=Wire,
                ws_max_size=65_536,
                ws_per_message_deflate=False,
                ws_ping_interval=None,  # a client hears `ping` messages, which its program can see and answer
                access_log=False,
                log_config=None,
                proxy_headers=settings.trusted_proxies is not None,  # at a cost, and only the caps ask for it
                forwarded_allow_ips=settings.trusted_proxies,
                server_header=False,
                timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
            )
        )
        self._closing = app.closing

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """What is there from now on is there for good: no collection needs to look at it again."""
        await super().startup(sockets)
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()
        gc.enable()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Sockets are told first (1012), then uvicorn drains."""
        self._closing.set()
        super().handle_exit(sig, frame)
