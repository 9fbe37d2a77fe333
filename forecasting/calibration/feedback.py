"""Delayed feedback: misses of the bands as issued move the edges of the next ones (Gibbs & Candes 2021).

On the log width and per tail, the proportional part of conformal PID control (Angelopoulos et al. 2023); the
step shrinks with the root of the horizon, because outcomes of h sessions overlap h times.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.calibration.outcomes import REGIMES
from forecasting.config import CalibrationConfig
from forecasting.types import Floats


class Feedback(NamedTuple):
    """Log multipliers of one tail: (H,) shared, (N, H) of each ticker, (3, H) of each regime."""

    shared: Floats
    ticker: Floats
    regime: Floats


def fold_feedback(
    misses: Floats, regime: NDArray[np.int8], gaps: Floats, *, tail: float, config: CalibrationConfig
) -> Feedback:
    """Fold the misses of one tail in order of issue: theta += rate * sqrt(gap / h) * (misses - tail).

    Args:
        misses: (D, N, H) 1 beyond the issued edge, 0 not, NaN not closed.
        regime: (D, N) index in REGIMES, -1 unknown.
        gaps: (D,) sessions since the date of issue before; bands issued more rarely move further each time.
        tail: Nominal probability of a miss.
        config: Rates and the largest correction.
    """
    _, tickers, horizons = misses.shape
    steps = np.sqrt(gaps[:, None] / np.arange(1, horizons + 1))  # (D, H)
    state = Feedback(np.zeros(horizons), np.zeros((tickers, horizons)), np.zeros((len(REGIMES), horizons)))
    for missed, regimes, step in zip(misses, regime, steps, strict=True):
        error = (missed - tail) * step  # (N, H)
        state = Feedback(
            _move(state.shared, config.shared_rate * _finite_mean(error), config),
            _move(state.ticker, config.ticker_rate * error, config),
            _move(state.regime, config.regime_rate * _mean_by_regime(error, regimes), config),
        )
    return state


def _mean_by_regime(error: Floats, regime: NDArray[np.int8]) -> Floats:
    return np.stack([_finite_mean(error[regime == index]) for index in range(len(REGIMES))])


def _finite_mean(error: Floats) -> Floats:
    """(H,) means over tickers, NaN where none is known."""
    known = np.isfinite(error)
    counts = known.sum(axis=0)
    means: Floats = np.where(known, error, 0).sum(axis=0) / np.where(counts, counts, np.nan)
    return means


def _move(value: Floats, step: Floats, config: CalibrationConfig) -> Floats:
    bound = config.largest_feedback
    return np.where(np.isfinite(step), np.clip(value + step, -bound, bound), value)
