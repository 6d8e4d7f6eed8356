"""Media: what a file says it is and what it is called, in forms that no header or page reads otherwise."""

import re
import unicodedata
from typing import Any

from domain import inputs

NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}"
VALUE = r"""(?:[A-Za-z0-9!#$&'*+.^_`|~-]+|"[A-Za-z0-9 !#-\[\]-~]*")"""
TYPE = re.compile(rf"{NAME}/{NAME}(?: *; *{NAME}={VALUE})*")
"""RFC 6838's names; parameters as in `text/csv; charset=utf-8`."""
UNKNOWN = "application/octet-stream"
IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic"})
"""What cameras and signature pads make. None of them holds scripts, as SVG does."""
UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""With these `gnp.exe` is shown as `exe.png`."""

_line = inputs.words()
_short = inputs.words(100)


def media_type(value: Any) -> str:
    """A check of inputs. Raises ValueError."""
    text = str(_short(value))
    if not TYPE.fullmatch(text):
        raise ValueError("It is a media type, such as image/png.")
    return text


def file_name(value: Any) -> str:
    """A check of inputs. Raises ValueError."""
    text = str(_line(value))
    if any(one in TURNS or unicodedata.category(one) in UNSEEN for one in text):
        raise ValueError("The name of a file has no control characters.")
    return text


def is_image(content_type: str) -> bool:
    """Whether it is a picture that may be evidence."""
    return content_type.partition(";")[0].rstrip().lower() in IMAGES


def served(content_type: str) -> str:
    """What bytes are served as: rows of before these checks may say anything."""
    return content_type if TYPE.fullmatch(content_type) else UNKNOWN
