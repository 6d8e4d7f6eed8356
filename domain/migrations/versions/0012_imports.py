"""Imports: files handed in ahead, staged line by line, kept in chunks (revision 0012).

Works with the previous release: new tables, and one more role that may add jobs.
"""

from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE upload (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    updated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT,
    state TEXT NOT NULL,
    expires_at timestamptz NOT NULL,
    stored_at timestamptz,
    CONSTRAINT pk_upload PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_upload_state CHECK (state IN ('WAITING', 'STORED', 'GONE')),
    CONSTRAINT ck_upload_bytes CHECK (bytes > 0),
    CONSTRAINT ck_upload_stored CHECK ((state <> 'WAITING' OR stored_at IS NULL) AND (state <> 'STORED' OR stored_at IS NOT NULL)),
    CONSTRAINT fk_upload_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE INDEX ix_upload_organization_id_sha256 ON upload (organization_id, sha256);
CREATE INDEX ix_upload_organization_id_state_expires_at ON upload (organization_id, state, expires_at);
CREATE TABLE import (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    updated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    upload_id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    dry_run BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    rows_in_file INTEGER,
    rows_staged INTEGER NOT NULL,
    rows_done INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    position INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    failure TEXT,
    finished_at timestamptz,
    CONSTRAINT pk_import PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_import_state CHECK (state IN ('QUEUED', 'STAGING', 'WRITING', 'DONE', 'FAILED')),
    CONSTRAINT ck_import_kind CHECK (kind IN ('CUSTOMERS', 'SITES', 'ASSETS', 'PARTS', 'TECHNICIANS')),
    CONSTRAINT ck_import_rows_done CHECK (rows_done <= rows_staged),
    CONSTRAINT ck_import_rows_counted CHECK (rows_done = created + updated + unchanged + failed),
    CONSTRAINT fk_import_organization_id_upload_id FOREIGN KEY(organization_id, upload_id) REFERENCES upload (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_import_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE INDEX ix_import_organization_id_created_at_id ON import (organization_id, created_at, id);
CREATE INDEX ix_import_organization_id_upload_id ON import (organization_id, upload_id);
CREATE TABLE import_line (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    updated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    import_id UUID NOT NULL,
    number INTEGER NOT NULL,
    cells JSONB NOT NULL,
    external_key TEXT,
    own_key TEXT,
    outcome TEXT,
    user_errors JSONB DEFAULT '[]' NOT NULL,
    entity_type TEXT,
    entity_id UUID,
    CONSTRAINT pk_import_line PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_import_line_outcome CHECK (outcome IN ('CREATED', 'UPDATED', 'UNCHANGED', 'FAILED', 'WITHHELD')),
    CONSTRAINT uq_import_line_organization_id_import_id_number UNIQUE (organization_id, import_id, number),
    CONSTRAINT fk_import_line_organization_id_import_id FOREIGN KEY(organization_id, import_id) REFERENCES import (organization_id, id) DEFERRABLE,
    CONSTRAINT fk_import_line_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id)
);
CREATE INDEX ix_import_line_organization_id_import_id_external_key ON import_line (organization_id, import_id, external_key);
CREATE INDEX ix_import_line_organization_id_import_id_number_id ON import_line (organization_id, import_id, number, id);
CREATE INDEX ix_import_line_organization_id_import_id_own_key ON import_line (organization_id, import_id, own_key);
"""
# Frozen from domain/access as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE upload ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE upload FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON upload FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    "CREATE POLICY changes ON upload FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON upload FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON upload FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    'ALTER TABLE import ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE import FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON import FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    "CREATE POLICY changes ON import FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON import FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON import FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    'ALTER TABLE import_line ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE import_line FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON import_line FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    "CREATE POLICY changes ON import_line FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON import_line FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON import_line FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'INTEGRATION'))))",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON upload, import, import_line TO fieldgraph_app',
    'DROP POLICY adds ON job',
    "CREATE POLICY adds ON job FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
]
LEGAL = {
    'upload': [('WAITING', 'STORED'), ('WAITING', 'GONE'), ('STORED', 'GONE')],
    'import': [
        ('QUEUED', 'STAGING'), ('QUEUED', 'FAILED'), ('STAGING', 'WRITING'), ('STAGING', 'FAILED'),
        ('WRITING', 'DONE'), ('WRITING', 'FAILED'),
    ],
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    for statement in TABLES.strip().split(';'):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
    for table, steps in LEGAL.items():
        _transitions(table, steps)
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)


def _transitions(table: str, steps: list[tuple[str, str]]) -> None:
    legal = f'{table}_transition'
    values = ', '.join(f"('{start}', '{end}')" for start, end in steps)
    op.execute(f"CREATE TABLE {legal} (from_state text, to_state text, PRIMARY KEY (from_state, to_state))")
    op.execute(f"INSERT INTO {legal} VALUES {values}")
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
