"""Tables as SQLAlchemy Core describes them; migrations create them, and a test compares the two."""

from db.schema.base import metadata
from db.schema.calendars import calendar_changes
from db.schema.earnings import earnings_checks, earnings_dates
from db.schema.editions import edition_quantiles, forecast_editions
from db.schema.forecasts import (
    forecast_runs,
    forecasts,
    quarantines,
    universes,
)
from db.schema.models import calibrations, gate_decisions, model_versions
from db.schema.odds import forecast_odds, unlisted_odds
from db.schema.outcomes import band_outcomes, path_outcomes
from db.schema.prices import corporate_actions, instruments, price_bars, price_revisions
from db.schema.quantiles import calibrated_quantiles, comparison_quantiles, unlisted_quantiles
from db.schema.views import (
    adjusted_close,
    coverage_by_horizon,
    coverage_by_ticker,
    forecast_quantiles,
    forecast_with_outcome,
    freshness,
    latest_forecast,
    missing_forecasts,
    path_odds,
    pinball_by_level,
    verifications,
)

__all__ = [
    "adjusted_close",
    "band_outcomes",
    "calendar_changes",
    "calibrated_quantiles",
    "calibrations",
    "comparison_quantiles",
    "corporate_actions",
    "coverage_by_horizon",
    "coverage_by_ticker",
    "earnings_checks",
    "earnings_dates",
    "edition_quantiles",
    "forecast_editions",
    "forecast_odds",
    "forecast_quantiles",
    "forecast_runs",
    "forecast_with_outcome",
    "forecasts",
    "freshness",
    "gate_decisions",
    "instruments",
    "latest_forecast",
    "metadata",
    "missing_forecasts",
    "model_versions",
    "path_odds",
    "path_outcomes",
    "pinball_by_level",
    "price_bars",
    "price_revisions",
    "quarantines",
    "universes",
    "unlisted_odds",
    "unlisted_quantiles",
    "verifications",
]
