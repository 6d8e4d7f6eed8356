"""Days: the log and the notes of what was touched lie in a partition for each day (revision 0021).

What is kept until now becomes a partition of its own, up to the end of this day or of its newest row, and goes
as a whole when that has been kept for long enough. What no day is there for goes to a partition `_rest`.
"""

from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

EVENT = [
    "CREATE TABLE event (xid xid8 NOT NULL, n integer NOT NULL, organization_id uuid NOT NULL, topic text NOT NULL,"
    " type text NOT NULL, subject_id uuid NOT NULL, subject_version integer NOT NULL, payload jsonb NOT NULL,"
    " scope_before jsonb NOT NULL, scope_after jsonb NOT NULL, origin text NOT NULL, actor text NOT NULL, reason text,"
    " occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL,"
    " CONSTRAINT pk_event PRIMARY KEY (xid, n, recorded_at),"
    " CONSTRAINT fk_event_organization_id FOREIGN KEY (organization_id) REFERENCES organization (id))"
    " PARTITION BY RANGE (recorded_at)",
    "CREATE INDEX ix_event_organization_id_xid_n ON event (organization_id, xid, n)",
    "CREATE INDEX ix_event_organization_id_subject_id ON event (organization_id, subject_id)",
]
TOUCHED = [
    "CREATE TABLE touched (xid xid8 NOT NULL, organization_id uuid NOT NULL, table_name text NOT NULL, key uuid,"
    " recorded_at timestamptz NOT NULL) PARTITION BY RANGE (recorded_at)",
    "CREATE INDEX ix_touched_xid ON touched (xid)",
    "CREATE INDEX ix_touched_organization_id_table_name_xid ON touched (organization_id, table_name, xid)",
]
MADE = {'event': EVENT, 'touched': TOUCHED}
GRANTS = [
    "GRANT SELECT, INSERT ON event TO fieldgraph_app",
    "GRANT SELECT, DELETE ON event, touched TO fieldgraph_system",
    "GRANT SELECT ON touched TO fieldgraph_app",
    "GRANT INSERT ON touched TO fieldgraph_audit",
]
# A partition is nobody's to look at but through its table, whose policies then hold: no rights, and no policy.
DAY = r"""
CREATE FUNCTION log_day(parent text, day date) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, public SET timezone = 'UTC' SET lock_timeout = '200ms' AS $$
DECLARE
    name CONSTANT text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
BEGIN
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I)', name, parent);
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent, name, day::timestamptz, (day + 1)::timestamptz);
    RETURN true;
EXCEPTION
    -- Another has just made it; its rows lie in another partition already; somebody reads that for longer.
    WHEN duplicate_table OR unique_violation OR invalid_object_definition OR check_violation OR lock_not_available THEN
        RETURN false;
END $$
"""
# Today's, too: whoever was off for weeks comes back to it. What cannot be made is made with another call.
AHEAD = r"""
CREATE FUNCTION log_ahead() RETURNS integer LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' AS $$
    SELECT count(*)::integer FROM unnest(ARRAY['event', 'touched']) parent, generate_series(0, 2) days
    WHERE public.log_day(parent, clock_timestamp()::date + days)
$$
"""
DAYS = r"""
CREATE VIEW log_days WITH (security_invoker = true) AS
SELECT p.relname::text AS parent, c.relname::text AS name,
    coalesce(substring(b.bound FROM $q$FROM \('([^']+)'\)$q$)::timestamptz, '-infinity') AS since,
    substring(b.bound FROM $q$TO \('([^']+)'\)$q$)::timestamptz AS until
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound) b
WHERE p.oid IN ('public.event'::regclass, 'public.touched'::regclass) AND b.bound <> 'DEFAULT'
"""
# Whoever may call it cannot take what is not past its time. Writers wait for it 200 ms at most.
DROP = r"""
CREATE FUNCTION log_drop(gone text) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' SET lock_timeout = '200ms' AS $$
DECLARE
    is_past boolean;
BEGIN
    SELECT d.until <= clock_timestamp() - CASE d.parent WHEN 'event' THEN interval '30 days' ELSE interval '1 day' END
    INTO is_past FROM public.log_days d WHERE d.name = gone;
    IF is_past IS NULL THEN
        RETURN true;
    ELSIF NOT is_past THEN
        RAISE EXCEPTION '% is not past its time', gone USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS public.%I', gone);
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END $$
"""
FUNCTIONS = {'log_day(text, date)': None, 'log_ahead()': 'fieldgraph_system', 'log_drop(text)': 'fieldgraph_system'}


