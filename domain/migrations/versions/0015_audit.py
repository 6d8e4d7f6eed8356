"""Audit: triggers keep every change, a deferred one seals each transaction into its organization's chain (revision 0015)."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

# Frozen from domain/access as it was; tests/domain/test_access.py compares.
POLICIES = [
    'ALTER TABLE audit ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE audit FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON audit FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER')) AND (audit.readers IS NULL OR 'MANAGER' = ANY (audit.readers))) OR ((SELECT current_setting('app.role', true) IN ('DISPATCHER')) AND (audit.readers IS NULL OR 'DISPATCHER' = ANY (audit.readers))) OR ((SELECT current_setting('app.role', true) IN ('SALES')) AND (audit.readers IS NULL OR 'SALES' = ANY (audit.readers))) OR ((SELECT current_setting('app.role', true) IN ('INTEGRATION')) AND (audit.readers IS NULL OR 'INTEGRATION' = ANY (audit.readers)))))",
    'CREATE POLICY system ON audit TO fieldgraph_system USING (true)',
    'CREATE POLICY kept ON audit TO fieldgraph_audit USING (true)',
    'ALTER TABLE audit_value ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE audit_value FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON audit_value FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN')) OR ((SELECT current_setting('app.role', true) IN ('MANAGER')) AND (audit_value.readers IS NULL OR 'MANAGER' = ANY (audit_value.readers))) OR ((SELECT current_setting('app.role', true) IN ('DISPATCHER')) AND (audit_value.readers IS NULL OR 'DISPATCHER' = ANY (audit_value.readers))) OR ((SELECT current_setting('app.role', true) IN ('SALES')) AND (audit_value.readers IS NULL OR 'SALES' = ANY (audit_value.readers))) OR ((SELECT current_setting('app.role', true) IN ('INTEGRATION')) AND (audit_value.readers IS NULL OR 'INTEGRATION' = ANY (audit_value.readers)))))",
    'CREATE POLICY system ON audit_value TO fieldgraph_system USING (true)',
    'CREATE POLICY kept ON audit_value TO fieldgraph_audit USING (true)',
    'ALTER TABLE audit_seal ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE audit_seal FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON audit_seal FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'CREATE POLICY system ON audit_seal TO fieldgraph_system USING (true)',
    'CREATE POLICY kept ON audit_seal TO fieldgraph_audit USING (true)',
    'ALTER TABLE audit_chain ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE audit_chain FORCE ROW LEVEL SECURITY',
    "CREATE POLICY reads ON audit_chain FOR SELECT TO fieldgraph_app USING (organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid) AND ((SELECT current_setting('app.role', true) IN ('ADMIN'))))",
    'CREATE POLICY system ON audit_chain TO fieldgraph_system USING (true)',
    'CREATE POLICY kept ON audit_chain TO fieldgraph_audit USING (true)',
]
GRANTS = [
    "GRANT SELECT ON audit, audit_value, audit_seal, audit_chain TO fieldgraph_app, fieldgraph_system",
    "GRANT SELECT, INSERT ON audit, audit_value, audit_seal, audit_chain TO fieldgraph_audit",
    "GRANT DELETE ON audit_value TO fieldgraph_audit",
    "GRANT UPDATE ON audit_chain TO fieldgraph_audit",
]
# Frozen from domain/access/audited.py; tests/domain/test_audited.py compares. A later revision says it of its
# own tables, by what `audited.capture(table)` prints.
INSTRUCTIONS = {
    'absence': '{"apart": {"reason": {"personal": true}}}',
    'arrival': '{"apart": {"evidence": {"readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}}}',
    'contact': '{"apart": {"email": {"personal": true}, "name": {"personal": true}, "phone": {"personal": true}}}',
    'contract': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}, "price": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}}',
    'credential': '{"readers": "{ADMIN,DISPATCHER,MANAGER}", "secret": ["digest"]}',
    'customer': '{"apart": {"name": {"personal": true}}}',
    'plan': '{"readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}',
    'purchase_order_line': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}, "unit_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}}',
    'reorder_rule': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}, "unit_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}}',
    'scheduling_policy': '{"readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}',
    'site': '{"apart": {"access_notes": {"personal": true}, "address": {"personal": true}, "latitude": {"personal": true}, "longitude": {"personal": true}, "name": {"personal": true}}}',
    'technician': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER}"}, "home_latitude": {"personal": true, "readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}, "home_longitude": {"personal": true, "readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}, "hourly_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER}"}, "kilometre_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER}"}, "name": {"personal": true}, "overtime_hourly_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER}"}, "phone": {"personal": true}}}',
    'tracking_link': '{"readers": "{ADMIN,DISPATCHER,MANAGER}"}',
    'upload': '{"readers": "{ADMIN,INTEGRATION,MANAGER}"}',
}
EXEMPT = (
    'audit', 'audit_chain', 'audit_seal', 'audit_value', 'counter', 'eta', 'event', 'idempotency', 'import',
    'import_line', 'job', 'plan_change', 'plan_reason', 'position', 'position_current',
)
# Before Postgres 18 there is none of its own. Whole microseconds, so two of one process never meet.
UUIDV7 = r"""
CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(set_byte(set_byte(
        substring(int8send(micros / 1000) FROM 3) || substring(int8send(micros % 1000 * 4 + 28672) FROM 7)
        || substring(uuid_send(gen_random_uuid()) FROM 9),
        8, get_byte(uuid_send(gen_random_uuid()), 8)), 9, get_byte(uuid_send(gen_random_uuid()), 9)), 'hex')::uuid
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros) clock
$$
"""
# What a digest is over: all that is said of a change. Times as numbers and values as jsonb, so that neither a
# session's zone nor its other settings have a say; domain/chains.py says the same, and a test compares.
DIGEST = r"""
CREATE FUNCTION audit_digest(a audit) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        a.organization_id, a.id, a.unit_id, a.entity_type, a.entity_id, a.entity_version, a.action, a.actor, a.actor_role,
        a.origin, a.reason, extract(epoch FROM a.at), extract(epoch FROM a.recorded_at), a.before, a.after, a.apart,
        a.readers)::text, 'UTF8'))
