"""Contracts in depth: what they cover, how they renew, and the clocks of what they promise (revision 0008)."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

# Frozen from domain/access as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE contract_asset ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE contract_asset FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON contract_asset FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND contract_asset.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON contract_asset FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON contract_asset FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON contract_asset FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE contract_work_type ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE contract_work_type FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON contract_work_type FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND contract_work_type.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON contract_work_type FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON contract_work_type FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON contract_work_type FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE milestone ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE milestone FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON milestone FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND milestone.work_order_id IN (SELECT seen FROM viewer_assigned_work_orders() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND milestone.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON milestone FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON milestone FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON milestone FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'CREATE POLICY system ON milestone TO fieldgraph_system USING (true)',
    'CREATE POLICY system ON contract TO fieldgraph_system USING (true)',
]
WALL = "'^([01][0-9]|2[0-3]):[0-5][0-9]$'"
# Kept by the database, so that one constraint sees all that decides: state, term, kinds of work, equipment.
COVER = (
    """
    CREATE FUNCTION contract_cover() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- FOR SHARE: a contract that is being put in force or prolonged is waited for.
        SELECT c.state = 'ACTIVE', daterange(c.starts_on, c.ends_on, '[]') INTO NEW.active, NEW.during
            FROM contract c WHERE c.organization_id = NEW.organization_id AND c.id = NEW.contract_id FOR SHARE;
        IF NOT FOUND THEN  -- it is written later in this transaction, or the foreign key refuses
            NEW.active := false;
            NEW.during := 'empty';
        END IF;
        SELECT coalesce(range_agg(uuidrange(w.work_type_id, w.work_type_id, '[]')), '{(,)}') INTO NEW.kinds
            FROM contract_work_type w
            WHERE w.organization_id = NEW.organization_id AND w.contract_id = NEW.contract_id;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION contract_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE contract_asset SET contract_id = contract_id
            WHERE organization_id = NEW.organization_id AND contract_id = NEW.id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION contract_kinds_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE changed contract_work_type := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    BEGIN
        UPDATE contract_asset SET contract_id = contract_id
            WHERE organization_id = changed.organization_id AND contract_id = changed.contract_id;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER cover BEFORE INSERT OR UPDATE ON contract_asset FOR EACH ROW"
    " EXECUTE FUNCTION contract_cover()",
    "CREATE TRIGGER cover_new AFTER INSERT ON contract FOR EACH ROW EXECUTE FUNCTION contract_changed()",
    "CREATE TRIGGER cover AFTER UPDATE OF state, starts_on, ends_on ON contract FOR EACH ROW"
    " WHEN ((OLD.state, OLD.starts_on, OLD.ends_on) IS DISTINCT FROM (NEW.state, NEW.starts_on, NEW.ends_on))"
    " EXECUTE FUNCTION contract_changed()",
    "CREATE TRIGGER cover AFTER INSERT OR UPDATE OR DELETE ON contract_work_type FOR EACH ROW"
    " EXECUTE FUNCTION contract_kinds_changed()",
)
MACHINES = {
    'contract': (('DRAFT', 'ACTIVE'), ('DRAFT', 'CANCELLED'), ('ACTIVE', 'EXPIRED'), ('ACTIVE', 'CANCELLED')),
    'milestone': (
        ('RUNNING', 'PAUSED'), ('PAUSED', 'RUNNING'), ('RUNNING', 'MET'), ('PAUSED', 'MET'),
        ('RUNNING', 'BREACHED'), ('BREACHED', 'MET'), ('MET', 'RUNNING'), ('MET', 'PAUSED'), ('MET', 'BREACHED'),
    ),
}


def upgrade() -> None:
    # Works with the previous release: new columns are nullable or have a default, which costs no rewrite.
    op.execute("SET LOCAL lock_timeout = '4s'")
    _contracts()
    _work_orders()
    _covers()
    _milestones()
    for table, steps in MACHINES.items():
        _machine(table, steps)
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON contract_asset, contract_work_type, milestone TO fieldgraph_app"
    )
    # Whose terms a worker has to look at, and no more.
    op.execute("GRANT SELECT (organization_id, next_at) ON milestone TO fieldgraph_system")
    op.execute(
        "GRANT SELECT (organization_id, state, ends_on, auto_renew, notice_days) ON contract TO fieldgraph_system"
    )


