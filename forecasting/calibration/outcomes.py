"""Closed forecasts: bands as issued beside what happened, as arrays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import UsageError
from forecasting.evaluation.metrics import tail_misses
from forecasting.forecast import REGIMES
from forecasting.types import Floats

# Cumulative log returns: the predictive band at its outermost levels, and the calibrated one that was issued.
CLOSED = (
    "ticker",
    "as_of",
    "horizon",
    "regime",
    "actual",
    "lower",
    "median",
    "upper",
    "calibrated_lower",
    "calibrated_upper",
)
_NUMBERS = CLOSED[4:]


@dataclass(frozen=True)
class Closed:
    """Closed forecasts of D dates and N tickers at H horizons; the first axis is the tail, lower and upper.

    Attributes:
        dates: (D,) datetime64[D] of issue, increasing.
        tickers: The N symbols.
        regime: (D, N) place in REGIMES of the market at issue; -1 where the ticker was not forecast.
        scores: (2, D, N, H) distance of the outcome from the median over that of the predictive band's edge,
            in the tail's direction; NaN where the forecast is not closed. Above 1 is a miss.
        misses: (2, D, N, H) 1 where the outcome lay beyond the calibrated band as issued, else 0, or NaN.
    """

    dates: np.ndarray
    tickers: tuple[str, ...]
    regime: NDArray[np.int8]
    scores: Floats
    misses: Floats

    def gaps(self) -> Floats:
        """(D,) weekdays since the date of issue before, 1 at least; of the first, what is typical."""
        days = np.busday_count(self.dates[:-1], self.dates[1:]).astype(np.float64)
        typical = np.median(days) if len(days) else 1.0
        gaps: Floats = np.maximum(np.append(typical, days), 1.0)
        return gaps

    def ages(self) -> Floats:
        """(D,) years between each date of issue and the newest."""
        days: Floats = (self.dates[-1] - self.dates).astype(np.float64)
        return days / 365.25


def closed_arrays(frame: pd.DataFrame) -> Closed:
    """Arrays from rows of the columns CLOSED, in any order.

    Raises:
        UsageError: A column is missing, or a regime is none of REGIMES.
    """
    _check(frame)
    dates, day = np.unique(frame["as_of"].to_numpy("datetime64[D]"), return_inverse=True)
    tickers, ticker = np.unique(frame["ticker"].to_numpy(str), return_inverse=True)
    horizon = frame["horizon"].to_numpy(np.int64) - 1
    shape = (len(dates), len(tickers), int(horizon.max(initial=0)) + 1)

    def dense(name: str) -> Floats:
        array = np.full(shape, np.nan)
        array[day, ticker, horizon] = frame[name].to_numpy(np.float64)
        return array

    actual, low, middle, high, issued_low, issued_high = (dense(name) for name in _NUMBERS)
    regime = np.full(shape[:2], -1, np.int8)
    regime[day, ticker] = frame["regime"].map({name: place for place, name in enumerate(REGIMES)})
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.stack([(middle - actual) / (middle - low), (actual - middle) / (high - middle)])
    misses = np.stack(tail_misses(issued_low, issued_high, actual))
    return Closed(dates, tuple(str(name) for name in tickers), regime, scores, misses)


def _check(frame: pd.DataFrame) -> None:
    missing = [name for name in CLOSED if name not in frame]
    if missing:
        raise UsageError(
            f"Expected closed forecasts with {', '.join(CLOSED)}, found no {', '.join(missing)}."
        )
    unknown = sorted(set(frame["regime"].dropna()) - set(REGIMES))
    if unknown or frame["regime"].isna().any():
        raise UsageError(
            f"Expected a regime among {', '.join(REGIMES)}, found {', '.join(unknown) or 'none'}."
        )
