"""Log changes: the organization's log for integrations, the same facts as a stream and page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from domain import ids, topics
from domain.errors import BadInput, ResyncRequired
from realtime.hub import TOO_OLD
from realtime.log import Entry, Place
from resolvers.context import Context
from resolvers.following import Feed, Start
from schema.changes import SUBJECT_PREFIXES
from schema.verbs import Item

USUAL, MOST = 25, 250
READING = 1_000
"""Events read at once, of which few may be wanted."""
READINGS = 10
"""So many for one page: it says how far it came, and that more follows."""
TOPICS = frozenset({*SUBJECT_PREFIXES, *topics.SUBJECTS}) - {"app_user"}
OTHER_NAMES = {"member_id": "technician", "user_id": "app_user", "follow_up_of_id": "visit"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The facts that were asked for and that the viewer may be told."""

    topics: frozenset[str]
    types: frozenset[str]

    @classmethod
    def of(cls, context: Context, arguments: Mapping[str, Any]) -> "Wanted":
        """Raises BadInput for a topic that there is not: nothing would ever be told."""
        readable = topics.readable(context.viewer, TOPICS)
        asked = arguments.get("topics")
        for topic in frozenset(asked or ()) - TOPICS:
            raise BadInput(f"There is no topic “{topic[:40]}”.")
        return cls(
            readable if asked is None else readable & frozenset(asked),
            frozenset(arguments.get("types") or ()),
        )

    def holds(self, entry: Entry) -> bool:
        return entry.topic in self.topics and (not self.types or entry.type in self.types)


async def follow_changes(context: Context, arguments: Mapping[str, Any]) -> Feed:
    wanted = Wanted.of(context, arguments)

    async def snapshot(start: Start) -> Sequence[Item]:
        return [Item("ChangesSnapshot", {"cursor": start.cursor()})]

    async def told(entry: Entry) -> Item:
        return Item("ChangeEvent", _values(entry))

    return Feed(topics=wanted.topics, wants=wanted.holds, snapshot=snapshot, told=told)


async def changes_page(context: Context, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises BadInput for a cursor that is not ours, ResyncRequired for one that the log has outlived."""
    cursors, first, after = context.services.cursors, arguments.get("first"), arguments.get("after")
    if first is not None and not 1 <= first <= MOST:
        raise BadInput(f"first is from 1 to {MOST}.")
    log = context.services.log
    start, head = cursors.decode(after) if after else Place(0, -1), await log.head()
    found, reached, has_more = await _page(context, Wanted.of(context, arguments), start, first or USUAL)
    if after and not await log.reaches(start):
        raise ResyncRequired(TOO_OLD)
    if not has_more:
        # Who asks on and on while nothing happens must not be left behind by the log.
        reached = max(reached, head)
    items = [{"cursor": cursors.encode(entry.place), **_values(entry)} for entry in found]
    return {"items": items, "cursor": cursors.encode(reached), "has_more": has_more}


async def _page(
    context: Context, wanted: Wanted, start: Place, first: int
) -> tuple[list[Entry], Place, bool]:
    """Whole transactions until there are enough: the facts, how far it was read, whether more follows."""
    log, organization_id = context.services.log, context.viewer.organization_id
    found: list[Entry] = []
    reached = start
    for _ in range(READINGS):
        entries = await log.after(reached, limit=READING, organization_id=organization_id)
        for _, group in groupby(entries, lambda entry: entry.place.xid):
            if len(found) >= first:
                return found, reached, True
            told = list(group)
            found += [entry for entry in told if wanted.holds(entry)]
            reached = told[-1].place
        if len(entries) < READING:
            return found, reached, False
    return found, reached, True


def _values(entry: Entry) -> dict[str, Any]:
    table = topics.subject_table(entry.topic)
    prefix = SUBJECT_PREFIXES.get(table or "")
    payload = {name: value for name, value in entry.payload.items() if name != "before"}
    return {
        "type": entry.type,
        "topic": entry.topic,
        "subject_id": ids.encode(prefix, entry.subject_id) if prefix else None,
        "subject_type": _type_name(table) if prefix and table else None,
        "subject_table": table if prefix else None,
        "subject_key": entry.subject_id,
        "version": entry.subject_version,
        "before": told_of(entry.payload.get("before") or {}),
        "payload": told_of(payload),
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "origin": entry.origin,
        "actor": entry.actor,
        "reason": entry.reason,
    }


def _type_name(table: str) -> str:
    return "User" if table == "app_user" else "".join(word.capitalize() for word in table.split("_"))


def told_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """As clients know the fields: their names, and ids that are of the graph."""
    found = {}
    for name, value in values.items():
        head, *tail = name.split("_")
        told = head + "".join(word.capitalize() for word in tail)
        table = OTHER_NAMES.get(name, name.removesuffix("_id"))
        prefix = SUBJECT_PREFIXES.get(table) if name.endswith("_id") else None
        found[told] = ids.encode(prefix, UUID(value)) if prefix and isinstance(value, str) else value
    return found
