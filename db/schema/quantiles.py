"""Tables of the quantiles of a forecast's bands, one row a band and target session."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import metadata, one_of
from forecasting.config import CALIBRATED_LEVELS
from forecasting.types import Band

_FORECAST_ROW = ("source", "ticker", "as_of", "target_session")
_MEDIAN = 0.5  # which every band has


def name_level(level: float) -> str:
    """Name a level in columns: 0.05 as 05, 0.975 as 975.

    >>> [name_level(level) for level in (0.01, 0.025, 0.5)]
    ['01', '025', '50']
    """
    return f"{level:g}".partition(".")[2].ljust(2, "0")


LEVEL_NAMES = {level: name_level(level) for level in CALIBRATED_LEVELS}
LOG_RETURNS = {level: f"log_return_{name}" for level, name in LEVEL_NAMES.items()}
PRICES = {level: f"price_{name}" for level, name in LEVEL_NAMES.items()}


def _key_columns() -> list[Column[Any]]:
    return [
        Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
        Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
        Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
        # Before the session, so that the rows of pruned bands lie together and leave whole pages.
        Column("band", String, primary_key=True, comment="mc_dropout, predictive, calibrated or random_walk"),
        Column("target_session", Date, primary_key=True, comment="Session that is forecast"),
        Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    ]


def _level_columns(level: float) -> list[Column[Any]]:
    return [
        Column(
            LOG_RETURNS[level],
            Double,
            nullable=level != _MEDIAN,
            comment=f"Cumulative log return since as_of at level {level:g}; null where it is not kept",
        ),
        Column(
            PRICES[level],
            Double,
            nullable=level != _MEDIAN,
            comment=f"Price at level {level:g} in the units of as_of; null where it is not kept",
        ),
    ]


def _of_forecast() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        _FORECAST_ROW, [f"forecasts.{name}" for name in _FORECAST_ROW], ondelete="CASCADE"
    )


# One row for all levels: a row each would spend most of its bytes, and of the time of writing it, on its key.
band_quantiles = Table(
    "band_quantiles",
    metadata,
    *_key_columns(),
    *(column for level in CALIBRATED_LEVELS for column in _level_columns(level)),
    _of_forecast(),
    CheckConstraint(
        " AND ".join(f"{name} > 0 AND {name} < 1e12" for name in PRICES.values()), name="price_bounds"
    ),
    one_of("band", Band),
    sqlite_with_rowid=False,  # with one, SQLite keeps every key twice
    comment="Every quantile of every band of a forecast; the view forecast_quantiles shows a row for each",
)

unlisted_quantiles = Table(
    "unlisted_quantiles",
    metadata,
    *_key_columns(),
    Column("level", Double, primary_key=True, comment="Quantile level, such as 0.125, rounded to 6 digits"),
    Column("log_return", Double, nullable=False, comment="Cumulative log return since as_of"),
    Column("price", Double, nullable=False, comment="Price in the units of as_of"),
    _of_forecast(),
    CheckConstraint("level > 0 AND level < 1", name="level_bounds"),
    CheckConstraint("price > 0 AND price < 1e12", name="price_bounds"),
    one_of("band", Band),
    sqlite_with_rowid=False,  # as above
    comment="Quantiles that earlier releases stored at other levels, when those were a setting",
)
