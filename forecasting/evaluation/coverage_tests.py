"""Likelihood-ratio tests of coverage, for bands one session ahead.

Only at horizon 1: outcomes further ahead overlap, so that their misses come in runs whatever the forecast,
and the distributions used here do not hold.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Significance(NamedTuple):
    """A test statistic and the probability of a larger one where the null hypothesis holds."""

    statistic: float
    p_value: float


def kupiec(hits: ArrayLike, level: float) -> Significance:
    """Test unconditional coverage: hits as frequent as `level` (Kupiec 1995). Horizon 1 only.

    Args:
        hits: (N,) of one ticker in order of time, true where the event of nominal probability `level`
            happened, such as an outcome below the 5 % quantile.
        level: Nominal probability of a hit.

    Returns:
        The likelihood ratio, chi-square with 1 degree of freedom.
    """
    count = np.asarray(hits, bool)
    ratio = _log_likelihood(count, count.mean()) - _log_likelihood(count, level)
    return _chi_square_1(2 * ratio)


def independence(hits: ArrayLike) -> Significance:
    """Test independence: a hit as likely after a hit as after none (Christoffersen 1998). Horizon 1 only.

    Args:
        hits: (N,) as in `kupiec`.

    Returns:
        The likelihood ratio of a first-order Markov chain, chi-square with 1 degree of freedom.
    """
    before, after = np.asarray(hits, bool)[:-1], np.asarray(hits, bool)[1:]
    parts = [after[before], after[~before]]
    chain = sum(_log_likelihood(part, part.mean()) for part in parts if part.size)
    return _chi_square_1(2 * (chain - _log_likelihood(after, after.mean())))


def christoffersen(hits: ArrayLike, level: float) -> Significance:
    """Test conditional coverage: as frequent as `level`, and independent (Christoffersen 1998). Horizon 1.

    Args:
        hits: (N,) as in `kupiec`.
        level: Nominal probability of a hit.

    Returns:
        The sum of the ratios of `kupiec` and `independence`, chi-square with 2 degrees of freedom.
    """
    ratio = kupiec(hits, level).statistic + independence(hits).statistic
    return Significance(ratio, math.exp(-ratio / 2))


def _log_likelihood(hits: np.ndarray, probability: float) -> float:
    """Return the log-likelihood of independent hits, where 0 log 0 is 0."""
    happened, not_happened = int(hits.sum()), int((~hits).sum())
    likelihood = happened * math.log(probability) if happened else 0.0
    return likelihood + (not_happened * math.log1p(-probability) if not_happened else 0.0)


def _chi_square_1(ratio: float) -> Significance:
    """Test against chi-square with 1 degree of freedom, that of a squared normal: no need of scipy."""
    positive = max(ratio, 0.0)  # rounding takes a ratio of 0 just below it
    return Significance(positive, math.erfc(math.sqrt(positive / 2)))
