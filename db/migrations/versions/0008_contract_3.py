"""Store closes with scores and how many earnings reports a band spans; the views of contract version 3."""

import sqlalchemy as sa
from alembic import op

from db.migrations.views import (
    ADJUSTED_CLOSE_8,
    ALL_COVERAGE_BY_HORIZON_8,
    ALL_COVERAGE_BY_TICKER_8,
    ALL_PINBALL_BY_LEVEL_8,
    CONTRACT_VERSION_6,
    CONTRACT_VERSION_8,
    COVERAGE_BY_HORIZON_3,
    COVERAGE_BY_HORIZON_8,
    COVERAGE_BY_TICKER_8,
    FORECAST_WITH_OUTCOME_6,
    FORECAST_WITH_OUTCOME_8,
    LATEST_FORECAST_6,
    LATEST_FORECAST_8,
    MISSING_FORECASTS_8,
    PINBALL_BY_LEVEL_6,
    PINBALL_BY_LEVEL_8,
)

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REPORTS = "Earnings reports expected from as_of to target_session"
_CLOSE = "Close of target_session in units of as_of; null if never issued"
# The splits in between are multiplied up one by one, as the view of before did for each of its readers.
_FILLED = """
UPDATE verifications SET actual_close = (
    SELECT b.close FROM price_bars b
    WHERE b.source = verifications.source AND b.ticker = verifications.ticker
      AND b.session = verifications.target_session
) * (
    WITH RECURSIVE product (session, ratio) AS (
        SELECT verifications.as_of, CAST(1 AS DOUBLE PRECISION)
        UNION ALL
        SELECT s.session, p.ratio * s.value
        FROM product p
        JOIN corporate_actions s
          ON s.source = verifications.source AND s.ticker = verifications.ticker AND s.kind = 'split'
         AND s.session = (
             SELECT MIN(later.session) FROM corporate_actions later
             WHERE later.source = verifications.source AND later.ticker = verifications.ticker
               AND later.kind = 'split' AND later.session > p.session
               AND later.session <= verifications.target_session)
    )
    SELECT p.ratio FROM product p ORDER BY p.session DESC LIMIT 1
)
WHERE kind IN ('live', 'backfill')
"""
_BEFORE = {
    "latest_forecast": LATEST_FORECAST_6,
    "forecast_with_outcome": FORECAST_WITH_OUTCOME_6,
    "coverage_by_horizon": COVERAGE_BY_HORIZON_3,
    "pinball_by_level": PINBALL_BY_LEVEL_6,
    "contract_version": CONTRACT_VERSION_6,
}
_AFTER = {  # a view on another one follows it
    "latest_forecast": LATEST_FORECAST_8,
    "forecast_with_outcome": FORECAST_WITH_OUTCOME_8,
    "all_coverage_by_horizon": ALL_COVERAGE_BY_HORIZON_8,
    "coverage_by_horizon": COVERAGE_BY_HORIZON_8,
    "all_coverage_by_ticker": ALL_COVERAGE_BY_TICKER_8,
    "coverage_by_ticker": COVERAGE_BY_TICKER_8,
    "all_pinball_by_level": ALL_PINBALL_BY_LEVEL_8,
    "pinball_by_level": PINBALL_BY_LEVEL_8,
    "adjusted_close": ADJUSTED_CLOSE_8,
    "missing_forecasts": MISSING_FORECASTS_8,
    "contract_version": CONTRACT_VERSION_8,
}


def upgrade() -> None:
    _drop_views(_BEFORE)
    op.add_column("forecasts", sa.Column("reports_ahead", sa.Integer, comment=_REPORTS))
    op.add_column("verifications", sa.Column("actual_close", sa.Double, comment=_CLOSE))
    op.execute(_FILLED)
    _create_views(_AFTER)


def downgrade() -> None:
    _drop_views(_AFTER)
    op.drop_column("verifications", "actual_close")
    op.drop_column("forecasts", "reports_ahead")
    _create_views(_BEFORE)


def _drop_views(views: dict[str, str]) -> None:
    for view in reversed(views):
        op.execute(f"DROP VIEW {view}")


def _create_views(views: dict[str, str]) -> None:
    for statement in views.values():
        op.execute(statement)
