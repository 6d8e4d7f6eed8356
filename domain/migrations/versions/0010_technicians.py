"""Technicians in depth: certificates, patterns of shifts, vehicles, costs, capacities (revision 0010)."""

from alembic import op
import sqlalchemy as sa

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

WALL_TIME = '([01][0-9]|2[0-3]):[0-5][0-9]'
# Frozen from domain/access as it was; tests/domain/test_access.py compares the database with it.
POLICIES = [
    'ALTER TABLE certification ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE certification FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON certification FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND certification.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "CREATE POLICY changes ON certification FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON certification FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON certification FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE shift_pattern ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE shift_pattern FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON shift_pattern FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND shift_pattern.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "CREATE POLICY changes ON shift_pattern FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON shift_pattern FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON shift_pattern FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    'ALTER TABLE shift_pattern_day ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE shift_pattern_day FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON shift_pattern_day FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'SALES', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND shift_pattern_day.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "CREATE POLICY changes ON shift_pattern_day FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON shift_pattern_day FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
    "CREATE POLICY adds ON shift_pattern_day FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION'))))",
]
ROW = (
    'organization_id uuid NOT NULL CONSTRAINT fk_{t}_organization_id REFERENCES organization (id), id uuid NOT NULL,'
    ' version integer NOT NULL, updated_at timestamptz NOT NULL, created_at timestamptz NOT NULL,'
)
KEY = 'CONSTRAINT pk_{t} PRIMARY KEY (organization_id, id)'


def upgrade() -> None:
    # Works with the previous release: new columns are nullable or have a default, which costs no rewrite, and
    # technician_skill.certified_until goes on saying what that release asks of it.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE skill ADD COLUMN requires_certification boolean NOT NULL DEFAULT false")
    _technicians()
    _certifications()
    _patterns()
    for statement in POLICIES:
        op.get_bind().exec_driver_sql(statement)
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON certification, shift_pattern, shift_pattern_day"
        " TO fieldgraph_app"
    )


def _technicians() -> None:
    for column in (
        'overtime_hourly_cost numeric(19, 4)', 'kilometre_cost numeric(19, 4)', 'vehicle_registration text',
        'vehicle_name text', 'max_visits_per_day integer', 'max_minutes_per_day integer', 'archived_at timestamptz',
    ):
        op.execute(f"ALTER TABLE technician ADD COLUMN {column}")
    for name, rule in (
        ('overtime_hourly_cost', 'overtime_hourly_cost >= 0'),
        ('kilometre_cost', 'kilometre_cost >= 0'),
        ('max_visits_per_day', 'max_visits_per_day > 0'),
        ('max_minutes_per_day', 'max_minutes_per_day > 0'),
        ('capacity', "kind = 'SUBCONTRACTOR' OR (max_visits_per_day IS NULL AND max_minutes_per_day IS NULL)"),
        ('vehicle', 'vehicle_name IS NULL OR vehicle_registration IS NOT NULL'),
    ):
        op.execute(f"ALTER TABLE technician ADD CONSTRAINT ck_technician_{name} CHECK ({rule})")


def _certifications() -> None:
    op.execute(
        f"CREATE TABLE certification ({ROW.format(t='certification')}"
        " technician_id uuid NOT NULL, skill_id uuid NOT NULL, number text, issued_on date, valid_until date,"
        " expiring_at timestamptz, expires_at timestamptz, revoked_at timestamptz, reason text, told text,"
        " CONSTRAINT ck_certification_valid_until CHECK (valid_until >= issued_on),"
        " CONSTRAINT ck_certification_expires_at CHECK ((valid_until IS NULL) = (expires_at IS NULL)),"
        " CONSTRAINT ck_certification_expiring_at CHECK ((expires_at IS NULL) = (expiring_at IS NULL)),"
        " CONSTRAINT ck_certification_told CHECK (told IN ('EXPIRING', 'EXPIRED')),"
        " CONSTRAINT uq_certification_organization_id_technician_id_skill_id_number"
        " UNIQUE (organization_id, technician_id, skill_id, number),"
        f" {KEY.format(t='certification')})"
    )
    _refer('certification', 'technician')
    _refer('certification', 'skill')
    op.execute("CREATE INDEX ix_certification_organization_id_valid_until_id ON certification"
               " (organization_id, valid_until, id)")
    op.execute("CREATE INDEX ix_certification_organization_id_expiring_at ON certification"
               " (organization_id, expiring_at)")
    # What was a date of the skill is a certificate without a number. Of what has ended nothing is told any more.
    op.execute(
        "INSERT INTO certification (organization_id, id, version, updated_at, created_at, technician_id, skill_id,"
        " valid_until, expiring_at, expires_at, told)"
        " SELECT s.organization_id, gen_random_uuid(), 1, s.updated_at, s.created_at, s.technician_id, s.skill_id,"
        " s.certified_until, (s.certified_until - 29)::timestamp AT TIME ZONE o.time_zone,"
        " (s.certified_until + 1)::timestamp AT TIME ZONE o.time_zone,"
        " CASE WHEN (s.certified_until + 1)::timestamp AT TIME ZONE o.time_zone <= now() THEN 'EXPIRED' END"
        " FROM technician_skill s JOIN organization o ON o.id = s.organization_id"
        " WHERE s.certified_until IS NOT NULL"
    )


