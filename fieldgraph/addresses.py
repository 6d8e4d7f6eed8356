"""Database addresses: who asks, and how each driver wants to read it. Loads no driver itself."""

from urllib.parse import parse_qsl, urlencode, urlsplit

APP_ROLE = "fieldgraph_app"
SYSTEM_ROLE = "fieldgraph_system"
SEARCH_ROLE = "fieldgraph_search"
AUDIT_ROLE = "fieldgraph_audit"


def app_url_of(owner_url: str) -> str:
    """The app's address beside the owner's where no password is asked: the embedded server's socket."""
    parts = urlsplit(owner_url)
    place = parts.netloc.rpartition("@")[2]
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "user"]
    return _join(parts.scheme, f"{APP_ROLE}@{place}", parts.path, query)


def login_of(url: str | None) -> str | None:
    """The user of an address, unless it is the app's role itself."""
    if url is None:
        return None
    parts = urlsplit(url)
    user = parts.username or dict(parse_qsl(parts.query)).get("user")
    return None if user == APP_ROLE else user


def sqlalchemy_url(url: str) -> str:
    """The same address as SQLAlchemy's asyncpg dialect wants it, which calls libpq's `sslmode` `ssl`."""
    parts = urlsplit(url)
    query = [("ssl" if name == "sslmode" else name, value) for name, value in parse_qsl(parts.query)]
    return _join("postgresql+asyncpg", parts.netloc, parts.path, query)


def _join(scheme: str, place: str, path: str, query: list[tuple[str, str]]) -> str:
    # Not urlunsplit, which drops the two slashes where the place is empty.
    return f"{scheme}://{place}{path}" + (f"?{urlencode(query, safe='/')}" if query else "")