def _contracts() -> None:
    op.execute(
        "ALTER TABLE contract ADD COLUMN auto_renew boolean NOT NULL DEFAULT false,"
        " ADD COLUMN renewal_months integer NOT NULL DEFAULT 12,"
        " ADD COLUMN notice_days integer NOT NULL DEFAULT 30,"
        " ADD COLUMN reason text, ADD COLUMN cancelled_at timestamptz,"
        " ADD CONSTRAINT ck_contract_renewal_months CHECK (renewal_months BETWEEN 1 AND 120),"
        " ADD CONSTRAINT ck_contract_notice_days CHECK (notice_days BETWEEN 0 AND 365),"
        " ADD CONSTRAINT ck_contract_cancelled CHECK ((state = 'CANCELLED') OR cancelled_at IS NULL)"
    )
    op.execute("CREATE INDEX ix_contract_in_force ON contract (ends_on) WHERE state = 'ACTIVE'")
    op.execute("ALTER TABLE entitlement DROP CONSTRAINT ck_entitlement_coverage")
    op.execute(
        "ALTER TABLE entitlement ADD COLUMN warn_percent integer DEFAULT 80,"
        f" ADD CONSTRAINT ck_entitlement_coverage CHECK (coverage_opens ~ {WALL} AND coverage_closes ~ {WALL}"
        " AND coverage_weekdays ~ '^1?2?3?4?5?6?7?$' AND coverage_weekdays <> ''),"
        " ADD CONSTRAINT ck_entitlement_targets"
        " CHECK (least(respond_minutes, arrive_minutes, resolve_minutes) > 0),"
        " ADD CONSTRAINT ck_entitlement_warn_percent CHECK (warn_percent BETWEEN 1 AND 99)"
    )


def _work_orders() -> None:
    op.execute("ALTER TABLE work_order ADD COLUMN asset_id uuid, ADD COLUMN halts jsonb NOT NULL DEFAULT '[]'")
    op.create_foreign_key(
        op.f('fk_work_order_organization_id_asset_id'), 'work_order', 'asset',
        ['organization_id', 'asset_id'], ['organization_id', 'id'], deferrable=True,
    )
    op.create_index(
        op.f('ix_work_order_organization_id_asset_id_created_at_id'), 'work_order',
        ['organization_id', 'asset_id', 'created_at', 'id'],
    )


