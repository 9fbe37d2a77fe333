"""The rows of a walk as arrays: one axis each for method, date, ticker, horizon and level."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forecasting.errors import UsageError
from forecasting.evaluation.metrics import crps, inside, pinball, pit, tail_misses, winkler
from forecasting.types import Floats

COLUMNS = (
    "ticker",
    "as_of",
    "target_session",
    "horizon",
    "method",
    "level",
    "log_return",
    "actual_log_return",
)
FLOOR = "random_walk"  # what every score is told relative to, and whose width says calm or stress


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
        outcome: (D, N, H) what happened, NaN where it is not known.
    """

    methods: tuple[str, ...]
    dates: tuple[pd.Timestamp, ...]
    tickers: tuple[str, ...]
    horizons: tuple[int, ...]
    levels: tuple[float, ...]
    quantiles: Floats
    outcome: Floats

    @property
    def coverage(self) -> float:
        """Nominal probability between the outermost levels."""
        return round(self.levels[-1] - self.levels[0], 10)

    def of(self, method: str) -> "Scores":
        """The scores of one method."""
        return Scores(self.levels, self.quantiles[self.methods.index(method)], self.outcome)


@dataclass(frozen=True)
class Scores:
    """Scores of one method, each (D, N, H) and NaN where forecast or outcome is missing."""

    levels: tuple[float, ...]
    quantiles: Floats
    outcome: Floats

    @property
    def lower(self) -> Floats:
        """The lowest quantile."""
        return self.quantiles[..., 0]

    @property
    def upper(self) -> Floats:
        """The highest quantile."""
        return self.quantiles[..., -1]

    @cached_property
    def known(self) -> Floats:
        """The outcome, where there is a forecast."""
        return np.where(np.isfinite(self.quantiles).all(axis=-1), self.outcome, np.nan)

    @cached_property
    def crps(self) -> Floats:
        """Continuous ranked probability score."""
        return crps(self.levels, self.quantiles, self.known)

    @cached_property
    def winkler(self) -> Floats:
        """Interval score of the outermost levels."""
        return winkler(self.lower, self.upper, self.known, self.levels[-1] - self.levels[0])

    @cached_property
    def inside(self) -> Floats:
        """1 where the outcome lies between the outermost levels."""
        return inside(self.lower, self.upper, self.known)

    @cached_property
    def misses(self) -> tuple[Floats, Floats]:
        """1 where it fell below, and where it rose above."""
        return tail_misses(self.lower, self.upper, self.known)

    @cached_property
    def pinball(self) -> tuple[Floats, Floats]:
        """Pinball loss at the lowest and at the highest level."""
        ends = self.quantiles[..., [0, -1]]
        loss = pinball([self.levels[0], self.levels[-1]], ends, self.known)
        return loss[..., 0], loss[..., 1]

    @cached_property
    def pit(self) -> Floats:
        """Probability integral transform."""
        return pit(self.levels, self.quantiles, self.known)


def panel_of(frame: pd.DataFrame) -> Panel:
    """The arrays of rows with COLUMNS, in any order.

    Raises:
        UsageError: A column or the random walk is missing, or a row stands twice.
    """
    _check(frame)
    names = ("method", "as_of", "ticker", "horizon", "level")
    codes, axes = zip(*(pd.factorize(frame[name], sort=True) for name in names), strict=True)
    shape = tuple(len(axis) for axis in axes)
    place = np.ravel_multi_index(codes, shape)
    seen = np.zeros(int(np.prod(shape)), bool)
    seen[place] = True
    if seen.sum() < len(place):
        raise UsageError("Expected each ticker, date, horizon, method and level once, found a row twice.")
    quantiles = _scattered(place, frame["log_return"], shape)
    outcome = _scattered(np.ravel_multi_index(codes[1:4], shape[1:4]), frame["actual_log_return"], shape[1:4])
    methods, dates, tickers, horizons, levels = (tuple(axis) for axis in axes)
    return Panel(
        methods, dates, tickers, tuple(map(int, horizons)), tuple(map(float, levels)), quantiles, outcome
    )


def _check(frame: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise UsageError(f"Expected the columns {', '.join(COLUMNS)}, found no {', '.join(missing)}.")
    if not (frame["method"] == FLOOR).any():
        raise UsageError(f"Expected rows of the method {FLOOR} to compare with, found none.")


def _scattered(place: np.ndarray, values: pd.Series, shape: Sequence[int]) -> Floats:
    filled = np.full(int(np.prod(shape)), np.nan)
    filled[place] = values.to_numpy(np.float64)
    return filled.reshape(shape)