def _patterns() -> None:
    op.execute(
        f"CREATE TABLE shift_pattern ({ROW.format(t='shift_pattern')}"
        " technician_id uuid NOT NULL, time_zone text NOT NULL, valid_from date NOT NULL, valid_until date,"
        " generated_until date NOT NULL,"
        " CONSTRAINT ck_shift_pattern_valid_until CHECK (valid_until >= valid_from),"
        f" {KEY.format(t='shift_pattern')})"
    )
    _refer('shift_pattern', 'technician')
    op.execute("CREATE INDEX ix_shift_pattern_organization_id_valid_from_id ON shift_pattern"
               " (organization_id, valid_from, id)")
    op.execute(
        f"CREATE TABLE shift_pattern_day ({ROW.format(t='shift_pattern_day')}"
        " shift_pattern_id uuid NOT NULL, technician_id uuid NOT NULL, weekday integer NOT NULL,"
        " starts text NOT NULL, ends text NOT NULL, break_earliest text, break_latest text,"
        " break_minutes integer NOT NULL,"
        " CONSTRAINT ck_shift_pattern_day_weekday CHECK (weekday BETWEEN 1 AND 7),"
        f" CONSTRAINT ck_shift_pattern_day_times CHECK (starts ~ '^{WALL_TIME}$' AND ends ~ '^{WALL_TIME}$'),"
        " CONSTRAINT ck_shift_pattern_day_break_minutes CHECK ((break_minutes = 0) = (break_earliest IS NULL)),"
        " CONSTRAINT ck_shift_pattern_day_break_latest CHECK ((break_earliest IS NULL) = (break_latest IS NULL)),"
        " CONSTRAINT uq_shift_pattern_day_organization_id_shift_pattern_id_weekday"
        " UNIQUE (organization_id, shift_pattern_id, weekday),"
        f" {KEY.format(t='shift_pattern_day')})"
    )
    _refer('shift_pattern_day', 'shift_pattern')
    _refer('shift_pattern_day', 'technician')
    # In place, under a lock: until now only the demo's seed has written shifts, which do not overlap.
    op.execute("ALTER TABLE shift ADD COLUMN shift_pattern_id uuid, ADD COLUMN day date")
    _refer('shift', 'shift_pattern')
    op.execute("ALTER TABLE shift ADD CONSTRAINT ck_shift_break_earliest CHECK (break_earliest <= break_latest)")
    op.execute("ALTER TABLE shift ADD CONSTRAINT uq_shift_organization_id_shift_pattern_id_day"
               " UNIQUE (organization_id, shift_pattern_id, day)")
    op.execute(
        "ALTER TABLE shift ADD CONSTRAINT ex_shift_overlap EXCLUDE USING gist"
        " (organization_id WITH =, technician_id WITH =, tstzrange(starts_at, ends_at, '[)'::text) WITH &&)"
    )


def _refer(table: str, other: str) -> None:
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_organization_id_{other}_id"
        f" FOREIGN KEY (organization_id, {other}_id) REFERENCES {other} (organization_id, id) DEFERRABLE"
    )
    op.execute(f"CREATE INDEX ix_{table}_organization_id_{other}_id ON {table} (organization_id, {other}_id)")


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
