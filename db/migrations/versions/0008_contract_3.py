"""Store how many earnings reports a band spans, and show it in the views."""

import sqlalchemy as sa
from alembic import op

from db.migrations.views import (
    FORECAST_WITH_OUTCOME_6,
    FORECAST_WITH_OUTCOME_8,
    LATEST_FORECAST_6,
    LATEST_FORECAST_8,
)

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COMMENT = "Earnings reports expected from as_of to target_session"


def upgrade() -> None:
    _drop_views()
    op.add_column("forecasts", sa.Column("reports_ahead", sa.Integer, comment=_COMMENT))
    op.execute(LATEST_FORECAST_8)
    op.execute(FORECAST_WITH_OUTCOME_8)


def downgrade() -> None:
    _drop_views()
    op.drop_column("forecasts", "reports_ahead")
    op.execute(LATEST_FORECAST_6)
    op.execute(FORECAST_WITH_OUTCOME_6)


def _drop_views() -> None:
    for view in ("latest_forecast", "forecast_with_outcome"):
        op.execute(f"DROP VIEW {view}")
