"""Search: every word is found wherever it stands, by whoever may see the row, in pages like any others."""

import unicodedata
from dataclasses import replace
from typing import Any

import pytest

from domain.viewers import Role, Viewer
from tests.conftest import connected
from tests.resolvers.companies import Companies

CONNECTIONS = {
    "assets": ("name", "serial", "model"),
    "maintenancePlans": ("title",),
    "contacts": ("name", "email", "phone"),
    "contracts": ("number", "name"),
    "customers": ("number", "name"),
    "crews": ("name",),
    "parts": ("number", "name", "barcode"),
    "sites": ("name", "address"),
    "skills": ("name",),
    "stockLocations": ("name",),
    "technicians": ("code", "name", "phone"),
    "territories": ("name",),
    "workOrders": ("number", "title", "description"),
    "workTypes": ("code", "name"),
}
SEARCHES = (
    "cafe", "Café", "MÄKELÄ", "makela", "hamalainen", "bar pizza", "PIZZA   bar", "'s", "%", "_", "\\", "&",
    "100% off", "a_", "van", "T01", "0000", "358", "heat", "rE", "å", "street 7", "-0001", "no such thing",
    '"', "kaisa.hakala@", "(nepalese", "; DROP TABLE customer", "%s", "{t}", "$1", "ﬁlter",
    "helsinki 00100 katu",
)  # fmt: skip  # a word list
PAGE = """
query Page($search: String, $first: Int, $last: Int, $after: String, $where: WorkOrderWhere) {
  workOrders(first: $first, last: $last, search: $search, after: $after, where: $where) {
    totalCount nodes { number title } pageInfo { hasNextPage endCursor }
  }
}
"""


