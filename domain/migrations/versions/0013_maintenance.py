"""Tasks of work orders and their templates; maintenance plans and their occurrences (revision 0013)."""

from alembic import op
import sqlalchemy as sa

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

# Frozen from domain/access.py as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE work_type_task ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE work_type_task FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON work_type_task FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'TECHNICIAN', 'SUBCONTRACTOR', 'SALES', 'INTEGRATION'))))",
    "CREATE POLICY changes ON work_type_task FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON work_type_task FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON work_type_task FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE work_task ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE work_task FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON work_task FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND work_task.work_order_id IN (SELECT seen FROM viewer_assigned_work_orders() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND work_task.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON work_task FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND work_task.work_order_id IN (SELECT seen FROM viewer_assigned_work_orders() seen)))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON work_task FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND work_task.work_order_id IN (SELECT seen FROM viewer_assigned_work_orders() seen))))",
    "CREATE POLICY adds ON work_task FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE maintenance_plan ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE maintenance_plan FORCE ROW LEVEL SECURITY',
    'CREATE POLICY search ON maintenance_plan FOR SELECT TO fieldgraph_search USING (true)',
    "CREATE POLICY reads ON maintenance_plan FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND maintenance_plan.site_id IN (SELECT seen FROM viewer_assigned_sites() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND maintenance_plan.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON maintenance_plan FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON maintenance_plan FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON maintenance_plan FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'CREATE POLICY system ON maintenance_plan TO fieldgraph_system USING (true)',
    'ALTER TABLE maintenance_occurrence ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE maintenance_occurrence FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON maintenance_occurrence FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND maintenance_occurrence.site_id IN (SELECT seen FROM viewer_assigned_sites() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND maintenance_occurrence.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON maintenance_occurrence FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON maintenance_occurrence FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON maintenance_occurrence FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON work_type_task, work_task, maintenance_plan, maintenance_occurrence"
    " TO fieldgraph_app",
    "GRANT SELECT (organization_id, id, searched) ON maintenance_plan TO fieldgraph_search",
    "GRANT SELECT (organization_id, id, state, next_due_at) ON maintenance_plan TO fieldgraph_system",
]
MACHINES = {
    'maintenance_plan': "('ACTIVE', 'PAUSED'), ('PAUSED', 'ACTIVE'), ('ACTIVE', 'ARCHIVED'), ('PAUSED', 'ARCHIVED')",
    'maintenance_occurrence': "('PLANNED', 'GENERATED'), ('PLANNED', 'SKIPPED'), ('GENERATED', 'SKIPPED')",
}
# What was skipped, moved or made stays whatever becomes of the rule: not even a mistake of ours takes it away.
KEPT = """
CREATE FUNCTION decided_occurrence() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'An occurrence that was decided about is kept' USING ERRCODE = 'check_violation';
END $$
"""


def upgrade() -> None:
    # Works with the previous release: it knows neither table nor column, and work without tasks is as before.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE work_type ADD COLUMN archived_at timestamptz")
    _tasks()
    _plans()
    _occurrences()
    for table, legal in MACHINES.items():
        _transitions(table, legal)
    op.execute(KEPT)
    op.execute(
        "CREATE TRIGGER decided_occurrence BEFORE DELETE ON maintenance_occurrence FOR EACH ROW"
        " WHEN (OLD.state <> 'PLANNED' OR OLD.moved_to IS NOT NULL) EXECUTE FUNCTION decided_occurrence()"
    )
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)


