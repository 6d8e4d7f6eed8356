"""Named: the tables that a statement reads, by its own text, so that none is forgotten."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from domain import access, overlays
from domain.access import TABLES, touching
from resolvers.compiler.bindings import Binder
from resolvers.compiler.writer import Writer

_WORD = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(\.?)\b([a-z_][a-z0-9_]*)""")
"""A text, a quoted name (response keys are), or a word; one behind a dot is a column."""
_WITHIN = {"audit_fields": "audit_value"}
"""The functions of the database that read a table which is not named where they are called."""


def tables_in(sql: str) -> Mapping[str, int]:
    """How often each table is named. More may be counted than is read, such as a column of that name."""
    found: Counter[str] = Counter()
    for dot, word in _WORD.findall(sql):
        table = _WITHIN.get(word, word)
        if table in TABLES and not dot:
            found[table] += 1
    return found


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer is made of: `whole` tables, of others the rows of given keys alone.

    `told` are the values of the viewer that say which rows there are (domain/access): who has the same ones
    reads the same. `is_personal`: it is for who asks alone all the same. `is_unnoted`: it may change though
    nobody notes that (domain/access/touching.py).
    """

    whole: frozenset[str] = frozenset()
    keyed: tuple[tuple[str, Binder], ...] = ()
    told: frozenset[str] = frozenset()
    is_personal: bool = False
    is_unnoted: bool = False


def reading_of(sql: str, writer: Writer) -> Reading:
    """A superset: what the text names, what policies look up for the role, what derived fields read."""
    named, keyed = tables_in(sql), Counter(table for table, _ in writer.keyed)
    derived = set(writer.derived)
    if derived and any(one.plan for one in writer.derivations):
        derived |= _laid_over()
    every = named.keys() | derived
    looked_up = access.reached(writer.role, every)
    whole = frozenset(table for table in named if named[table] > keyed[table]) | derived | looked_up
    return Reading(
        whole,
        tuple((table, keys) for table, keys in writer.keyed if table not in whole),
        access.told_by(writer.role, every),
        writer.is_personal,
        any(touching.told_by(table) is None for table in every),
    )


@cache
def _laid_over() -> frozenset[str]:
    """What a schedule as a plan would leave it is made of."""
    return frozenset(table for text in overlays.layers().values() for table in tables_in(text))
