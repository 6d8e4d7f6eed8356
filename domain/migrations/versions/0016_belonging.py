"""Belonging: a change names the rows that its row is part of, so that their history tells it, too (revision 0016)."""

from alembic import op
import sqlalchemy as sa

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

# Frozen from domain/access/audited.py; tests/domain/test_audited.py compares.
INSTRUCTIONS = {
    'absence': '{"apart": {"reason": {"personal": true}}, "belongs": "{technician_id}"}',
    'arrival': '{"apart": {"evidence": {"readers": "{ADMIN,DISPATCHER,INTEGRATION,MANAGER}"}}, "belongs": "{visit_id,technician_id}"}',
    'asset': '{"belongs": "{site_id}"}',
    'assignment': '{"belongs": "{visit_id,work_order_id,technician_id}"}',
    'certification': '{"belongs": "{technician_id}"}',
    'contact': '{"apart": {"email": {"personal": true}, "name": {"personal": true}, "phone": {"personal": true}}, "belongs": "{customer_id}"}',
    'contract': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}, "price": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}, "belongs": "{customer_id}"}',
    'contract_asset': '{"belongs": "{contract_id,asset_id}"}',
    'contract_work_type': '{"belongs": "{contract_id}"}',
    'credential': '{"belongs": "{visit_id,technician_id}", "readers": "{ADMIN,DISPATCHER,MANAGER}", "secret": ["digest"]}',
    'crew_member': '{"belongs": "{crew_id,technician_id}"}',
    'entitlement': '{"belongs": "{contract_id}"}',
    'external_id': '{"belongs": "{entity_id}"}',
    'maintenance_occurrence': '{"belongs": "{plan_id,work_order_id}"}',
    'maintenance_plan': '{"belongs": "{site_id,contract_id}"}',
    'meter_reading': '{"belongs": "{asset_id}"}',
    'milestone': '{"belongs": "{work_order_id}"}',
    'purchase_order_line': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}, "unit_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}, "belongs": "{purchase_order_id}"}',
    'reorder_rule': '{"apart": {"currency": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}, "unit_cost": {"readers": "{ADMIN,INTEGRATION,MANAGER,SALES}"}}, "belongs": "{part_id,stock_location_id}"}',
    'reservation': '{"belongs": "{visit_id}"}',
    'shift': '{"belongs": "{technician_id}"}',
    'shift_pattern': '{"belongs": "{technician_id}"}',
    'shift_pattern_day': '{"belongs": "{shift_pattern_id,technician_id}"}',
    'site': '{"apart": {"access_notes": {"personal": true}, "address": {"personal": true}, "latitude": {"personal": true}, "longitude": {"personal": true}, "name": {"personal": true}}, "belongs": "{customer_id}"}',
    'stock_location': '{"belongs": "{technician_id,site_id}"}',
    'stock_movement': '{"belongs": "{visit_id,transfer_id,purchase_order_id}"}',
    'stock_serial': '{"belongs": "{visit_id,asset_id}"}',
    'technician_skill': '{"belongs": "{technician_id}"}',
    'tracking_link': '{"belongs": "{visit_id}", "readers": "{ADMIN,DISPATCHER,MANAGER}"}',
    'transfer': '{"belongs": "{from_location_id,to_location_id}"}',
    'visit': '{"belongs": "{work_order_id}"}',
    'visit_dependency': '{"belongs": "{predecessor_id,successor_id}"}',
    'visit_part': '{"belongs": "{visit_id}"}',
    'work_task': '{"belongs": "{work_order_id,visit_id}"}',
    'work_type_part': '{"belongs": "{work_type_id}"}',
    'work_type_skill': '{"belongs": "{work_type_id}"}',
    'work_type_task': '{"belongs": "{work_type_id}"}',
}
PLACES = (1, 2, 3, 4)
# What belongs to nothing is digested as before, so that what was kept until now stays as it was sealed.
DIGEST = r"""
CREATE OR REPLACE FUNCTION audit_digest(a audit) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to((jsonb_build_array(
        a.organization_id, a.id, a.unit_id, a.entity_type, a.entity_id, a.entity_version, a.action, a.actor, a.actor_role,
        a.origin, a.reason, extract(epoch FROM a.at), extract(epoch FROM a.recorded_at), a.before, a.after, a.apart,
        a.readers) || CASE WHEN a.belongs_to IS NULL THEN '[]' ELSE jsonb_build_array(a.belongs_to) END)::text, 'UTF8'))
$$
"""
# As in revision 0015, and with `belongs`: the columns that name what the row is part of.
CAPTURE = r"""
CREATE OR REPLACE FUNCTION audit_capture() RETURNS trigger
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
    wholes uuid[];
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
    IF told ? 'belongs' THEN
        wholes := '{}';
        FOREACH field IN ARRAY (told ->> 'belongs')::text[] LOOP
            reference := (subject ->> field)::uuid;
            IF reference IS NOT NULL AND reference <> ALL (wholes) THEN wholes := wholes || reference; END IF;
        END LOOP;
        IF TG_OP = 'UPDATE' THEN
            -- What it was part of until now is told that it went.
            FOREACH field IN ARRAY (told ->> 'belongs')::text[] LOOP
                CONTINUE WHEN NOT before ? field;
                reference := (before ->> field)::uuid;
                IF reference IS NOT NULL AND reference <> ALL (wholes) THEN wholes := wholes || reference; END IF;
            END LOOP;
        END IF;
        IF wholes = '{}' THEN wholes := NULL; END IF;
    END IF;
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
        origin, reason, at, recorded_at, before, after, apart, readers, belongs_to)
    VALUES (organization, mine, right(unit, 36)::uuid, TG_TABLE_NAME, (subject ->> 'id')::uuid,
        coalesce((subject ->> 'version')::integer, 1),
        CASE TG_OP WHEN 'INSERT' THEN 'CREATED' WHEN 'UPDATE' THEN 'CHANGED' ELSE 'DELETED' END,
        coalesce(nullif(current_setting('app.subject', true), ''), 'database:' || session_user),
        coalesce(nullif(current_setting('app.as_role', true), ''), nullif(current_setting('app.role', true), '')),
        coalesce(nullif(current_setting('app.origin', true), ''), 'DATABASE'),
        why,
        coalesce(nullif(current_setting('app.at', true), '')::timestamptz, transaction_timestamp()), clock_timestamp(),
        before, after, apart, (told ->> 'readers')::text[], wholes);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    # Works with the previous release: its verify-audit finds what belongs to something otherwise than it was sealed,
    # so use this release's; all else of it reads and writes as before. What was kept until now belongs to nothing.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column('audit', sa.Column('belongs_to', sa.ARRAY(sa.Uuid()), nullable=True))
    run = op.get_bind().exec_driver_sql
    for place in PLACES:
        run(
            f"CREATE INDEX ix_audit_belongs_to_{place} ON audit (organization_id, (belongs_to[{place}]), id)"
            f" WHERE belongs_to[{place}] IS NOT NULL"
        )
    run(DIGEST)
    # It is the audit's own role's, and stays that: the owner of the database is it for this one moment.
    run("GRANT fieldgraph_audit TO CURRENT_USER")
    run("GRANT CREATE ON SCHEMA public TO fieldgraph_audit")
    run(CAPTURE)
    run("REVOKE CREATE ON SCHEMA public FROM fieldgraph_audit")
    run("REVOKE fieldgraph_audit FROM CURRENT_USER")
    for table, told in INSTRUCTIONS.items():
        op.get_bind().execute(sa.text("SELECT audit_table(:name, CAST(:told AS jsonb))"), {'name': table, 'told': told})


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
