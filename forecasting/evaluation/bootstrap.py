"""Paired comparison of two forecasters: differences of their scores, bootstrapped by date.

Tickers of one date share the market, and outcomes of near dates overlap: dates are drawn, in blocks, after
the mean over tickers.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from forecasting.errors import UsageError
from forecasting.evaluation.metrics import mean_known
from forecasting.types import Floats


class Interval(NamedTuple):
    """A mean and the interval that holds it with a stated probability."""

    mean: float
    lower: float
    upper: float


def mean_by_date(differences: Floats) -> Floats:
    """Return the (D,) cross-sectional means of (D, N) differences; NaN where a ticker has no score on a date.

    A (D,) array is returned as it is.

    Raises:
        UsageError: A date without any score, or no date.
    """
    means = mean_known(differences if differences.ndim > 1 else differences[:, None])
    missing = np.isnan(means)
    if missing.any() or not missing.size:
        raise UsageError(
            f"Expected a score on every date, found none on {missing.sum()} of {missing.size}; "
            "leave such dates out."
        )
    return means


def block_bootstrap(
    differences_by_date: Floats, block: int, draws: int, *, seed: int, coverage: float = 0.9
) -> Interval:
    """Compute a percentile interval of the mean by a circular block bootstrap (Politis & Romano 1992).

    Args:
        differences_by_date: (D, N) or (D,) paired differences of scores, in order of time.
        block: Dates drawn together; at least the horizon in steps between dates, so that overlapping
            outcomes stay together.
        draws: Resampled means.
        seed: Of the random stream.
        coverage: Nominal probability of the interval.

    Raises:
        UsageError: A block is longer than the span of dates, or a date has no score.
    """
    means = mean_by_date(np.asarray(differences_by_date, np.float64))
    dates = len(means)
    if not 1 <= block <= dates:
        raise UsageError(f"Expected a block of 1 to {dates} dates, found {block}.")
    stream = np.random.default_rng(seed)
    starts = stream.integers(dates, size=(draws, math.ceil(dates / block)))  # (draws, blocks)
    rows = (starts[..., None] + np.arange(block)).reshape(draws, -1)[:, :dates] % dates
    centre = means.mean()
    drawn = centre + (means - centre)[rows].mean(axis=1)  # (draws,)
    lower, upper = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Interval(float(centre), float(lower), float(upper))


def bound_relative_difference(
    challenger: Floats, other: Floats, *, block: int, draws: int, seed: int, confidence: float
) -> Interval:
    """Return the mean of (D,) paired differences relative to the other's mean, with one-sided bounds.

    The bounds of the block bootstrap are too narrow on few blocks: it draws from D / block of them as if they
    were the whole distribution. They are widened as Student's t widens the normal, and by the share of the
    variance that lies between the blocks' mean and the truth.
    """
    differences = (challenger - other) / other.mean()
    drawn = block_bootstrap(differences, block, draws, seed=seed, coverage=2 * confidence - 1)
    share = block / len(challenger)
    wider = student_ratio(1 / share - 1, confidence) / math.sqrt(1 - share)
    lower, upper = (drawn.mean + wider * (bound - drawn.mean) for bound in drawn[1:])
    return Interval(drawn.mean, lower, upper)


def student_ratio(freedom: float, confidence: float) -> float:
    """Return the quantile of Student's t over the normal's (Abramowitz & Stegun 26.7.5).

    >>> round(student_ratio(5, 0.95) * 1.645, 2)  # the table has 2.015
    2.01
    """
    z = NormalDist().inv_cdf(confidence)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return (z + first / freedom + second / freedom**2 + third / freedom**3) / z
