"""Addresses are spelled for their readers, with nothing of them lost on the way."""

import pytest

from fieldgraph.addresses import app_url_of, login_of, sqlalchemy_url


@pytest.mark.parametrize(
    ("owner", "app"),
    [
        ("postgresql://fieldgraph@/main?host=/run/x", "postgresql://fieldgraph_app@/main?host=/run/x"),
        ("postgresql:///main?host=/run/x&user=me", "postgresql://fieldgraph_app@/main?host=/run/x"),
        ("postgresql://me:secret@db:5433/main", "postgresql://fieldgraph_app@db:5433/main"),
    ],
)
def test_the_app_asks_at_the_same_place_without_the_owners_password(owner: str, app: str) -> None:
    assert app_url_of(owner) == app


@pytest.mark.parametrize(
    ("plain", "spelled"),
    [
        ("postgres://u:p%40@h:5/d", "postgresql+asyncpg://u:p%40@h:5/d"),
        ("postgresql://u@/d?host=/run/x", "postgresql+asyncpg://u@/d?host=/run/x"),
        ("postgresql:///d?host=/run/x", "postgresql+asyncpg:///d?host=/run/x"),
        ("postgresql://u@h/d?sslmode=require", "postgresql+asyncpg://u@h/d?ssl=require"),
    ],
)
def test_sqlalchemy_gets_its_own_spelling(plain: str, spelled: str) -> None:
    assert sqlalchemy_url(plain) == spelled


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("postgresql://hosted@h/d", "hosted"),
        ("postgresql:///d?user=hosted", "hosted"),
        ("postgresql://fieldgraph_app@h/d", None),
        (None, None),
    ],
)
def test_only_another_login_than_the_apps_role_is_named(url: str | None, user: str | None) -> None:
    assert login_of(url) == user
