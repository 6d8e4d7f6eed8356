"""Unions: an edge to a row of one of several tables, each type read once for all rows of the level above."""

from typing import TYPE_CHECKING

from graphql import FieldNode

from resolvers.compiler.writer import Rows, View
from schema.graph import OneOf

if TYPE_CHECKING:
    from resolvers.compiler.objects import Objects


def one_of(objects: "Objects", source: OneOf, nodes: list[FieldNode], parent: Rows) -> str:
    """The JSON of the one row; what its type's fragments ask for."""
    writer, result = objects.writer, objects.writer.alias()
    branches = [
        _branch(objects, source, table, nodes=nodes, parent=parent)
        for table in source.tables
        if table in objects.graph.tables
    ]
    writer.fill(writer.reserve(), f"{result} AS MATERIALIZED ({' UNION ALL '.join(branches)})")
    writer.tally(result)
    parent.joins.append(
        f"LEFT JOIN {result} ON {result}.k = {parent.col(source.by)}"
        f" AND {result}.t = {parent.col(source.type)}"
    )
    return f"{result}.j"


def _branch(objects: "Objects", source: OneOf, table: str, *, nodes: list[FieldNode], parent: Rows) -> str:
    writer, shape = objects.writer, objects.graph.types[objects.graph.tables[table]]
    child, place = objects.rows(shape), writer.reserve()
    columns = objects.columns(shape, objects.selections.below(shape.name, nodes), View(child))
    key = child.col("id")
    keys = parent.keys(source.by, f"{parent.refer(source.type)} = '{table}'")
    select = f"FROM {writer.source(table)} x WHERE {writer.scope(table, 'x')} AND x.id = ANY(ARRAY({keys}))"
    origin = objects.origin(child, place, select)
    return (
        f"SELECT {key} AS k, '{table}'::text AS t, (SELECT row_to_json(o) FROM (SELECT {columns}) o) AS j"
        f" FROM {origin} {' '.join(child.joins)}"
    )
