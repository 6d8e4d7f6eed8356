"""Purchasing and the stock of a visit: serial numbers, reorder rules, purchase orders (revision 0011)."""

from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

TABLES = [
    """
    CREATE TABLE stock_serial (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        part_id UUID NOT NULL,
        serial TEXT NOT NULL,
        state TEXT NOT NULL,
        stock_location_id UUID NOT NULL,
        visit_id UUID,
        transfer_id UUID,
        asset_id UUID,
        CONSTRAINT pk_stock_serial PRIMARY KEY (organization_id, id),
        CONSTRAINT ck_stock_serial_state CHECK (state IN ('IN_STOCK', 'IN_TRANSIT', 'CONSUMED', 'GONE')),
        CONSTRAINT ck_stock_serial_consumed CHECK ((state = 'CONSUMED') = (visit_id IS NOT NULL)),
        CONSTRAINT ck_stock_serial_in_transit CHECK ((state = 'IN_TRANSIT') = (transfer_id IS NOT NULL)),
        CONSTRAINT uq_stock_serial_organization_id_part_id_serial UNIQUE (organization_id, part_id, serial),
        CONSTRAINT fk_stock_serial_organization_id_part_id FOREIGN KEY(organization_id, part_id) REFERENCES part (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_stock_serial_organization_id_stock_location_id FOREIGN KEY(organization_id, stock_location_id) REFERENCES stock_location (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_stock_serial_organization_id_visit_id FOREIGN KEY(organization_id, visit_id) REFERENCES visit (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_stock_serial_organization_id_transfer_id FOREIGN KEY(organization_id, transfer_id) REFERENCES transfer (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_stock_serial_organization_id_asset_id FOREIGN KEY(organization_id, asset_id) REFERENCES asset (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_stock_serial_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
    )
    """,
    """
    CREATE TABLE reorder_rule (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        part_id UUID NOT NULL,
        stock_location_id UUID NOT NULL,
        minimum INTEGER NOT NULL,
        maximum INTEGER NOT NULL,
        lead_days INTEGER NOT NULL,
        supplier_name TEXT NOT NULL,
        supplier_number TEXT,
        unit_cost NUMERIC(19, 4),
        currency TEXT NOT NULL,
        is_active BOOLEAN NOT NULL,
        CONSTRAINT pk_reorder_rule PRIMARY KEY (organization_id, id),
        CONSTRAINT ck_reorder_rule_minimum CHECK (minimum >= 0),
        CONSTRAINT ck_reorder_rule_maximum CHECK (maximum > minimum),
        CONSTRAINT ck_reorder_rule_lead_days CHECK (lead_days BETWEEN 0 AND 730),
        CONSTRAINT ck_reorder_rule_unit_cost CHECK (unit_cost >= 0),
        CONSTRAINT uq_reorder_rule_organization_id_stock_location_id_part_id UNIQUE (organization_id, stock_location_id, part_id),
        CONSTRAINT fk_reorder_rule_organization_id_stock_location_id FOREIGN KEY(organization_id, stock_location_id) REFERENCES stock_location (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_reorder_rule_organization_id_part_id FOREIGN KEY(organization_id, part_id) REFERENCES part (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_reorder_rule_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
    )
    """,
    """
    CREATE TABLE purchase_order (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        number TEXT NOT NULL,
        state TEXT NOT NULL,
        supplier_name TEXT NOT NULL,
        stock_location_id UUID NOT NULL,
        automatic BOOLEAN NOT NULL,
        reason TEXT,
        ordered_at TIMESTAMP WITH TIME ZONE,
        expected_on DATE,
        received_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_purchase_order PRIMARY KEY (organization_id, id),
        CONSTRAINT ck_purchase_order_state CHECK (state IN ('DRAFT', 'ORDERED', 'PARTLY_RECEIVED', 'RECEIVED', 'CANCELLED')),
        CONSTRAINT ck_purchase_order_received CHECK ((state = 'RECEIVED') = (received_at IS NOT NULL)),
        CONSTRAINT ck_purchase_order_ordered CHECK (ordered_at IS NOT NULL OR state IN ('DRAFT', 'CANCELLED')),
        CONSTRAINT uq_purchase_order_organization_id_number UNIQUE (organization_id, number),
        CONSTRAINT fk_purchase_order_organization_id_stock_location_id FOREIGN KEY(organization_id, stock_location_id) REFERENCES stock_location (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_purchase_order_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
    )
    """,
    """
    CREATE TABLE purchase_order_line (
        organization_id UUID NOT NULL,
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        purchase_order_id UUID NOT NULL,
        part_id UUID NOT NULL,
        stock_location_id UUID NOT NULL,
        reorder_rule_id UUID,
        supplier_number TEXT,
        quantity INTEGER NOT NULL,
        received INTEGER NOT NULL,
        unit_cost NUMERIC(19, 4),
        currency TEXT NOT NULL,
        is_open BOOLEAN NOT NULL,
        CONSTRAINT pk_purchase_order_line PRIMARY KEY (organization_id, id),
        CONSTRAINT ck_purchase_order_line_quantity CHECK (quantity > 0),
        CONSTRAINT ck_purchase_order_line_received CHECK (received BETWEEN 0 AND quantity),
        CONSTRAINT ck_purchase_order_line_is_open CHECK (NOT is_open OR received < quantity),
        CONSTRAINT ck_purchase_order_line_unit_cost CHECK (unit_cost >= 0),
        CONSTRAINT uq_purchase_order_line_organization_id_purchase_order_i_a5c7 UNIQUE (organization_id, purchase_order_id, part_id),
        CONSTRAINT fk_purchase_order_line_organization_id_purchase_order_id FOREIGN KEY(organization_id, purchase_order_id) REFERENCES purchase_order (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_purchase_order_line_organization_id_part_id FOREIGN KEY(organization_id, part_id) REFERENCES part (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_purchase_order_line_organization_id_stock_location_id FOREIGN KEY(organization_id, stock_location_id) REFERENCES stock_location (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_purchase_order_line_organization_id_reorder_rule_id FOREIGN KEY(organization_id, reorder_rule_id) REFERENCES reorder_rule (organization_id, id) DEFERRABLE,
        CONSTRAINT fk_purchase_order_line_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
    )
    """,
]
INDEXES = [
    "CREATE INDEX ix_stock_serial_organization_id_asset_id ON stock_serial (organization_id, asset_id)",
    "CREATE INDEX ix_stock_serial_organization_id_part_id ON stock_serial (organization_id, part_id)",
    "CREATE INDEX ix_stock_serial_organization_id_serial_id ON stock_serial (organization_id, serial, id)",
    "CREATE INDEX ix_stock_serial_organization_id_stock_location_id ON stock_serial (organization_id, stock_location_id)",
    "CREATE INDEX ix_stock_serial_organization_id_transfer_id ON stock_serial (organization_id, transfer_id)",
    "CREATE INDEX ix_stock_serial_organization_id_visit_id ON stock_serial (organization_id, visit_id)",
    "CREATE INDEX ix_reorder_rule_organization_id_part_id ON reorder_rule (organization_id, part_id)",
    "CREATE INDEX ix_reorder_rule_organization_id_stock_location_id ON reorder_rule (organization_id, stock_location_id)",
    "CREATE INDEX ix_purchase_order_organization_id_created_at_id ON purchase_order (organization_id, created_at, id)",
    "CREATE INDEX ix_purchase_order_organization_id_stock_location_id ON purchase_order (organization_id, stock_location_id)",
    "CREATE INDEX ix_purchase_order_line_organization_id_part_id ON purchase_order_line (organization_id, part_id)",
    "CREATE INDEX ix_purchase_order_line_organization_id_purchase_order_id ON purchase_order_line (organization_id, purchase_order_id)",
    "CREATE INDEX ix_purchase_order_line_organization_id_reorder_rule_id ON purchase_order_line (organization_id, reorder_rule_id)",
    "CREATE INDEX ix_purchase_order_line_organization_id_stock_location_id ON purchase_order_line (organization_id, stock_location_id)",
    "CREATE UNIQUE INDEX uq_purchase_order_line_open ON purchase_order_line (organization_id, reorder_rule_id) WHERE is_open",
]
# Frozen from domain/access as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE stock_serial ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE stock_serial FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON stock_serial FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_serial.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    "CREATE POLICY changes ON stock_serial FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_serial.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen)))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON stock_serial FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_serial.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    "CREATE POLICY adds ON stock_serial FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_serial.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    'ALTER TABLE reorder_rule ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE reorder_rule FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON reorder_rule FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION'))))",
    "CREATE POLICY changes ON reorder_rule FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON reorder_rule FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON reorder_rule FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE purchase_order ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE purchase_order FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON purchase_order FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION'))))",
    "CREATE POLICY changes ON purchase_order FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON purchase_order FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON purchase_order FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE purchase_order_line ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE purchase_order_line FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON purchase_order_line FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION'))))",
    "CREATE POLICY changes ON purchase_order_line FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON purchase_order_line FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON purchase_order_line FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
]
KINDS = (
    "'RECEIPT', 'CONSUMPTION', 'ADJUSTMENT', 'COUNT', 'TRANSFER_OUT', 'TRANSFER_IN', 'PICK', 'RETURN'"
)
TRANSITIONS = {
    'reservation': "('HELD', 'PICKED'), ('HELD', 'CONSUMED'), ('HELD', 'RELEASED'), ('PICKED', 'CONSUMED'),"
    " ('PICKED', 'RETURNED'), ('PICKED', 'RELEASED')",
    'purchase_order': "('DRAFT', 'ORDERED'), ('DRAFT', 'CANCELLED'), ('ORDERED', 'PARTLY_RECEIVED'),"
    " ('ORDERED', 'RECEIVED'), ('ORDERED', 'CANCELLED'), ('PARTLY_RECEIVED', 'RECEIVED'),"
    " ('PARTLY_RECEIVED', 'CANCELLED')",
}
# Whoever moves pieces of a serialized part says which: looked at when the transaction ends, under the viewer's
# own policies, so that nothing is told of a place that they do not see.
COUNTED = """
CREATE FUNCTION serials_are_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM part p
        JOIN stock_level l ON l.organization_id = p.organization_id AND l.part_id = p.id AND l.id = NEW.id
        WHERE p.organization_id = NEW.organization_id AND p.id = NEW.part_id AND p.serialized
        AND l.on_hand <> (
            SELECT count(*) FROM stock_serial s WHERE s.organization_id = l.organization_id
            AND s.stock_location_id = l.stock_location_id AND s.part_id = l.part_id AND s.state = 'IN_STOCK'
        )
    ) THEN
        RAISE EXCEPTION 'the pieces of a level are not its serial numbers' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    # Works with the previous release: new columns are nullable or have a default, and what it writes is legal.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE part ADD COLUMN serialized boolean NOT NULL DEFAULT false")
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
    _refer('stock_movement', 'purchase_order_id', 'purchase_order')
    _refer('reservation', 'picked_from_id', 'stock_location')
    op.execute("ALTER TABLE stock_movement DROP CONSTRAINT ck_stock_movement_kind")
    op.execute(f"ALTER TABLE stock_movement ADD CONSTRAINT ck_stock_movement_kind CHECK (kind IN ({KINDS}))")
    # A part may be held for a visit in several places, and be picked in part.
    op.execute("DROP INDEX uq_reservation_open")
    for table, pairs in TRANSITIONS.items():
        _transitions(table, pairs)
    op.execute(COUNTED)
    op.execute(
        "CREATE CONSTRAINT TRIGGER serials_are_counted AFTER UPDATE OF on_hand ON stock_level"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.on_hand IS DISTINCT FROM NEW.on_hand)"
        " EXECUTE FUNCTION serials_are_counted()"
    )
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON stock_serial, reorder_rule, purchase_order, purchase_order_line"
        " TO fieldgraph_app"
    )


def _refer(table: str, column: str, other: str) -> None:
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} uuid")
    op.create_foreign_key(
        op.f(f'fk_{table}_organization_id_{column}'),
        table,
        other,
        ['organization_id', column],
        ['organization_id', 'id'],
        deferrable=True,
    )
    op.create_index(op.f(f'ix_{table}_organization_id_{column}'), table, ['organization_id', column])


def _transitions(table: str, pairs: str) -> None:
    legal = f"{table}_transition"
    op.execute(f"CREATE TABLE {legal} (from_state text, to_state text, PRIMARY KEY (from_state, to_state))")
    op.execute(f"INSERT INTO {legal} VALUES {pairs}")
    op.execute(f"ALTER TABLE {legal} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {legal} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {legal} FOR SELECT TO fieldgraph_app USING (true)")
    op.execute(f"GRANT SELECT ON {legal} TO fieldgraph_app")
    op.execute(
        f"CREATE TRIGGER legal_transition BEFORE UPDATE OF state ON {table} FOR EACH ROW"
        f" WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION legal_transition('{legal}')"
    )


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
