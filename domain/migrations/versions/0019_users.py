"""Users and API keys, and one look-up each for a secret, an identity and a user (revision 0019).

The previous release goes on: what it writes of credentials is as it was, and its own look-up finds no
user's token, which has no role of its own.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

# Frozen from domain/access as it was; tests/domain/test_access.py and test_audited.py compare.
POLICIES = [
    'DROP POLICY reads ON credential',
    'DROP POLICY changes ON credential',
    'DROP POLICY deletes ON credential',
    'DROP POLICY adds ON credential',
    "CREATE POLICY reads ON credential FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER', 'DISPATCHER')) AND credential.role = 'TRACKING')))",
    "CREATE POLICY changes ON credential FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER', 'DISPATCHER')) AND credential.role = 'TRACKING'))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER', 'DISPATCHER')) AND credential.role = 'TRACKING')))",
    "CREATE POLICY deletes ON credential FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER', 'DISPATCHER')) AND credential.role = 'TRACKING')))",
    "CREATE POLICY adds ON credential FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER', 'DISPATCHER')) AND credential.role = 'TRACKING')))",
    'ALTER TABLE app_user ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE app_user FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON app_user FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER', 'DISPATCHER', 'TECHNICIAN', 'SUBCONTRACTOR', 'SALES', 'CUSTOMER')) AND app_user.id = (SELECT nullif(current_setting('app.user_id', true), '')::uuid))))",
    "CREATE POLICY changes ON app_user FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON app_user FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    "CREATE POLICY adds ON app_user FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'CREATE POLICY system ON app_user TO fieldgraph_system USING (true)',
    'ALTER TABLE api_key ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE api_key FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON api_key FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    "CREATE POLICY changes ON api_key FOR UPDATE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')))) WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid))",
    "CREATE POLICY deletes ON api_key FOR DELETE TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    "CREATE POLICY adds ON api_key FOR INSERT TO fieldgraph_app WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'ALTER TABLE credential_use ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE credential_use FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON credential_use FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'CREATE POLICY system ON credential_use TO fieldgraph_system USING (true)',
]
# What a role may change of some rows only stays within them once it is changed.
KEPT = [
    "ALTER POLICY changes ON meter_reading WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND meter_reading.site_id IN (SELECT seen FROM viewer_assigned_sites() seen))))",
    "ALTER POLICY changes ON work_task WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND work_task.work_order_id IN (SELECT seen FROM viewer_assigned_work_orders() seen))))",
    "ALTER POLICY changes ON work_order WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND work_order.id IN (SELECT seen FROM viewer_assigned_work_orders() seen))))",
    "ALTER POLICY changes ON visit WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND visit.id IN (SELECT seen FROM viewer_assigned_visits() seen))))",
    "ALTER POLICY changes ON assignment WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND assignment.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid) AND assignment.state IN ('OFFERED', 'ACCEPTED'))))",
    "ALTER POLICY changes ON absence WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND absence.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "ALTER POLICY changes ON stock_level WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_level.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    "ALTER POLICY changes ON stock_movement WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_movement.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    "ALTER POLICY changes ON transfer WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND (transfer.from_location_id IN (SELECT seen FROM viewer_stock_locations() seen) OR transfer.to_location_id IN (SELECT seen FROM viewer_stock_locations() seen)))))",
    "ALTER POLICY changes ON reservation WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND reservation.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    "ALTER POLICY changes ON stock_serial WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND stock_serial.stock_location_id IN (SELECT seen FROM viewer_stock_locations() seen))))",
    "ALTER POLICY changes ON position WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND position.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "ALTER POLICY changes ON position_current WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND position_current.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "ALTER POLICY changes ON eta WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND eta.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "ALTER POLICY changes ON arrival WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND arrival.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "ALTER POLICY changes ON tracking_link WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER')) OR ((SELECT current_setting('app.role', true) IN ('INTEGRATION')) AND FALSE)))",
    "ALTER POLICY changes ON upload WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND upload.technician_id = (SELECT nullif(current_setting('app.technician_id', true), '')::uuid))))",
    "ALTER POLICY changes ON attachment WITH CHECK (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'INTEGRATION')) OR ((SELECT current_setting('app.role', true) IN ('TECHNICIAN', 'SUBCONTRACTOR')) AND attachment.visit_id IN (SELECT seen FROM viewer_assigned_visits() seen))))",
]
AUDITED = [
    'SELECT audit_table(\'credential\', \'{"belongs": "{visit_id,technician_id}", "readers": "{ADMIN}", "secret": ["digest"]}\')',
    'SELECT audit_table(\'app_user\', \'{"apart": {"email": {"personal": true}, "issuer": {"personal": true}, "name": {"personal": true}, "subject": {"personal": true}}, "belongs": "{technician_id,customer_id}", "readers": "{ADMIN}"}\')',
    'SELECT audit_table(\'api_key\', \'{"belongs": "{technician_id}", "readers": "{ADMIN}", "secret": ["hint"]}\')',
]
GRANTS = [
    "GRANT SELECT, INSERT, UPDATE, DELETE ON app_user, api_key, credential_use TO fieldgraph_app",
    "GRANT SELECT ON app_user TO fieldgraph_system",
    "GRANT SELECT, INSERT, UPDATE ON credential_use TO fieldgraph_system",
]
# Before any organization is known: who holds a good secret, whom an identity provider means, who a user is.
FOUND = (
    "TABLE (organization_id uuid, credential_id uuid, user_id uuid, role text, subject text, scopes text,"
    " customer_id uuid, technician_id uuid, visit_id uuid, expires_at timestamptz)"
)
OF_USER = (
    "SELECT u.organization_id, NULL::uuid, u.id, u.role, u.handle, ''::text, u.customer_id, u.technician_id,"
    " NULL::uuid, NULL::timestamptz FROM public.app_user u WHERE u.is_active"
)
LOOK_UPS = {
    "asker_by_digest(wanted bytea)": """
    SELECT c.organization_id, c.id, c.user_id, coalesce(u.role, c.role), coalesce(u.handle, c.subject), c.scopes,
        u.customer_id, coalesce(u.technician_id, c.technician_id), c.visit_id, c.expires_at
    FROM public.credential c
    LEFT JOIN public.app_user u ON u.organization_id = c.organization_id AND u.id = c.user_id
    WHERE c.digest = wanted AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
        AND (c.user_id IS NULL OR u.is_active)
    """,
    "asker_by_subject(wanted_issuer text, wanted_subject text, wanted_organization uuid)": (
        f"{OF_USER} AND u.issuer = wanted_issuer AND u.subject = wanted_subject"
        " AND (wanted_organization IS NULL OR u.organization_id = wanted_organization)"
        " ORDER BY u.bound_at, u.id LIMIT 1"
    ),
    "asker_of_user(wanted_organization uuid, wanted_user uuid)": (
        f"{OF_USER} AND u.organization_id = wanted_organization AND u.id = wanted_user"
    ),
}
# Which of several organizations bound an identity first: by the database's clock, whatever a statement says.
BINDS = [
    """CREATE FUNCTION app_user_bound() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.issuer, NEW.subject) IS NOT DISTINCT FROM (OLD.issuer, OLD.subject) THEN
        NEW.bound_at := OLD.bound_at;
    ELSE
        NEW.bound_at := CASE WHEN NEW.issuer IS NOT NULL THEN clock_timestamp() END;
    END IF;
    RETURN NEW;
