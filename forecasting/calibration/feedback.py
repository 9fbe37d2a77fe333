"""Delayed feedback: misses of the bands as issued move the edges of the next ones (Gibbs & Candes 2021).

On the log width and per tail, the proportional part of conformal PID control (Angelopoulos et al. 2023); the
step shrinks with the root of the horizon, because outcomes of h sessions overlap h times.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.config import CalibrationConfig
from forecasting.evaluation.metrics import mean_known
from forecasting.types import REGIMES, Floats


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
    horizons = np.arange(1, misses.shape[2] + 1)
    error = (misses - tail) * np.sqrt(gaps[:, None] / horizons)[:, None]  # (D, N, H)
    in_regime = [np.where((regime == index)[..., None], error, np.nan) for index in range(len(REGIMES))]
    moves = Feedback(
        config.shared_rate * mean_known(error),
        config.ticker_rate * error,
        config.regime_rate * np.stack([mean_known(part) for part in in_regime], axis=1),
    )
    return Feedback(*(_accumulate(move, config.largest_feedback) for move in moves))


def _accumulate(moves: Floats, bound: float) -> Floats:
    """(...) sum of the moves (D, ...) in order, never beyond the bound on the way; NaN moves nothing."""
    total = np.zeros(moves.shape[1:])
    for move in np.nan_to_num(moves):
        total = np.clip(total + move, -bound, bound)
    return total
