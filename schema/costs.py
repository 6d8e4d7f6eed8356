"""Costs: what the company's own work cost it, for those who may know."""

from schema.entities import Money
from schema.graph import embedded, value


def _amount(name: str) -> dict[str, str]:
    return {"amount": name, "currency": "currency"}


@value(
    "What was spent, in the organization's currency. An amount is null, never 0, where something it takes is"
    " not known: a rate, a unit cost, a time, or one that is in another currency."
)
class Cost:
    labour: Money | None = embedded(
        "For each of the crew: the seconds of the labour clock while they were at work / 3600 * their hourly"
        " cost; summed up, then rounded once to four decimals (half up). Pauses and waiting are not in it,"
        " nor is overtime told apart.",
        columns=_amount("labour"),
    )
    travel: Money | None = embedded(
        "For each of the crew who came: the seconds from setting off to the arrival (where nobody said when,"
        " the planned way there) / 3600 * their hourly cost; summed up, then rounded once. Kilometres are not"
        " in it, since no distance is kept.",
        columns=_amount("travel"),
    )
    parts: Money | None = embedded("For each part: pieces used * its unit cost.", columns=_amount("parts"))
    total: Money | None = embedded(
        "Labour + travel + parts, as they are rounded; null where one of them is.", columns=_amount("total")
    )
