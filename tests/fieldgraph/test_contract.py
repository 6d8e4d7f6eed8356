"""The contract: what breaks a client of the last release is found, what was announced in time may go."""

from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from fieldgraph import cli
from fieldgraph.contract import differences, lapsed

TODAY = date(2026, 11, 23)
STATE = "Field Visit.state changed type from VisitState!"
RELEASED = """
type Query {
  visits(first: Int, state: VisitState): [Visit!]!
  old: Old @deprecated(reason: "use visits; removal 2026-11")
  soon: Int @deprecated(reason: "use visits; removal 2026-12")
}
interface Node { id: ID! }
type Visit implements Node {
  id: ID!
  state: VisitState!
  note(length: Int, mode: Int @deprecated(reason: "it has none; removal 2026-10")): String
  memo: String @deprecated(reason: "use note")
}
type Old { at: String }
enum VisitState { SCHEDULED DISPATCHED LOST @deprecated(reason: "never given; removal 2026-01") }
input Moved { visit: ID! why: String }
union Item = Visit | Old
type Mutation { move(input: Moved!): Visit }
"""


def _changed(*changes: tuple[str, str]) -> tuple[list[str], list[str]]:
    text = RELEASED
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return differences(RELEASED, text, TODAY)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  state: VisitState!\n", "", "Field Visit.state was removed."),
        ("  state: VisitState!\n", "  state: String!\n", STATE + " to String!."),
        ("  state: VisitState!\n", "  state: VisitState\n", STATE + " to VisitState."),
        ("(first: Int, state: VisitState)", "(first: Int!, state: VisitState)",
         "Argument Query.visits(first:) has changed type from Int to Int!."),
        ("(first: Int, state: VisitState)", "(state: VisitState)",
         "Argument Query.visits(first:) was removed."),
        ("(first: Int, state", "(day: Int!, first: Int, state",
         "A required argument Query.visits(day:) was added."),
        (" DISPATCHED ", " ", "Enum value VisitState.DISPATCHED was removed."),
        ("why: String }", "why: String! }", "Field Moved.why changed type from String to String!."),
        ("why: String }", "}", "Field Moved.why was removed."),
        ("why: String }", "why: String who: ID! }", "A required field Moved.who was added."),
        ("Visit | Old", "Visit", "Old was removed from union type Item."),
        ("implements Node ", "", "Visit no longer implements interface Node."),
        ('  soon: Int @deprecated(reason: "use visits; removal 2026-12")\n', "",
         "Field Query.soon was removed."),
        ('  memo: String @deprecated(reason: "use note")\n', "", "Field Visit.memo was removed."),
    ],
)  # fmt: skip  # a change and what is told of it
def test_what_breaks_a_client_is_found(old: str, new: str, told: str) -> None:
    breaking, _ = _changed((old, new))

    assert breaking == [told]


def test_what_breaks_nobody_is_allowed() -> None:
    breaking, dangerous = _changed(
        ("  state: VisitState!\n", "  state: VisitState!\n  fresh: Int\n"),
        ("note(length: Int,", "note(length: Int, words: Int,"),
        ("why: String }", "why: String when: String }"),
        ("DISPATCHED ", "DISPATCHED EN_ROUTE "),
    )

    assert breaking == []
    assert dangerous == ["Enum value VisitState.EN_ROUTE was added."]


def test_what_was_announced_may_go_when_its_month_has_come() -> None:
    breaking, _ = _changed(
        ('  old: Old @deprecated(reason: "use visits; removal 2026-11")\n', ""),
        (', mode: Int @deprecated(reason: "it has none; removal 2026-10")', ""),
        (' LOST @deprecated(reason: "never given; removal 2026-01")', ""),
    )

    assert breaking == []


def test_a_type_goes_with_the_last_field_that_led_to_it() -> None:
    text = RELEASED.replace("union Item = Visit | Old\n", "")
    gone = text.replace('  old: Old @deprecated(reason: "use visits; removal 2026-11")\n', "").replace(
        "type Old { at: String }\n", ""
    )

    assert differences(text, gone, TODAY)[0] == []
    assert differences(text, gone, date(2026, 10, 31))[0] == [
        "Old was removed.",
        "Field Query.old was removed.",
    ]


@pytest.mark.parametrize(
    ("reason", "gone"),
    [
        ("use x; removal 2026-11", True),
        ("use x; removal 2026-12", False),
        ("use x; removal 2026-13", False),
        ("use x; removal soon", False),
        ("", False),
        (None, False),
    ],
)
def test_a_removal_has_a_month(reason: str | None, gone: bool) -> None:
    assert lapsed(reason, TODAY) == gone


def test_the_check_fails_on_a_break_with_the_committed_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given a release that promised one field more
    released = tmp_path_factory.mktemp("released") / "released.graphql"
    text = cli.RELEASED_FILE.read_text()
    promised = text.replace("type Site implements Node {\n", "type Site implements Node {\n  lost: Int\n")
    assert promised != text
    released.write_text(promised)
    monkeypatch.setattr(cli, "RELEASED_FILE", released)
    # when
    found = CliRunner().invoke(cli.program, ["sdl", "--check"])
    # then
    assert found.exit_code == 1
    assert "breaks clients of the last release: Field Site.lost was removed." in found.output
    assert released.read_text() == promised


def test_what_is_served_breaks_no_client_of_the_last_release() -> None:
    today = datetime.now(UTC).date()
    breaking, _ = differences(cli.RELEASED_FILE.read_text(), cli.SDL_FILE.read_text(), today)
    assert breaking == []
