"""Bombs: requests made to hurt, one of each kind that OWASP's GraphQL cheat sheet knows, and more."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = {"content-type": "application/json"}
REFUSED = frozenset({
    "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "BAD_REQUEST", "COST_EXCEEDED",
})  # fmt: skip
BODY_BYTES = 262_144
ID = "cus1_018f0000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Bomb:
    """One body over HTTP. `codes` may answer it; an empty set: it is harmless and answered with data."""

    body: bytes
    codes: frozenset[str] = REFUSED
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


def document(text: str, codes: frozenset[str] = REFUSED, **variables: object) -> Bomb:
    return Bomb(json.dumps({"query": text, "variables": variables}).encode(), codes)


def raw(body: bytes, *codes: str, **headers: str) -> Bomb:
    return Bomb(body, frozenset(codes or ("BAD_REQUEST",)), JSON | headers)


def nested(opening: str, inner: str, closing: str, levels: int) -> str:
    return opening * levels + inner + closing * levels


def fragments(levels: int, spreads: int) -> str:
    """A chain in which each fragment spreads the next one several times: spreads ** levels fields."""
    chain = " ".join(
        f"fragment F{level} on Viewer {{ {f'...F{level + 1} ' * spreads} }}" for level in range(levels)
    )
    return f"{{ viewer {{ ...F0 }} }} {chain} fragment F{levels} on Viewer {{ role }}"


def overlapping(fields: int) -> str:
    """The same answer name in many places: each pair of them must be seen to agree."""
    return "{ " + "viewer { role organization { name } } " * fields + "}"


def overlapping_fragments(number: int) -> str:
    """Fragments that all spread all others: each pair of them must be compared."""
    names = [f"F{one}" for one in range(number)]
    spread = " ".join(f"...{name}" for name in names)
    bodies = " ".join(f"fragment {name} on Viewer {{ role x{name}: subject {spread} }}" for name in names)
    return f"{{ viewer {{ {spread} }} }} {bodies}"


def overlapping_leaves(fields: int) -> str:
    """One name with other arguments in each place: as many conflicts as there are pairs."""
    return (
        "{ " + " ".join(f"customers(first: {1 + one % 250}) {{ totalCount }}" for one in range(fields)) + " }"
    )


def filters(levels: int) -> str:
    return f"{{ customers(where: {nested('{and: [', '{}', ']}', levels)}) {{ totalCount }} }}"


MANY_MUTATIONS = " ".join(
    f'm{one}: archiveCustomer(input: {{id: "{ID}"}}) {{ userErrors {{ code }} }}' for one in range(50)
)
FOUND = "query Q($w: CustomerWhere) { customers(where: $w) { totalCount } }"
AROUND = {"site": {"visits": {"some": {"site": {"visits": {"some": {"site": {"name": {"contains": "z"}}}}}}}}}
STEPS = "query Q($w: VisitWhere) { visits(where: $w) { totalCount } }"
ORDERED = "query Q($o: [CustomerOrder!]) { customers(orderBy: $o) { totalCount } }"
PAGE_OF_N = b'{"query": "query Q($n: Int) { customers(first: $n) { totalCount } }", "variables": {"n": '
INTROSPECTION = nested("ofType { ", "name", " }", 100)

BOMBS: Mapping[str, Bomb] = {
    # documents that are too deep, too wide, or grow when they are read
    "deep": document(
        "{ customers { nodes { " + nested("workOrders { nodes { customer { ", "id", " } } }", 40) + " } } }"
    ),
    "bottomless": document(nested("{ a ", "", "}", 20_000)),
    "unbalanced": document("{ a " * 20_000),
    "deep value": document("{ customers(where: " + "[" * 50_000 + ") { totalCount } }"),
    "deep type": document("query Q($v: " + "[" * 50_000 + ") { viewer { role } }"),
    "fragment bomb": document(fragments(30, 2)),
    "wide fragment bomb": document(fragments(8, 30)),
    "fragment chain": document(fragments(300, 1)),
    "fragment cycle": document(
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }"
    ),
    "fragment on itself": document("{ viewer { ...A } } fragment A on Viewer { ...A ...A }"),
    "unused fragments": document(
        "{ viewer { role } } " + "".join(f"fragment F{n} on Viewer {{ role }} " for n in range(300))
    ),
    "aliases": document("{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(300)) + " }"),
    "repeated fields": document("{ viewer { " + "role " * 1_900 + "} }"),
    "overlapping fields": document(overlapping(200)),
    "overlapping fragments": document(overlapping_fragments(35)),
    "overlapping arguments": document(overlapping_leaves(190)),
    "directives": document("{ viewer " + "@include(if: true) " * 390 + "{ role } }"),
    "unknown directives": document("{ viewer " + "@a " * 900 + "{ role } }"),
    "many roots": document("{ " + " ".join(f"viewer{n}: cursor" for n in range(100)) + " }"),
    "many mutations": document(f"mutation {{ {MANY_MUTATIONS} }}"),
    "many operations": document(" ".join(f"query Q{n} {{ cursor }}" for n in range(400))),
    "one name twice": document("query Q { cursor } query Q { cursor }"),
    "many variables": document("query Q(" + " ".join(f"$v{n}: Int" for n in range(500)) + ") { cursor }"),
    "introspection in depth": document(
        f"{{ __schema {{ types {{ fields {{ type {{ {INTROSPECTION} }} }} }} }} }}"
    ),
    "introspection in a circle": document(
        "{ __schema { types { " + nested("fields { type { ", "name", " } }", 30) + " } } }"
    ),
    # what costs much by its size alone
    "many tokens": document("{ " + "a " * 60_000 + "}"),
    "one long name": document("{ " + "a" * 200_000 + " }"),
    "one long comment": document("#" + "x" * 200_000 + "\n{ cursor }", frozenset()),
    "many commas": document("{ cursor " + "," * 200_000 + "}", frozenset()),
    "one long string": document(
        '{ customers(search: "' + "x" * 200_000 + '") { totalCount } }', frozenset({"BAD_USER_INPUT"})
    ),
    "huge pages": document("{ customers(first: 1000000) { totalCount } }"),
    "pages of pages": document(
        "{ customers(first: 250) { nodes { "
        + nested("workOrders(first: 250) { nodes { visits { nodes { ", "id", " } } } }", 1)
        + " } } }",
        frozenset({"COST_EXCEEDED"}),
    ),
    "negative page": document("{ customers(first: -1) { totalCount } }"),
    "many ids": document("query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[ID] * 6_000),
    "many ids to find": document(FOUND, w={"id": {"in": [ID] * 6_000}}),
    "deep filter": document(filters(400)),
    "deep filter by variable": document(
        FOUND,
        w=json.loads(nested('{"and": [', "{}", "]}", 60)),
    ),
    "wide filter": document(
        FOUND,
        w={"or": [{"name": {"contains": f"{n}%_%_%"}} for n in range(2_000)]},
    ),
    "heavy filter": document(
        FOUND, frozenset({"COST_EXCEEDED"}), w={"or": [{"or": [{"name": {"contains": "z"}}] * 20}] * 250}
    ),
    "steps along relations": document(STEPS, frozenset({"COST_EXCEEDED"}), w={"or": [AROUND] * 250}),
    "many orders": document(ORDERED, o=[{"field": "NAME"}] * 2_000),
    "patterns": document(FOUND, frozenset(), w={"name": {"contains": "%_" * 100}}),
    "huge number": document("{ customers(first: " + "9" * 5_000 + ") { totalCount } }"),
    "huge number by variable": raw(PAGE_OF_N + b"1" + b"0" * 5_000 + b"}}", "BAD_USER_INPUT", "BAD_REQUEST"),
    "infinite number": raw(PAGE_OF_N + b"1e999}}", "BAD_USER_INPUT", "BAD_REQUEST"),
    "malformed ids": document('{ customer(id: "cus1_\' OR 1=1 --") { id } }', frozenset({"BAD_USER_INPUT"})),
    "U+0000": document('{ customers(search: "a\\u0000") { totalCount } }'),
    # bodies that are none
    "null": raw(b"null"),
    "number": raw(b"3"),
    "text": raw(b'"x"'),
    "list": raw(b"[" + b",".join([b'{"query": "{ cursor }"}'] * 500) + b"]"),
    "nothing": raw(b""),
    "not JSON": raw(b"{query: {cursor}}"),
    "deep JSON": raw(b"[" * 120_000 + b"]" * 120_000),
    "deep variables": raw(b'{"query": "{ cursor }", "variables": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}"),
    "bad UTF-8": raw(b'{"query": "{ \xff\xfe }"}'),
    "lone surrogate": raw(b'{"query": "{ customers(search: \\"\\ud800\\") { totalCount } }"}', *REFUSED),
    "byte order mark": raw(b"\xef\xbb\xbf" + b'{"query": "{ cursor }"}'),
    "UTF-16": raw('{"query": "{ cursor }"}'.encode("utf-16")),
    "query is a list": raw(b'{"query": ["{ cursor }"]}'),
    "variables are text": raw(b'{"query": "{ cursor }", "variables": "{}"}'),
    "extensions are a list": raw(b'{"query": "{ cursor }", "extensions": []}'),
    "operationName is a number": raw(b'{"query": "{ cursor }", "operationName": 1}'),
    "no operation of that name": raw(b'{"query": "query Q { cursor }", "operationName": "P"}'),
    "several without a name": raw(b'{"query": "query Q { cursor } query P { cursor }"}'),
    "no query": raw(b'{"variables": {}}'),
    "large": raw(b'{"query": "{ cursor }", "x": "' + b"x" * BODY_BYTES + b'"}'),
    "very large": raw(b" " * 8_000_000),
    "compressed": raw(gzip.compress(b" " * 50_000_000), **{"content-encoding": "gzip"}),
    "form": raw(b"query=%7Bcursor%7D", **{"content-type": "application/x-www-form-urlencoded"}),
    "multipart": raw(b"--x--", **{"content-type": "multipart/form-data; boundary=x"}),
}
