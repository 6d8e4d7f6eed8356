"""Orders: the order that a connection has by itself, without what the role may not read."""

from collections.abc import Iterator, Sequence

from domain.viewers import Role
from resolvers.compiler.shapes import FieldShape, Graph, TypeShape
from schema.graph import Col, Embedded, Key, Place


def usual(graph: Graph, shape: TypeShape, order: Sequence[str], role: Role) -> tuple[str, ...]:
    """A declared order for a role. Everybody can read a cursor, and it holds the values of its order.

    Where no column is left it is the order in which the rows came to be, from the same end.
    """
    seen = frozenset(_readable(graph, shape, role))
    kept = tuple(name for name in order if name.lstrip("-") in seen)
    if kept or not order:
        return kept
    return ("-id" if order[0].startswith("-") else "id",)


def _readable(graph: Graph, shape: TypeShape, role: Role) -> Iterator[str]:
    """The columns whose values some field of the type shows to the role."""
    yield "id"
    for field in shape.fields.values():
        if field.source.roles is None or role in field.source.roles:
            yield from _columns(graph, shape, field, role)


def _columns(graph: Graph, shape: TypeShape, field: FieldShape, role: Role) -> Iterator[str]:
    source = field.source
    if isinstance(source, Key):
        yield "id"
    elif isinstance(source, Col):
        yield shape.column_of(field)
    elif isinstance(source, Place):
        yield from (source.longitude, source.latitude)
    elif isinstance(source, Embedded) and field.target in graph.types:
        for name in _readable(graph, graph.types[field.target], role):
            if name != "id":
                yield source.columns.get(name, source.prefix + name)
