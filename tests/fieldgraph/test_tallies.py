"""Operations by name: what each has come to, and no more names than there may be."""

from fieldgraph.metrics import Kind, Metrics
from fieldgraph.tallies import NAMES_MOST
from fieldgraph.transport.records import Record


def ended(
    metrics: Metrics, name: str | None, *, trusted: bool = False, outcome: str = "OK", seconds: float = 0.0
) -> None:
    record = Record("http")
    kind: Kind = "query"
    record.kind, record.name, record.outcome = kind, name, outcome
    record.document_id = "abc" if trusted else None
    record.requested, record.actual = 7, 3
    metrics.operation(record, seconds)


def lines(metrics: Metrics, family: str) -> list[str]:
    """Without the family's name, and without the kind: all are queries."""
    text = metrics.text().decode().replace('kind="query",', "").splitlines()
    return [line.removeprefix(family) for line in text if line.startswith(family + "{")]


def test_each_name_has_its_outcomes_seconds_and_points() -> None:
    metrics = Metrics()

    ended(metrics, "Board", seconds=0.05)
    ended(metrics, "Board", seconds=0.7)
    ended(metrics, "Board", outcome="RATE_LIMITED")

    labels = 'kind="query",operation="Board",trusted="false"'
    assert sorted(lines(metrics, "fieldgraph_operations_total")) == [
        '{operation="Board",outcome="OK",trusted="false"} 2.0',
        '{operation="Board",outcome="RATE_LIMITED",trusted="false"} 1.0',
    ]
    points = lines(metrics, "fieldgraph_operation_points_total")
    assert sorted(points) == [
        '{of="actual",operation="Board",trusted="false"} 9.0',
        '{of="requested",operation="Board",trusted="false"} 21.0',
    ]
    timed = metrics.text().decode()
    assert f"fieldgraph_operation_seconds_sum{{{labels}}} 0.75" in timed
    assert (
        'fieldgraph_operation_seconds_bucket{kind="query",le="0.1",operation="Board",trusted="false"} 2.0'
        in timed
    )


def test_a_hundred_names_that_no_manifest_has_and_the_rest_are_other() -> None:
    metrics = Metrics()

    for number in range(NAMES_MOST + 50):
        ended(metrics, f"Made{number}")
    ended(metrics, None)
    ended(metrics, "Trusted", trusted=True)

    counted = lines(metrics, "fieldgraph_operations_total")
    assert len(counted) == NAMES_MOST + 3
    assert 'operation="Made99",outcome="OK",trusted="false"} 1.0' in "\n".join(counted)
    assert 'operation="other",outcome="OK",trusted="false"} 50.0' in "\n".join(counted)
    assert 'operation="unnamed",outcome="OK",trusted="false"} 1.0' in "\n".join(counted)
    assert 'operation="Trusted",outcome="OK",trusted="true"} 1.0' in "\n".join(counted)


def test_what_is_refused_takes_no_label() -> None:
    metrics = Metrics()

    for number in range(NAMES_MOST):
        ended(metrics, f"Made{number}", outcome="RATE_LIMITED")
    ended(metrics, "Board")

    assert sorted(lines(metrics, "fieldgraph_operations_total")) == [
        '{operation="Board",outcome="OK",trusted="false"} 1.0',
        '{operation="other",outcome="RATE_LIMITED",trusted="false"} 100.0',
    ]


def test_a_client_that_takes_our_own_words_for_names_makes_no_second_series() -> None:
    metrics = Metrics()

    for name in (None, "unnamed", "other"):
        ended(metrics, name)

    counted = lines(metrics, "fieldgraph_operations_total")
    assert len(counted) == len(set(counted)) == 2
    assert 'operation="unnamed",outcome="OK",trusted="false"} 2.0' in "\n".join(counted)
