"""Frames of server-sent events, as graphql-sse's “distinct connections mode” names them."""

COMPLETE = b"event: complete\ndata:\n\n"
"""With a line of data, since a browser's EventSource tells no event that has none."""
COMMENT = b":\n\n"


def following(payload: bytes) -> bytes:
    """One `next` event. A line's end in JSON is white space; in an event it would end the line of data."""
    if b"\n" in payload or b"\r" in payload:
        payload = payload.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"event: next\ndata: " + payload + b"\n\n"