$$
"""
# The settings app.* are the unit of work's; SQL that says nothing is kept as the database user's own.
CAPTURE = r"""
CREATE FUNCTION audit_capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' AS $$
DECLARE
    told CONSTANT jsonb := TG_ARGV[0]::jsonb;
    was jsonb;
    becomes jsonb;
    subject jsonb;
    before jsonb;
    after jsonb;
    apart jsonb;
    organization uuid;
    mine uuid := uuidv7();
    unit text := current_setting('app.audit_unit', true);
    reasons text := current_setting('app.reasons', true);
    why text := nullif(current_setting('app.reason', true), '');
    field text;
    rule jsonb;
    reference uuid;
    seasoning bytea;
    value jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was := to_jsonb(OLD) - 'searched';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        becomes := to_jsonb(NEW) - 'searched';
    END IF;
    subject := coalesce(becomes, was);
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(e.key, was -> e.key), jsonb_object_agg(e.key, e.value) INTO before, after
        FROM jsonb_each(becomes) e
        WHERE e.value IS DISTINCT FROM was -> e.key AND e.key <> 'version' AND e.key <> 'updated_at'
            AND NOT coalesce(told -> 'computed' ? e.key, false);
        IF after IS NULL THEN
            RETURN NULL;
        END IF;
    ELSE
        SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO value
        FROM jsonb_each(subject) e
        WHERE e.value <> 'null' AND NOT coalesce(told -> 'computed' ? e.key, false)
            AND e.key <> ALL ('{organization_id,id,version,created_at,updated_at}');
        IF TG_OP = 'INSERT' THEN after := value; ELSE before := value; END IF;
    END IF;
    organization := coalesce(subject ->> 'organization_id', subject ->> 'id')::uuid;
    IF told ? 'secret' THEN
        FOR field IN SELECT jsonb_array_elements_text(told -> 'secret') LOOP
            IF before ? field THEN before := before || jsonb_build_object(field, '•••'); END IF;
            IF after ? field THEN after := after || jsonb_build_object(field, '•••'); END IF;
        END LOOP;
    END IF;
    IF told ? 'apart' THEN
        FOR field, rule IN SELECT e.key, e.value FROM jsonb_each(told -> 'apart') e LOOP
            CONTINUE WHEN NOT coalesce(after ? field, false) AND NOT coalesce(before ? field, false);
            value := jsonb_build_object('before', before -> field, 'after', after -> field);
            reference := uuidv7();
            seasoning := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
            INSERT INTO audit_value (organization_id, id, entity_id, personal, readers, salt, value)
            VALUES (organization, reference, (subject ->> 'id')::uuid, coalesce((rule ->> 'personal')::boolean, false),
                (rule ->> 'readers')::text[], seasoning, value);
            apart := coalesce(apart, '{}') || jsonb_build_object(field, rule || jsonb_build_object(
                'ref', reference, 'digest', encode(sha256(seasoning || convert_to(value::text, 'UTF8')), 'hex')));
            before := before - field;
            after := after - field;
        END LOOP;
    END IF;
    IF reasons <> '' THEN
        -- One unit may do things for several reasons: by the row, or by the visit whose row it is.
        why := CASE WHEN reasons::jsonb ? (subject ->> 'id') THEN reasons::jsonb ->> (subject ->> 'id')
            WHEN reasons::jsonb ? (subject ->> 'visit_id') THEN reasons::jsonb ->> (subject ->> 'visit_id') ELSE why END;
    END IF;
    IF coalesce(unit, '') = '' OR left(unit, 36) <> organization::text THEN
        -- The first change of this transaction: what follows names it, and its own trigger seals them at the end.
        unit := organization::text || mine::text;
        PERFORM set_config('app.audit_unit', unit, true);
        SET CONSTRAINTS audit_sealed DEFERRED;
    END IF;
    INSERT INTO audit (organization_id, id, unit_id, entity_type, entity_id, entity_version, action, actor, actor_role,
        origin, reason, at, recorded_at, before, after, apart, readers)
    VALUES (organization, mine, right(unit, 36)::uuid, TG_TABLE_NAME, (subject ->> 'id')::uuid,
        coalesce((subject ->> 'version')::integer, 1),
        CASE TG_OP WHEN 'INSERT' THEN 'CREATED' WHEN 'UPDATE' THEN 'CHANGED' ELSE 'DELETED' END,
        coalesce(nullif(current_setting('app.subject', true), ''), 'database:' || session_user),
        coalesce(nullif(current_setting('app.as_role', true), ''), nullif(current_setting('app.role', true), '')),
        coalesce(nullif(current_setting('app.origin', true), ''), 'DATABASE'),
        why,
        coalesce(nullif(current_setting('app.at', true), '')::timestamptz, transaction_timestamp()), clock_timestamp(),
        before, after, apart, (told ->> 'readers')::text[]);
    RETURN NULL;
