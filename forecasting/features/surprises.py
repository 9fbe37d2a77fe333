"""Surprises: sessions of a company's news, found in prices and volumes, and the quarters that they return in.

Companies report four times a year, a few sessions earlier or later each time, and the days of reports carry
more variance than others (Beaver 1968). Past prices and volumes show when the next one is due.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd

from forecasting.features.lookback import Lookback, trailing_windows
from forecasting.types import Floats

MOVE, LARGEST_MOVE = 1.0, 7.0  # deviations: where a move begins to count, and where it no longer adds
CROWD, LARGEST_CROWD = 0.4, 1.9  # logs of the volume over the usual: 1.5 and 6.7 times
LARGEST = (LARGEST_MOVE - MOVE) * (LARGEST_CROWD - CROWD)
USUAL_SESSIONS = 60  # behind the usual volume
_FEWEST = 20
QUARTER = 63  # sessions
BLUR = 3  # sessions that a report may come earlier or later


def score_surprises(log_return: Floats, volume: Floats) -> Floats:
    """Return the (T,) score in [0, LARGEST]: move beyond one deviation x log volume beyond 1.5 times usual.

    Both together single out earnings reports: a market's bad day moves every share, and draws no such crowd
    to any one of them. NaN where the move or the volume is not known.

    Args:
        log_return: (T,) daily log returns.
        volume: (T,) in shares of one and the same session.
    """
    volatility = Lookback.of_returns(trailing_windows(log_return)).volatility
    deviations = np.abs(log_return) / np.append(np.nan, volatility[:-1])
    crowd = compare_volume(volume)
    score: Floats = (deviations.clip(MOVE, LARGEST_MOVE) - MOVE) * (crowd.clip(CROWD, LARGEST_CROWD) - CROWD)
    return score


def compare_volume(volume: Floats) -> Floats:
    """Return the (T,) log of volume over its median in the sessions before; NaN where one is not known."""
    traded = pd.Series(np.where(volume > 0, volume, np.nan))
    usual = traded.rolling(USUAL_SESSIONS, min_periods=_FEWEST).median().shift()
    crowd: Floats = np.log(traded / usual).to_numpy(np.float64)
    return crowd


def build_quarter_feature(quarters: int) -> Callable[[Lookback, int], Floats]:
    """Return the feature that looks so many quarters back.

    It reads nothing that is newer than `ahead` + BLUR - QUARTER sessions, hence no simulated session.
    """

    def feature(window: Lookback, ahead: int) -> Floats:
        weights = _quarter_weights(ahead)
        newest = window.surprises.shape[-1] + ahead + BLUR - QUARTER * quarters
        past = window.surprises[..., newest - len(weights) : newest]
        unknown = np.isnan(past)
        if unknown.any():  # the mean of the ticker's own sessions, 0 where none is known
            past = np.where(unknown, window.mean_surprise[..., None], past)
        mean: Floats = np.vecdot(past, weights)
        return mean

    feature.__doc__ = f"Mean surprise about the sessions {quarters} quarters before those ahead, in [0, 9]."
    return feature


def restrict_to_undated(feature: Callable[[Lookback, int], Floats]) -> Callable[[Lookback, int], Floats]:
    """Return a feature that is 0 where earnings dates are known, and as before where none are."""

    def restricted(window: Lookback, ahead: int) -> Floats:
        value = feature(window, ahead)
        if window.reports is None:
            return value
        return np.where(np.isnan(window.reports.size), value, 0.0)

    restricted.__doc__ = (feature.__doc__ or "").replace(", in [", ", 0 with known dates, in [")
    return restricted


@lru_cache
def _quarter_weights(ahead: int) -> Floats:
    """(ahead + 2 BLUR,) weights with sum 1: a flat mean over the sessions ahead, blurred by a triangle."""
    triangle = BLUR + 1.0 - np.abs(np.arange(-BLUR, BLUR + 1))
    blurred = np.convolve(np.ones(ahead), triangle)
    weights: Floats = blurred / blurred.sum()
    return weights
