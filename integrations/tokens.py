"""The form of signed tokens: read strictly, before any key is asked, so that one token has one spelling."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

CHARACTERS_MOST = 4096
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
# What would make a verifier do more than verify: other encodings, other meanings, a token within the token.
REFUSED_HEADERS = frozenset({"crit", "b64", "zip", "enc"})


class Malformed(ValueError):
    """It is no token of a form that we take; the reason is for our own log."""


def header_of(token: str) -> Mapping[str, Any]:
    """The header of a compact token whose three parts are whole and canonical. Raises Malformed.

    Nothing in it is believed: `jku`, `jwk`, `x5u` and `x5c` say where a forger's key would be.
    """
    if len(token) > CHARACTERS_MOST:
        raise Malformed("too long")
    parts = token.split(".")
    if len(parts) != 3 or not all(SEGMENT.fullmatch(part) for part in parts):
        raise Malformed("not three parts")
    head, payload, signature = (_decoded(part) for part in parts)
    if not payload or not signature:
        raise Malformed("an empty part")
    header = object_of(head)
    if REFUSED_HEADERS & header.keys():
        raise Malformed("a header that changes the rules")
    if not isinstance(header.get("alg"), str):
        raise Malformed("no algorithm")
    if "cty" in header:
        raise Malformed("a token within the token")
    return header


def object_of(text: bytes) -> Mapping[str, Any]:
    """A JSON object in which no name stands twice. Raises Malformed."""
    try:
        found = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("not an object")
    return found


def _decoded(part: str) -> bytes:
    """Spare bits at the end are zero: otherwise several texts would be one token."""
    try:
        found = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise Malformed("not base64url") from error
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != part:
        raise Malformed("not canonical")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a name twice")
    return found


def _no_number(_text: str) -> float:
    raise Malformed("no number")
