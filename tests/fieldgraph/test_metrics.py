"""What Prometheus is told: bounded labels, true counts."""

from collections import Counter

import httpx

from fieldgraph.metrics import Door, Kind, Metrics
from fieldgraph.transport.records import Record


def done(metrics: Metrics, door: Door, kind: Kind, *, outcome: str = "OK", seconds: float = 0.0) -> None:
    record = Record(door)
    record.kind, record.outcome = kind, outcome
    record.items = 0 if kind == "subscription" else None
    metrics.operation(record, seconds)


async def test_the_page_is_prometheus_text() -> None:
    metrics = Metrics()
    done(metrics, "http", "query", seconds=0.02)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(metrics)) as client:
        response = await client.get("http://here/metrics")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    lines = response.text.splitlines()
    assert 'fieldgraph_requests_total{door="http",kind="query",outcome="OK"} 1.0' in lines
    assert 'fieldgraph_request_seconds_bucket{door="http",kind="query",le="0.01"} 0.0' in lines
    assert 'fieldgraph_request_seconds_bucket{door="http",kind="query",le="0.025"} 1.0' in lines


def test_no_client_makes_labels() -> None:
    metrics = Metrics()

    for number in range(100):
        done(metrics, "http", "query", outcome=f"MADE_UP_{number}")
        metrics.socket_closed(3000 + number)

    text = metrics.text().decode()
    assert 'fieldgraph_requests_total{door="http",kind="query",outcome="OTHER"} 100.0' in text
    assert 'fieldgraph_socket_closings_total{code="other"} 100.0' in text
    assert "MADE_UP" not in text


def test_a_subscription_is_counted_but_not_timed() -> None:
    metrics = Metrics()

    done(metrics, "websocket", "subscription", seconds=3600.0)

    text = metrics.text().decode()
    assert 'fieldgraph_requests_total{door="websocket",kind="subscription",outcome="OK"} 1.0' in text
    assert "fieldgraph_request_seconds_count" not in text


def test_each_metrics_counts_for_itself() -> None:
    one, other = Metrics(), Metrics()

    one.socket_opened()

    assert "fieldgraph_sockets 1.0" in one.text().decode()
    assert "fieldgraph_sockets 0.0" in other.text().decode()


def test_uncompiled_operations_are_told_by_one_of_three_reasons() -> None:
    metrics, counted = Metrics(), Counter({"long alias": 2})
    metrics.watch_uncompiled(counted)

    counted.update({"__schema": 3, "__type": 1, **{f"Customer.made{n}": 1 for n in range(50)}})

    lines = [one for one in metrics.text().decode().splitlines() if "fieldgraph_uncompiled" in one]
    assert lines[2:] == [
        'fieldgraph_uncompiled_operations_total{reason="long_alias"} 2.0',
        'fieldgraph_uncompiled_operations_total{reason="introspection"} 4.0',
        'fieldgraph_uncompiled_operations_total{reason="field"} 50.0',
    ]
