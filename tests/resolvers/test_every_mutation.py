"""Every mutation, tried with right, wrong, foreign, absent, malformed and stale input, by every role."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from domain import audit
from domain.access import touching
from domain.viewers import Role
from resolvers import root
from schema.verbs import Verb
from tests.conftest import connected
from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Case, Given, Stage, known

SILENT = frozenset({"audit", "audit_value", "credential_use", "position_current", "tracking_link"})
"""Of positions only those that a visit waits for are told, of links only that they end; the audit writes for
each row, and so for those, too."""
ABSENT = "018f0000-0000-7000-8000-000000000000"
CASES = sorted(known(), key=lambda case: case.mutation)
SCHEMA = root.build()._schema
Way = tuple[str | int, ...]
"""To a value in the input: names of fields and places in lists."""


@dataclass(frozen=True)
class Play:
    """One case on its stage."""

    case: Case
    stage: Stage

    async def ask(
        self, given: Mapping[str, Any], *, role: Role | None = None, key: str = ""
    ) -> dict[str, Any]:
        name = self.case.mutation
        kind = name[0].upper() + name[1:]
        once = f' @idempotent(key: "{key}")' if key else ""
        query = f"mutation M($input: {kind}Input!) {{ {name}(input: $input){once} {{ {selection(name)} }} }}"
        viewer = self.stage.company.viewer(role or self.case.role)
        return await self.stage.company.ask(query, {"input": given}, viewer=viewer)

    async def refused(self, given: Mapping[str, Any]) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """Code, path below `input`, and the whole payload."""
        found = await self.ask(given)
        assert "errors" not in found, found["errors"]
        payload: dict[str, Any] = found["data"][self.case.mutation]
        assert payload["userErrors"], f"{self.case.mutation} took {given}"
        error = payload["userErrors"][0]
        start, *path = error["path"] or ["input"]
        assert start == "input", error
        return error["code"], tuple(path), payload

    async def code(self, given: Mapping[str, Any], *, role: Role | None = None) -> str:
        """Of the request's own error."""
        found = await self.ask(given, role=role)
        assert found.get("errors"), f"{self.case.mutation} took {given} from {role or self.case.role}"
        code: str = found["errors"][0]["extensions"]["code"]
        return code


def selection(name: str) -> str:
    """Every entity that a payload names, by its id, and the errors."""
    kind: Any = SCHEMA.mutation_type and get_named_type(SCHEMA.mutation_type.fields[name].type)
    fields = []
    for other, field in kind.fields.items():
        target = get_named_type(field.type)
        if other != "userErrors" and isinstance(target, GraphQLObjectType):
            fields.append(f"{other} {{ {'id' if 'id' in target.fields else '__typename'} }}")
    return " ".join([*fields, "userErrors { path message code }"])


def ids_in(kind: Any, value: Any, way: Way = ()) -> Iterator[tuple[Way, str]]:
    """Every id in an input, with the way to it."""
    named = get_named_type(kind)
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from ids_in(named, one, (*way, place))
    elif isinstance(named, GraphQLInputObjectType) and isinstance(value, dict):
        for name, one in value.items():
            yield from ids_in(named.fields[name].type, one, (*way, name))
    elif named.name == "ID" and isinstance(value, str):
        yield way, value


def has_version(case: Case) -> bool:
    """Whether the input can say which version of the row was read."""
    kind: Any = SCHEMA.get_type(f"{case.mutation[0].upper()}{case.mutation[1:]}Input")
    return "expectedVersion" in kind.fields


def changed(given: Given, way: Way, value: Any) -> Given:
    other: Any = copy.deepcopy(given)
    place = other
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return dict(other)


def names(way: Way) -> str:
    return ".".join(step for step in way if isinstance(step, str))


