"""Touched: triggers note which rows each transaction has written, whoever wrote them (revision 0020)."""

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

# No foreign key: it would be asked at every change; no primary key: one transaction may touch a row again.
NOTES = [
    "CREATE TABLE touched (xid xid8 NOT NULL, organization_id uuid NOT NULL, table_name text NOT NULL, key uuid,"
    " recorded_at timestamptz NOT NULL)",
    "CREATE INDEX ix_touched_xid ON touched (xid)",
    "CREATE INDEX ix_touched_organization_id_table_name_xid ON touched (organization_id, table_name, xid)",
]
# Frozen from domain/access as it was; tests/domain/test_access.py and test_touching.py compare.
POLICIES = [
    'ALTER TABLE touched ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE touched FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON touched FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND (FALSE))",
    'CREATE POLICY system ON touched TO fieldgraph_system USING (true)',
    'CREATE POLICY kept ON touched TO fieldgraph_audit USING (true)',
]
GRANTS = [
    "GRANT SELECT ON touched TO fieldgraph_app",
    "GRANT SELECT, DELETE ON touched TO fieldgraph_system",
    "GRANT INSERT ON touched TO fieldgraph_audit",
]
TABLES = (
    'absence', 'api_key', 'app_user', 'arrival', 'asset', 'assignment', 'attachment', 'certification', 'contact',
    'contract', 'contract_asset', 'contract_work_type', 'credential', 'credential_use', 'crew', 'crew_member',
    'customer', 'entitlement', 'eta', 'external_id', 'import', 'import_line', 'maintenance_occurrence',
    'maintenance_plan', 'meter_reading', 'milestone', 'organization', 'part', 'plan', 'plan_change', 'plan_reason',
    'position_current', 'purchase_order', 'purchase_order_line', 'reorder_rule', 'reservation', 'scheduling_policy',
    'shift', 'shift_pattern', 'shift_pattern_day', 'site', 'skill', 'stock_level', 'stock_location',
    'stock_movement', 'stock_serial', 'substatus', 'technician', 'technician_skill', 'territory', 'tracking_link',
    'transfer', 'upload', 'visit', 'visit_cost', 'visit_dependency', 'visit_part', 'work_order', 'work_task',
    'work_type', 'work_type_part', 'work_type_skill', 'work_type_task',
)
# A statement's rows are counted first: of more than a hundred it is noted once that any may have changed. The names
# of transition tables are looked up before any path, and all else is Postgres' own or written out.
ROWS = r"""
CREATE FUNCTION {name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        INSERT INTO public.touched (xid, organization_id, table_name, key, recorded_at)
        VALUES (pg_current_xact_id(), OLD.{organization}, TG_TABLE_NAME, {old_key}, clock_timestamp());
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.touched (xid, organization_id, table_name, key, recorded_at)
        SELECT pg_current_xact_id(), {organization}, TG_TABLE_NAME, {key}, clock_timestamp() FROM was
        WHERE (SELECT count(*) FROM was) <= {most};
        IF NOT FOUND THEN
            INSERT INTO public.touched (xid, organization_id, table_name, key, recorded_at)
            SELECT pg_current_xact_id(), t.{organization}, TG_TABLE_NAME, NULL, clock_timestamp()
            FROM (SELECT DISTINCT {organization} FROM was) t;
        END IF;
    ELSE
        INSERT INTO public.touched (xid, organization_id, table_name, key, recorded_at)
        SELECT pg_current_xact_id(), {organization}, TG_TABLE_NAME, {key}, clock_timestamp() FROM became
        WHERE (SELECT count(*) FROM became) <= {most};
        IF NOT FOUND THEN
            INSERT INTO public.touched (xid, organization_id, table_name, key, recorded_at)
            SELECT pg_current_xact_id(), t.{organization}, TG_TABLE_NAME, NULL, clock_timestamp()
            FROM (SELECT DISTINCT {organization} FROM became) t;
        END IF;
    END IF;
    RETURN NULL;
END $$
"""
KINDS = {
    'touch_rows': {'organization': 'organization_id', 'key': 'id', 'old_key': 'OLD.id', 'most': 100},
    'touch_organization': {'organization': 'id', 'key': 'id', 'old_key': 'OLD.id', 'most': 100},
    'touch_table': {'organization': 'organization_id', 'key': 'NULL::uuid', 'old_key': 'NULL', 'most': 0},
}
WHOLE = r"""
CREATE FUNCTION touch_row_by_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: what is touched is noted: rows are deleted, not truncated', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
# Puts the triggers on a table, or anew.
TABLE = r"""
CREATE FUNCTION touched_table(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns CONSTANT text[] := ARRAY(SELECT attname FROM pg_attribute
        WHERE attrelid = format('public.%I', name)::regclass AND attnum > 0 AND NOT attisdropped);
    noting CONSTANT text := CASE WHEN NOT 'organization_id' = ANY (columns) THEN 'touch_organization'
        WHEN 'id' = ANY (columns) THEN 'touch_rows' ELSE 'touch_table' END;
    moved CONSTANT text := concat_ws(' OR ',
        CASE WHEN 'organization_id' = ANY (columns) THEN 'OLD.organization_id <> NEW.organization_id' END,
        CASE WHEN 'id' = ANY (columns) THEN 'OLD.id <> NEW.id' END);
    made text[];
BEGIN
    FOREACH made SLICE 1 IN ARRAY ARRAY[
        ['insert', 'NEW TABLE AS became'],
        ['update', 'NEW TABLE AS became'],
        ['delete', 'OLD TABLE AS was']
    ] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER touched_by_%s AFTER %s ON public.%I REFERENCING %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION %I()', made[1], made[1], name, made[2], noting);
    END LOOP;
    -- Where a row was until now, once it has another id or is another organization's: that hardly ever happens.
    EXECUTE format('CREATE OR REPLACE TRIGGER touched_by_move AFTER UPDATE ON public.%I FOR EACH ROW WHEN (%s)'
        ' EXECUTE FUNCTION %I()', name, moved, noting);
    EXECUTE format('CREATE OR REPLACE TRIGGER touched_by_truncate BEFORE TRUNCATE ON public.%I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION touch_row_by_row()', name);
END $$
"""


def upgrade() -> None:
    # Works with the previous release: its processes go on, and what they write is noted, too. A trigger waits for
    # whoever writes the table just then, and writers wait for this revision: some tenths of a second.
    op.execute("SET LOCAL lock_timeout = '4s'")
    run = op.get_bind().exec_driver_sql
    for statement in (*NOTES, *POLICIES, *GRANTS, WHOLE, TABLE):
        run(statement)
    for name, words in KINDS.items():
        run(ROWS.format(name=name, **words))
    _owned()
    for table in TABLES:
        run(f"SELECT touched_table('{table}')")


def _owned() -> None:
    """To the audit's own role, so that whoever changes a row needs no right to write what is noted of it."""
    run = op.get_bind().exec_driver_sql
    # An owner of the database who is no superuser gives away only to a role it is, and that may create here.
    run("GRANT fieldgraph_audit TO CURRENT_USER")
    run("GRANT CREATE ON SCHEMA public TO fieldgraph_audit")
    for name in KINDS:
        run(f"ALTER FUNCTION {name}() OWNER TO fieldgraph_audit")
        # Nobody else's: on a table of their own such a trigger would note whatever they like.
        run(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
        run(f"GRANT EXECUTE ON FUNCTION {name}() TO CURRENT_USER")
    for name in ('touch_row_by_row()', 'touched_table(text)'):
        run(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    run("REVOKE CREATE ON SCHEMA public FROM fieldgraph_audit")
    run("REVOKE fieldgraph_audit FROM CURRENT_USER")


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
