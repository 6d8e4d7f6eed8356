"""Stock in depth: transfers, why a movement was, the ledger in its order (revision 0006)."""

from alembic import op
import sqlalchemy as sa

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# Frozen from domain/access.py as it was; tests/domain/test_access.py compares.
POLICIES = [
    'ALTER TABLE transfer ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE transfer FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON transfer FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND (transfer.from_location_id IN (SELECT seen FROM viewer_stock_locations() seen) OR transfer.to_location_id IN (SELECT seen FROM viewer_stock_locations() seen)))))",
    "CREATE POLICY changes ON transfer FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND (transfer.from_location_id IN (SELECT seen FROM viewer_stock_locations() seen) OR transfer.to_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON transfer FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND (transfer.from_location_id IN (SELECT seen FROM viewer_stock_locations() seen) OR transfer.to_location_id IN (SELECT seen FROM viewer_stock_locations() seen)))))",
    "CREATE POLICY adds ON transfer FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND (transfer.from_location_id IN (SELECT seen FROM viewer_stock_locations() seen) OR transfer.to_location_id IN (SELECT seen FROM viewer_stock_locations() seen)))))",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON transfer TO fieldgraph_app",
]
KINDS = "'RECEIPT', 'CONSUMPTION', 'ADJUSTMENT', 'COUNT', 'TRANSFER_OUT', 'TRANSFER_IN'"
LEGAL = "transfer_transition"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        'transfer',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('from_location_id', sa.Uuid(), nullable=False),
        sa.Column('to_location_id', sa.Uuid(), nullable=False),
        sa.Column('part_id', sa.Uuid(), nullable=False),
        sa.Column('quantity', sa.Integer(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('shipped_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('received_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('REQUESTED', 'SHIPPED', 'RECEIVED')", name=op.f('ck_transfer_state')),
        sa.CheckConstraint('quantity > 0', name=op.f('ck_transfer_quantity')),
        sa.CheckConstraint('from_location_id <> to_location_id', name=op.f('ck_transfer_elsewhere')),
        sa.CheckConstraint("(state <> 'REQUESTED') = (shipped_at IS NOT NULL)", name=op.f('ck_transfer_shipped')),
        sa.CheckConstraint("(state = 'RECEIVED') = (received_at IS NOT NULL)", name=op.f('ck_transfer_received')),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_transfer_organization_id')),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_transfer')),
    )
    op.create_index(op.f('ix_transfer_organization_id_created_at_id'), 'transfer', ['organization_id', 'created_at', 'id'])
    for column, table in (
        ('from_location_id', 'stock_location'),
        ('to_location_id', 'stock_location'),
        ('part_id', 'part'),
    ):
        _refer('transfer', column, table)
    # In place, under a lock: no release has yet had rows in this table.
    op.add_column('stock_movement', sa.Column('transfer_id', sa.Uuid(), nullable=True))
    op.add_column('stock_movement', sa.Column('reason', sa.Text(), nullable=True))
    _refer('stock_movement', 'transfer_id', 'transfer')
    op.execute("ALTER TABLE stock_movement DROP CONSTRAINT ck_stock_movement_kind")
    op.execute(f"ALTER TABLE stock_movement ADD CONSTRAINT ck_stock_movement_kind CHECK (kind IN ({KINDS}))")
    op.create_index(
        op.f('ix_stock_movement_organization_id_created_at_id'),
        'stock_movement',
        ['organization_id', 'created_at', 'id'],
    )
    _transitions()
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)


def _refer(table: str, column: str, other: str) -> None:
    op.create_foreign_key(
        op.f(f'fk_{table}_organization_id_{column}'),
        table,
        other,
        ['organization_id', column],
        ['organization_id', 'id'],
        deferrable=True,
    )
    op.create_index(op.f(f'ix_{table}_organization_id_{column}'), table, ['organization_id', column])


def _transitions() -> None:
    op.execute(f"CREATE TABLE {LEGAL} (from_state text, to_state text, PRIMARY KEY (from_state, to_state))")
    op.execute(f"INSERT INTO {LEGAL} VALUES ('REQUESTED', 'SHIPPED'), ('SHIPPED', 'RECEIVED')")
    op.execute(f"ALTER TABLE {LEGAL} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {LEGAL} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {LEGAL} FOR SELECT TO fieldgraph_app USING (true)")
    op.execute(f"GRANT SELECT ON {LEGAL} TO fieldgraph_app")
    op.execute(
        "CREATE TRIGGER legal_transition BEFORE UPDATE OF state ON transfer FOR EACH ROW"
        f" WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION legal_transition('{LEGAL}')"
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