END $$
"""
# Once a transaction, at its end: its changes are read and digested first, and only then is the head held.
SEAL = r"""
CREATE FUNCTION audit_seal_unit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    sealed bytea;
    place bigint;
    link bytea;
BEGIN
    PERFORM set_config('app.audit_unit', '', true);
    SELECT string_agg(uuid_send(a.id) || audit_digest(a), '' ORDER BY a.id) INTO sealed
    FROM audit a WHERE a.organization_id = NEW.organization_id AND a.id >= NEW.id AND a.unit_id = NEW.id;
    INSERT INTO audit_chain AS head (organization_id, seq, hash)
    VALUES (NEW.organization_id, 1, sha256(int8send(1) || uuid_send(NEW.id) || sealed))
    ON CONFLICT (organization_id) DO UPDATE SET seq = head.seq + 1,
        hash = sha256(head.hash || int8send(head.seq + 1) || uuid_send(NEW.id) || sealed)
    RETURNING head.seq, head.hash INTO place, link;
    INSERT INTO audit_seal (organization_id, seq, unit_id, changes, hash)
    VALUES (NEW.organization_id, place, NEW.id, sealed, link);
    RETURN NULL;
END $$
"""
REFUSE = r"""
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'fieldgraph_audit' AND TG_LEVEL = 'ROW' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
WHOLE = r"""
CREATE FUNCTION audit_row_by_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is audited: its rows are deleted, not truncated', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
# An erasure takes the values and leaves that there was one; only for an ADMIN, in their own organization.
FORGET = r"""
CREATE FUNCTION audit_forget(keys uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF current_setting('app.role', true) IS DISTINCT FROM 'ADMIN' THEN
        RAISE EXCEPTION 'only an ADMIN erases' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM audit_value v
    WHERE v.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
        AND v.entity_id = ANY (keys) AND v.personal;
END $$
"""
# The changed columns as a client reads them; the caller's policies decide which of the values kept apart are told.
FIELDS = r"""
CREATE FUNCTION audit_fields(organization uuid, before jsonb, after jsonb, apart jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'field', lower(left(f.name, 1)) || substring(replace(initcap(replace(f.name, '_', ' ')), ' ', '') FROM 2),
        'before', f.before, 'after', f.after, 'withheld', f.withheld) ORDER BY f.name COLLATE "C"), '[]')
    FROM (
        SELECT e.key AS name, $2 ->> e.key AS before, $3 ->> e.key AS after, false AS withheld
        FROM jsonb_object_keys(coalesce($2, '{}') || coalesce($3, '{}')) AS e(key)
        UNION ALL
        SELECT e.key, v.value ->> 'before', v.value ->> 'after', v.id IS NULL
        FROM jsonb_each($4) e LEFT JOIN public.audit_value v
            ON v.organization_id = $1 AND v.id = (e.value ->> 'ref')::uuid
    ) f;
