"""Which pages may open a socket: a browser sends cookies and reaches local addresses for any of them."""

from collections.abc import Collection
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def is_allowed(origin: str, host: str, *, allowed: Collection[str]) -> bool:
    """Whether `origin` is in the allowed list, or of the same host and port as the request itself."""
    if origin in allowed:
        return True
    try:
        page = urlsplit(origin)
        own = urlsplit(f"//{host}")
        default = DEFAULT_PORTS.get(page.scheme)
        ports = {page.port or default, own.port or default}
    except ValueError:  # urlsplit's word for brackets and ports that are none
        return False
    return None not in {default, page.hostname} and page.hostname == own.hostname and len(ports) == 1