def _covers() -> None:
    op.execute("CREATE TYPE uuidrange AS RANGE (subtype = uuid, multirange_type_name = uuidmultirange)")
    op.create_table(
        'contract_asset',
        *_row('contract_asset'),
        sa.Column('contract_id', sa.Uuid(), nullable=False),
        sa.Column('asset_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('active', sa.Boolean(), nullable=False),
        sa.Column('during', postgresql.DATERANGE(), nullable=False),
        *(_leads('contract_asset', other) for other in ('contract', 'asset', 'customer')),
        sa.UniqueConstraint(
            'organization_id', 'contract_id', 'asset_id',
            name='uq_contract_asset_organization_id_contract_id_asset_id',
        ),
    )
    op.execute("ALTER TABLE contract_asset ADD COLUMN kinds uuidmultirange NOT NULL")
    op.execute(
        "ALTER TABLE contract_asset ADD CONSTRAINT ex_contract_asset_one_cover EXCLUDE USING gist"
        " (organization_id WITH =, asset_id WITH =, kinds WITH &&, during WITH &&) WHERE (active) DEFERRABLE"
    )
    op.create_table(
        'contract_work_type',
        *_row('contract_work_type'),
        sa.Column('contract_id', sa.Uuid(), nullable=False),
        sa.Column('work_type_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        *(_leads('contract_work_type', other) for other in ('contract', 'work_type', 'customer')),
        sa.UniqueConstraint(
            'organization_id', 'contract_id', 'work_type_id',
            name='uq_contract_work_type_organization_id_contract_id_work_type_id',
        ),
    )
    for table, columns in (
        ('contract_asset', ('contract_id', 'asset_id', 'customer_id')),
        ('contract_work_type', ('contract_id', 'work_type_id', 'customer_id')),
    ):
        for column in columns:
            op.create_index(op.f(f'ix_{table}_organization_id_{column}'), table, ['organization_id', column])
    for statement in COVER:
        op.get_bind().exec_driver_sql(statement)


def _milestones() -> None:
    times = ('warn_at', 'warned_at', 'paused_at', 'met_at', 'breached_at', 'next_at')
    op.create_table(
        'milestone',
        *_row('milestone'),
        *(sa.Column(f'{other}_id', sa.Uuid(), nullable=False)
          for other in ('work_order', 'customer', 'contract', 'entitlement')),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('target_seconds', sa.Integer(), nullable=False),
        sa.Column('coverage_opens', sa.Text(), nullable=False),
        sa.Column('coverage_closes', sa.Text(), nullable=False),
        sa.Column('coverage_weekdays', sa.Text(), nullable=False),
        sa.Column('time_zone', sa.Text(), nullable=False),
        sa.Column('warn_percent', sa.Integer(), nullable=True),
        sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in times),
        sa.CheckConstraint("kind IN ('RESPOND', 'ARRIVE', 'RESOLVE')", name=op.f('ck_milestone_kind')),
        sa.CheckConstraint(
            "state IN ('RUNNING', 'PAUSED', 'MET', 'BREACHED')", name=op.f('ck_milestone_state')
        ),
        sa.CheckConstraint('target_seconds > 0', name=op.f('ck_milestone_target_seconds')),
        sa.CheckConstraint("(state = 'PAUSED') = (paused_at IS NOT NULL)", name=op.f('ck_milestone_paused')),
        sa.CheckConstraint("(state = 'MET') = (met_at IS NOT NULL)", name=op.f('ck_milestone_met')),
        sa.CheckConstraint(
            "(state = 'BREACHED') = (breached_at IS NOT NULL)", name=op.f('ck_milestone_breached')
        ),
        sa.CheckConstraint('breached_at = due_at', name=op.f('ck_milestone_breached_at')),
        sa.CheckConstraint("(state = 'RUNNING') = (next_at IS NOT NULL)", name=op.f('ck_milestone_next_at')),
        *(_leads('milestone', other) for other in ('work_order', 'customer', 'contract', 'entitlement')),
        sa.UniqueConstraint(
            'organization_id', 'work_order_id', 'kind', name='uq_milestone_organization_id_work_order_id_kind'
        ),
    )
    op.execute(
        "CREATE INDEX ix_milestone_next ON milestone (next_at) WHERE next_at IS NOT NULL"
    )
    for columns in (
        ('due_at', 'id'), ('work_order_id', 'due_at', 'id'), ('contract_id', 'due_at', 'id'), ('customer_id',),
        ('entitlement_id',),
    ):
        op.create_index(
            op.f(f'ix_milestone_organization_id_{"_".join(columns)}'), 'milestone', ['organization_id', *columns]
        )


def _machine(table: str, steps: tuple[tuple[str, str], ...]) -> None:
    legal = f'{table}_transition'
    op.execute(f"CREATE TABLE {legal} (from_state text, to_state text, PRIMARY KEY (from_state, to_state))")
    op.execute(f"INSERT INTO {legal} VALUES " + ", ".join(f"('{start}', '{end}')" for start, end in steps))
    op.execute(f"ALTER TABLE {legal} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {legal} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {legal} FOR SELECT TO fieldgraph_app USING (true)")
    op.execute(f"GRANT SELECT ON {legal} TO fieldgraph_app")
    op.execute(
        f"CREATE TRIGGER legal_transition BEFORE UPDATE OF state ON {table} FOR EACH ROW"
        f" WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION legal_transition('{legal}')"
    )


def _row(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['organization_id'], ['organization.id'], name=f'fk_{table}_organization_id'
        ),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=f'pk_{table}'),
    )


def _leads(table: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ['organization_id', f'{other}_id'], [f'{other}.organization_id', f'{other}.id'],
        name=f'fk_{table}_organization_id_{other}_id', deferrable=True,
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
