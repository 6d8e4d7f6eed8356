"""The declarations: everything described, nothing promised that can be null, the published SDL served."""

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    OverlappingFieldsCanBeMergedRule,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from sqlmodel import SQLModel

from fieldgraph.cli import SDL_FILE
from fieldgraph.contract import published
from resolvers.catalogue import declared, faults
from resolvers.compiler.shapes import Graph, executable_of
from resolvers.root import build

SPOKEN = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)


def test_the_published_schema_is_the_one_that_is_served() -> None:
    assert SDL_FILE.read_text() == published(), "python3 run.py sdl"


def test_every_type_field_and_argument_has_a_description() -> None:
    silent = []
    for kind in executable_of(build()).type_map.values():
        if kind.name.startswith("__"):
            continue
        if not kind.description:
            silent.append(kind.name)
        for name, field in kind.fields.items() if isinstance(kind, SPOKEN) else ():
            if not field.description:
                silent.append(f"{kind.name}.{name}")
            arguments = getattr(field, "args", {})
            silent += [f"{kind.name}.{name}({key})" for key, one in arguments.items() if not one.description]
    assert silent == []


def test_no_field_promises_what_its_column_does_not() -> None:
    assert faults(Graph(build()), declared()) == []


def test_a_type_searches_what_its_table_keeps_for_it() -> None:
    searched = 0
    for shape in Graph(build()).types.values():
        columns = tuple(shape.column_of(shape.field_of(name)) for name in shape.reading.search)
        if shape.reading.table is None:
            assert columns == (), shape.name
        else:
            kept = SQLModel.metadata.tables[shape.table].columns.get("searched")
            assert columns == (() if kept is None else kept.info["columns"]), shape.name
            searched += bool(columns)
    assert searched == 14


def test_every_scalar_of_ours_is_specified() -> None:
    found = {
        name: kind.specified_by_url
        for name, kind in executable_of(build()).type_map.items()
        if hasattr(kind, "specified_by_url")
    }
    ours = set(found) - {"ID", "String", "Int", "Float", "Boolean"}
    geography = {"Point", "Polygon", "TimeZone"}
    assert ours == {"DateTime", "Date", "Decimal", "Duration", "Cursor", "JSON", "_Any"} | geography
    assert all(found[name] for name in ours)


def test_enums_are_the_words_of_the_domain() -> None:
    kind = executable_of(build()).type_map["VisitState"]
    assert isinstance(kind, GraphQLEnumType)
    assert "EN_ROUTE" in kind.values
    assert len(kind.values) == 11


def test_one_selection_takes_in_every_item_without_an_alias() -> None:
    executable = executable_of(build())
    streams = executable.subscription_type
    assert streams is not None
    for field in streams.fields.values():
        union = get_named_type(field.type)
        assert isinstance(union, GraphQLUnionType)
        items = [f"... on {kind.name} {{ {_all_of(kind)} }}" for kind in union.types]
        document = parse(f"fragment Whole on {union.name} {{ {' '.join(items)} }}")
        assert validate(executable, document, [OverlappingFieldsCanBeMergedRule]) == []


def _all_of(kind: GraphQLObjectType) -> str:
    """Its fields that are not deprecated, of what has fields itself the type's name."""
    return " ".join(
        name if is_leaf_type(get_named_type(field.type)) else f"{name} {{ __typename }}"
        for name, field in kind.fields.items()
        if not field.deprecation_reason
    )
