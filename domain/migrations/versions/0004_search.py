"""Search by words: the folded text of each searched row, its trigram index, the scoped look-up (revision 0004)."""

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

# Frozen from the tables' `searched(…)` as they were; tests/domain/test_database.py compares.
SEARCHED = {
    "contact": "name, email, phone",
    "contract": "number, name",
    "customer": "number, name",
    "part": "number, name, barcode",
    "site": "name, address",
    "skill": "name",
    "stock_location": "name",
    "technician": "code, name, phone",
    "territory": "name",
    "work_order": "number, title, description",
    "work_type": "code, name",
}
# Upper and lower case, and letters with and without their marks, become the same letters. Letters are taken
# apart first, so that lower() knows them in whatever locale the database has. Declared immutable because
# generated columns ask for it; array_to_string is merely stable, for types other than text.
FOLD = r"""
CREATE FUNCTION searchable(VARIADIC words text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(translate(
        regexp_replace(normalize(array_to_string(words, ' '), NFKD), '[\u0300-\u036f]', '', 'g'),
        'øØłŁđĐ', 'oOlLdD'))
$$
"""
PATTERNS = r"""
CREATE FUNCTION search_patterns(query text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%'), '{}')
    FROM regexp_split_to_table(public.searchable(query), '\s+') AS word WHERE word <> ''
$$
"""
# LIKE is not leakproof, so under a policy it cannot use an index: this looks for the caller, in the caller's
# organization only, and tells ids only; the caller's policies decide which of them are seen. NULL says that
# the index is no help: no word has three letters in a row, or the words are so frequent (among the newest rows,
# or in all) that the caller soon has a page of them by walking its own rows in their order.
LOOK_UP = r"""
CREATE FUNCTION search_ids(kind text, query text) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    organization uuid := nullif(current_setting('app.organization_id', true), '')::uuid;
    patterns text[] := public.search_patterns(query);
    matches text;
    frequent boolean;
    found uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(patterns) AS pattern WHERE pattern ~ '[[:alnum:]]{3}') THEN
        RETURN NULL;
    END IF;
    -- Literals, since the planner takes a trigram index for LIKE by LIKE, never for LIKE ALL.
    SELECT string_agg(format('searched LIKE %L', pattern), ' AND ') INTO matches FROM unnest(patterns) AS pattern;
    EXECUTE format(
        'SELECT count(*) >= 10 FROM (SELECT searched FROM public.%I WHERE organization_id = %L'
        ' ORDER BY id DESC LIMIT 500) newest WHERE %s', kind, organization, matches) INTO frequent;
    IF frequent THEN
        RETURN NULL;
    END IF;
    EXECUTE format(
        'SELECT array_agg(id) FROM (SELECT id FROM public.%I WHERE organization_id = %L AND %s LIMIT 1001) few',
        kind, organization, matches) INTO found;
    RETURN CASE WHEN cardinality(found) > 1000 THEN NULL ELSE coalesce(found, '{}') END;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    # Columns and indexes are made in place, under a lock: no release has yet had rows in these tables.
    run = op.get_bind().exec_driver_sql
    for function in (FOLD, PATTERNS, LOOK_UP):
        run(function)
    for table, columns in SEARCHED.items():
        generated = f"GENERATED ALWAYS AS (searchable(VARIADIC ARRAY[{columns}])) STORED"
        run(f"ALTER TABLE {table} ADD COLUMN searched text {generated}")
        run(
            f"CREATE INDEX ix_{table}_organization_id_searched ON {table}"
            " USING gin (organization_id, searched gin_trgm_ops) WITH (fastupdate = off)"
        )
        run(f"GRANT SELECT (organization_id, id, searched) ON {table} TO fieldgraph_search")
        run(f"CREATE POLICY search ON {table} FOR SELECT TO fieldgraph_search USING (true)")
    # An owner of the database who is no superuser gives away only to a role it is, and that may create here.
    run("GRANT fieldgraph_search TO CURRENT_USER")
    run("GRANT CREATE ON SCHEMA public TO fieldgraph_search")
    run("ALTER FUNCTION search_ids(text, text) OWNER TO fieldgraph_search")
    run("REVOKE CREATE ON SCHEMA public FROM fieldgraph_search")
    run("REVOKE ALL ON FUNCTION search_ids(text, text) FROM PUBLIC")
    run("GRANT EXECUTE ON FUNCTION search_ids(text, text) TO fieldgraph_app")
    run("REVOKE fieldgraph_search FROM CURRENT_USER")


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
