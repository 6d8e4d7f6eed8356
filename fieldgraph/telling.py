"""Telling: an answer of `solve` in a few lines for people."""

from collections.abc import Iterator
from typing import Any

from fieldgraph import answers

GIVING = {
    "window_minutes": "minutes of window",
    "overtime_minutes": "minutes of overtime",
    "window": "of the window",
    "overtime": "of overtime",
}
"""In minutes, or in an instance's own units of time."""


def summary(said: dict[str, Any]) -> Iterator[str]:
    """The answer in a few lines for people."""
    best = "" if said["best_known"] is None else f", best known {said['best_known']:.10g}{gap(said)}"
    yield f"{said['instance']} ({said['family']}): {said['measure']} {said['objective']:.10g}{best}"
    served = sum(len(route["stops"]) for route in said["routes"])
    left = said["unassigned"]
    yield (
        f"{len(said['routes'])} routes, {served} visits served, {len(left)} left out; {said['status']} after"
        f" {said['seconds']:.1f} s, engine {said['engine']}, seed {said['seed']}"
    )
    if left:
        word = "left out" if said["complete"] else "left out, though they must be served"
        word = "rejected" if "dynamic" in said else word
        yield f"{word}: {answers.few([row['visit'] for row in left])}"
    for fault in said["violations"]:
        yield f"broken rule: {fault}"
    if "proof" in said:
        yield _proof(said["proof"])
    for row in said.get("why", ()):
        yield from _why(row)


def _proof(proof: dict[str, Any] | None) -> str:
    if proof is None:
        return "proof: the time was too short for one"
    if proof["proven"]:
        return (
            f"proof: no plan costs less than {proof['price']:,} (the search had {proof['searched_price']:,})"
        )
    return f"proof: no plan costs less than {proof['lower_bound']:,}, this one costs {proof['price']:,}"


def _why(row: dict[str, Any]) -> Iterator[str]:
    name = row["visit"] if row["technician"] is None else f"{row['visit']} with {row['technician']}"
    if row["stands"]:
        yield f"{name}: stands in the plan with {', '.join(row['with'])}"
    for reason in row["reasons"]:
        short = "" if reason.get("short_by") is None else f", by {reason['short_by']:g}"
        yield f"{name}: {reason.get('message', reason['code'] + short)}"
    least = row["relaxation"]
    if least is not None:
        gives = [f"{least[key]:g} {words}" for key, words in GIVING.items() if least.get(key)]
        gives += [f"{pieces} of {part} brought to the van" for part, pieces in least["parts"].items()]
        what = " and ".join(gives) or "as it is"
        yield f"{name}: with {least['technician']} for {least['price']:,}, {what}"


def gap(said: dict[str, Any]) -> str:
    """How far the objective is from the best known."""
    return "" if said["gap_percent"] is None else f" ({said['gap_percent']:+.2f} %)"
