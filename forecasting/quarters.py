"""News returns by the quarter: surprises of the sessions one to four quarters before those ahead.

Companies report four times a year, a few sessions earlier or later each time, and the days of reports carry
more variance than others (Beaver 1968). Past prices and volumes tell when the next one is due.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from forecasting.forecast import Floats
from forecasting.trailing import Trailing, mean_of_known

QUARTER = 63  # sessions
BLUR = 3  # sessions that a report may come earlier or later


def quarters_ago(quarters: int) -> Callable[[Trailing, int], Floats]:
    """The feature that looks so many quarters back.

    It reads nothing that is newer than `ahead` + BLUR - QUARTER sessions, hence no simulated session.
    """

    def feature(window: Trailing, ahead: int = 1) -> Floats:
        weights = _weights(ahead)
        newest = window.surprises.shape[-1] + ahead + BLUR - QUARTER * quarters
        past = window.surprises[..., newest - len(weights) : newest]
        unknown = np.isnan(past)
        if unknown.any():  # what the ticker's own sessions have on average, 0 where none is known
            past = np.where(unknown, mean_of_known(window.surprises)[..., None], past)
        mean: Floats = np.vecdot(past, weights)
        return mean

    feature.__doc__ = f"Mean surprise about the sessions {quarters} quarters before those ahead, in [0, 9]."
    return feature


@lru_cache
def _weights(ahead: int) -> Floats:
    """(ahead + 2 BLUR,) weights with sum 1: a flat mean over the sessions ahead, blurred by a triangle."""
    triangle = BLUR + 1.0 - np.abs(np.arange(-BLUR, BLUR + 1))
    blurred = np.convolve(np.ones(ahead), triangle)
    weights: Floats = blurred / blurred.sum()
    return weights
