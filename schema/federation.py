"""Federation: what a gateway of Apollo's asks of a subgraph beside the graph itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Optional, Union

import strawberry

from schema.graph import Reading, Source, column

SPECIFICATION = "https://specs.apollo.dev/federation/v2.3"
"""The version of the directives below; what came later is not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyEntities(Source):
    """The root field `_entities`: the rows of the given representations in their order, null per miss."""


@strawberry.type(name="_Service", description="This graph as a subgraph of a larger one.")
class Service:
    reading: ClassVar[Reading] = Reading(values={"sdl": "text"})
    sdl: str = column("The schema with the directives of federation.")


def entities(kinds: Iterable[type]) -> Any:
    """A list of the union of all types that a gateway may ask for by their keys."""
    found = tuple(sorted(kinds, key=lambda kind: kind.__name__))
    words = strawberry.union("_Entity", description="Anything that other subgraphs may refer to by its id.")
    member: Any = Annotated[Union.__getitem__(found), words]  # known at run time only
    return list[Optional[member]]
