"""What is removed is named in the answer, so that a cache can drop it; a refusal names nothing."""

import pytest

from tests.resolvers.companies import Companies
from tests.resolvers.mutations.cases import Case, Stage, known

FIELDS = {
    "removeTask": "task",
    "removeEntitlement": "entitlement",
    "removeVisitDependency": "visitDependency",
}
CASES = [case for case in known() if case.mutation in FIELDS]


def test_every_removal_is_tried() -> None:
    assert {case.mutation for case in CASES} == set(FIELDS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.mutation)
async def test_the_removed_id_is_told_once(case: Case, company: Companies) -> None:
    # given
    name, stage = case.mutation, Stage(company, case.role)
    given = await case.right(stage)
    kind = name[0].upper() + name[1:]
    query = (
        f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {{ removedId userErrors {{ code }} }} }}"
    )

    # when it is removed, and asked for again
    first = (await company.data(query, {"input": given}, viewer=stage.viewer))[name]
    given.pop("expectedVersion", None)
    again = (await company.data(query, {"input": given}, viewer=stage.viewer))[name]

    # then
    assert first == {"removedId": given[FIELDS[name]], "userErrors": []}
    assert again == {"removedId": None, "userErrors": [{"code": "NOT_FOUND"}]}
