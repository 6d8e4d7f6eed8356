"""Descriptions: every word of every enum, every directive's argument, and where each scalar is specified."""

import re

from graphql import GraphQLEnumType, GraphQLScalarType, is_specified_directive, is_specified_scalar_type

from resolvers.compiler.shapes import executable_of
from resolvers.root import build
from schema.words import SENTENCES

ADDRESS = re.compile(r"(https://(www\.rfc-editor\.org/rfc/rfc\d+|[\w.-]+/\S+)|tag:\S+|urn:\S+)")


def test_every_word_of_every_enum_has_a_description() -> None:
    silent = [
        f"{kind.name}.{name}"
        for kind in executable_of(build()).type_map.values()
        if isinstance(kind, GraphQLEnumType)
        for name, value in kind.values.items()
        if not value.description
    ]
    assert silent == [], "say in schema/words.py what it means"


def test_no_sentence_is_left_of_a_word_that_is_gone() -> None:
    kinds = executable_of(build()).type_map
    for name, sentences in SENTENCES.items():
        kind = kinds[name]
        assert isinstance(kind, GraphQLEnumType)
        assert sentences.keys() == kind.values.keys(), name


def test_every_directive_of_ours_has_descriptions() -> None:
    for directive in executable_of(build()).directives:
        if not is_specified_directive(directive):
            assert directive.description, directive.name
            assert all(one.description for one in directive.args.values()), directive.name


def test_every_scalar_of_ours_says_where_it_is_specified() -> None:
    for kind in executable_of(build()).type_map.values():
        if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind):
            assert kind.description, kind.name
            assert ADDRESS.fullmatch(str(kind.specified_by_url)), kind.name
