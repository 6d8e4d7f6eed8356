"""Logs: one JSON object a line for both kinds of loggers, and no secret in any of them."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from fieldgraph.logs import set_up
set_up("info", as_json={as_json})
structlog.get_logger("fieldgraph.app").info("started", port=8000, api_token="t0p", DATABASE_URL="postgresql://u:t0p@h")
structlog.get_logger("fieldgraph.app").debug("not told")
logging.getLogger("uvicorn.error").warning("slow %s", "socket")
logging.getLogger("uvicorn.access").warning("GET /?token=t0p")
key = b"t0p"
try:
    raise ValueError("broken")
except ValueError:
    structlog.get_logger("fieldgraph.app").exception("failed")
"""


def written(*, as_json: bool) -> list[str]:
    text = PROGRAM.format(as_json=as_json)
    command = [sys.executable, "-W", "error", "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own text
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_each_line_is_an_object_with_its_fields() -> None:
    started, slow, failed = (json.loads(line) for line in written(as_json=True))

    assert started.pop("timestamp").endswith("Z")
    assert started == {
        "event": "started",
        "level": "info",
        "logger": "fieldgraph.app",
        "port": 8000,
        "api_token": "(hidden)",
        "DATABASE_URL": "(hidden)",
    }
    assert (slow["event"], slow["level"], slow["logger"]) == ("slow socket", "warning", "uvicorn.error")
    assert failed["event"] == "failed"
    assert "ValueError: broken" in failed["exception"]


def test_people_get_text_without_secrets() -> None:
    lines = written(as_json=False)

    assert "started" in lines[0]
    assert "port=8000" in lines[0]
    assert "slow socket" in lines[1]
    assert not [line for line in lines if "t0p" in line]
