"""Which pages may open a socket, by their origin."""

import pytest

from fieldgraph.transport import origins


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("https://fieldgraph.example", "fieldgraph.example", True),
        ("https://fieldgraph.example", "Fieldgraph.Example:443", True),
        ("http://fieldgraph.example:80", "fieldgraph.example", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://portal.example", "fieldgraph.example", True),
        ("https://portal.example:8443", "fieldgraph.example", False),
        ("http://portal.example", "fieldgraph.example", False),
        ("https://fieldgraph.example:8443", "fieldgraph.example", False),
        ("https://fieldgraph.example.evil.example", "fieldgraph.example", False),
        ("https://evil.example/fieldgraph.example", "fieldgraph.example", False),
        ("ftp://fieldgraph.example", "fieldgraph.example", False),
        ("null", "fieldgraph.example", False),
        ("", "", False),
        ("https://", "", False),
        ("https://[", "fieldgraph.example", False),
        ("https://fieldgraph.example:port", "fieldgraph.example", False),
    ],
)
def test_a_page_of_the_same_host_or_an_allowed_one_may(origin: str, host: str, expected: bool) -> None:
    assert origins.is_allowed(origin, host, allowed={"https://portal.example"}) is expected
