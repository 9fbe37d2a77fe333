"""Scores of quantile forecasts against what happened: one formula a function, lower is better.

Every score takes levels (Q,), quantiles (..., Q) that do not cross and outcomes (...), in any unit the two
share (here cumulative log returns), and broadcasts. An unknown outcome (NaN) gives NaN, never a number.
"""

import numpy as np
from numpy.typing import ArrayLike

from forecasting.types import Floats


def pinball(levels: ArrayLike, quantiles: ArrayLike, outcome: ArrayLike) -> Floats:
    """Return the (..., Q) pinball loss by level: max(a (y - q), (a - 1) (y - q)) (Koenker & Bassett 1978).

    >>> pinball([0.1, 0.9], [-1.0, 1.0], 2.0).round(3).tolist()
    [0.3, 0.9]
    """
    level = np.asarray(levels, np.float64)
    error = _column(outcome) - np.asarray(quantiles, np.float64)
    return np.maximum(level * error, (level - 1) * error)


def crps(levels: ArrayLike, quantiles: ArrayLike, outcome: ArrayLike) -> Floats:
    """Return the (...) continuous ranked probability score of quantiles: twice the mean pinball loss.

    It approximates the integral over all levels (Gneiting & Ranjan 2011) where the grid is evenly spaced and
    symmetric about 0.5, such as 0.05, 0.10 ... 0.95, and leaves out what lies beyond its ends. On any other
    grid it is a weighted quantile loss: proper, and comparable on the same grid alone.
    """
    score: Floats = 2 * pinball(levels, quantiles, outcome).mean(axis=-1)
    return score


def winkler(lower: ArrayLike, upper: ArrayLike, outcome: ArrayLike, *, coverage: float) -> Floats:
    """Return the (...) interval score of the central band: its width, plus 2 / (1 - coverage) times any miss.

    Winkler (1972); Gneiting & Raftery (2007), eq. 43.

    >>> float(winkler(-1.0, 1.0, 1.5, coverage=0.9).round(6))
    12.0
    """
    low, high, happened = (np.asarray(value, np.float64) for value in (lower, upper, outcome))
    beyond = np.maximum(low - happened, 0) + np.maximum(happened - high, 0)
    return high - low + 2 / (1 - coverage) * beyond


def inside(lower: ArrayLike, upper: ArrayLike, outcome: ArrayLike) -> Floats:
    """Return (...) 1 where the outcome lies in the band, ends included, else 0: its mean is the coverage."""
    below, above = tail_misses(lower, upper, outcome)
    return 1 - below - above


def tail_misses(lower: ArrayLike, upper: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats]:
    """Return (...), (...) 1 where the outcome fell below the band, and where it rose above, else 0."""
    low, high, happened = (np.asarray(value, np.float64) for value in (lower, upper, outcome))
    return _where_known(happened < low, happened), _where_known(happened > high, happened)


def mean_known(scores: Floats) -> Floats:
    """Return the (D, ...) means of (D, N, ...) scores over the tickers that have one, NaN where none has."""
    known = np.isfinite(scores)
    counts = known.sum(axis=1)
    means: Floats = np.where(known, scores, 0).sum(axis=1) / np.where(counts, counts, np.nan)
    return means


def pit(levels: ArrayLike, quantiles: ArrayLike, outcome: ArrayLike) -> Floats:
    """Return the (...) probability integral transform: the forecast's probability of less than what happened.

    Linear between the quantiles (two at least); where several coincide, the lowest of their levels. Beyond
    the outermost ones the shape of the tail is unknown: the middle of its probability. Uniform where the
    forecasts are calibrated (Dawid 1984).
    """
    level, happened = np.asarray(levels, np.float64), _column(outcome)
    known, _ = np.broadcast_arrays(np.asarray(quantiles, np.float64), happened)
    right = np.clip((known < happened).sum(axis=-1), 1, len(level) - 1)
    low, high = (np.take_along_axis(known, right[..., None] - step, axis=-1) for step in (1, 0))
    within = np.clip(happened, low, high) - low
    share = np.divide(within, high - low, out=np.zeros_like(low), where=high > low)[..., 0]
    value = level[right - 1] + share * (level[right] - level[right - 1])
    below, above = tail_misses(known[..., 0], known[..., -1], outcome)
    value = np.where(below == 1, level[0] / 2, np.where(above == 1, (1 + level[-1]) / 2, value))
    return _where_known(value, happened[..., 0])


def _column(outcome: ArrayLike) -> Floats:
    return np.asarray(outcome, np.float64)[..., None]


def _where_known(value: np.ndarray, outcome: Floats) -> Floats:
    return np.where(np.isnan(outcome), np.nan, value)
