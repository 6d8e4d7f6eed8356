"""Records: lists inside a record: of records with their edges, and of rows that it names by their ids."""

from typing import TYPE_CHECKING

from graphql import FieldNode

from resolvers.compiler.shapes import FieldShape
from resolvers.compiler.writer import Rows, View, Writer
from schema.chosen import Chosen
from schema.graph import Records

if TYPE_CHECKING:
    from resolvers.compiler.objects import Objects

PLACE = "place"
"""The column that keeps the list's order."""


def records(
    objects: "Objects", field: FieldShape, source: Records, *, nodes: list[FieldNode], parent: Rows
) -> str:
    """The JSON of the whole list. Its parent is one row: a record's values are those of one answer."""
    writer, shape = objects.writer, objects.graph.types[str(field.target)]
    child, place, result = objects.rows(shape), writer.reserve(), writer.alias()
    columns = objects.columns(shape, objects.selections.below(shape.name, nodes), View(child))
    listed = f"json_agg({child.json(columns, writer)} ORDER BY {child.col(PLACE)})"
    kinds = ", ".join(f"{name} {kind}" for name, kind in shape.reading.values.items())
    given = parent.refer(source.name or field.python_name)
    rows = f"ROWS FROM (jsonb_to_recordset({given}) AS ({kinds})) WITH ORDINALITY"
    names = ", ".join((*shape.reading.values, PLACE))
    origin = objects.origin(child, place, f"FROM {parent.alias}, {rows} AS x({names})")
    return _list(writer, result, listed, origin=f"{origin} {' '.join(child.joins)}", parent=parent)


def chosen(
    objects: "Objects", field: FieldShape, source: Chosen, *, nodes: list[FieldNode], parent: Rows
) -> str:
    """The JSON of the rows whose ids a record has. Its parent is one row, as of `records`."""
    writer, shape = objects.writer, objects.graph.types[str(field.target)]
    child, place, result = objects.rows(shape), writer.reserve(), writer.alias()
    columns = objects.columns(shape, objects.selections.below(shape.name, nodes), View(child))
    listed = f"json_agg({child.json(columns, writer)} ORDER BY {child.col('id')})"
    keys = f"SELECT unnest({parent.refer(source.by)}) FROM {parent.alias}"
    select = f"FROM {writer.source(shape.table)} x WHERE {writer.scope(shape.table, 'x')}"
    origin = objects.origin(child, place, f"{select} AND x.id = ANY(ARRAY({keys}))")
    return _list(writer, result, listed, origin=f"{origin} {' '.join(child.joins)}", parent=parent)


def _list(writer: Writer, result: str, listed: str, *, origin: str, parent: Rows) -> str:
    """The list made once beside its one parent, and counted."""
    table = f"{result} AS MATERIALIZED (SELECT {listed} AS j, count(*) AS n FROM {origin})"
    writer.fill(writer.reserve(), table)
    writer.tally(result, "sum(n)::bigint")
    parent.joins.append(f"CROSS JOIN {result}")
    return f"coalesce({result}.j, '[]'::json)"
