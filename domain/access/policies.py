"""Policies: what is declared of the tables, as SQL: a compiled read's predicate, row-level security."""

import re
from collections.abc import Callable, Iterable, Mapping

from domain.access.tables import ALL, LOOK_UPS, SEARCHED, TABLES
from domain.viewers import Role

VALUES = {
    "organization": ("app.organization_id", "uuid"),
    "customer": ("app.customer_id", "uuid"),
    "technician": ("app.technician_id", "uuid"),
    "visit": ("app.visit_id", "uuid"),
    "user": ("app.user_id", "uuid"),
}
_LOOK_UP = re.compile(r"IN (viewer_\w+)")
_FROM = re.compile(r"FROM (\w+)")
_VALUE = re.compile(r"(?<!:):([a-z]+)")


def predicate(role: Role, table: str, alias: str, bind: Callable[[str], str]) -> str:
    """The rows of a table that a role may read, as SQL; `bind` gives the text that stands for a value.

    Fails closed: KeyError for a table that is not declared, FALSE for a role that has no rows in it.
    """
    access = TABLES[table]
    rows = access.read.get(role)
    if rows is None:
        return "FALSE"
    own = f"{alias}.{access.organization} = :organization"
    whole = own if rows == ALL else f"{own} AND {rows.format(t=alias)}"
    return _bound(_LOOK_UP.sub(lambda found: f"IN (SELECT {LOOK_UPS[found[1]]})", whole), bind)


def reached(role: Role, tables: Iterable[str]) -> frozenset[str]:
    """The tables that a role's rows of these are found by, which a read of them reads as well."""
    found: set[str] = set()
    waiting = list(tables)
    while waiting:
        rows = TABLES[waiting.pop()].read.get(role, "")
        asked = {_FROM.findall(LOOK_UPS[name])[0] for name in _LOOK_UP.findall(rows)} - found
        found |= asked
        waiting += asked
    return frozenset(found)


def told_by(role: Role, tables: Iterable[str]) -> frozenset[str]:
    """Which of the viewer's VALUES say what rows of these tables a role may read."""
    named = set(tables)
    texts = [TABLES[table].read.get(role, "") for table in named | reached(role, named)]
    texts += [LOOK_UPS[name] for text in texts for name in _LOOK_UP.findall(text)]
    return frozenset({"organization"} | {name for text in texts for name in _VALUE.findall(text)})


def functions() -> list[str]:
    """The SQL that makes the LOOK_UPS what policies call.

    They run as whoever calls them, under the other table's policies, and take the viewer from the settings:
    calling one tells nothing that a query could not. With a path of its own Postgres leaves it a call.
    """
    lines = []
    for name, rows in LOOK_UPS.items():
        body = f"BEGIN ATOMIC SELECT {_bound(rows, _setting)}; END"
        lines += [
            f"CREATE FUNCTION {name}() RETURNS SETOF uuid LANGUAGE sql {_KIND} {body}",
            f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {name}() TO fieldgraph_app",
        ]
    return lines


def statements(table: str) -> list[str]:
    """The SQL that makes a table's row-level security what is declared here."""
    access = TABLES[table]
    own = f"{access.organization} = {_setting('organization')}"
    written = {role: access.read.get(role, "FALSE") for role in access.write}
    lines = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    ]
    if table in SEARCHED:
        lines.append(f"CREATE POLICY search ON {table} FOR SELECT TO fieldgraph_search USING (true)")
    lines.append(_policy(table, "reads", "SELECT", f"USING ({own} AND ({_cases(table, access.read)}))"))
    if written:
        rows = f"{own} AND ({_cases(table, written)})"
        # What a role changes stays within what it may change: no link becomes a way in for an ADMIN.
        kept = own if set(written.values()) == {ALL} else rows
        lines.append(_policy(table, "changes", "UPDATE", f"USING ({rows}) WITH CHECK ({kept})"))
        lines.append(_policy(table, "deletes", "DELETE", f"USING ({rows})"))
    added = {role: written.get(role, ALL) for role in access.adds}
    if added:
        lines.append(_policy(table, "adds", "INSERT", f"WITH CHECK ({own} AND ({_cases(table, added)}))"))
    if access.system:
        lines.append(f"CREATE POLICY system ON {table} TO fieldgraph_system USING (true)")
    if access.kept:
        lines.append(f"CREATE POLICY kept ON {table} TO fieldgraph_audit USING (true)")
    return lines


_KIND = "STABLE PARALLEL SAFE ROWS 500 SET search_path = pg_catalog, public"


def _bound(text: str, bind: Callable[[str], str]) -> str:
    return _VALUE.sub(lambda found: bind(found[1]), text)


def _setting(name: str) -> str:
    setting, kind = VALUES[name]
    return f"(SELECT nullif(current_setting('{setting}', true), '')::{kind})"


def _is_one_of(roles: str) -> str:
    return f"(SELECT current_setting('app.role', true) IN ({roles}))"


def _policy(table: str, name: str, command: str, rule: str) -> str:
    return f"CREATE POLICY {name} ON {table} FOR {command} TO fieldgraph_app {rule}"


def _cases(table: str, rows: Mapping[Role, str]) -> str:
    """Roles with the same predicate share one case."""
    by_predicate: dict[str, list[str]] = {}
    for role in Role:
        if role in rows:
            by_predicate.setdefault(rows[role], []).append(f"'{role}'")
    cases = []
    for rule, roles in by_predicate.items():
        asked = _LOOK_UP.sub(r"IN (SELECT seen FROM \1() seen)", rule.format(t=table))
        text = _bound(asked, _setting)
        names = _is_one_of(", ".join(roles))
        cases.append(names if rule == ALL else f"({names} AND {text})")
    return " OR ".join(cases) or "FALSE"
