"""Lifelines: a child process ends with its parent, however the parent ends."""

import asyncio
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT = "FIELDGRAPH_PARENT"


def hold() -> None:
    """In the child, at its start: be told to stop when the parent named by FIELDGRAPH_PARENT dies.

    Does nothing where no parent is named. Linux only; elsewhere the child outlives a killed parent.
    """
    parent = os.environ.pop(PARENT, None)
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("The process that started this one is gone.")


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGINT and SIGTERM set the event instead of raising."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