END $$""",
    "CREATE TRIGGER bound BEFORE INSERT OR UPDATE ON app_user FOR EACH ROW EXECUTE FUNCTION app_user_bound()",
]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _users()
    _credentials()
    _keys()
    for statement in (*BINDS, *POLICIES, *KEPT, *GRANTS, *AUDITED):
        op.get_bind().exec_driver_sql(statement)
    _look_ups()


def _users() -> None:
    op.create_table(
        'app_user',
        *_row(),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('email', sa.Text(), nullable=True),
        sa.Column('handle', sa.Text(), nullable=False),
        sa.Column('role', sa.Text(), nullable=False),
        sa.Column('issuer', sa.Text(), nullable=True),
        sa.Column('subject', sa.Text(), nullable=True),
        sa.Column('customer_id', sa.Uuid(), nullable=True),
        sa.Column('contact_id', sa.Uuid(), nullable=True),
        sa.Column('technician_id', sa.Uuid(), nullable=True),
        sa.Column('bound_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('is_active', sa.Boolean(), nullable=False),
        sa.CheckConstraint(ROLES, name=op.f('ck_app_user_role')),
        sa.CheckConstraint("role NOT IN ('TRACKING', 'INTEGRATION')", name=op.f('ck_app_user_person')),
        sa.CheckConstraint('(issuer IS NULL) = (subject IS NULL)', name=op.f('ck_app_user_identity')),
        sa.CheckConstraint("(customer_id IS NOT NULL) = (role = 'CUSTOMER')", name=op.f('ck_app_user_customer')),
        sa.CheckConstraint(
            "(technician_id IS NOT NULL) = (role IN ('TECHNICIAN', 'SUBCONTRACTOR'))",
            name=op.f('ck_app_user_technician'),
        ),
        sa.CheckConstraint('contact_id IS NULL OR customer_id IS NOT NULL', name=op.f('ck_app_user_contact')),
        sa.UniqueConstraint('organization_id', 'handle', name='uq_app_user_organization_id_handle'),
        sa.UniqueConstraint('organization_id', 'email', name='uq_app_user_organization_id_email'),
        sa.UniqueConstraint(
            'organization_id', 'issuer', 'subject', name='uq_app_user_organization_id_issuer_subject'
        ),
        *_ends('app_user', customer_id='customer', contact_id='contact', technician_id='technician'),
    )
    op.create_index(
        'ix_app_user_issuer_subject', 'app_user', ['issuer', 'subject'],
        unique=False, postgresql_where=sa.text('issuer IS NOT NULL'),
    )
    for columns in (('name', 'id'), ('customer_id',), ('contact_id',), ('technician_id',)):
        _index('app_user', *columns)


def _credentials() -> None:
    op.add_column('credential', sa.Column('user_id', sa.Uuid(), nullable=True))
    op.alter_column('credential', 'role', nullable=True)
    op.alter_column('credential', 'expires_at', nullable=True)
    op.create_check_constraint(op.f('ck_credential_whose'), 'credential', '(role IS NULL) = (user_id IS NOT NULL)')
    op.create_foreign_key(
        'fk_credential_organization_id_user_id', 'credential', 'app_user',
        ['organization_id', 'user_id'], ['organization_id', 'id'], deferrable=True,
    )
    _index('credential', 'user_id')
    op.create_table(
        'credential_use',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('credential_id', sa.Uuid(), nullable=False),
        sa.Column('used_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['organization_id'], ['organization.id'], name='fk_credential_use_organization_id'
        ),
        sa.ForeignKeyConstraint(
            ['organization_id', 'credential_id'], ['credential.organization_id', 'credential.id'],
            name='fk_credential_use_organization_id_credential_id',
        ),
        sa.PrimaryKeyConstraint('organization_id', 'credential_id', name='pk_credential_use'),
    )


def _keys() -> None:
    op.create_table(
        'api_key',
        *_row(),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('hint', sa.Text(), nullable=False),
        sa.Column('role', sa.Text(), nullable=False),
        sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column('technician_id', sa.Uuid(), nullable=True),
        sa.Column('credential_id', sa.Uuid(), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(ROLES, name=op.f('ck_api_key_role')),
        sa.CheckConstraint("role NOT IN ('ADMIN', 'CUSTOMER', 'TRACKING')", name=op.f('ck_api_key_acts_as')),
        sa.CheckConstraint(
            "(technician_id IS NOT NULL) = (role IN ('TECHNICIAN', 'SUBCONTRACTOR'))",
            name=op.f('ck_api_key_technician'),
        ),
        sa.CheckConstraint('cardinality(scopes) > 0', name=op.f('ck_api_key_scopes')),
        *_ends('api_key', credential_id='credential', technician_id='technician'),
    )
    _index('api_key', 'name', 'id')
    _index('api_key', 'technician_id')
    _index('api_key', 'credential_id', unique=True)


def _look_ups() -> None:
    """Owned by fieldgraph_system, who reads these tables of all organizations."""
    # An owner of the database who is no superuser gives away only to a role it is, and that may create here.
    op.execute("GRANT fieldgraph_system TO CURRENT_USER")
    op.execute("GRANT CREATE ON SCHEMA public TO fieldgraph_system")
    for signature, body in LOOK_UPS.items():
        op.execute(
            f"CREATE FUNCTION {signature} RETURNS {FOUND} LANGUAGE sql STABLE SECURITY DEFINER"
            f" SET search_path = pg_catalog, public AS $${body}$$"
        )
        op.execute(f"ALTER FUNCTION {signature} OWNER TO fieldgraph_system")
    op.execute("REVOKE CREATE ON SCHEMA public FROM fieldgraph_system")
    for signature in LOOK_UPS:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO fieldgraph_app")
    op.execute("REVOKE fieldgraph_system FROM CURRENT_USER")


ROLES = (
    "role IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'TECHNICIAN', 'SUBCONTRACTOR', 'SALES', 'CUSTOMER', 'TRACKING',"
    " 'INTEGRATION')"
)


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    ]


def _ends(table: str, **columns: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=f'fk_{table}_organization_id'),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=f'pk_{table}'),
        *(
            sa.ForeignKeyConstraint(
                ['organization_id', column], [f'{other}.organization_id', f'{other}.id'],
                name=f'fk_{table}_organization_id_{column}', deferrable=True,
            )
            for column, other in columns.items()
        ),
    ]


def _index(table: str, *columns: str, unique: bool = False) -> None:
    name = f"ix_{table}_organization_id_{'_'.join(columns)}"
    op.create_index(name, table, ['organization_id', *columns], unique=unique)


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
