"""Show in one row of each source how fresh its bands are, for monitors."""

from alembic import op

from db.migrations.views import FRESHNESS_16

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(FRESHNESS_16)


def downgrade() -> None:
    op.execute("DROP VIEW freshness")
