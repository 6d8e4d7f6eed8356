"""Cases: for each mutation a way to ask for it rightly, and the ways in which its own rules say no.

What holds for every mutation alike is tried from here without being written down again: absent, foreign and
malformed ids in each place that takes one, a stale version, every role that may not, the same key twice.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.viewers import Role, Viewer
from tests import resolvers
from tests.conftest import connected
from tests.resolvers.companies import Companies

Given = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """The company in which a case is played, and how it is prepared."""

    company: Companies
    role: Role

    @property
    def viewer(self) -> Viewer:
        return self.company.viewer(self.role)

    async def first(self, root: str, where: str = "{}", *, prefer: str = "id") -> Any:
        """Of the first row of a root connection that an ADMIN sees: its id, or another field."""
        query = f"{{ {root}(first: 1, where: {where}) {{ nodes {{ {prefer} }} }} }}"
        (node,) = (await self.company.data(query))[root]["nodes"]
        return node[prefer]

    async def make(self, mutation: str, entity: str, *, role: Role = Role.ADMIN, **given: Any) -> str:
        """The id of what another mutation makes or moves; it is not refused."""
        kind = mutation[0].upper() + mutation[1:]
        query = (
            f"mutation M($input: {kind}Input!) {{ {mutation}(input: $input)"
            f" {{ {entity} {{ id }} userErrors {{ path message code }} }} }}"
        )
        viewer = self.company.viewer(role)
        payload = (await self.company.data(query, {"input": given}, viewer=viewer))[mutation]
        assert payload["userErrors"] == [], payload["userErrors"]
        key: str = payload[entity]["id"]
        return key

    async def execute(self, sql: str, *values: object) -> None:
        """As the owner of the database: for what no mutation leads to, such as the past."""
        async with connected(str(self.company.app.settings.database_url)) as connection:
            await connection.execute(sql, *values)

    async def value(self, sql: str, *values: object) -> Any:
        async with connected(str(self.company.app.settings.database_url)) as connection:
            return await connection.fetchval(sql, *values)


@dataclass(frozen=True)
class Wrong:
    """An input that a rule refuses: what differs from the right one; code and path (below `input`)."""

    given: Mapping[str, Any]
    code: str
    path: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One mutation. `right` prepares what it takes and makes the input.

    `role` asks. `elsewhere` names the input fields (dotted) whose foreign id is answered by another code
    than NOT_FOUND. `again` is False where the same answer cannot be given twice, such as a secret.
    """

    mutation: str
    right: Callable[[Stage], Awaitable[Given]]
    wrong: Mapping[str, Wrong] = field(default_factory=dict)
    role: Role = Role.ADMIN
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    again: bool = True


def known() -> Iterator[Case]:
    """The cases of every capability: each module beside this one that has CASES."""
    for found in pkgutil.iter_modules([f"{resolvers.__path__[0]}/mutations"]):
        module = importlib.import_module(f"tests.resolvers.mutations.{found.name}")
        yield from getattr(module, "CASES", ())
