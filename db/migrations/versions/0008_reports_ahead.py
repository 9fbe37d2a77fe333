"""Store how many earnings reports each forecast expected up to its target."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COMMENT = "Earnings reports expected from as_of to target_session when it was issued; null if unknown"


def upgrade() -> None:
    op.add_column("forecasts", sa.Column("reports_ahead", sa.Integer, comment=_COMMENT))


def downgrade() -> None:
    op.drop_column("forecasts", "reports_ahead")