def upgrade() -> None:
    # Works with the previous release: what it writes, reads and deletes goes through the tables of the same names.
    # Writers of events wait while an index is made over what is there: 2.5 seconds for a million on a busy machine.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL timezone = 'UTC'")
    run = op.get_bind().exec_driver_sql
    for statement in (DAY, AHEAD):
        run(statement)
    for table in MADE:
        _divide(table)
    for statement in (*GRANTS, DAYS, DROP):
        run(statement)
    run("REVOKE ALL ON log_days FROM PUBLIC, fieldgraph_app")
    run("GRANT SELECT ON log_days TO fieldgraph_system")
    for function, caller in FUNCTIONS.items():
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        if caller:
            run(f"GRANT EXECUTE ON FUNCTION {function} TO {caller}")
    run("SELECT log_ahead()")


def _divide(table: str) -> None:
    """The table anew, with the policies that it has, and what is in it as the partition of all days until now."""
    run = op.get_bind().exec_driver_sql
    policies = run(
        "SELECT format('CREATE POLICY %I ON %I FOR %s TO %s', policyname, tablename, cmd, array_to_string(roles, ','))"
        " || coalesce(' USING (' || qual || ')', '') || coalesce(' WITH CHECK (' || with_check || ')', '')"
        f" FROM pg_policies WHERE schemaname = 'public' AND tablename = '{table}'"
    ).scalars().all()
    before = f"{table}_before"
    run(f"ALTER TABLE {table} RENAME TO {before}")
    for name in run(f"SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = '{before}'::regclass").scalars():
        run(f"ALTER INDEX {name} RENAME TO {name.replace(table, before, 1)}")
    for statement in MADE[table]:
        run(statement)
    run(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for policy in policies:
        run(policy)
    _keep(table, before)
    # The net: whoever tidies looks into it and takes out what is past its time.
    run(f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT")
    run(f"ALTER TABLE {table}_rest ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    run(f"CREATE POLICY system ON {table}_rest TO fieldgraph_system USING (true)")
    run(f"GRANT SELECT ON {table}_rest TO fieldgraph_system")


def _keep(table: str, before: str) -> None:
    run = op.get_bind().exec_driver_sql
    # Policies must not hide rows from an owner who is no superuser.
    run(f"ALTER TABLE {before} NO FORCE ROW LEVEL SECURITY")
    newest = run(f"SELECT max(recorded_at) FROM {before}").scalar()
    if newest is None:
        run(f"DROP TABLE {before}")
        return
    until = run(f"SELECT greatest(clock_timestamp(), max(recorded_at))::date + 1 FROM {before}").scalar()
    for name in run(f"SELECT policyname FROM pg_policies WHERE tablename = '{before}'").scalars():
        run(f"DROP POLICY {name} ON {before}")
    run(f"REVOKE ALL ON {before} FROM fieldgraph_app, fieldgraph_system, fieldgraph_audit")
    if table == 'event':
        run(f"ALTER TABLE {before} DROP CONSTRAINT pk_event_before, ADD CONSTRAINT pk_event_before"
            " PRIMARY KEY (xid, n, recorded_at)")
    run(f"ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{until}')")
    run(f"ALTER TABLE {before} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
