"""Work orders are held, approved and closed with an outcome: what they keep of it (revision 0005).

The previous release goes on: what it does not know is null, or has a default of the database.
"""

from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute(
        "ALTER TABLE work_order ADD COLUMN outcome text, ADD COLUMN reason text, ADD COLUMN state_before_hold text,"
        " ADD CONSTRAINT ck_work_order_outcome CHECK (outcome IN ('SOLVED', 'UNRESOLVED')),"
        " ADD CONSTRAINT ck_work_order_held CHECK ((state = 'ON_HOLD') OR state_before_hold IS NULL)"
    )
    op.execute("ALTER TABLE work_type ADD COLUMN needs_approval boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE work_type DROP COLUMN needs_approval")
    op.execute(
        "ALTER TABLE work_order DROP COLUMN outcome, DROP COLUMN reason, DROP COLUMN state_before_hold"
    )
