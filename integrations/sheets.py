"""Sheets: files of comma-separated values as they come out of other programs, read line by line.

UTF-8, with or without a mark at its start; cells parted by comma, semicolon or tab, as the header shows;
cells in quotes may hold all of these, and line ends. Only one line is in memory at a time.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from domain.sheets import Line, Sheet, Unreadable

LONGEST_BYTES = 1_000_000
"""Of one line: a file without line ends is none of ours."""
MARK = b"\xef\xbb\xbf"
MARKS_OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
NOT_UTF_8 = "The file is not UTF-8{}. Save it as CSV in UTF-8, and hand it in again."
SEPARATORS = (",", ";", "\t")


def lines(stream: BinaryIO, sheet: Sheet) -> Iterator[Line]:
    """The lines below the header that say anything. Raises Unreadable where the file is none of this kind."""
    texts = _texts(stream)
    first = next(texts, "")
    if not first.strip():
        raise Unreadable("Line 1 is empty; the names of the columns belong there.")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(chain([first], texts), delimiter=separator, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        if any(map(_fault, header)):
            raise Unreadable(NOT_UTF_8.format(": the names of its columns cannot be read"))
        sheet.check_header(header)
        decimal_comma = frozenset(sheet.numbers) if separator != "," else frozenset[str]()
        start = reader.line_num + 1
        for cells in reader:
            if any(cells):
                yield _line(start, header, cells, decimal_comma=decimal_comma)
            start = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"Line {reader.line_num}: {error}.") from None


def _texts(stream: BinaryIO) -> Iterator[str]:
    """Bytes that are no UTF-8 are kept as lone surrogates, so that the line can be named."""
    number = 0
    while raw := stream.readline(LONGEST_BYTES + 1):
        number += 1
        if len(raw) > LONGEST_BYTES:
            raise Unreadable(f"Line {number} is longer than {LONGEST_BYTES} bytes.")
        if number == 1:
            if raw.startswith(MARKS_OF_UTF_16) or b"\0" in raw:
                raise Unreadable(NOT_UTF_8.format(", but UTF-16"))
            raw = raw.removeprefix(MARK)
        yield raw.decode("utf-8", "surrogateescape")


def _line(number: int, header: Sequence[str], cells: Sequence[str], *, decimal_comma: frozenset[str]) -> Line:
    fault = None
    if len(cells) != len(header):
        return Line(number, {}, f"It has {len(cells)} cells; the header has {len(header)}.")
    for cell in cells:
        fault = fault or _fault(cell)
    if fault is not None:
        return Line(number, {}, fault)
    named = dict(zip(header, cells, strict=True))
    for name in decimal_comma & named.keys():
        named[name] = named[name].replace(",", ".")
    return Line(number, named)


def _fault(cell: str) -> str | None:
    if "\0" in cell:
        return "No text has the character NUL."
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        byte = ord(cell[error.start]) - 0xDC00
        return f"It is not UTF-8: it has the byte {byte:#04x}."
    return None
