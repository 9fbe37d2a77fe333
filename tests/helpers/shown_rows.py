"""What a store shows of its rows: the tables, and for those that keep several values in a row their views."""

from collections.abc import Mapping

import sqlalchemy as sa

from db.schema import forecast_quantiles, metadata, path_odds, verifications

WIDE = (
    "band_outcomes",
    "band_quantiles",  # up to migration 0019
    "calibrated_quantiles",
    "comparison_quantiles",
    "forecast_odds",
    "unlisted_odds",
    "unlisted_quantiles",
)
SHOWN: Mapping[str, sa.FromClause] = {
    **{name: table for name, table in metadata.tables.items() if name not in WIDE},
    "forecast_quantiles": forecast_quantiles,
    "path_odds": path_odds,
    "verifications": verifications,
}
