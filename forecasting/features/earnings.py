"""Sessions on which a company had news of its own: a large move in a crowd."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd

from forecasting.features.lookback import Trailing, mean_of_known, windows_of
from forecasting.types import Floats

MOVE, LARGEST_MOVE = 1.0, 7.0  # deviations: where a move begins to count, and where it no longer adds
CROWD, LARGEST_CROWD = 0.4, 1.9  # logs of the volume over the usual: 1.5 and 6.7 times
LARGEST = (LARGEST_MOVE - MOVE) * (LARGEST_CROWD - CROWD)
USUAL_SESSIONS = 60  # behind the usual volume
_FEWEST = 20


def surprises_of(bars: pd.DataFrame) -> Floats:
    """(T,) score in [0, LARGEST]: the move beyond one deviation x the log volume beyond 1.5 times the usual.

    Both together single out earnings reports: a market's bad day moves every share, and draws no such crowd
    to any one of them. NaN where the move or the volume is not known.

    Args:
        bars: Adjusted bars, as `adjustment.adjust` gives them.
    """
    returns = np.log(bars["close"]).diff().to_numpy(np.float64)
    volatility = Trailing.of_returns(windows_of(returns)).volatility
    deviations = np.abs(returns) / np.append(np.nan, volatility[:-1])
    volume = bars["volume"].where(bars["volume"] > 0)
    usual = volume.rolling(USUAL_SESSIONS, min_periods=_FEWEST).median().shift()
    crowd = np.log(volume / usual).to_numpy(np.float64)
    score: Floats = (deviations.clip(MOVE, LARGEST_MOVE) - MOVE) * (crowd.clip(CROWD, LARGEST_CROWD) - CROWD)
    return score


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
