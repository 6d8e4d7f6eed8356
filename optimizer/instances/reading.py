"""Reading an instance: which format a file has is known by its content, never by its name.

The exceptions are Kovacs's: whether technicians work in teams is said by the name of the file of tasks only,
and the technicians are in a file beside it.
"""

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

from optimizer.instances import best_known, kovacs, own, pillac, solomon, vrplib
from optimizer.instances.instance import Instance
from optimizer.instances.lines import Lines

MOST_BYTES = 256_000_000
GZIP = b"\x1f\x8b"

Objective = Literal["duration", "distance"]


def read(
    path: Path | str,
    *,
    objective: Objective | None = None,
    technicians: Path | str | None = None,
    table: Path | str | None = None,
) -> Instance:
    """The instance of a file, with its best known value where the table (else BKS.csv beside) has one.

    `objective` is for TRSP, which is scored by duration unless it says distance; `technicians` is STRSP's
    other file, else found beside. ValueError says the file, where it can the line, and what is wrong there;
    OSError where a file cannot be read.
    """
    path = Path(path)
    found = replace(_instance(path, objective, technicians), source=str(path))
    if objective is not None and found.measure != objective:
        raise ValueError(f"{path}: {found.family} is scored by {found.measure}, not by {objective}")
    table = best_known.beside(path) if table is None else Path(table)
    if table is None:
        return found
    return replace(found, best_known=best_known.find(table, found))


def read_releases(path: Path | str, instance: Instance) -> dict[str, int]:
    """Request → its release date in the Problem's units; below 0 it is known from the start (TRSP)."""
    if instance.family != "trsp":
        raise ValueError(f"{path}: release dates are for TRSP, this is {instance.family}")
    return pillac.read_releases(Lines(str(path), text(Path(path))), instance)


def text(path: Path) -> str:
    """The file's text, unpacked if it is packed by gzip; ValueError where it is no text or too long."""
    data = path.read_bytes()
    if data.startswith(GZIP):
        try:
            unpacker = zlib.decompressobj(wbits=31)
            data = unpacker.decompress(data, MOST_BYTES)
        except zlib.error as error:
            raise ValueError(f"{path}: the packed file is damaged: {error}") from error
        if not unpacker.eof and len(data) < MOST_BYTES:
            raise ValueError(f"{path}: the packed file is not whole")
    if len(data) >= MOST_BYTES:
        raise ValueError(f"{path}: more than {MOST_BYTES} bytes are not read")
    try:
        found = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this is not text: {error}") from error
    if "\0" in found:
        raise ValueError(f"{path}: this is not text")
    return found


def _instance(path: Path, objective: Objective | None, technicians: Path | str | None) -> Instance:
    content = text(path)
    name = path.name.split(".")[0]
    if content.lstrip()[:1] in {"{", "["}:
        return own.read(str(path), content, name=name)
    lines = Lines(str(path), content)
    kind = _kind(str(path), content)
    if kind == "strsp":
        beside = _technicians(path) if technicians is None else Path(technicians)
        crew = Lines(str(beside), text(beside))
        teams = "noteam" not in name.lower() and "team" in name.lower()
        return kovacs.read(lines, crew, name=name.removeprefix("tasks_"), teams=teams)
    if kind == "trsp":
        return pillac.read(lines, objective=objective or "duration")
    return vrplib.read(lines) if kind == "vrplib" else solomon.read(lines)


def _kind(file: str, content: str) -> str:
    """The format, by its first lines that are not blank."""
    head = [row.strip().upper() for row in content.splitlines()[:40] if row.strip()][:4]
    if not head:
        raise ValueError(f"{file}: the file is empty")
    if head[0].startswith("CAPACITY:"):
        return "strsp"
    if head[1:2] == ["INFO"]:
        return "trsp"
    if head[1:2] == ["VEHICLE"]:
        return "solomon"
    if any(row.partition(":")[0].strip() in vrplib.KEYS for row in head if ":" in row):
        return "vrplib"
    wrong = {
        "TECHNICIANS": "these are technicians of STRSP; the file of tasks is to be named first",
        "# INSTANCE": "these are release dates; the instance of TRSP is to be named first",
        "ROUTE #": "this is a solution, not an instance",
    }
    for start, sentence in wrong.items():
        if head[0].startswith(start):
            raise ValueError(f"{file}, line 1: {sentence}")
    raise ValueError(
        f"{file}, line 1: the format is not known; known are Solomon, VRPLIB, TRSP, STRSP, a Problem's JSON"
    )


def _technicians(tasks: Path) -> Path:
    """The technicians' file beside one of tasks: of the same name, else of the same domains and levels."""
    rest = tasks.stem.removeprefix("tasks_")
    _, _, size = rest.partition("_")
    names = (f"technicians_{rest}.txt", f"technicians_{size}.txt", f"technicians_Team/technicians_{size}.txt")
    for name in names:
        if (tasks.parent / name).is_file():
            return tasks.parent / name
    raise ValueError(f"{tasks}: the technicians are not beside it, such as {names[0]}")
