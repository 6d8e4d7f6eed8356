"""Customers in depth: archived ones, what contacts agreed to, assets and their meters (revision 0007)."""

from alembic import op
import sqlalchemy as sa

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

# Frozen from domain/access.py as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE asset ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE asset FORCE ROW LEVEL SECURITY',
    'CREATE POLICY search ON asset FOR SELECT TO fieldgraph_search USING (true)',
    "CREATE POLICY reads ON asset FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND asset.site_id IN (SELECT seen FROM viewer_assigned_sites() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND asset.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON asset FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON asset FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON asset FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE meter_reading ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE meter_reading FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON meter_reading FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND meter_reading.site_id IN (SELECT seen FROM viewer_assigned_sites() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND meter_reading.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))))",
    "CREATE POLICY changes ON meter_reading FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND meter_reading.site_id IN (SELECT seen FROM viewer_assigned_sites() seen)))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON meter_reading FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND meter_reading.site_id IN (SELECT seen FROM viewer_assigned_sites() seen))))",
    "CREATE POLICY adds ON meter_reading FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND meter_reading.site_id IN (SELECT seen FROM viewer_assigned_sites() seen))))",
]


def upgrade() -> None:
    # Works with the previous release: new columns are nullable or have a default, which costs no rewrite.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE customer ADD COLUMN archived_at timestamptz")
    for consent in ("email_opt_in", "phone_opt_in", "sms_opt_in"):
        op.execute(f"ALTER TABLE contact ADD COLUMN {consent} boolean NOT NULL DEFAULT false")
    _assets()
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON asset, meter_reading TO fieldgraph_app")
    op.execute("GRANT SELECT (organization_id, id, searched) ON asset TO fieldgraph_search")


def _assets() -> None:
    op.create_table(
        'asset',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('site_id', sa.Uuid(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('serial', sa.Text(), nullable=True),
        sa.Column('model', sa.Text(), nullable=True),
        sa.Column('installed_on', sa.Date(), nullable=True),
        sa.Column('warranty_until', sa.Date(), nullable=True),
        sa.Column('searched', sa.Text(), sa.Computed("searchable(VARIADIC ARRAY[name, serial, model])", persisted=True)),
        sa.CheckConstraint('warranty_until >= installed_on', name=op.f('ck_asset_warranty_until')),
        _leads('asset', 'customer'),
        _leads('asset', 'site'),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name='fk_asset_organization_id'),
        sa.PrimaryKeyConstraint('organization_id', 'id', name='pk_asset'),
        sa.UniqueConstraint('organization_id', 'serial', name='uq_asset_organization_id_serial'),
    )
    op.create_table(
        'meter_reading',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('asset_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('site_id', sa.Uuid(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('value', sa.Numeric(18, 3), nullable=False),
        sa.Column('replaced', sa.Boolean(), nullable=False),
        sa.CheckConstraint('value >= 0', name=op.f('ck_meter_reading_value')),
        _leads('meter_reading', 'asset'),
        _leads('meter_reading', 'customer'),
        _leads('meter_reading', 'site'),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name='fk_meter_reading_organization_id'),
        sa.PrimaryKeyConstraint('organization_id', 'id', name='pk_meter_reading'),
        sa.UniqueConstraint('organization_id', 'asset_id', 'at', name='uq_meter_reading_organization_id_asset_id_at'),
    )
    for table, columns in (
        ('asset', 'name_id'), ('asset', 'customer_id'), ('asset', 'site_id'),
        ('meter_reading', 'customer_id'), ('meter_reading', 'site_id'),
    ):
        parts = {'name_id': 'name, id'}.get(columns, columns)
        op.execute(f"CREATE INDEX ix_{table}_organization_id_{columns} ON {table} (organization_id, {parts})")
    op.execute(
        "CREATE INDEX ix_meter_reading_organization_id_asset_id_at_id ON meter_reading"
        " (organization_id, asset_id, at, id)"
    )
    op.execute(
        "CREATE INDEX ix_asset_organization_id_searched ON asset"
        " USING gin (organization_id, searched gin_trgm_ops) WITH (fastupdate = off)"
    )


def _leads(table: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ['organization_id', f'{other}_id'], [f'{other}.organization_id', f'{other}.id'],
        name=f'fk_{table}_organization_id_{other}_id', deferrable=True,
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
