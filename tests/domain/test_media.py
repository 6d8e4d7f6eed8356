"""Media types and names of files: what is taken, what is refused, and what old rows are served as."""

import pytest

from domain import media


@pytest.mark.parametrize(
    "text",
    [
        "image/png",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "text/csv; charset=utf-8",
        'text/csv;charset="utf-8"; header=present',
    ],
)
def test_a_media_type_is_kept_as_it_is(text: str) -> None:
    assert media.media_type(f" {text} ") == text
    assert media.served(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "image",
        "image/",
        "/png",
        "image/\u2603",
        "image/p\u00e4g",
        "image/png\nX-Evil: 1",
        "image/x\r\nX-Evil: 1",
        "image/png; charset",
        "image/png; a=b\r\nX-Evil: 1",
        'image/png; a="b\nc"',
        "image/png, text/html",
        "image /png",
        f"image/{'x' * 64}",
    ],
)
def test_anything_else_is_refused_and_served_as_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="media type"):
        media.media_type(text)
    assert media.served(text) == "application/octet-stream"


def test_a_trailing_line_break_is_no_part_of_a_type() -> None:
    assert media.media_type("image/png\n") == "image/png"
    assert media.served("image/png\n") == "application/octet-stream"


@pytest.mark.parametrize(
    "name",
    ["a\r\nX-Evil: 1.png", "a\tb.png", "a\x1b[0m.png", "a\x7f.png", "a\x85b", "\u202egnp.exe", "a\u2028b"],
)
def test_a_file_is_not_called_by_control_characters(name: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        media.file_name(name)


@pytest.mark.parametrize("name", ["Ääni 1.png", "☃.html", 'a";b.png', "वि\u200dद.pdf"])
def test_a_file_is_called_by_any_other(name: str) -> None:
    assert media.file_name(name) == name


def test_pictures_are_those_of_cameras() -> None:
    assert [media.is_image(one) for one in ("image/png", "IMAGE/JPEG", "image/webp; q=1", "image/heic")] == [
        True
    ] * 4
    assert [media.is_image(one) for one in ("image/svg+xml", "image/gif", "text/html", "image/pngx")] == [
        False
    ] * 4
