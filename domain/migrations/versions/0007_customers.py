"""Customers in depth: archived ones, what contacts agreed to (revision 0007)."""

from alembic import op

revision = '0007'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Works with the previous release: new columns are nullable or have a default, which costs no rewrite.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE customer ADD COLUMN archived_at timestamptz")
    for consent in ("email_opt_in", "phone_opt_in", "sms_opt_in"):
        op.execute(f"ALTER TABLE contact ADD COLUMN {consent} boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
