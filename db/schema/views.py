"""The views that consumers read, as far as queries of ours need them."""

import sqlalchemy as sa
from sqlalchemy import Double, Integer

from db.schema.forecasts import forecasts

# Views get no Table: in the same metadata Alembic would create them as tables.
_LEFT_OUT_OF_LATEST = ("run_id", "model_variance", "noise_variance")
latest_forecast = sa.table(
    "latest_forecast",
    *(sa.column(c.name, c.type) for c in forecasts.c if c.name not in _LEFT_OUT_OF_LATEST),
)
forecast_with_outcome = sa.table(
    "forecast_with_outcome",
    *(sa.column(c.name, c.type) for c in forecasts.c),
    sa.column("actual_close", Double),
    sa.column("actual_log_return", Double),
    sa.column("inside", Integer),
)


def _scored() -> list[sa.ColumnClause[str]]:
    return [sa.column(name, sa.String) for name in ("source", "method", "kind", "quality")]


coverage_by_horizon = sa.table(
    "coverage_by_horizon",
    *_scored(),
    sa.column("nominal", Double),
    sa.column("horizon", Integer),
    sa.column("outcomes", Integer),
    *(
        sa.column(name, Double)
        for name in ("coverage", "below", "above", "crps", "winkler", "crps_to_random_walk")
    ),
)
pinball_by_level = sa.table(
    "pinball_by_level",
    *_scored(),
    sa.column("horizon", Integer),
    sa.column("level", Double),
    sa.column("outcomes", Integer),
    sa.column("at_or_below", Double),
    sa.column("pinball", Double),
)
