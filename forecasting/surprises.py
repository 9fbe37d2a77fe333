"""Sessions on which a company had news of its own: a large move in a crowd."""

import numpy as np
import pandas as pd

from forecasting.forecast import Floats
from forecasting.trailing import Trailing, windows_of

LARGEST = 9.0  # six deviations in excess, four and a half times the usual volume in excess
USUAL_SESSIONS = 60  # behind the usual volume
_FEWEST = 20


def surprises_of(bars: pd.DataFrame) -> Floats:
    """(T,) score in [0, 9]: the move beyond one deviation x the log volume beyond 1.5 times the usual.

    Both together single out earnings reports: a market's bad day moves every share, and draws no such crowd
    to any one of them. 0 where the move or the volume is not known.

    Args:
        bars: Adjusted bars, as `adjustment.adjust` gives them.
    """
    returns = np.log(bars["close"]).diff().to_numpy(np.float64)
    volatility = Trailing.of_returns(windows_of(returns)).volatility
    deviations = np.abs(returns) / np.append(np.nan, volatility[:-1])
    volume = bars["volume"].where(bars["volume"] > 0)
    usual = volume.rolling(USUAL_SESSIONS, min_periods=_FEWEST).median().shift()
    crowd = np.log(volume / usual).to_numpy(np.float64)
    score = np.clip(deviations - 1, 0, 6) * np.clip(crowd - 0.4, 0, 1.5)
    known: Floats = np.nan_to_num(score)
    return known
