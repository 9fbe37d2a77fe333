"""Store how many earnings reports each forecast expected up to its target, and keep it with the scores."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = ("forecasts", "verifications")
_COMMENT = "Earnings reports expected from as_of to target_session when it was issued; null if unknown"


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("reports_ahead", sa.Integer, comment=_COMMENT))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "reports_ahead")
