"""Columns of the views that consumers read; a test compares them with the database."""

import sqlalchemy as sa
from sqlalchemy import Double, Integer, String

from db.schema.forecasts import forecasts

# Not of class Table: in the same metadata Alembic would create them as tables.
_NOT_IN_LATEST = ("run_id", "model_variance", "noise_variance")
latest_forecast = sa.table(
    "latest_forecast",
    *(sa.column(c.name, c.type) for c in forecasts.c if c.name not in _NOT_IN_LATEST),
    sa.column("kind", String),
    sa.column("age_sessions", Integer),
    sa.column("currency", String),
    sa.column("name", String),
)
forecast_with_outcome = sa.table(
    "forecast_with_outcome",
    *(sa.column(c.name, c.type) for c in forecasts.c),
    sa.column("kind", String),
    sa.column("actual_close", Double),
    sa.column("actual_log_return", Double),
    sa.column("inside", Integer),
)


def _group_columns() -> list[sa.ColumnClause[str]]:
    return [sa.column(name, sa.String) for name in ("source", "method", "kind", "quality")]


coverage_by_horizon = sa.table(
    "coverage_by_horizon",
    *_group_columns(),
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
    *_group_columns(),
    sa.column("horizon", Integer),
    sa.column("level", Double),
    sa.column("outcomes", Integer),
    sa.column("at_or_below", Double),
    sa.column("pinball", Double),
)

contract_version = sa.table("contract_version", sa.column("contract_version", Integer))

VIEWS = (latest_forecast, forecast_with_outcome, coverage_by_horizon, pinball_by_level, contract_version)
