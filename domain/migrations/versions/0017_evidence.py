"""Evidence and costs: what is attached to visits for good, and what each visit cost (revision 0017).

Works with the previous release: what it ends has no cost and asks for no evidence; of a visit that is under way
the clocks of who helps count from now on.
"""

from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE attachment (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    updated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    visit_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    upload_id UUID NOT NULL,
    technician_id UUID,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    taken_at timestamptz NOT NULL,
    added_by TEXT NOT NULL,
    signed_by TEXT,
    CONSTRAINT pk_attachment PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_attachment_kind CHECK (kind IN ('PHOTO', 'SIGNATURE', 'DOCUMENT')),
    CONSTRAINT ck_attachment_signed_by CHECK ((kind = 'SIGNATURE') = (signed_by IS NOT NULL)),
    CONSTRAINT fk_attachment_organization_id_upload_id FOREIGN KEY(organization_id, upload_id) REFERENCES upload (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_attachment_organization_id_visit_id FOREIGN KEY(organization_id, visit_id) REFERENCES visit (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_attachment_organization_id_customer_id FOREIGN KEY(organization_id, customer_id) REFERENCES customer (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_attachment_organization_id_technician_id FOREIGN KEY(organization_id, technician_id) REFERENCES technician (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_attachment_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE INDEX ix_attachment_organization_id_customer_id ON attachment (organization_id, customer_id);
CREATE INDEX ix_attachment_organization_id_technician_id ON attachment (organization_id, technician_id);
CREATE UNIQUE INDEX ix_attachment_organization_id_upload_id ON attachment (organization_id, upload_id);
CREATE INDEX ix_attachment_organization_id_visit_id_taken_at_id ON attachment (organization_id, visit_id, taken_at, id);
CREATE TABLE visit_cost (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    updated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    visit_id UUID NOT NULL,
    work_order_id UUID NOT NULL,
    labour_cost NUMERIC(19, 4),
    travel_cost NUMERIC(19, 4),
    parts_cost NUMERIC(19, 4),
    total_cost NUMERIC(19, 4),
    currency TEXT NOT NULL,
    CONSTRAINT pk_visit_cost PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_visit_cost_labour_cost CHECK (labour_cost >= 0),
    CONSTRAINT ck_visit_cost_travel_cost CHECK (travel_cost >= 0),
    CONSTRAINT ck_visit_cost_parts_cost CHECK (parts_cost >= 0),
    CONSTRAINT ck_visit_cost_total_cost CHECK (total_cost IS NOT DISTINCT FROM labour_cost + travel_cost + parts_cost),
    CONSTRAINT fk_visit_cost_organization_id_visit_id FOREIGN KEY(organization_id, visit_id) REFERENCES visit (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_visit_cost_organization_id_work_order_id FOREIGN KEY(organization_id, work_order_id) REFERENCES work_order (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_visit_cost_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE UNIQUE INDEX ix_visit_cost_organization_id_visit_id ON visit_cost (organization_id, visit_id);
CREATE INDEX ix_visit_cost_organization_id_work_order_id ON visit_cost (organization_id, work_order_id);
"""
COLUMNS = [
    "ALTER TABLE work_type ADD COLUMN signature_required boolean NOT NULL DEFAULT false,"
    " ADD COLUMN no_access_photo_required boolean NOT NULL DEFAULT false",
    "ALTER TABLE part ADD COLUMN unit_cost numeric(19, 4),"
    " ADD CONSTRAINT ck_part_unit_cost CHECK (unit_cost >= 0)",
    "ALTER TABLE assignment ADD COLUMN worked_seconds integer NOT NULL DEFAULT 0,"
    " ADD CONSTRAINT ck_assignment_worked_seconds CHECK (worked_seconds >= 0)",
    "ALTER TABLE upload ADD COLUMN technician_id uuid, DROP CONSTRAINT ck_upload_state,"
    " ADD CONSTRAINT ck_upload_state CHECK (state IN ('WAITING', 'STORED', 'KEPT', 'GONE')),"
    " ADD CONSTRAINT fk_upload_organization_id_technician_id FOREIGN KEY (organization_id, technician_id)"
    " REFERENCES technician (organization_id, id) DEFERRABLE",
    "CREATE INDEX ix_upload_organization_id_technician_id ON upload (organization_id, technician_id)",
    # As its owner, whom the policies hold too otherwise.
    "ALTER TABLE upload_transition NO FORCE ROW LEVEL SECURITY",
    "INSERT INTO upload_transition VALUES ('STORED', 'KEPT')",
    "ALTER TABLE upload_transition FORCE ROW LEVEL SECURITY",
]
# Frozen from domain/access as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE attachment ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE attachment FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON attachment FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND attachment.visit_id IN (SELECT seen FROM viewer_assigned_visits() seen)) OR ((SELECT current_setting('app.role', true) IN ('CUSTOMER')) AND attachment.customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid) AND attachment.kind = 'SIGNATURE')))",
    "CREATE POLICY changes ON attachment FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND attachment.visit_id IN (SELECT seen FROM viewer_assigned_visits() seen)))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON attachment FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND attachment.visit_id IN (SELECT seen FROM viewer_assigned_visits() seen))))",
    "CREATE POLICY adds ON attachment FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND attachment.visit_id IN (SELECT seen FROM viewer_assigned_visits() seen))))",
    'ALTER TABLE visit_cost ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE visit_cost FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON visit_cost FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'SALES', 'INTEGRATION'))))",
    "CREATE POLICY changes ON visit_cost FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON visit_cost FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    "CREATE POLICY adds ON visit_cost FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'GRANT SELECT, INSERT ON attachment TO fieldgraph_app',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON visit_cost TO fieldgraph_app',
    'DROP POLICY reads ON upload',
    'DROP POLICY changes ON upload',
    'DROP POLICY deletes ON upload',
    'DROP POLICY adds ON upload',
    "CREATE POLICY reads ON upload FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND upload.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "CREATE POLICY changes ON upload FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND upload.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid)))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON upload FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND upload.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "CREATE POLICY adds ON upload FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND upload.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
]
# Frozen from domain/access/audited.py; tests/domain/test_audited.py compares.
AUDITED = [
    'SELECT audit_table(\'attachment\', \'{"apart": {"signed_by": {"personal": true}}, "belongs": "{visit_id}"}\')',
    'SELECT audit_table(\'visit_cost\', \'{"belongs": "{visit_id,work_order_id}", "readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}\')',
    'SELECT audit_table(\'upload\', \'{"readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}\')',
    'SELECT audit_table(\'part\', \'{"apart": {"unit_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}}\')',
]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    for statement in TABLES.strip().split(';'):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
    for statement in (*COLUMNS, *POLICIES, *AUDITED):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
