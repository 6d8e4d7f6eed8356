"""How days are planned is said by policies of an organization's own; a plan names its one (revision 0014).

The previous release goes on: what it does not know of a plan is null.
"""

from alembic import op
import sqlalchemy as sa

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

# Frozen from domain/access as it was; tests/domain/test_access.py compares.
POLICIES = [
    "ALTER TABLE scheduling_policy ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE scheduling_policy FORCE ROW LEVEL SECURITY",
    "CREATE POLICY reads ON scheduling_policy FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY changes ON scheduling_policy FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON scheduling_policy FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON scheduling_policy FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON scheduling_policy TO fieldgraph_app",
]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        'scheduling_policy',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('is_default', sa.Boolean(), nullable=False),
        sa.Column('hold_planned_starts', sa.Boolean(), nullable=False),
        sa.Column('travel_weight', sa.Integer(), nullable=False),
        sa.Column('overtime_weight', sa.Integer(), nullable=False),
        sa.Column('change_technician_penalty', sa.Integer(), nullable=False),
        sa.Column('change_start_penalty', sa.Integer(), nullable=False),
        sa.Column('start_tolerance_seconds', sa.Integer(), nullable=False),
        sa.Column('overtime_limit_seconds', sa.Integer(), nullable=False),
        sa.Column('emergency_penalty', sa.Integer(), nullable=False),
        sa.Column('high_penalty', sa.Integer(), nullable=False),
        sa.Column('normal_penalty', sa.Integer(), nullable=False),
        sa.Column('low_penalty', sa.Integer(), nullable=False),
        sa.Column('emergency_lateness_weight', sa.Integer(), nullable=False),
        sa.Column('high_lateness_weight', sa.Integer(), nullable=False),
        sa.Column('normal_lateness_weight', sa.Integer(), nullable=False),
        sa.Column('low_lateness_weight', sa.Integer(), nullable=False),
        sa.Column('preferred_percent', sa.Integer(), nullable=False),
        sa.Column('key_percent', sa.Integer(), nullable=False),
        sa.Column('freeze_minutes', sa.Integer(), nullable=True),
        sa.CheckConstraint('travel_weight BETWEEN 1 AND 1000', name=op.f('ck_scheduling_policy_travel_weight')),
        sa.CheckConstraint('overtime_weight BETWEEN 0 AND 1000', name=op.f('ck_scheduling_policy_overtime_weight')),
        sa.CheckConstraint('change_technician_penalty BETWEEN 0 AND 10000000', name=op.f('ck_scheduling_policy_change_technician_penalty')),
        sa.CheckConstraint('change_start_penalty BETWEEN 0 AND 10000000', name=op.f('ck_scheduling_policy_change_start_penalty')),
        sa.CheckConstraint('start_tolerance_seconds BETWEEN 0 AND 86400', name=op.f('ck_scheduling_policy_start_tolerance_seconds')),
        sa.CheckConstraint('overtime_limit_seconds BETWEEN 0 AND 14400', name=op.f('ck_scheduling_policy_overtime_limit_seconds')),
        sa.CheckConstraint('emergency_penalty BETWEEN 0 AND 10000000', name=op.f('ck_scheduling_policy_emergency_penalty')),
        sa.CheckConstraint('high_penalty BETWEEN 0 AND 10000000', name=op.f('ck_scheduling_policy_high_penalty')),
        sa.CheckConstraint('normal_penalty BETWEEN 0 AND 10000000', name=op.f('ck_scheduling_policy_normal_penalty')),
        sa.CheckConstraint('low_penalty BETWEEN 0 AND 10000000', name=op.f('ck_scheduling_policy_low_penalty')),
        sa.CheckConstraint('emergency_lateness_weight BETWEEN 0 AND 1000', name=op.f('ck_scheduling_policy_emergency_lateness_weight')),
        sa.CheckConstraint('high_lateness_weight BETWEEN 0 AND 1000', name=op.f('ck_scheduling_policy_high_lateness_weight')),
        sa.CheckConstraint('normal_lateness_weight BETWEEN 0 AND 1000', name=op.f('ck_scheduling_policy_normal_lateness_weight')),
        sa.CheckConstraint('low_lateness_weight BETWEEN 0 AND 1000', name=op.f('ck_scheduling_policy_low_lateness_weight')),
        sa.CheckConstraint('preferred_percent BETWEEN 100 AND 1000', name=op.f('ck_scheduling_policy_preferred_percent')),
        sa.CheckConstraint('key_percent BETWEEN 100 AND 1000', name=op.f('ck_scheduling_policy_key_percent')),
        sa.CheckConstraint('freeze_minutes BETWEEN 1 AND 10080', name=op.f('ck_scheduling_policy_freeze_minutes')),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_scheduling_policy_organization_id')),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_scheduling_policy')),
        sa.UniqueConstraint('organization_id', 'name', name=op.f('uq_scheduling_policy_organization_id_name')),
    )
    op.create_index(
        'uq_scheduling_policy_default', 'scheduling_policy', ['organization_id'], unique=True,
        postgresql_where=sa.text('is_default'),
    )
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)
    op.execute("ALTER TABLE plan ADD COLUMN scheduling_policy_id uuid, ADD COLUMN stop_asked_at timestamptz")
    op.create_foreign_key(
        op.f('fk_plan_organization_id_scheduling_policy_id'), 'plan', 'scheduling_policy',
        ['organization_id', 'scheduling_policy_id'], ['organization_id', 'id'], deferrable=True,
    )
    op.create_index(op.f('ix_plan_organization_id_scheduling_policy_id'), 'plan', ['organization_id', 'scheduling_policy_id'])


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
