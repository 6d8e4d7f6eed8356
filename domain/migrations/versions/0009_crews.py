"""Crews, offers, dependent visits, the promise kept first, substatuses (revision 0009)."""

from alembic import op
import sqlalchemy as sa

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

# Frozen from domain/access.py as it was; tests/domain/test_access.py compares the database with it.
FUNCTIONS = [
    "CREATE FUNCTION viewer_crews() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE ROWS 500 SET search_path = pg_catalog, public BEGIN ATOMIC SELECT own.crew_id FROM crew_member own WHERE own.organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND own.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid); END",
    'REVOKE ALL ON FUNCTION viewer_crews() FROM PUBLIC',
    'GRANT EXECUTE ON FUNCTION viewer_crews() TO fieldgraph_app',
]
POLICIES = [
    'ALTER TABLE crew ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE crew FORCE ROW LEVEL SECURITY',
    'CREATE POLICY search ON crew FOR SELECT TO fieldgraph_search USING (true)',
    "CREATE POLICY reads ON crew FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND crew.id IN (SELECT seen FROM viewer_crews() seen))))",
    "CREATE POLICY changes ON crew FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON crew FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON crew FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE crew_member ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE crew_member FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON crew_member FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND crew_member.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "CREATE POLICY changes ON crew_member FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON crew_member FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON crew_member FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE substatus ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE substatus FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON substatus FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'TECHNICIAN', 'SUBCONTRACTOR', 'SALES', 'INTEGRATION'))))",
    "CREATE POLICY changes ON substatus FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON substatus FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON substatus FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE visit_dependency ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE visit_dependency FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON visit_dependency FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND (visit_dependency.predecessor_id IN (SELECT seen FROM viewer_assigned_visits() seen) OR visit_dependency.successor_id IN (SELECT seen FROM viewer_assigned_visits() seen)))))",
    "CREATE POLICY changes ON visit_dependency FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON visit_dependency FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON visit_dependency FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON crew, crew_member, substatus, visit_dependency TO fieldgraph_app",
    "GRANT SELECT (organization_id, id, searched) ON crew TO fieldgraph_search",
]
LEGAL = "assignment_transition"
STATES = (
    "'UNSCHEDULED', 'SCHEDULED', 'DISPATCHED', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'PAUSED', 'COMPLETED',"
    " 'INCOMPLETE', 'NO_ACCESS', 'CANCELLED'"
)
# For whoever does not say it themselves, such as a process of the previous release.
KEEPS = """
CREATE FUNCTION visit_keeps() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.first_promised_start IS NULL THEN
        NEW.first_promised_start := NEW.window_start;
        NEW.first_promised_end := NEW.window_end;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.state <> OLD.state AND NEW.substatus_id IS NOT DISTINCT FROM OLD.substatus_id THEN
        NEW.substatus_id := NULL;
    END IF;
    IF NEW.state = 'IN_PROGRESS' AND NEW.work_since IS NULL THEN
        NEW.work_since := NEW.updated_at;
    ELSIF NEW.state <> 'IN_PROGRESS' AND NEW.work_since IS NOT NULL THEN
        NEW.worked_seconds := NEW.worked_seconds + greatest(0, extract(epoch FROM NEW.updated_at - NEW.work_since));
        NEW.work_since := NULL;
        UPDATE assignment SET work_since = NULL
        WHERE organization_id = NEW.organization_id AND visit_id = NEW.id AND work_since IS NOT NULL;
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    # Works with the previous release: new columns are nullable or have a default, which costs no rewrite.
    op.execute("SET LOCAL lock_timeout = '4s'")
    _crews()
    _substatuses()
    _visits()
    _assignments()
    _dependencies()
    for statement in (*FUNCTIONS, *POLICIES):
        op.get_bind().exec_driver_sql(statement)


def _table(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        *items,
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=f'fk_{name}_organization_id'),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=f'pk_{name}'),
    )


def _refer(table: str, column: str, other: str) -> None:
    op.create_foreign_key(
        f'fk_{table}_organization_id_{column}',
        table,
        other,
        ['organization_id', column],
        ['organization_id', 'id'],
        deferrable=True,
    )
    op.create_index(f'ix_{table}_organization_id_{column}', table, ['organization_id', column])


def _crews() -> None:
    _table(
        'crew',
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('is_active', sa.Boolean(), nullable=False),
        sa.Column('searched', sa.Text(), sa.Computed("searchable(VARIADIC ARRAY[name])", persisted=True)),
        sa.UniqueConstraint('organization_id', 'name', name='uq_crew_organization_id_name'),
    )
    op.execute(
        "CREATE INDEX ix_crew_organization_id_searched ON crew"
        " USING gin (organization_id, searched gin_trgm_ops) WITH (fastupdate = off)"
    )
    _table(
        'crew_member',
        sa.Column('crew_id', sa.Uuid(), nullable=False),
        sa.Column('technician_id', sa.Uuid(), nullable=False),
        sa.Column('is_lead', sa.Boolean(), nullable=False),
        sa.UniqueConstraint(
            'organization_id', 'crew_id', 'technician_id', name='uq_crew_member_organization_id_crew_id_technician_id'
        ),
    )
    _refer('crew_member', 'crew_id', 'crew')
    _refer('crew_member', 'technician_id', 'technician')
    op.execute("CREATE UNIQUE INDEX uq_crew_member_lead ON crew_member (organization_id, crew_id) WHERE is_lead")


def _substatuses() -> None:
    _table(
        'substatus',
        sa.Column('code', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('visit_state', sa.Text(), nullable=False),
        sa.Column('is_active', sa.Boolean(), nullable=False),
        sa.CheckConstraint(f"visit_state IN ({STATES})", name=op.f('ck_substatus_visit_state')),
        sa.UniqueConstraint('organization_id', 'code', name='uq_substatus_organization_id_code'),
        sa.UniqueConstraint('organization_id', 'id', 'visit_state', name='uq_substatus_organization_id_id_visit_state'),
    )
    op.create_index('ix_substatus_organization_id_name_id', 'substatus', ['organization_id', 'name', 'id'])


def _visits() -> None:
    op.execute(
        "ALTER TABLE work_type ADD COLUMN crew_size integer NOT NULL DEFAULT 1,"
        " ADD CONSTRAINT ck_work_type_crew_size CHECK (crew_size BETWEEN 1 AND 20)"
    )
    op.execute(
        "ALTER TABLE visit ADD COLUMN first_promised_start timestamptz, ADD COLUMN first_promised_end timestamptz,"
        " ADD COLUMN crew_size integer NOT NULL DEFAULT 1, ADD COLUMN crew_id uuid, ADD COLUMN substatus_id uuid,"
        " ADD COLUMN worked_seconds integer NOT NULL DEFAULT 0, ADD COLUMN work_since timestamptz"
    )
    # As its owner, whom the policies hold too otherwise; in place: no release has yet had many rows.
    op.execute("ALTER TABLE visit NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE visit SET first_promised_start = window_start, first_promised_end = window_end"
        " WHERE window_start IS NOT NULL"
    )
    op.execute("UPDATE visit SET work_since = coalesce(started_at, updated_at) WHERE state = 'IN_PROGRESS'")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("ALTER TABLE visit FORCE ROW LEVEL SECURITY")
    op.execute(
        "ALTER TABLE visit ADD CONSTRAINT ck_visit_crew_size CHECK (crew_size BETWEEN 1 AND 20),"
        " ADD CONSTRAINT ck_visit_promised CHECK ((first_promised_start IS NULL) = (first_promised_end IS NULL)),"
        " ADD CONSTRAINT ck_visit_labour_clock CHECK ((work_since IS NOT NULL) = (state = 'IN_PROGRESS')),"
        " ADD CONSTRAINT ck_visit_worked_seconds CHECK (worked_seconds >= 0)"
    )
    _refer('visit', 'crew_id', 'crew')
    op.create_foreign_key(
        'fk_visit_organization_id_substatus_id_state',
        'visit',
        'substatus',
        ['organization_id', 'substatus_id', 'state'],
        ['organization_id', 'id', 'visit_state'],
        deferrable=True,
    )
    op.create_index(
        'ix_visit_organization_id_substatus_id_state', 'visit', ['organization_id', 'substatus_id', 'state']
    )
    op.execute(KEEPS)
    op.execute(
        "CREATE TRIGGER keeps BEFORE INSERT OR UPDATE OF state, window_start ON visit"
        " FOR EACH ROW EXECUTE FUNCTION visit_keeps()"
    )


def _assignments() -> None:
    op.execute(
        "ALTER TABLE assignment ADD COLUMN offer_expires_at timestamptz, ADD COLUMN reason text,"
        " ADD COLUMN en_route_at timestamptz, ADD COLUMN arrived_at timestamptz,"
        " ADD COLUMN started_at timestamptz, ADD COLUMN ended_at timestamptz, ADD COLUMN work_since timestamptz"
    )
    op.execute(
        "CREATE UNIQUE INDEX uq_assignment_labour_clock ON assignment (organization_id, technician_id)"
        " WHERE work_since IS NOT NULL"
    )
    op.execute(
        "CREATE UNIQUE INDEX uq_assignment_lead ON assignment (organization_id, visit_id)"
        " WHERE is_lead AND state IN ('OFFERED', 'ACCEPTED')"
    )
    op.execute("CREATE INDEX ix_assignment_offered ON assignment (offer_expires_at) WHERE state = 'OFFERED'")
    op.execute(f"CREATE TABLE {LEGAL} (from_state text, to_state text, PRIMARY KEY (from_state, to_state))")
    op.execute(
        f"INSERT INTO {LEGAL} VALUES ('OFFERED', 'ACCEPTED'), ('OFFERED', 'DECLINED'), ('OFFERED', 'EXPIRED'),"
        " ('OFFERED', 'RELEASED'), ('ACCEPTED', 'RELEASED'), ('DECLINED', 'RELEASED'), ('EXPIRED', 'RELEASED')"
    )
    op.execute(f"ALTER TABLE {LEGAL} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {LEGAL} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {LEGAL} FOR SELECT TO fieldgraph_app USING (true)")
    op.execute(f"GRANT SELECT ON {LEGAL} TO fieldgraph_app")
    op.execute(
        "CREATE TRIGGER legal_transition BEFORE UPDATE OF state ON assignment FOR EACH ROW"
        f" WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION legal_transition('{LEGAL}')"
    )


def _dependencies() -> None:
    _table(
        'visit_dependency',
        sa.Column('predecessor_id', sa.Uuid(), nullable=False),
        sa.Column('successor_id', sa.Uuid(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('gap_seconds', sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('FINISH_START', 'SAME_DAY', 'SAME_TECHNICIAN')", name=op.f('ck_visit_dependency_kind')
        ),
        sa.CheckConstraint('predecessor_id <> successor_id', name=op.f('ck_visit_dependency_another')),
        sa.CheckConstraint(
            "gap_seconds >= 0 AND (gap_seconds = 0 OR kind = 'FINISH_START')", name=op.f('ck_visit_dependency_gap')
        ),
        sa.UniqueConstraint(
            'organization_id',
            'predecessor_id',
            'successor_id',
            'kind',
            name='uq_visit_dependency_pair',
        ),
    )
    _refer('visit_dependency', 'predecessor_id', 'visit')
    _refer('visit_dependency', 'successor_id', 'visit')


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