def _tasks() -> None:
    op.create_table(
        'work_type_task',
        *_row('work_type_task'),
        sa.Column('work_type_id', sa.Uuid(), nullable=False),
        *_step(),
        _leads('work_type_task', 'work_type_id', 'work_type'),
    )
    op.create_table(
        'work_task',
        *_row('work_task'),
        sa.Column('work_order_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        *_step(),
        sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('done_by', sa.Text(), nullable=True),
        sa.Column('visit_id', sa.Uuid(), nullable=True),
        sa.Column('technician_id', sa.Uuid(), nullable=True),
        sa.Column('result', sa.Text(), nullable=True),
        sa.Column('note', sa.Text(), nullable=True),
        sa.CheckConstraint('(done_at IS NULL) = (done_by IS NULL)', name=op.f('ck_work_task_done')),
        sa.CheckConstraint(
            'done_at IS NOT NULL OR num_nonnulls(visit_id, technician_id, result, note) = 0',
            name=op.f('ck_work_task_open'),
        ),
        _leads('work_task', 'work_order_id', 'work_order'),
        _leads('work_task', 'customer_id', 'customer'),
        _leads('work_task', 'visit_id', 'visit'),
        _leads('work_task', 'technician_id', 'technician'),
    )
    _index('work_type_task', 'work_type_id', 'position', 'id')
    _index('work_task', 'work_order_id', 'position', 'id')
    for column in ('customer_id', 'visit_id', 'technician_id'):
        _index('work_task', column)


def _plans() -> None:
    op.create_table(
        'maintenance_plan',
        *_row('maintenance_plan'),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('site_id', sa.Uuid(), nullable=False),
        sa.Column('asset_id', sa.Uuid(), nullable=True),
        sa.Column('contract_id', sa.Uuid(), nullable=True),
        sa.Column('work_type_id', sa.Uuid(), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('rrule', sa.Text(), nullable=True),
        sa.Column('starts_on', sa.Date(), nullable=True),
        sa.Column('local_time', sa.Text(), nullable=True),
        sa.Column('window_seconds', sa.Integer(), nullable=True),
        sa.Column('meter_every', sa.Numeric(18, 3), nullable=True),
        sa.Column('meter_lead', sa.Numeric(18, 3), nullable=True),
        sa.Column('meter_from', sa.Numeric(18, 3), nullable=True),
        sa.Column('horizon_days', sa.Integer(), nullable=False),
        sa.Column('expanded_until', sa.Date(), nullable=True),
        sa.Column('next_due_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('searched', sa.Text(), sa.Computed("searchable(VARIADIC ARRAY[title])", persisted=True)),
        sa.CheckConstraint("state IN ('ACTIVE', 'PAUSED', 'ARCHIVED')", name=op.f('ck_maintenance_plan_state')),
        sa.CheckConstraint('num_nonnulls(rrule, meter_every) = 1', name=op.f('ck_maintenance_plan_kind')),
        sa.CheckConstraint(
            '(rrule IS NULL) = (starts_on IS NULL) AND (rrule IS NULL) = (local_time IS NULL)'
            ' AND (rrule IS NULL) = (window_seconds IS NULL)',
            name=op.f('ck_maintenance_plan_rule'),
        ),
        sa.CheckConstraint(
            '(meter_every IS NULL) = (meter_lead IS NULL) AND (meter_every IS NULL) = (meter_from IS NULL)'
            ' AND (meter_every IS NULL OR (asset_id IS NOT NULL AND meter_lead >= 0 AND meter_lead < meter_every))',
            name=op.f('ck_maintenance_plan_meter'),
        ),
        sa.CheckConstraint(
            "local_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name=op.f('ck_maintenance_plan_local_time')
        ),
        sa.CheckConstraint('horizon_days BETWEEN 0 AND 365', name=op.f('ck_maintenance_plan_horizon_days')),
        *(
            _leads('maintenance_plan', f'{other}_id', other)
            for other in ('customer', 'site', 'asset', 'contract', 'work_type')
        ),
    )
    _index('maintenance_plan', 'title', 'id')
    op.create_index('ix_maintenance_plan_next_due_at', 'maintenance_plan', ['next_due_at'])
    _index('maintenance_plan', 'customer_id')
    _index('maintenance_plan', 'work_type_id')
    for column in ('site_id', 'asset_id', 'contract_id'):
        _index('maintenance_plan', column, 'title', 'id')
    op.execute(
        "CREATE INDEX ix_maintenance_plan_organization_id_searched ON maintenance_plan"
        " USING gin (organization_id, searched gin_trgm_ops) WITH (fastupdate = off)"
    )


def _occurrences() -> None:
    table = 'maintenance_occurrence'
    op.create_table(
        table,
        *_row(table),
        sa.Column('plan_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('site_id', sa.Uuid(), nullable=False),
        sa.Column('day', sa.Date(), nullable=True),
        sa.Column('threshold', sa.Numeric(18, 3), nullable=True),
        sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('moved_to', sa.DateTime(timezone=True), nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('work_order_id', sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('PLANNED', 'GENERATED', 'SKIPPED')", name=op.f(f'ck_{table}_state')),
        sa.CheckConstraint('num_nonnulls(day, threshold) = 1', name=op.f(f'ck_{table}_key')),
        sa.CheckConstraint('day IS NULL OR starts_at IS NOT NULL', name=op.f(f'ck_{table}_starts_at')),
        sa.CheckConstraint(
            "state = 'SKIPPED' OR (state = 'GENERATED') = (work_order_id IS NOT NULL)",
            name=op.f(f'ck_{table}_generated')
        ),
        sa.CheckConstraint(
            "(state <> 'SKIPPED' AND moved_to IS NULL) OR reason IS NOT NULL", name=op.f(f'ck_{table}_reason')
        ),
        sa.UniqueConstraint(
            'organization_id', 'plan_id', 'day',
            name=f'uq_{table}_organization_id_plan_id_day',
        ),
        sa.UniqueConstraint(
            'organization_id', 'plan_id', 'threshold',
            name=f'uq_{table}_organization_id_plan_id_threshold',
        ),
        *(
            _leads(table, column, other)
            for column, other in (
                ('plan_id', 'maintenance_plan'), ('customer_id', 'customer'), ('site_id', 'site'),
                ('work_order_id', 'work_order'),
            )
        ),
    )
    _index(table, 'starts_at', 'id')
    _index(table, 'plan_id', 'starts_at', 'id')
    _index(table, 'customer_id')
    _index(table, 'site_id')
    _index(table, 'work_order_id', unique=True)


def _row(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=f'fk_{table}_organization_id'),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=f'pk_{table}'),
    ]


def _step() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('required', sa.Boolean(), nullable=False),
        sa.Column('safety', sa.Boolean(), nullable=False),
    ]


def _leads(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ['organization_id', column], [f'{other}.organization_id', f'{other}.id'],
        name=f'fk_{table}_organization_id_{column}', deferrable=True,
    )


def _index(table: str, *columns: str, unique: bool = False) -> None:
    name = f"ix_{table}_organization_id_{'_'.join(columns)}"
    op.create_index(name, table, ['organization_id', *columns], unique=unique)


def _transitions(table: str, legal: str) -> None:
    name = f"{table}_transition"
    op.execute(f"CREATE TABLE {name} (from_state text, to_state text, PRIMARY KEY (from_state, to_state))")
    op.execute(f"INSERT INTO {name} VALUES {legal}")
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {name} FOR SELECT TO fieldgraph_app USING (true)")
    op.execute(f"GRANT SELECT ON {name} TO fieldgraph_app")
    op.execute(
        f"CREATE TRIGGER legal_transition BEFORE UPDATE OF state ON {table} FOR EACH ROW"
        f" WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION legal_transition('{name}')"
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
