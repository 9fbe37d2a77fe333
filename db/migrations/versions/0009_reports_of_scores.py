"""Keep the reports that a band spans with its scores, so that windows with a report count apart."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COMMENT = "Earnings reports expected from as_of to target_session"


def upgrade() -> None:
    op.add_column("verifications", sa.Column("reports_ahead", sa.Integer, comment=_COMMENT))


def downgrade() -> None:
    op.drop_column("verifications", "reports_ahead")
