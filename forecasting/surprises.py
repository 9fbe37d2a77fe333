"""Sessions on which a company had news of its own: a large move in a crowd."""

import numpy as np
import pandas as pd

from forecasting.forecast import Floats
from forecasting.trailing import Trailing, windows_of

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
