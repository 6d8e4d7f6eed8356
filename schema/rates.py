"""Rates: how much a client may ask for, and how much of that it has left."""

from schema.graph import column, record


@record(
    "What a client may ask for: points in a leaky bucket of its own, spent by what each operation costs.",
    maximum_available="integer",
    currently_available="integer",
    restore_rate="integer",
    requested_query_cost="integer",
)
class RateLimit:
    maximum_available: int = column("Points that the full bucket holds; 0: nobody counts.")
    currently_available: int = column("Points that are left, less what this operation may cost.")
    restore_rate: int = column("Points that come back each second.")
    requested_query_cost: int = column("Points that this operation may cost; what it did not is given back.")