def folded(text: str) -> str:
    """Without case and marks: what the database does, by other means."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).lower()


async def rows(
    companies: Companies, name: str, search: str | None = None, viewer: Viewer | None = None
) -> list[dict[str, Any]]:
    """All rows of a connection in its own order, page by page."""
    query = f"""query Rows($search: String, $after: String) {{
      {name}(first: 250, search: $search, after: $after) {{
        totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ id {" ".join(CONNECTIONS[name])} }} }} }}"""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await companies.data(query, {"search": search, "after": after}, viewer=viewer))[name]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(found)
            return found


def holding(everything: list[dict[str, Any]], search: str) -> list[dict[str, Any]]:
    return [
        row
        for row in everything
        if all(
            word in folded(" ".join(text for name, text in row.items() if name != "id" and text))
            for word in folded(search).split()
        )
    ]


@pytest.mark.parametrize("name", sorted(CONNECTIONS.keys() - {"assets"}))  # the seed has none yet
async def test_a_search_finds_the_rows_that_hold_every_word_and_keeps_their_order(
    companies: Companies, name: str
) -> None:
    everything = await rows(companies, name)
    found = {search: await rows(companies, name, search) for search in SEARCHES}

    assert found == {search: holding(everything, search) for search in SEARCHES}
    # Of the one crew that the demo has, a search finds all or nothing.
    assert name == "crews" or any(0 < len(some) < len(everything) for some in found.values())


async def test_a_search_finds_these_rows_of_the_demo(companies: Companies) -> None:
    async def names(connection: str, search: str) -> list[str]:
        return [row["name"] for row in await rows(companies, connection, search)]

    assert await names("customers", "pizza putte") == ["Putte's Bar & Pizza"]
    assert await names("parts", "GASKET boil") == ["Boiler gasket"]
    assert await names("technicians", "makela") == ["Sanna Mäkelä", "Helmi Mäkelä", "Ilmari Mäkelä"]
    assert await names("technicians", "Mäk sanna") == ["Sanna Mäkelä"]
    assert await names("workTypes", "leak") == ["Water leak"]
    assert await names("parts", "200000000002") == ["Boiler gasket"]
    assert [row["number"] for row in await rows(companies, "workOrders", "000042")] == ["WO-000042"]
    # Typing errors are not forgiven.
    assert await names("parts", "gaskett") == []


@pytest.mark.parametrize(
    "role", [Role.DISPATCHER, Role.SALES, Role.TECHNICIAN, Role.SUBCONTRACTOR, Role.CUSTOMER, Role.TRACKING]
)
async def test_a_role_finds_among_its_own_rows_only(companies: Companies, role: Role) -> None:
    admin = companies.viewer(Role.ADMIN)
    viewer = (
        replace(admin, role=role, subject="link", visit_id=companies.first.tracked[0])
        if role == Role.TRACKING
        else companies.viewer(role)
    )
    narrow = role not in {Role.DISPATCHER, Role.SALES}
    for name in ("customers", "sites", "workOrders"):
        own = await rows(companies, name, viewer=viewer)
        assert (len(own) < len(await rows(companies, name))) == narrow, name
        assert own or (role, name) == (Role.TRACKING, "customers")
        for search in ("e", "service", "00", "katu", *(row["id"] for row in own[:1])):
            assert await rows(companies, name, search, viewer) == holding(own, search), (name, search)
        for row in own[:3]:
            text = row.get("title") or row["name"]
            assert row in await rows(companies, name, text, viewer), text


async def test_another_companys_rows_are_never_found(companies: Companies) -> None:
    other = companies.viewer(Role.ADMIN, second=True)
    for name, texts in (("customers", "name"), ("contacts", "email"), ("workOrders", "title")):
        own = {row[texts] for row in await rows(companies, name, viewer=other)}
        foreign = [row[texts] for row in await rows(companies, name) if row[texts] not in own]
        assert len(foreign) > 20
        for text in foreign[:20]:
            found = await rows(companies, name, text, other)
            assert {row[texts] for row in found} <= own


async def test_who_may_not_read_a_searched_field_may_not_search(companies: Companies) -> None:
    query = '{ technicians(search: "") { totalCount } }'
    for role in (Role.CUSTOMER, Role.TRACKING):
        viewer = replace(companies.viewer(Role.CUSTOMER), role=role, visit_id=companies.first.tracked[0])
        found = await companies.ask(query, viewer=viewer)
        assert found["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert "data" not in found
    assert (await companies.data(query, viewer=companies.viewer(Role.TECHNICIAN)))["technicians"][
        "totalCount"
    ] == 1


async def test_a_search_is_one_statement_and_pages_like_everything_else(companies: Companies) -> None:
    reads = companies.app.reads
    for search, least in (("service", 30), ("putte's", 2)):  # frequent: by a walk; rare: by the index
        everything = [row["number"] for row in await rows(companies, "workOrders", search)]
        assert len(everything) >= least
        after, forward = None, []
        while True:
            before = reads.statements
            page = (await companies.data(PAGE, {"search": search, "first": 2, "after": after}))["workOrders"]
            assert reads.statements - before == 1
            assert page["totalCount"] == len(everything)
            forward += [node["number"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert forward == everything
        last = (await companies.data(PAGE, {"search": search, "last": 2}))["workOrders"]["nodes"]
        assert [node["number"] for node in last] == everything[-2:]


async def test_a_cursor_is_good_for_its_own_search_only(companies: Companies) -> None:
    first = (await companies.data(PAGE, {"search": "service", "first": 2}))["workOrders"]
    cursor = first["pageInfo"]["endCursor"]
    again = await companies.data(PAGE, {"search": "  service ", "first": 2, "after": cursor})
    assert len(again["workOrders"]["nodes"]) == 2
    for search in (None, "", "servic", "service heating"):
        found = await companies.ask(PAGE, {"search": search, "first": 2, "after": cursor})
        assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", search


async def test_a_blank_search_is_none_and_a_plan_knows_given_from_absent(companies: Companies) -> None:
    everything = (await companies.data(PAGE, {}))["workOrders"]
    some = (await companies.data(PAGE, {"search": "putte's"}))["workOrders"]
    assert 0 < some["totalCount"] < everything["totalCount"]
    for blank in ("", "  \t\n ", "\u00a0", None):
        found = (await companies.data(PAGE, {"search": blank}))["workOrders"]
        assert found["nodes"] == everything["nodes"]
        assert found["totalCount"] == everything["totalCount"]
    assert (await companies.data(PAGE, {}))["workOrders"] == everything


@pytest.mark.parametrize("search", ["x" * 101, " " * 101, "a\0b", "\ud800"])
async def test_what_cannot_be_searched_for_is_bad_input(companies: Companies, search: str) -> None:
    found = await companies.ask(PAGE, {"search": search})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "data" not in found


async def test_a_search_of_a_hundred_letters_is_answered(companies: Companies) -> None:
    for search in ("x" * 100, "e " * 50, "%" * 100, "\\" * 100, "ß" * 100, "ﷺ" * 100):
        everything = await rows(companies, "workOrders")
        assert await rows(companies, "workOrders", search) == holding(everything, search)


async def test_a_search_and_a_filter_both_hold_at_the_root_and_below(companies: Companies) -> None:
    everything = await rows(companies, "workOrders", "heating")
    both = (
        await companies.data(
            PAGE, {"search": "heating", "first": 250, "where": {"title": {"contains": "repair"}}}
        )
    )["workOrders"]["nodes"]
    assert [node["number"] for node in both] == [
        row["number"] for row in everything if "repair" in row["title"]
    ]
    assert 0 < len(both) < len(everything)

    query = """query Below($search: String) { customers(first: 250) { nodes {
      workOrders(first: 250, search: $search) { totalCount nodes { number } } } } }"""
    customers = (await companies.data(query, {"search": "heating"}))["customers"]["nodes"]
    below = [row["number"] for one in customers for row in one["workOrders"]["nodes"]]
    assert sorted(below) == sorted(row["number"] for row in everything)
    assert sum(one["workOrders"]["totalCount"] for one in customers) == len(everything)


async def test_a_row_is_found_by_its_new_name_as_soon_as_it_has_one(company: Companies) -> None:
    (before,) = await rows(company, "parts", "boiler gasket")
    async with connected(str(company.app.settings.database_url)) as owner:
        await owner.execute("UPDATE part SET name = 'Kaasupolttimen Öljysuutin' WHERE name = 'Boiler gasket'")

    (after,) = await rows(company, "parts", "oljy KAASU")

    assert after == {**before, "name": "Kaasupolttimen Öljysuutin"}
    assert await rows(company, "parts", "boiler gasket") == []


async def test_a_type_has_a_search_where_it_says_so_and_nowhere_else(companies: Companies) -> None:
    graph = companies.app.executor.graph
    query = graph.executable.query_type
    assert query is not None
    roots = {name for name, field in query.fields.items() if "search" in field.args}
    assert roots == set(CONNECTIONS)
    for name, names in CONNECTIONS.items():
        assert graph.types[str(graph.roots[name].target)].reading.search == names
    nested = {
        f"{kind}.{name}"
        for kind, shape in graph.types.items()
        for name, field in graph.executable.type_map[kind].fields.items()  # type: ignore[attr-defined]  # an object type
        if "search" in field.args and shape.name
    }
    assert nested == {
        "Customer.assets", "Customer.contacts", "Customer.contracts", "Customer.sites", "Customer.workOrders",
        "Asset.workOrders",
        "Contract.workOrders", "Site.assets", "Territory.technicians",
        "Asset.maintenancePlans", "Contract.maintenancePlans", "Site.maintenancePlans",
    }  # fmt: skip  # a word list
