"""What normalized caches need of a schema: an id in all that is kept, in every payload what changed."""

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, GraphQLUnionType, build_schema, get_named_type

from tests.clients.projects import SCHEMA

NAMELESS = ("Connection", "Edge", "Payload")
VALUES = {
    "ActualTime", "ArrivalWindow", "ChangesPage", "Cost", "Download", "Drive", "FieldChange", "LineError",
    "MilestoneBefore", "Money", "PageInfo", "PartAvailability", "PlannedTime", "Position", "RateLimit",
    "RefusedPositions", "RouteSummary", "ShiftPatternDay", "StockBefore", "StockNow", "StockShortage",
    "TrackedEta", "TrackedPosition", "UploadHeader", "UpsertSummary", "UserError", "Vehicle", "Viewer",
    "VisitBefore", "WorkOrderBefore", "_Service",
}  # fmt: skip
"""Objects without an id of their own: each is a value of what holds it, and replaced with it."""
RESULTS = {
    f"Upsert{kind}Result"
    for kind in ("Asset", "Contact", "Contract", "Customer", "Part", "Site", "Technician")
}
LAPSING = {"VisitRemoved"}
"""Has an `id` and is no Node: deprecated until 2027-06."""
WITHOUT_ENTITY = {
    f"upsert{kind}s" for kind in ("Asset", "Contact", "Contract", "Customer", "Part", "Site", "Technician")
}
"""These answer row by row: each of `results` has its entity."""


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text())


def objects(published: GraphQLSchema) -> dict[str, GraphQLObjectType]:
    found = published.type_map.items()
    return {
        name: kind
        for name, kind in found
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    }


def test_every_object_has_an_id_or_is_a_value_of_what_holds_it(published: GraphQLSchema) -> None:
    roots = {"Query", "Mutation", "Subscription"}
    items = {
        member.name
        for kind in published.type_map.values()
        if isinstance(kind, GraphQLUnionType) and kind.name != "_Entity"
        for member in kind.types
    }
    without = {
        name
        for name, kind in objects(published).items()
        if "id" not in kind.fields and not name.endswith(NAMELESS)
    }
    assert without - roots - items - RESULTS == VALUES


def test_only_nodes_have_ids(published: GraphQLSchema) -> None:
    """Relay keeps records by `id` alone: no two types may show the same one."""
    others = {
        name
        for name, kind in objects(published).items()
        if "id" in kind.fields and "Node" not in {interface.name for interface in kind.interfaces}
    }
    assert others == LAPSING
    kinds = objects(published)
    assert all("removal 2027-06" in (kinds[name].fields["id"].deprecation_reason or "") for name in others)


def test_every_payload_answers_what_changed(published: GraphQLSchema) -> None:
    kinds = objects(published)
    mutation = published.mutation_type
    assert mutation is not None
    silent = set()
    for name, field in mutation.fields.items():
        payload = kinds[get_named_type(field.type).name]
        told = [get_named_type(other.type).name for other in payload.fields.values()]
        assert "UserError" in told, name
        if not any("id" in kinds[kind].fields for kind in told if kind in kinds):
            silent.add(name)
    assert silent == WITHOUT_ENTITY
