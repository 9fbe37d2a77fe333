"""Columns of the views that consumers read; a test compares them with the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Date, Double, Integer, String

from db.schema.forecasts import forecasts
from db.types import UtcDateTime

# Not of class Table: in the same metadata Alembic would create them as tables.
_NOT_IN_LATEST = ("run_id", "model_variance", "noise_variance")
latest_forecast = sa.table(
    "latest_forecast",
    *(sa.column(c.name, c.type) for c in forecasts.c if c.name not in _NOT_IN_LATEST),
    sa.column("kind", String),
    sa.column("age_sessions", Integer),
    sa.column("currency", String),
    sa.column("name", String),
    sa.column("nominal_coverage", Double),
    sa.column("edition", Integer),
)
forecast_with_outcome = sa.table(
    "forecast_with_outcome",
    *(sa.column(c.name, c.type) for c in forecasts.c),
    sa.column("kind", String),
    sa.column("actual_close", Double),
    sa.column("actual_log_return", Double),
    sa.column("inside", Integer),
    sa.column("nominal_coverage", Double),
    sa.column("below", Integer),
    sa.column("above", Integer),
    sa.column("crps", Double),
    sa.column("winkler", Double),
)

forecast_quantiles = sa.table(
    "forecast_quantiles",
    *(sa.column(name, String) for name in ("source", "ticker")),
    *(sa.column(name, Date) for name in ("as_of", "target_session")),
    sa.column("horizon", Integer),
    sa.column("band", String),
    *(sa.column(name, Double) for name in ("level", "log_return", "price")),
)

path_odds = sa.table(
    "path_odds",
    *(sa.column(name, String) for name in ("source", "ticker")),
    sa.column("as_of", Date),
    sa.column("horizon", Integer),
    sa.column("statistic", String),
    *(sa.column(name, Double) for name in ("level", "value")),
)

verifications = sa.table(
    "verifications",
    *(sa.column(name, String) for name in ("source", "ticker")),
    *(sa.column(name, Date) for name in ("as_of", "target_session")),
    *(sa.column(name, String) for name in ("method", "kind")),
    sa.column("horizon", Integer),
    *(sa.column(name, String) for name in ("quality", "regime")),
    sa.column("reports_ahead", Integer),
    *(sa.column(name, Double) for name in ("nominal", "lower", "median", "upper", "actual_log_return")),
    *(sa.column(name, Integer) for name in ("inside", "below", "above")),
    *(sa.column(name, Double) for name in ("crps", "winkler", "pinball_lower", "pinball_upper")),
    sa.column("scored_at", UtcDateTime),
    sa.column("actual_close", Double),
)

_AVERAGES = ("realized_coverage", "below", "above", "crps", "winkler", "crps_to_random_walk")


def _define_coverage(name: str, key: tuple[str, ...], *aliases: str) -> sa.TableClause:
    """Define a view of averages: its key, a count, the averages, and old names of columns."""
    kinds: dict[str, sa.types.TypeEngine[Any]] = {"nominal_coverage": Double(), "horizon": Integer()}
    return sa.table(
        name,
        *(sa.column(column, kinds.get(column) or String()) for column in key),
        sa.column("outcomes", Integer),
        *(sa.column(column, Double) for column in _AVERAGES),
        *(sa.column(alias, String if alias == "method" else Double) for alias in aliases),
    )


def _define_pinball(name: str, *aliases: str) -> sa.TableClause:
    """Define a view of the scores of each level, and old names of columns."""
    return sa.table(
        name,
        *(sa.column(column, String) for column in ("source", "band", "kind", "quality")),
        sa.column("horizon", Integer),
        sa.column("level", Double),
        sa.column("outcomes", Integer),
        sa.column("at_or_below", Double),
        sa.column("pinball", Double),
        *(sa.column(alias, String) for alias in aliases),
    )


_BY_HORIZON = ("source", "band", "kind", "quality", "nominal_coverage", "horizon")
_BY_TICKER = ("source", "ticker", "band", "kind", "nominal_coverage")
coverage_by_horizon = _define_coverage("coverage_by_horizon", _BY_HORIZON, "method", "nominal", "coverage")
all_coverage_by_horizon = _define_coverage("all_coverage_by_horizon", _BY_HORIZON)
coverage_by_ticker = _define_coverage("coverage_by_ticker", _BY_TICKER)
all_coverage_by_ticker = _define_coverage("all_coverage_by_ticker", _BY_TICKER)
pinball_by_level = _define_pinball("pinball_by_level", "method")
all_pinball_by_level = _define_pinball("all_pinball_by_level")

_BY_CONDITION = ("source", "band", "kind", "nominal_coverage", "horizon", "regime", "report")
coverage_by_condition = _define_coverage("coverage_by_condition", _BY_CONDITION)
all_coverage_by_condition = _define_coverage("all_coverage_by_condition", _BY_CONDITION)


def _define_odds(name: str, group: str, *shares: str) -> sa.TableClause:
    """Define a view of the odds of the way: its key, a count, and shares."""
    return sa.table(
        name,
        *(sa.column(column, String) for column in ("source", "kind")),
        sa.column("horizon", Integer),
        sa.column(group, Integer if group == "tenth" else Double),
        sa.column("outcomes", Integer),
        *(sa.column(share, Double) for share in shares),
    )


touches_by_tenth = _define_odds("touches_by_tenth", "tenth", "mean_probability", "touched")
all_touches_by_tenth = _define_odds("all_touches_by_tenth", "tenth", "mean_probability", "touched")
drawdowns_by_level = _define_odds("drawdowns_by_level", "level", "at_or_below")
all_drawdowns_by_level = _define_odds("all_drawdowns_by_level", "level", "at_or_below")

adjusted_close = sa.table(
    "adjusted_close",
    sa.column("source", String),
    sa.column("ticker", String),
    sa.column("session", Date),
    *(sa.column(name, Double) for name in ("close", "split_ratio", "adjusted_close")),
)
missing_forecasts = sa.table(
    "missing_forecasts",
    sa.column("source", String),
    sa.column("ticker", String),
    sa.column("session", Date),
    sa.column("newest_as_of", Date),
    sa.column("age_sessions", Integer),
    sa.column("reason", String),
    sa.column("detail", String),
)
freshness = sa.table(
    "freshness",
    sa.column("source", String),
    sa.column("session", Date),
    sa.column("issued_at", UtcDateTime),
    *(sa.column(name, Integer) for name in ("tickers", "with_bands", "missing")),
)
contract_version = sa.table("contract_version", sa.column("contract_version", Integer))

VIEWS = (
    latest_forecast,
    forecast_with_outcome,
    forecast_quantiles,
    path_odds,
    verifications,
    coverage_by_horizon,
    all_coverage_by_horizon,
    coverage_by_ticker,
    all_coverage_by_ticker,
    pinball_by_level,
    all_pinball_by_level,
    coverage_by_condition,
    all_coverage_by_condition,
    touches_by_tenth,
    all_touches_by_tenth,
    drawdowns_by_level,
    all_drawdowns_by_level,
    adjusted_close,
    freshness,  # before the view that it reads
    missing_forecasts,
    contract_version,
)
