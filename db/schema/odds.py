"""Tables of the odds of the closes on the way, one row a forecast and horizon."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import metadata, one_of
from db.schema.quantiles import name_level
from forecasting.config import BAND_LEVELS, TOUCH_MOVES
from forecasting.types import PathStatistic


def name_move(move: float) -> str:
    """Name a move from the anchor close in columns: -0.05 as down_05, 0.1 as up_10.

    >>> [name_move(move) for move in (-0.3, -0.05, 0.1)]
    ['down_30', 'down_05', 'up_10']
    """
    return f"{'up' if move > 0 else 'down'}_{name_level(abs(move))}"


TOUCHES = {move: f"touch_{name_move(move)}" for move in TOUCH_MOVES}
DRAWDOWNS = {level: f"drawdown_{name_level(level)}" for level in BAND_LEVELS}


def _key_columns() -> list[Column[Any]]:
    return [
        Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
        Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
        Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
        Column("horizon", Integer, primary_key=True, comment="Sessions after as_of that the odds span"),
    ]


def _of_forecast() -> sa.ForeignKeyConstraint:
    names = ("source", "ticker", "as_of", "horizon")
    return sa.ForeignKeyConstraint(names, [f"forecasts.{name}" for name in names], ondelete="CASCADE")


# One row for all odds: a row each would spend most of its bytes on its key.
forecast_odds = Table(
    "forecast_odds",
    metadata,
    *_key_columns(),
    *(
        Column(
            name,
            Double,
            comment=f"Probability of a close at {move:+g} from the anchor close or beyond",
        )
        for move, name in TOUCHES.items()
    ),
    *(
        Column(
            name,
            Double,
            comment=f"Quantile {level:g} of the largest fall from the highest close before, as a share of it",
        )
        for level, name in DRAWDOWNS.items()
    ),
    _of_forecast(),
    CheckConstraint("horizon > 0", name="horizon_bounds"),
    CheckConstraint(
        " AND ".join(f"{name} BETWEEN 0 AND 1" for name in (*TOUCHES.values(), *DRAWDOWNS.values())),
        name="value_bounds",
    ),
    sqlite_with_rowid=False,  # with one, SQLite keeps every key twice
    comment="Odds of the closes on the way, from paths that have the quantiles of the calibrated bands; the "
    "view path_odds shows a row for each",
)

unlisted_odds = Table(
    "unlisted_odds",
    metadata,
    *_key_columns(),
    Column("statistic", String, primary_key=True, comment="touch or drawdown"),
    Column(
        "level",
        Double,
        primary_key=True,
        comment="Of a touch the move from the anchor close, such as -0.1; of a drawdown the quantile level",
    ),
    Column("value", Double, nullable=False, comment="Probability; quantile of the largest fall, as a share"),
    _of_forecast(),
    CheckConstraint("horizon > 0", name="horizon_bounds"),
    CheckConstraint("level > -1", name="level_bounds"),
    CheckConstraint("value >= 0 AND value <= 1", name="value_bounds"),
    one_of("statistic", PathStatistic),
    sqlite_with_rowid=False,  # as above
    comment="Odds that earlier releases stored at other levels, when those were a setting",
)
