"""Charges: what an operation may cost is taken from its client's bucket before it runs, and settled after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.buckets import Buckets, Lease, Status
from domain.errors import TooCostly, TooMany
from domain.viewers import Viewer
from resolvers.limits import MOST_COST
from resolvers.notes import CURRENT, Note
from resolvers.query_costs import Points

FAILED = 1
"""What an operation costs that was refused after it was let in."""
FRAME = 20
"""Objects of an answer's JSON that are not counted: small answers cost their rows."""
WRITTEN = 2
"""So many objects of an answer's JSON cost a point at least."""
ITEM = 1
"""What each item of a stream costs after the first: others' changes bring it, but our work answers it."""
TOLD = (
    b',"extensions":{"cost":{"requestedQueryCost":%d,"actualQueryCost":%d,"throttleStatus":'
    b'{"maximumAvailable":%d,"currentlyAvailable":%d,"restoreRate":%d}}}'
)


@dataclass(eq=False, slots=True)
class Charge:
    """One operation's points; without a bucket nobody counts them."""

    requested: int
    filters: int = 0
    """Of that, what its filters cost, whatever they find."""
    buckets: Buckets | None = None
    lease: Lease | None = None
    rows: int = 0
    """How many the plain way has read for it."""
    spent: bool = False
    """Whether it was given up as too slow: then it has cost all that it might."""
    note: Note | None = None
    """Who wants to know what it cost."""

    def measured(self, objects: int, body: Sequence[bytes]) -> int:
        """What an answer cost: its rows, however often they stand in it, and its filters.

        A row that many share is read once, and written for each of them: every two objects of the JSON cost a
        point at least. As a rule one of them is what a connection or a value is made of.
        """
        written = (sum(part.count(b"{") for part in body) - FRAME) // WRITTEN
        return max(objects + self.filters, min(written, self.requested))

    def settle(self, actual: int) -> int:
        """Gives back what it did not cost; answers what it did."""
        if self.spent:
            actual = max(actual, self.requested)
        if self.note is not None:
            self.note.actual = actual
        if self.buckets is not None and self.lease is not None:
            self.buckets.settle(self.lease, self.requested - actual)
        return actual

    def at_once(self) -> bool:
        """One more item of a stream, where the lease has a point at hand; else nothing is taken."""
        if self.buckets is None or self.lease is None:
            return True
        if self.lease.points < ITEM:
            return False
        self.lease.points -= ITEM
        return True

    async def another(self) -> None:
        """One more item of a stream: a point of the lease it holds. Raises TooMany where there is none."""
        if self.buckets is not None and self.lease is not None:
            await self.buckets.more(self.lease, ITEM)

    def told(self, actual: int) -> bytes:
        """`extensions`, to follow the data of a response; nothing where nobody counts."""
        if self.buckets is None or self.lease is None:
            return b""
        return TOLD % (self.requested, actual, *self.buckets.status(self.lease))

    def rate_limit(self) -> Mapping[str, int]:
        """The record `RateLimit`."""
        found = (0, 0, 0)
        if self.buckets is not None and self.lease is not None:
            found = self.buckets.status(self.lease)
        return {
            "maximum_available": found[0],
            "currently_available": found[1],
            "restore_rate": found[2],
            "requested_query_cost": self.requested,
        }


UNCHARGED = Charge(0)


async def charged(buckets: Buckets | None, viewer: Viewer, points: Points, *, trusted: bool) -> Charge:
    """Lets an operation in. Raises TooCostly or TooMany before any of it has run.

    A trusted document may cost what it was written to cost.
    """
    requested, note = points.requested, CURRENT.get()
    if note is not None:
        note.requested = requested
    if requested > MOST_COST and not trusted:
        raise TooCostly(requested, MOST_COST)
    if buckets is None:
        return Charge(requested, points.filters, note=note)
    return Charge(requested, points.filters, buckets, await buckets.spend(viewer, requested), note=note)


def extensions_of(error: TooCostly | TooMany) -> dict[str, object]:
    """What a refusal says of the cost, in Shopify's shape."""
    if isinstance(error, TooCostly):
        return {"requestedQueryCost": error.cost, "maximumQueryCost": error.most}
    status = Status(*error.status)
    return {
        "requestedQueryCost": error.cost,
        "actualQueryCost": None,
        "throttleStatus": {
            "maximumAvailable": status.maximum,
            "currentlyAvailable": status.available,
            "restoreRate": status.restore,
        },
    }
