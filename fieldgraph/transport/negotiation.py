"""Media types of GraphQL-over-HTTP: which one a request is written in, which one its answer will be."""

from typing import NamedTuple


class Media(NamedTuple):
    """A media type that we answer in; under a legacy one, request errors keep the status 200."""

    name: str
    header: tuple[bytes, bytes]
    is_legacy: bool


GRAPHQL = Media(
    "application/graphql-response+json",
    (b"content-type", b"application/graphql-response+json; charset=utf-8"),
    is_legacy=False,
)
JSON = Media("application/json", (b"content-type", b"application/json; charset=utf-8"), is_legacy=True)
PLAIN = JSON._replace(is_legacy=False)
"""For who names no type of ours: any reader of JSON knows what it is, and the status tells an error."""
EVENTS = Media("text/event-stream", (b"content-type", b"text/event-stream; charset=utf-8"), is_legacy=False)


class Accepted(NamedTuple):
    """What a client takes: a whole answer in `media`, and a stream of events or not."""

    media: Media
    events: bool = False


CURRENT = Accepted(GRAPHQL)
LEGACY = Accepted(JSON)
UNNAMED = Accepted(PLAIN)


class Range(NamedTuple):
    """One entry of an Accept header."""

    name: str
    quality: float


NAMED = 2


class Rank(NamedTuple):
    """How gladly a media type is taken, and how exactly it was named."""

    quality: float
    exactness: int


def choose(accept: bytes | None) -> Accepted | None:
    """How a client may be answered; None when it accepts nothing of ours.

    No header, `*/*` and `application/*` name no type: such a client reads application/json, with the
    statuses of today. JSON comes before events, whatever their qualities: many clients name every type
    that they know with each request. Events must be named, since who says `*/*` waits for an end.
    """
    if not accept or accept == b"*/*":
        return UNNAMED
    if accept == b"application/graphql-response+json":
        return CURRENT
    if accept == b"application/json":
        return LEGACY
    ranges = [_range(entry) for entry in accept.decode("latin-1").split(",")]
    events = any(entry.name == EVENTS.name and entry.quality > 0 for entry in ranges)
    media = _media(_rank(GRAPHQL, ranges), _rank(JSON, ranges))
    if media is not None:
        return Accepted(media, events)
    return Accepted(EVENTS, events) if events else None


def is_json(content_type: bytes | None) -> bool:
    """Whether a body is JSON in UTF-8, by its header."""
    if content_type == b"application/json":
        return True
    if content_type is None:
        return False
    name, parameters = _split(content_type.decode("latin-1"))
    return name == "application/json" and _is_utf8(parameters)


def _range(entry: str) -> Range:
    name, parameters = _split(entry)
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return Range(name, quality if _is_utf8(parameters) and 0 <= quality <= 1 else 0.0)


def _media(graphql: Rank, json: Rank) -> Media | None:
    """The better one; what only a range lets in is plain JSON, unless JSON itself was named as the worse."""
    if max(graphql, json).quality <= 0:
        return None
    if graphql > json or (graphql == json and json.exactness == NAMED):
        return GRAPHQL
    return JSON if json.exactness == NAMED else PLAIN


def _rank(media: Media, ranges: list[Range]) -> Rank:
    """The most exact range decides the quality (RFC 9110, 12.5.1)."""
    for exactness, name in ((NAMED, media.name), (1, "application/*"), (0, "*/*")):
        qualities = [entry.quality for entry in ranges if entry.name == name]
        if qualities:
            return Rank(max(qualities), exactness)
    return Rank(0.0, 0)


def _split(value: str) -> tuple[str, dict[str, str]]:
    name, *rest = value.split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip().lower(), {
        key.strip().lower(): text.strip().strip('"').lower() for key, _, text in pairs
    }


def _is_utf8(parameters: dict[str, str]) -> bool:
    return parameters.get("charset", "utf-8") in {"utf-8", "utf8"}
