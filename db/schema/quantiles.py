"""Tables of the quantiles of a forecast's bands, one row a band and target session."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import FORECAST_ROW, metadata, one_of
from forecasting.config import BAND_LEVELS, CALIBRATED_LEVELS
from forecasting.types import Band

SERVED_BAND: Band = "calibrated"
_MEDIAN = 0.5  # which every band has
COMPARISON_BANDS: tuple[Band, ...] = tuple(band for band in get_args(Band) if band != SERVED_BAND)


def name_level(level: float) -> str:
    """Name a level in columns: 0.05 as 05, 0.975 as 975.

    >>> [name_level(level) for level in (0.01, 0.025, 0.5)]
    ['01', '025', '50']
    """
    return f"{level:g}".partition(".")[2].ljust(2, "0")


LEVEL_NAMES = {level: name_level(level) for level in CALIBRATED_LEVELS}
LOG_RETURNS = {level: f"log_return_{name}" for level, name in LEVEL_NAMES.items()}
PRICES = {level: f"price_{name}" for level, name in LEVEL_NAMES.items()}


def _key_columns(*, band: str = "") -> list[Column[Any]]:
    columns: list[Column[Any]] = [
        Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
        Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
        Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
        Column("target_session", Date, primary_key=True, comment="Session that is forecast"),
    ]
    if band:  # before the session: rows that are deleted together lie together, and leave whole pages
        columns.insert(-1, Column("band", String, primary_key=True, comment=band))
    return columns


def _level_columns(levels: Sequence[float]) -> Iterator[Column[Any]]:
    for level in levels:
        yield Column(
            LOG_RETURNS[level],
            Double,
            nullable=level != _MEDIAN,
            comment=f"Cumulative log return since as_of at level {level:g}; null where it is not kept",
        )
        yield Column(
            PRICES[level],
            Double,
            nullable=level != _MEDIAN,
            comment=f"Price at level {level:g} in the units of as_of; null where it is not kept",
        )


def _of_forecast() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        FORECAST_ROW, [f"forecasts.{name}" for name in FORECAST_ROW], ondelete="CASCADE"
    )


def _bound_prices(levels: Sequence[float]) -> CheckConstraint:
    bounds = (f"{PRICES[level]} > 0 AND {PRICES[level]} < 1e12" for level in levels)
    return CheckConstraint(" AND ".join(bounds), name="price_bounds")


# One row for all levels: a row each would spend most of its bytes, and of the time of writing it, on its key.
# Two tables: pruned bands leave pages half empty, which those that stay for ever need not share.
calibrated_quantiles = Table(
    "calibrated_quantiles",
    metadata,
    *_key_columns(),
    *_level_columns(CALIBRATED_LEVELS),
    _of_forecast(),
    _bound_prices(CALIBRATED_LEVELS),
    sqlite_with_rowid=False,  # with one, SQLite keeps every key twice
    comment="Quantiles of the calibrated band of a forecast; the view forecast_quantiles has a row for each",
)

comparison_quantiles = Table(
    "comparison_quantiles",
    metadata,
    *_key_columns(band="mc_dropout, predictive or random_walk"),
    *_level_columns(BAND_LEVELS),
    _of_forecast(),
    _bound_prices(BAND_LEVELS),
    CheckConstraint(f"band IN ({', '.join(map(repr, COMPARISON_BANDS))})", name="band"),
    sqlite_with_rowid=False,  # as above
    comment="Every quantile of the bands that are kept for comparison, until they have been scored and "
    "pruned; in the view forecast_quantiles, too",
)

unlisted_quantiles = Table(
    "unlisted_quantiles",
    metadata,
    *_key_columns(band="mc_dropout, predictive, calibrated or random_walk"),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
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
