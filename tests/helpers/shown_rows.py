"""What a store shows of its rows: the tables, and for those that keep several values in a row their views."""

from collections.abc import Mapping

import sqlalchemy as sa

from db.schema import forecast_quantiles, metadata, path_odds, verifications

WIDE = (
    "band_outcomes",
    "calibrated_quantiles",
    "comparison_quantiles",
    "forecast_odds",
    "unlisted_odds",
    "unlisted_quantiles",
)
REPLACED = ("band_quantiles",)  # by other tables since 0020; the view forecast_quantiles shows their rows
SHOWN: Mapping[str, sa.FromClause] = {
    **{name: table for name, table in metadata.tables.items() if name not in WIDE},
    "forecast_quantiles": forecast_quantiles,
    "path_odds": path_odds,
    "verifications": verifications,
}
