"""The first tables (revision 0001)."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType
from sqlalchemy.dialects import postgresql


class _Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "xid8"


XID8 = _Xid8()
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Works with the previous release: its processes go on reading and writing while and after this runs.
    # So add now, fill in chunks, drop in a later release; new columns are nullable or have a default,
    # indexes are made CONCURRENTLY in a revision of their own, new checks NOT VALID and validated later.
    # A table that is busy is not waited for longer than this, because everybody would queue behind us.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table('organization',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('time_zone', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organization'))
    )
    op.create_table('counter',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('series', sa.Text(), nullable=False),
    sa.Column('value', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_counter_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_counter'))
    )
    op.create_table('credential',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=True),
    sa.Column('technician_id', sa.Uuid(), nullable=True),
    sa.Column('scopes', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("role IN ('ADMIN', 'MANAGER', 'DISPATCHER', 'TECHNICIAN', 'SUBCONTRACTOR', 'SALES', 'CUSTOMER', 'TRACKING', 'INTEGRATION')", name=op.f('ck_credential_role')),
    sa.CheckConstraint('length(digest) = 32', name=op.f('ck_credential_digest')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_credential_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_credential')),
    sa.UniqueConstraint('digest', name=op.f('uq_credential_digest'))
    )
    op.create_table('customer',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('tier', sa.Text(), nullable=False),
    sa.Column('owner', sa.Text(), nullable=True),
    sa.CheckConstraint("tier IN ('STANDARD', 'PREFERRED', 'KEY')", name=op.f('ck_customer_tier')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_customer_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_customer')),
    sa.UniqueConstraint('organization_id', 'number', name=op.f('uq_customer_organization_id_number'))
    )
    op.create_index(op.f('ix_customer_organization_id_name_id'), 'customer', ['organization_id', 'name', 'id'], unique=False)
    op.create_table('event',
    sa.Column('xid', XID8, nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('topic', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=False),
    sa.Column('subject_version', sa.Integer(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('scope_before', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('scope_after', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('origin', sa.Text(), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_event_organization_id')),
    sa.PrimaryKeyConstraint('xid', 'n', name=op.f('pk_event'))
    )
    op.create_index(op.f('ix_event_organization_id_subject_id'), 'event', ['organization_id', 'subject_id'], unique=False)
    op.create_index(op.f('ix_event_organization_id_xid_n'), 'event', ['organization_id', 'xid', 'n'], unique=False)
    op.create_table('external_id',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('system', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('entity_type', sa.Text(), nullable=False),
    sa.Column('entity_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_external_id_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_external_id')),
    sa.UniqueConstraint('organization_id', 'system', 'entity_type', 'key', name=op.f('uq_external_id_organization_id_system_entity_type_key'))
    )
    op.create_index(op.f('ix_external_id_organization_id_entity_id'), 'external_id', ['organization_id', 'entity_id'], unique=False)
    op.create_table('idempotency',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('client', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('input_hash', sa.Text(), nullable=False),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_idempotency_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_idempotency')),
    sa.UniqueConstraint('organization_id', 'client', 'key', name=op.f('uq_idempotency_organization_id_client_key'))
    )
    op.create_table('job',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')", name=op.f('ck_job_state')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_job_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_job'))
    )
    op.create_index(op.f('ix_job_state_leased_until'), 'job', ['state', 'leased_until'], unique=False)
    op.create_table('part',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('barcode', sa.Text(), nullable=True),
    sa.Column('unit_price', sa.Numeric(precision=19, scale=4), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_part_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_part')),
    sa.UniqueConstraint('organization_id', 'barcode', name=op.f('uq_part_organization_id_barcode')),
    sa.UniqueConstraint('organization_id', 'number', name=op.f('uq_part_organization_id_number'))
    )
    op.create_table('plan',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=False),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('request', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('objective', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('improvements', sa.Integer(), nullable=False),
    sa.Column('assigned_count', sa.Integer(), nullable=False),
    sa.Column('unassigned_count', sa.Integer(), nullable=False),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.Column('solved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('committed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('DRAFT', 'SOLVING', 'PROPOSED', 'COMMITTED', 'DISCARDED', 'STALE', 'FAILED')", name=op.f('ck_plan_state')),
    sa.CheckConstraint('seconds BETWEEN 1 AND 120', name=op.f('ck_plan_seconds')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_plan_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_plan'))
    )
    op.create_index(op.f('ix_plan_organization_id_day'), 'plan', ['organization_id', 'day'], unique=False)
    op.create_table('skill',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_skill_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_skill')),
    sa.UniqueConstraint('organization_id', 'name', name=op.f('uq_skill_organization_id_name'))
    )
    op.create_table('territory',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('area', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_territory_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_territory')),
    sa.UniqueConstraint('organization_id', 'name', name=op.f('uq_territory_organization_id_name'))
    )
    op.create_table('work_type',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('duration_seconds', sa.Integer(), nullable=False),
    sa.Column('priority', sa.Text(), nullable=False),
    sa.CheckConstraint("priority IN ('EMERGENCY', 'HIGH', 'NORMAL', 'LOW')", name=op.f('ck_work_type_priority')),
    sa.CheckConstraint('duration_seconds > 0', name=op.f('ck_work_type_duration_seconds')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_work_type_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_work_type')),
    sa.UniqueConstraint('organization_id', 'code', name=op.f('uq_work_type_organization_id_code'))
    )
    op.create_table('contact',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.CheckConstraint("channel IN ('EMAIL', 'SMS', 'PHONE')", name=op.f('ck_contact_channel')),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_contact_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_contact_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_contact'))
    )
    op.create_index(op.f('ix_contact_organization_id_customer_id'), 'contact', ['organization_id', 'customer_id'], unique=False)
    op.create_table('contract',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.Column('price', sa.Numeric(precision=19, scale=4), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('DRAFT', 'ACTIVE', 'EXPIRED', 'CANCELLED')", name=op.f('ck_contract_state')),
    sa.CheckConstraint('price >= 0', name=op.f('ck_contract_price')),
    sa.CheckConstraint('starts_on <= ends_on', name=op.f('ck_contract_term')),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_contract_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_contract_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_contract')),
    sa.UniqueConstraint('organization_id', 'number', name=op.f('uq_contract_organization_id_number'))
    )
    op.create_index(op.f('ix_contract_organization_id_customer_id'), 'contract', ['organization_id', 'customer_id'], unique=False)
    op.create_table('site',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('territory_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('longitude', sa.Float(), nullable=False),
    sa.Column('latitude', sa.Float(), nullable=False),
    sa.Column('time_zone', sa.Text(), nullable=False),
    sa.Column('access_notes', sa.Text(), nullable=True),
    sa.Column('geofence_radius_metres', sa.Float(), nullable=False),
    sa.Column('geofence', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.CheckConstraint('geofence_radius_metres > 0', name=op.f('ck_site_geofence_radius_metres')),
    sa.CheckConstraint('latitude BETWEEN -90 AND 90', name=op.f('ck_site_latitude')),
    sa.CheckConstraint('longitude BETWEEN -180 AND 180', name=op.f('ck_site_longitude')),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_site_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'territory_id'], ['territory.organization_id', 'territory.id'], name=op.f('fk_site_organization_id_territory_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_site_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_site'))
    )
    op.create_index(op.f('ix_site_organization_id_customer_id'), 'site', ['organization_id', 'customer_id'], unique=False)
    op.create_index(op.f('ix_site_organization_id_territory_id'), 'site', ['organization_id', 'territory_id'], unique=False)
    op.create_table('technician',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('territory_id', sa.Uuid(), nullable=True),
    sa.Column('home_longitude', sa.Float(), nullable=False),
    sa.Column('home_latitude', sa.Float(), nullable=False),
    sa.Column('hourly_cost', sa.Numeric(precision=19, scale=4), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.CheckConstraint("kind IN ('EMPLOYEE', 'SUBCONTRACTOR')", name=op.f('ck_technician_kind')),
    sa.CheckConstraint('hourly_cost >= 0', name=op.f('ck_technician_hourly_cost')),
    sa.ForeignKeyConstraint(['organization_id', 'territory_id'], ['territory.organization_id', 'territory.id'], name=op.f('fk_technician_organization_id_territory_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_technician_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_technician')),
    sa.UniqueConstraint('organization_id', 'code', name=op.f('uq_technician_organization_id_code'))
    )
    op.create_index(op.f('ix_technician_organization_id_territory_id'), 'technician', ['organization_id', 'territory_id'], unique=False)
    op.create_table('work_type_part',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('work_type_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Uuid(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_work_type_part_quantity')),
    sa.ForeignKeyConstraint(['organization_id', 'part_id'], ['part.organization_id', 'part.id'], name=op.f('fk_work_type_part_organization_id_part_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'work_type_id'], ['work_type.organization_id', 'work_type.id'], name=op.f('fk_work_type_part_organization_id_work_type_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_work_type_part_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_work_type_part'))
    )
    op.create_index(op.f('ix_work_type_part_organization_id_part_id'), 'work_type_part', ['organization_id', 'part_id'], unique=False)
    op.create_index(op.f('ix_work_type_part_organization_id_work_type_id'), 'work_type_part', ['organization_id', 'work_type_id'], unique=False)
    op.create_table('work_type_skill',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('work_type_id', sa.Uuid(), nullable=False),
    sa.Column('skill_id', sa.Uuid(), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.CheckConstraint('level BETWEEN 1 AND 5', name=op.f('ck_work_type_skill_level')),
    sa.ForeignKeyConstraint(['organization_id', 'skill_id'], ['skill.organization_id', 'skill.id'], name=op.f('fk_work_type_skill_organization_id_skill_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'work_type_id'], ['work_type.organization_id', 'work_type.id'], name=op.f('fk_work_type_skill_organization_id_work_type_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_work_type_skill_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_work_type_skill'))
    )
    op.create_index(op.f('ix_work_type_skill_organization_id_skill_id'), 'work_type_skill', ['organization_id', 'skill_id'], unique=False)
    op.create_index(op.f('ix_work_type_skill_organization_id_work_type_id'), 'work_type_skill', ['organization_id', 'work_type_id'], unique=False)
    op.create_table('absence',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint("reason IN ('SICK', 'HOLIDAY', 'TRAINING', 'OTHER')", name=op.f('ck_absence_reason')),
    sa.CheckConstraint('starts_at < ends_at', name=op.f('ck_absence_starts_at_before_ends_at')),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_absence_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_absence_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_absence'))
    )
    op.create_index(op.f('ix_absence_organization_id_technician_id'), 'absence', ['organization_id', 'technician_id'], unique=False)
    op.create_table('entitlement',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('contract_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('respond_minutes', sa.Integer(), nullable=True),
    sa.Column('arrive_minutes', sa.Integer(), nullable=True),
    sa.Column('resolve_minutes', sa.Integer(), nullable=True),
    sa.Column('coverage_opens', sa.Text(), nullable=False),
    sa.Column('coverage_closes', sa.Text(), nullable=False),
    sa.Column('coverage_weekdays', sa.Text(), nullable=False),
    sa.CheckConstraint("coverage_opens ~ '^[0-2][0-9]:[0-5][0-9]$' AND coverage_closes ~ '^[0-2][0-9]:[0-5][0-9]$'", name=op.f('ck_entitlement_coverage')),
    sa.ForeignKeyConstraint(['organization_id', 'contract_id'], ['contract.organization_id', 'contract.id'], name=op.f('fk_entitlement_organization_id_contract_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_entitlement_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_entitlement_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_entitlement'))
    )
    op.create_index(op.f('ix_entitlement_organization_id_contract_id'), 'entitlement', ['organization_id', 'contract_id'], unique=False)
    op.create_index(op.f('ix_entitlement_organization_id_customer_id'), 'entitlement', ['organization_id', 'customer_id'], unique=False)
    op.create_table('position',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('longitude', sa.Float(), nullable=False),
    sa.Column('latitude', sa.Float(), nullable=False),
    sa.Column('accuracy_metres', sa.Float(), nullable=False),
    sa.Column('speed_metres_per_second', sa.Float(), nullable=True),
    sa.Column('sequence', sa.Integer(), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('latitude BETWEEN -90 AND 90', name=op.f('ck_position_latitude')),
    sa.CheckConstraint('longitude BETWEEN -180 AND 180', name=op.f('ck_position_longitude')),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_position_organization_id_technician_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_position_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'technician_id', 'at', 'longitude', 'latitude', name=op.f('pk_position'))
    )
    op.create_table('position_current',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('longitude', sa.Float(), nullable=True),
    sa.Column('latitude', sa.Float(), nullable=True),
    sa.Column('accuracy_metres', sa.Float(), nullable=True),
    sa.Column('machine', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_position_current_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_position_current_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_position_current'))
    )
    op.create_index(op.f('ix_position_current_organization_id_technician_id'), 'position_current', ['organization_id', 'technician_id'], unique=True)
    op.create_table('shift',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('break_earliest', sa.DateTime(timezone=True), nullable=True),
    sa.Column('break_latest', sa.DateTime(timezone=True), nullable=True),
    sa.Column('break_seconds', sa.Integer(), nullable=False),
    sa.CheckConstraint('starts_at < ends_at', name=op.f('ck_shift_starts_at_before_ends_at')),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_shift_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_shift_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_shift'))
    )
    op.create_index(op.f('ix_shift_organization_id_starts_at'), 'shift', ['organization_id', 'starts_at'], unique=False)
    op.create_index(op.f('ix_shift_organization_id_technician_id'), 'shift', ['organization_id', 'technician_id'], unique=False)
    op.create_table('stock_location',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=True),
    sa.Column('site_id', sa.Uuid(), nullable=True),
    sa.Column('longitude', sa.Float(), nullable=True),
    sa.Column('latitude', sa.Float(), nullable=True),
    sa.CheckConstraint("(kind = 'VAN') = (technician_id IS NOT NULL)", name=op.f('ck_stock_location_van')),
    sa.CheckConstraint("kind IN ('WAREHOUSE', 'VAN', 'SITE')", name=op.f('ck_stock_location_kind')),
    sa.ForeignKeyConstraint(['organization_id', 'site_id'], ['site.organization_id', 'site.id'], name=op.f('fk_stock_location_organization_id_site_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_stock_location_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_stock_location_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_stock_location'))
    )
    op.create_index(op.f('ix_stock_location_organization_id_site_id'), 'stock_location', ['organization_id', 'site_id'], unique=False)
    op.create_index(op.f('ix_stock_location_organization_id_technician_id'), 'stock_location', ['organization_id', 'technician_id'], unique=True)
    op.create_table('technician_skill',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('skill_id', sa.Uuid(), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('certified_until', sa.Date(), nullable=True),
    sa.CheckConstraint('level BETWEEN 1 AND 5', name=op.f('ck_technician_skill_level')),
    sa.ForeignKeyConstraint(['organization_id', 'skill_id'], ['skill.organization_id', 'skill.id'], name=op.f('fk_technician_skill_organization_id_skill_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_technician_skill_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_technician_skill_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_technician_skill')),
    sa.UniqueConstraint('organization_id', 'technician_id', 'skill_id', name=op.f('uq_technician_skill_organization_id_technician_id_skill_id'))
    )
    op.create_index(op.f('ix_technician_skill_organization_id_skill_id'), 'technician_skill', ['organization_id', 'skill_id'], unique=False)
    op.create_index(op.f('ix_technician_skill_organization_id_technician_id'), 'technician_skill', ['organization_id', 'technician_id'], unique=False)
    op.create_table('stock_level',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stock_location_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Uuid(), nullable=False),
    sa.Column('on_hand', sa.Integer(), nullable=False),
    sa.Column('reserved', sa.Integer(), nullable=False),
    sa.Column('available', sa.Integer(), sa.Computed('on_hand - reserved', persisted=True), nullable=False),
    sa.CheckConstraint('on_hand >= 0', name=op.f('ck_stock_level_on_hand')),
    sa.CheckConstraint('reserved BETWEEN 0 AND on_hand', name=op.f('ck_stock_level_reserved')),
    sa.ForeignKeyConstraint(['organization_id', 'part_id'], ['part.organization_id', 'part.id'], name=op.f('fk_stock_level_organization_id_part_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'stock_location_id'], ['stock_location.organization_id', 'stock_location.id'], name=op.f('fk_stock_level_organization_id_stock_location_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_stock_level_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_stock_level')),
    sa.UniqueConstraint('organization_id', 'stock_location_id', 'part_id', name=op.f('uq_stock_level_organization_id_stock_location_id_part_id'))
    )
    op.create_index(op.f('ix_stock_level_organization_id_part_id'), 'stock_level', ['organization_id', 'part_id'], unique=False)
    op.create_index(op.f('ix_stock_level_organization_id_stock_location_id'), 'stock_level', ['organization_id', 'stock_location_id'], unique=False)
    op.create_table('work_order',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('internal_notes', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('priority', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('site_id', sa.Uuid(), nullable=False),
    sa.Column('contract_id', sa.Uuid(), nullable=True),
    sa.Column('entitlement_id', sa.Uuid(), nullable=True),
    sa.Column('work_type_id', sa.Uuid(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("priority IN ('EMERGENCY', 'HIGH', 'NORMAL', 'LOW')", name=op.f('ck_work_order_priority')),
    sa.CheckConstraint("state IN ('NEW', 'PENDING_APPROVAL', 'READY', 'SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'CLOSED', 'ON_HOLD', 'CANCELLED')", name=op.f('ck_work_order_state')),
    sa.ForeignKeyConstraint(['organization_id', 'contract_id'], ['contract.organization_id', 'contract.id'], name=op.f('fk_work_order_organization_id_contract_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_work_order_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'entitlement_id'], ['entitlement.organization_id', 'entitlement.id'], name=op.f('fk_work_order_organization_id_entitlement_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'site_id'], ['site.organization_id', 'site.id'], name=op.f('fk_work_order_organization_id_site_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'work_type_id'], ['work_type.organization_id', 'work_type.id'], name=op.f('fk_work_order_organization_id_work_type_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_work_order_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_work_order')),
    sa.UniqueConstraint('organization_id', 'number', name=op.f('uq_work_order_organization_id_number'))
    )
    op.create_index(op.f('ix_work_order_organization_id_contract_id'), 'work_order', ['organization_id', 'contract_id'], unique=False)
    op.create_index(op.f('ix_work_order_organization_id_created_at_id'), 'work_order', ['organization_id', 'created_at', 'id'], unique=False)
    op.create_index(op.f('ix_work_order_organization_id_customer_id'), 'work_order', ['organization_id', 'customer_id'], unique=False)
    op.create_index(op.f('ix_work_order_organization_id_entitlement_id'), 'work_order', ['organization_id', 'entitlement_id'], unique=False)
    op.create_index(op.f('ix_work_order_organization_id_site_id'), 'work_order', ['organization_id', 'site_id'], unique=False)
    op.create_index(op.f('ix_work_order_organization_id_work_type_id'), 'work_order', ['organization_id', 'work_type_id'], unique=False)
    op.create_table('visit',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('site_id', sa.Uuid(), nullable=False),
    sa.Column('territory_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('duration_seconds', sa.Integer(), nullable=False),
    sa.Column('window_start', sa.DateTime(timezone=True), nullable=True),
    sa.Column('window_end', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_start', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_end', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_travel_seconds', sa.Integer(), nullable=True),
    sa.Column('en_route_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pin', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('follow_up_of_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint("pin IN ('TECHNICIAN', 'TIME', 'BOTH')", name=op.f('ck_visit_pin')),
    sa.CheckConstraint("state IN ('UNSCHEDULED', 'SCHEDULED', 'DISPATCHED', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'PAUSED', 'COMPLETED', 'INCOMPLETE', 'NO_ACCESS', 'CANCELLED')", name=op.f('ck_visit_state')),
    sa.CheckConstraint('(planned_start IS NULL) = (planned_end IS NULL)', name=op.f('ck_visit_planned')),
    sa.CheckConstraint('duration_seconds > 0', name=op.f('ck_visit_duration_seconds')),
    sa.CheckConstraint('planned_start < planned_end', name=op.f('ck_visit_planned_start_before_planned_end')),
    sa.CheckConstraint('window_start < window_end', name=op.f('ck_visit_window_start_before_window_end')),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_visit_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'follow_up_of_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_visit_organization_id_follow_up_of_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'site_id'], ['site.organization_id', 'site.id'], name=op.f('fk_visit_organization_id_site_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'territory_id'], ['territory.organization_id', 'territory.id'], name=op.f('fk_visit_organization_id_territory_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'work_order_id'], ['work_order.organization_id', 'work_order.id'], name=op.f('fk_visit_organization_id_work_order_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_visit_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_visit'))
    )
    op.create_index(op.f('ix_visit_organization_id_customer_id'), 'visit', ['organization_id', 'customer_id'], unique=False)
    op.create_index(op.f('ix_visit_organization_id_follow_up_of_id'), 'visit', ['organization_id', 'follow_up_of_id'], unique=False)
    op.create_index(op.f('ix_visit_organization_id_planned_start_id'), 'visit', ['organization_id', 'planned_start', 'id'], unique=False)
    op.create_index(op.f('ix_visit_organization_id_site_id'), 'visit', ['organization_id', 'site_id'], unique=False)
    op.create_index(op.f('ix_visit_organization_id_state'), 'visit', ['organization_id', 'state'], unique=False)
    op.create_index(op.f('ix_visit_organization_id_territory_id'), 'visit', ['organization_id', 'territory_id'], unique=False)
    op.create_index(op.f('ix_visit_organization_id_work_order_id'), 'visit', ['organization_id', 'work_order_id'], unique=False)
    op.create_table('arrival',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('departed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_by', sa.Text(), nullable=False),
    sa.Column('late', sa.Boolean(), nullable=False),
    sa.Column('evidence', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.CheckConstraint("confirmed_by IN ('GEOFENCE', 'TECHNICIAN', 'DISPATCHER')", name=op.f('ck_arrival_confirmed_by')),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_arrival_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_arrival_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_arrival_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_arrival'))
    )
    op.create_index(op.f('ix_arrival_organization_id_technician_id'), 'arrival', ['organization_id', 'technician_id'], unique=False)
    op.create_index(op.f('ix_arrival_organization_id_visit_id'), 'arrival', ['organization_id', 'visit_id'], unique=True)
    op.create_table('assignment',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('work_order_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('site_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('is_lead', sa.Boolean(), nullable=False),
    sa.Column('occupies', sa.Boolean(), nullable=False),
    sa.Column('planned_start', sa.DateTime(timezone=True), nullable=False),
    sa.Column('planned_end', sa.DateTime(timezone=True), nullable=False),
    sa.Column('during', postgresql.TSTZRANGE(), sa.Computed("tstzrange(planned_start, planned_end, '[)')", persisted=True), nullable=False),
    postgresql.ExcludeConstraint((sa.column('organization_id'), '='), (sa.column('technician_id'), '='), (sa.column('during'), '&&'), where=sa.text('occupies'), deferrable=True, using='gist', name='ex_assignment_double_booking'),
    sa.CheckConstraint("state IN ('OFFERED', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'RELEASED')", name=op.f('ck_assignment_state')),
    sa.CheckConstraint('planned_start < planned_end', name=op.f('ck_assignment_planned_start_before_planned_end')),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_assignment_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'site_id'], ['site.organization_id', 'site.id'], name=op.f('fk_assignment_organization_id_site_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_assignment_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_assignment_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'work_order_id'], ['work_order.organization_id', 'work_order.id'], name=op.f('fk_assignment_organization_id_work_order_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_assignment_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_assignment'))
    )
    op.create_index(op.f('ix_assignment_organization_id_customer_id'), 'assignment', ['organization_id', 'customer_id'], unique=False)
    op.create_index(op.f('ix_assignment_organization_id_site_id'), 'assignment', ['organization_id', 'site_id'], unique=False)
    op.create_index(op.f('ix_assignment_organization_id_technician_id'), 'assignment', ['organization_id', 'technician_id'], unique=False)
    op.create_index(op.f('ix_assignment_organization_id_technician_id_planned_start'), 'assignment', ['organization_id', 'technician_id', 'planned_start'], unique=False)
    op.create_index(op.f('ix_assignment_organization_id_visit_id'), 'assignment', ['organization_id', 'visit_id'], unique=False)
    op.create_index(op.f('ix_assignment_organization_id_work_order_id'), 'assignment', ['organization_id', 'work_order_id'], unique=False)
    op.create_table('eta',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=False),
    sa.Column('earliest', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expected', sa.DateTime(timezone=True), nullable=False),
    sa.Column('latest', sa.DateTime(timezone=True), nullable=False),
    sa.Column('basis', sa.Text(), nullable=False),
    sa.Column('as_of', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stale_after', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("basis IN ('PLAN', 'TRAVEL', 'POSITION')", name=op.f('ck_eta_basis')),
    sa.CheckConstraint('earliest <= expected AND expected <= latest', name=op.f('ck_eta_interval')),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_eta_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_eta_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_eta_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_eta'))
    )
    op.create_index(op.f('ix_eta_organization_id_technician_id'), 'eta', ['organization_id', 'technician_id'], unique=False)
    op.create_index(op.f('ix_eta_organization_id_visit_id'), 'eta', ['organization_id', 'visit_id'], unique=True)
    op.create_table('plan_change',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('visit_version', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=True),
    sa.Column('from_technician_id', sa.Uuid(), nullable=True),
    sa.Column('planned_start', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_end', sa.DateTime(timezone=True), nullable=True),
    sa.Column('planned_travel_seconds', sa.Integer(), nullable=True),
    sa.Column('from_planned_start', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('ASSIGN', 'REASSIGN', 'MOVE', 'UNASSIGN')", name=op.f('ck_plan_change_kind')),
    sa.ForeignKeyConstraint(['organization_id', 'from_technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_plan_change_organization_id_from_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'plan_id'], ['plan.organization_id', 'plan.id'], name=op.f('fk_plan_change_organization_id_plan_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_plan_change_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_plan_change_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_plan_change_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_plan_change'))
    )
    op.create_index(op.f('ix_plan_change_organization_id_from_technician_id'), 'plan_change', ['organization_id', 'from_technician_id'], unique=False)
    op.create_index(op.f('ix_plan_change_organization_id_plan_id'), 'plan_change', ['organization_id', 'plan_id'], unique=False)
    op.create_index(op.f('ix_plan_change_organization_id_technician_id'), 'plan_change', ['organization_id', 'technician_id'], unique=False)
    op.create_index(op.f('ix_plan_change_organization_id_visit_id'), 'plan_change', ['organization_id', 'visit_id'], unique=False)
    op.create_table('plan_reason',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('technician_id', sa.Uuid(), nullable=True),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id', 'plan_id'], ['plan.organization_id', 'plan.id'], name=op.f('fk_plan_reason_organization_id_plan_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'technician_id'], ['technician.organization_id', 'technician.id'], name=op.f('fk_plan_reason_organization_id_technician_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_plan_reason_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_plan_reason_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_plan_reason'))
    )
    op.create_index(op.f('ix_plan_reason_organization_id_plan_id'), 'plan_reason', ['organization_id', 'plan_id'], unique=False)
    op.create_index(op.f('ix_plan_reason_organization_id_technician_id'), 'plan_reason', ['organization_id', 'technician_id'], unique=False)
    op.create_index(op.f('ix_plan_reason_organization_id_visit_id'), 'plan_reason', ['organization_id', 'visit_id'], unique=False)
    op.create_table('reservation',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('stock_location_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Uuid(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('HELD', 'PICKED', 'CONSUMED', 'RETURNED', 'RELEASED')", name=op.f('ck_reservation_state')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_reservation_quantity')),
    sa.ForeignKeyConstraint(['organization_id', 'part_id'], ['part.organization_id', 'part.id'], name=op.f('fk_reservation_organization_id_part_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'stock_location_id'], ['stock_location.organization_id', 'stock_location.id'], name=op.f('fk_reservation_organization_id_stock_location_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_reservation_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_reservation_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_reservation'))
    )
    op.create_index(op.f('ix_reservation_organization_id_part_id'), 'reservation', ['organization_id', 'part_id'], unique=False)
    op.create_index(op.f('ix_reservation_organization_id_stock_location_id'), 'reservation', ['organization_id', 'stock_location_id'], unique=False)
    op.create_index(op.f('ix_reservation_organization_id_visit_id'), 'reservation', ['organization_id', 'visit_id'], unique=False)
    op.create_index('uq_reservation_open', 'reservation', ['organization_id', 'visit_id', 'part_id'], unique=True, postgresql_where="state IN ('HELD', 'PICKED')")
    op.create_table('stock_movement',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('stock_location_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Uuid(), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.CheckConstraint("kind IN ('RECEIPT', 'CONSUMPTION')", name=op.f('ck_stock_movement_kind')),
    sa.ForeignKeyConstraint(['organization_id', 'part_id'], ['part.organization_id', 'part.id'], name=op.f('fk_stock_movement_organization_id_part_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'stock_location_id'], ['stock_location.organization_id', 'stock_location.id'], name=op.f('fk_stock_movement_organization_id_stock_location_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_stock_movement_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_stock_movement_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_stock_movement'))
    )
    op.create_index(op.f('ix_stock_movement_organization_id_part_id'), 'stock_movement', ['organization_id', 'part_id'], unique=False)
    op.create_index(op.f('ix_stock_movement_organization_id_stock_location_id'), 'stock_movement', ['organization_id', 'stock_location_id'], unique=False)
    op.create_index(op.f('ix_stock_movement_organization_id_visit_id'), 'stock_movement', ['organization_id', 'visit_id'], unique=False)
    op.create_table('tracking_link',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('credential_id', sa.Uuid(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organization_id', 'credential_id'], ['credential.organization_id', 'credential.id'], name=op.f('fk_tracking_link_organization_id_credential_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'customer_id'], ['customer.organization_id', 'customer.id'], name=op.f('fk_tracking_link_organization_id_customer_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_tracking_link_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_tracking_link_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_tracking_link'))
    )
    op.create_index(op.f('ix_tracking_link_organization_id_credential_id'), 'tracking_link', ['organization_id', 'credential_id'], unique=False)
    op.create_index(op.f('ix_tracking_link_organization_id_customer_id'), 'tracking_link', ['organization_id', 'customer_id'], unique=False)
    op.create_index(op.f('ix_tracking_link_organization_id_visit_id'), 'tracking_link', ['organization_id', 'visit_id'], unique=False)
    op.create_table('visit_part',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Uuid(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_visit_part_quantity')),
    sa.ForeignKeyConstraint(['organization_id', 'part_id'], ['part.organization_id', 'part.id'], name=op.f('fk_visit_part_organization_id_part_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id', 'visit_id'], ['visit.organization_id', 'visit.id'], name=op.f('fk_visit_part_organization_id_visit_id'), deferrable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_visit_part_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_visit_part'))
    )
    op.create_index(op.f('ix_visit_part_organization_id_part_id'), 'visit_part', ['organization_id', 'part_id'], unique=False)
    op.create_index(op.f('ix_visit_part_organization_id_visit_id'), 'visit_part', ['organization_id', 'visit_id'], unique=False)


def downgrade() -> None:
    # The way back is a new revision forward; data that a new release has written is not thrown away.
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
