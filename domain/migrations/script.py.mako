"""${message}

Revision ${up_revision}, after ${down_revision or 'nothing' | comma,n}, made on ${create_date.date()}.
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    # Works with the previous release: its processes go on reading and writing while and after this runs.
    # So add now, fill in chunks, drop in a later release; new columns are nullable or have a default,
    # indexes are made CONCURRENTLY in a revision of their own, new checks NOT VALID and validated later.
    # A table that is busy is not waited for longer than this, because everybody would queue behind us.
    op.execute("SET LOCAL lock_timeout = '4s'")
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    # The way back is a new revision forward; data that a new release has written is not thrown away.
    raise RuntimeError("Restore a backup, or write a revision that goes forward.")