async def foreign(stage: Stage, key: str) -> str | None:
    """The id of a row of the other company, of the same type; None where it has none."""
    tables = {
        shape.reading.prefix: shape.table
        for shape in stage.company.app.executor.graph.types.values()
        if shape.reading.table is not None
    }
    sql = f"SELECT id FROM {tables[key[:3]]} WHERE organization_id = $1 ORDER BY id LIMIT 1"
    found = await stage.value(sql, stage.company.second.id)
    return f"{key[:5]}{found}" if found else None


async def everything(company: Companies) -> dict[str, str]:
    """A digest of each table's rows; of those that say that somebody asked, none."""
    async with connected(str(company.app.settings.database_url)) as connection:
        tables: Sequence[Any] = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace AND relname <> 'idempotency' ORDER BY relname"
        )
        digest = "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} t"
        return {name: await connection.fetchval(digest.format(name)) or "" for (name,) in tables}


def test_every_mutation_has_its_one_case() -> None:
    fields = SCHEMA.mutation_type and SCHEMA.mutation_type.fields

    assert [case.mutation for case in CASES] == sorted(fields or {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.mutation)
async def test_a_mutation_is_right_or_refused_and_nothing_in_between(case: Case, company: Companies) -> None:
    stage = Stage(company, case.role)
    play, given = Play(case, stage), await case.right(stage)
    before = await everything(company)

    await _refuses_whom_it_must(play, given)
    await _knows_ids(play, given)
    await _keeps_its_rules(play, given)
    await _compares_versions(play, given)

    assert await everything(company) == before
    await _happens_once(play, given, before)


async def _refuses_whom_it_must(play: Play, given: Given) -> None:
    source = play.stage.company.app.executor.graph.mutations[play.case.mutation].source
    assert isinstance(source, Verb)
    assert source.roles
    for role in set(Role) - source.roles - {Role.TRACKING}:
        assert await play.code(given, role=role) == "FORBIDDEN", role


async def _knows_ids(play: Play, given: Given) -> None:
    kind = SCHEMA.mutation_type and SCHEMA.mutation_type.fields[play.case.mutation].args["input"].type
    for way, key in ids_in(kind, given):
        wanted = play.case.elsewhere.get(names(way), "NOT_FOUND")
        absent = await play.refused(changed(given, way, f"{key[:5]}{ABSENT}"))
        assert absent[0] == wanted, (way, absent)
        assert absent[1][:1] == way[:1], (way, absent)
        other = await foreign(play.stage, key)
        if other is not None:
            found = await play.refused(changed(given, way, other))
            assert found == absent, way
        for malformed in ("", "no id", f"xxx{key[3:]}"):
            assert await play.code(changed(given, way, malformed)) == "BAD_USER_INPUT", (way, malformed)


async def _keeps_its_rules(play: Play, given: Given) -> None:
    for name, wrong in play.case.wrong.items():
        code, path, _ = await play.refused({**given, **wrong.given})
        assert (code, path) == (wrong.code, wrong.path), name


async def _compares_versions(play: Play, given: Given) -> None:
    if not has_version(play.case):
        return
    code, path, payload = await play.refused({**given, "expectedVersion": 999_999})
    assert (code, path) == ("CONFLICT", ("expectedVersion",))
    assert [one for name, one in payload.items() if name != "userErrors" and one], "the entity as it is"


async def _happens_once(play: Play, given: Given, before: Mapping[str, str]) -> None:
    first = await play.ask(given, key="once")
    assert "errors" not in first, first["errors"]
    assert first["data"][play.case.mutation]["userErrors"] == []
    after = await everything(play.stage.company)
    assert after != before
    quiet = SILENT | {"position", "credential", "touched", *audit.KEPT}
    changed = {name for name in after if after[name] != before[name]}
    assert ("touched" in changed) == bool(changed & set(touching.tables()))
    if changed - quiet:
        assert after["event"] != before["event"], "whoever reads the log hears of what was done"
    again = await play.ask(given, key="once")
    if play.case.again:
        assert again == first
    assert await everything(play.stage.company) == after
    if has_version(play.case):
        other = await play.ask({**given, "expectedVersion": 999_999}, key="once")
        assert other["errors"][0]["extensions"]["code"] == "CONFLICT"
