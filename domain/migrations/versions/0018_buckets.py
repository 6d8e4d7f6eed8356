"""Buckets: what each client of an organization may still ask for (revision 0018).

UNLOGGED: a bucket is full again within seconds, so that one lost in a crash does no harm, and without a log
the statements that take from it wait for no disk.
"""

from alembic import op
import sqlalchemy as sa

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

# Frozen from domain/access as it was; tests/domain/test_access.py compares.
POLICIES = [
    'ALTER TABLE bucket ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE bucket FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON bucket FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'CREATE POLICY system ON bucket TO fieldgraph_system USING (true)',
]
GRANTS = [
    "GRANT SELECT ON bucket TO fieldgraph_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON bucket TO fieldgraph_system",
]


def upgrade() -> None:
    # A new table and a short foreign key: nothing that runs waits for it longer than this.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('bucket',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('client', sa.Text(), nullable=False),
        sa.Column('left_points', sa.Float(), nullable=False),
        sa.Column('granted_points', sa.Float(), nullable=False),
        sa.Column('filled_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_bucket_organization_id')),
        sa.PrimaryKeyConstraint('organization_id', 'client', name=op.f('pk_bucket')),
        prefixes=['UNLOGGED'],
    )
    for statement in (*POLICIES, *GRANTS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
