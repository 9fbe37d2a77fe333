"""The rows of a walk as arrays: one axis each for method, date, ticker, horizon and level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import UsageError
from forecasting.evaluation.scores import Scores
from forecasting.tables import BACKTEST_ROWS
from forecasting.types import Floats

REFERENCE = "random_walk"  # every score is relative to it, and its width separates calm from stressed dates


@dataclass(frozen=True)
class Panel:
    """Quantiles and outcomes, P methods, D dates, N tickers, H horizons, Q levels.

    Attributes:
        methods: The P methods.
        dates: The D dates of issue, in order.
        tickers: The N tickers.
        horizons: The H horizons.
        levels: The Q levels, increasing.
        quantiles: (P, D, N, H, Q) cumulative log returns, NaN where there is no forecast.
        outcome: (D, N, H) realised cumulative log returns, NaN where unknown.
        reports_ahead: (D, N, H) earnings reports expected up to each target at issue, NaN where there is no
            forecast.
    """

    methods: tuple[str, ...]
    dates: tuple[pd.Timestamp, ...]
    tickers: tuple[str, ...]
    horizons: tuple[int, ...]
    levels: tuple[float, ...]
    quantiles: Floats
    outcome: Floats
    reports_ahead: Floats

    def score(self, method: str) -> Scores:
        """Return the (D, N, H) scores of one method."""
        return Scores(self.levels, self.quantiles[self.methods.index(method)], self.outcome)


def build_panel(rows: pd.DataFrame) -> Panel:
    """Build the arrays from BACKTEST_ROWS, in any order.

    Raises:
        TableError: A column is missing or of another kind, or a row occurs twice.
        UsageError: The random walk is missing.
    """
    BACKTEST_ROWS.check(rows)
    if not (rows["method"] == REFERENCE).any():
        raise UsageError(f"Expected rows of the method {REFERENCE} to compare with, found none.")
    names = ("method", "as_of", "ticker", "horizon", "level")
    codes, axes = zip(*(pd.factorize(rows[name], sort=True) for name in names), strict=True)
    shape = tuple(len(axis) for axis in axes)
    cell = np.ravel_multi_index(codes, shape)
    quantiles = _scatter(cell, rows["log_return"], shape)
    window = np.ravel_multi_index(codes[1:4], shape[1:4])
    outcome, reports = (
        _scatter(window, rows[name], shape[1:4]) for name in ("actual_log_return", "reports_ahead")
    )
    methods, dates, tickers, horizons, levels = (tuple(axis) for axis in axes)
    return Panel(
        methods=methods,
        dates=dates,
        tickers=tickers,
        horizons=tuple(map(int, horizons)),
        levels=tuple(map(float, levels)),
        quantiles=quantiles,
        outcome=outcome,
        reports_ahead=reports,
    )


def _scatter(cell: np.ndarray, values: pd.Series, shape: Sequence[int]) -> Floats:
    filled = np.full(int(np.prod(shape)), np.nan)
    filled[cell] = values.to_numpy(np.float64)
    return filled.reshape(shape)