END
"""
# Puts the trigger on a table, or anew: what it is told, and which columns Postgres computes itself.
TABLE = r"""
CREATE FUNCTION audit_table(name text, told jsonb DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    computed jsonb;
BEGIN
    SELECT jsonb_agg(attname ORDER BY attname) INTO computed FROM pg_attribute
    WHERE attrelid = format('public.%I', name)::regclass AND attgenerated <> '' AND NOT attisdropped
        AND attname <> 'searched';
    IF computed IS NOT NULL THEN
        told := told || jsonb_build_object('computed', computed);
    END IF;
    EXECUTE format('DROP TRIGGER IF EXISTS audited ON public.%I', name);
    EXECUTE format('DROP TRIGGER IF EXISTS audited_whole ON public.%I', name);
    EXECUTE format('CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON public.%I'
        ' FOR EACH ROW EXECUTE FUNCTION audit_capture(%L)', name, told);
    EXECUTE format('CREATE TRIGGER audited_whole BEFORE TRUNCATE ON public.%I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION audit_row_by_row()', name);
END $$
"""
OWN_TABLES = ('audit', 'audit_value', 'audit_seal', 'audit_chain')


def upgrade() -> None:
    # Works with the previous release: its processes go on, and their changes are kept without `at` and reason.
    op.execute("SET LOCAL lock_timeout = '4s'")
    _tables()
    run = op.get_bind().exec_driver_sql
    for statement in (*POLICIES, *GRANTS):
        run(statement)
    if not run("SELECT count(*) FROM pg_proc WHERE proname = 'uuidv7'").scalar():
        run(UUIDV7)
    for function in (DIGEST, CAPTURE, SEAL, REFUSE, WHOLE, FORGET, FIELDS, TABLE):
        run(function)
    _owned()
    run(
        "CREATE CONSTRAINT TRIGGER audit_sealed AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.id = NEW.unit_id) EXECUTE FUNCTION audit_seal_unit()"
    )
    for table in OWN_TABLES:
        run(f"CREATE TRIGGER refuses BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse()")
        run(f"CREATE TRIGGER refuses_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()")
    found = run(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND a.attname IN ('id', 'version') AND NOT a.attisdropped GROUP BY c.relname HAVING count(*) = 2 ORDER BY 1"
    )
    for (table,) in found.fetchall():
        if table not in EXEMPT:
            op.get_bind().execute(
                sa.text("SELECT audit_table(:name, CAST(:told AS jsonb))"),
                {'name': table, 'told': INSTRUCTIONS.get(table, '{}')},
            )


def _tables() -> None:
    # No foreign keys: what is kept outlives what it is about, and each would be asked at every change.
    op.create_table(
        'audit',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('unit_id', sa.Uuid(), nullable=False),
        sa.Column('entity_type', sa.Text(), nullable=False),
        sa.Column('entity_id', sa.Uuid(), nullable=False),
        sa.Column('entity_version', sa.Integer(), nullable=False),
        sa.Column('action', sa.Text(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('actor_role', sa.Text(), nullable=True),
        sa.Column('origin', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column('apart', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column('readers', sa.ARRAY(sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_audit')),
    )
    op.create_index(op.f('ix_audit_organization_id_entity_id_id'), 'audit', ['organization_id', 'entity_id', 'id'])
    op.create_table(
        'audit_value',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('entity_id', sa.Uuid(), nullable=False),
        sa.Column('personal', sa.Boolean(), nullable=False),
        sa.Column('readers', sa.ARRAY(sa.Text()), nullable=True),
        sa.Column('salt', sa.LargeBinary(), nullable=False),
        sa.Column('value', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_audit_value')),
    )
    op.create_index(op.f('ix_audit_value_organization_id_entity_id'), 'audit_value', ['organization_id', 'entity_id'])
    op.create_table(
        'audit_seal',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('seq', sa.BigInteger(), nullable=False),
        sa.Column('unit_id', sa.Uuid(), nullable=False),
        sa.Column('changes', sa.LargeBinary(), nullable=False),
        sa.Column('hash', sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint('organization_id', 'seq', name=op.f('pk_audit_seal')),
    )
    op.create_table(
        'audit_chain',
        sa.Column('organization_id', sa.Uuid(), nullable=False),
        sa.Column('seq', sa.BigInteger(), nullable=False),
        sa.Column('hash', sa.LargeBinary(), nullable=False),
        sa.CheckConstraint('seq > 0', name=op.f('ck_audit_chain_seq')),
        sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_audit_chain')),
    )


def _owned() -> None:
    """To the audit's own role, so that whoever changes an audited row needs no right to write what is kept of it."""
    run = op.get_bind().exec_driver_sql
    # An owner of the database who is no superuser gives away only to a role it is, and that may create here.
    run("GRANT fieldgraph_audit TO CURRENT_USER")
    run("GRANT CREATE ON SCHEMA public TO fieldgraph_audit")
    for function in ('audit_capture()', 'audit_seal_unit()', 'audit_forget(uuid[])'):
        run(f"ALTER FUNCTION {function} OWNER TO fieldgraph_audit")
        # Nobody else's: on a temporary table of their own such a trigger would keep whatever they like.
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    run("GRANT EXECUTE ON FUNCTION audit_capture(), audit_seal_unit() TO CURRENT_USER")
    run("GRANT EXECUTE ON FUNCTION audit_forget(uuid[]) TO fieldgraph_app")
    for function in ('audit_digest(audit)', 'audit_fields(uuid, jsonb, jsonb, jsonb)', 'audit_table(text, jsonb)', 'audit_refuse()', 'audit_row_by_row()'):
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    run("GRANT EXECUTE ON FUNCTION audit_digest(audit) TO fieldgraph_audit")
    run("GRANT EXECUTE ON FUNCTION audit_fields(uuid, jsonb, jsonb, jsonb) TO fieldgraph_app")
    run("REVOKE CREATE ON SCHEMA public FROM fieldgraph_audit")
    run("REVOKE fieldgraph_audit FROM CURRENT_USER")


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
