"""Show in one row of each source how fresh its bands are, for monitors."""

from alembic import op

from db.migrations.views import FRESHNESS_15

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(FRESHNESS_15)


def downgrade() -> None:
    op.execute("DROP VIEW freshness")
