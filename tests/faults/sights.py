"""Sights: what is followed: a subscription, and in SQL which facts of the log it must and may tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from graphql import GraphQLObjectType, GraphQLSchema, GraphQLUnionType, build_schema, get_named_type

from domain import ids
from resolvers.plans import ENDED, TOLD
from tests.fieldgraph.running import CHECKOUT

SUBJECTS = {"visit": "visit { id }", "plan": "plan { id }", "workOrder": "workOrder { id }", "id": "id"}
"""How an item names what it is about, by the field that does; the first that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One subscription of one token. `must` and `may` are conditions over a row of `event`.

    What is conflated, or depends on the moment, may be told and need not be.
    """

    stream: str
    token: str
    must: str
    may: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        return self.must if self.may is None else self.may

    @property
    def document(self) -> str:
        return document_of(self.stream)


def schedule(token: str, *, territory: UUID | None = None, technician: UUID | None = None) -> Sight:
    """All of the schedule, or what lies before or after in a territory or is a technician's."""
    must, scope = "topic = 'visit'", {}
    if territory is not None:
        must, scope = (
            f"{must} AND {_named('territories', territory)}",
            {"territories": [_id("ter", territory)]},
        )
    if technician is not None:
        must = f"{must} AND {_named('technicians', technician)}"
    return Sight(stream="scheduleChanges", token=token, must=must, variables={"scope": scope or None})


def tracking(token: str, visit: UUID) -> Sight:
    """A customer's view of one visit: each of its steps; the latest of ETA and position."""
    of_visit = f"scope_after->'visits' ? '{visit}'"
    return Sight(
        stream="visitTracking",
        token=token,
        must=f"topic = 'visit' AND {of_visit}",
        may=f"topic IN ('visit', 'tracking') AND {of_visit}",
        variables={"visit": _id("vis", visit)},
    )


def log(machine: str, topic: str = "visit") -> Sight:
    """The organization's log, as far as it is of one topic."""
    return Sight(stream="changes", token=machine, must=f"topic = '{topic}'", variables={"topics": [topic]})


def visits(token: str) -> Sight:
    """Every change of a visit."""
    return Sight(stream="visitChanges", token=token, must="topic = 'visit'")


def plan(token: str, key: UUID) -> Sight:
    """One plan, to its end."""
    kinds = ", ".join(f"'{kind}'" for kind in sorted(TOLD | ENDED))
    must = f"topic = 'plan' AND subject_id = '{key}' AND type IN ({kinds})"
    return Sight(stream="planProgress", token=token, must=must, variables={"plan": _id("pln", key)})


def _named(keys: str, key: UUID) -> str:
    return f"(scope_before->'{keys}' ? '{key}' OR scope_after->'{keys}' ? '{key}')"


def _id(prefix: str, key: UUID) -> str:
    return ids.encode(prefix, key)


@cache
def document_of(name: str) -> str:
    """The subscription with all its arguments; of each kind of item the cursor, and what it is about."""
    graph = _graph()
    assert graph.subscription_type is not None
    chosen = graph.subscription_type.fields[name]
    union = get_named_type(chosen.type)
    assert isinstance(union, GraphQLUnionType)
    declared = ", ".join(f"${one}: {given.type}" for one, given in chosen.args.items())
    passed = ", ".join(f"{one}: ${one}" for one in chosen.args)
    kinds = " ".join(f"... on {kind.name} {{ {_of_item(kind)} }}" for kind in union.types)
    return f"subscription Watched({declared}) {{ {name}({passed}) {{ __typename {kinds} }} }}"


def _of_item(kind: GraphQLObjectType) -> str:
    subject = next((words for name, words in SUBJECTS.items() if name in kind.fields), "")
    return f"cursor {subject}"


@cache
def _graph() -> GraphQLSchema:
    return build_schema((CHECKOUT / "schema" / "schema.graphql").read_text(), assume_valid=True)
