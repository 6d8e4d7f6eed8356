"""Who may read /metrics."""

import httpx
import pytest

from fieldgraph.metrics import Metrics
from fieldgraph.scraping import MetricsDoor

TOKEN = "a-scraper-of-ours"


async def asked(token: str | None, address: str, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(MetricsDoor(Metrics(), token), client=(address, 5000))
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get("http://here/metrics", headers=headers)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
async def test_without_a_token_this_machine_may(address: str) -> None:
    found = await asked(None, address, {})

    assert found.status_code == 200
    assert "fieldgraph_sockets 0.0" in found.text


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("10.0.0.7", {}),
        ("192.168.1.2", {"authorization": f"Bearer {TOKEN}"}),
        ("not an address", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}),
        ("127.0.0.1", {"Via": "1.1 proxy"}),
    ],
)
async def test_without_a_token_nobody_else_may(address: str, headers: dict[str, str]) -> None:
    found = await asked(None, address, headers)

    assert found.status_code == 403
    assert "fieldgraph_sockets" not in found.text


async def test_with_a_token_whoever_knows_it_may() -> None:
    found = await asked(TOKEN, "10.0.0.7", {"authorization": f"Bearer {TOKEN}"})

    assert found.status_code == 200
    assert "fieldgraph_sockets 0.0" in found.text


@pytest.mark.parametrize("said", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN])
async def test_with_a_token_nobody_else_may_from_here_either(said: str) -> None:
    found = await asked(TOKEN, "127.0.0.1", {"authorization": said})

    assert found.status_code == 401
    assert "fieldgraph_sockets" not in found.text
