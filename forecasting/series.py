"""One ticker, ready for the network: features, volatility and target of every session."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import ShortHistoryError
from forecasting.features import compute_features
from forecasting.forecast import Floats
from forecasting.market import align
from forecasting.ranges import range_variance
from forecasting.surprises import surprises_of
from forecasting.trailing import WARM_UP, Trailing, windows_of


@dataclass(frozen=True)
class TickerSeries:
    """Arrays of one ticker over its T sessions after the warm-up.

    Attributes:
        ticker: The symbol.
        sessions: (T,) datetime64[D].
        features: (T, F).
        volatility: (T,) current volatility, log-return units a session.
        target: (T,) next session's log return over the current volatility; NaN at the last session.
        windows: (T, W) trailing windows.
        range_next: (T,) next session's range variance; NaN at the last.
    """

    ticker: str
    sessions: np.ndarray
    features: Floats
    volatility: Floats
    target: Floats
    windows: Trailing
    range_next: Floats

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def window(self) -> Trailing:
        """The last trailing window, (W,) arrays, where a simulation starts."""
        return self.windows[-1]


def build_series(
    ticker: str, bars: pd.DataFrame, market: pd.Series, names: Sequence[str], lookback: int
) -> TickerSeries:
    """Features and targets of one ticker.

    Args:
        ticker: The symbol.
        bars: Adjusted bars up to the session of interest, as `adjustment.adjust` gives them.
        market: Market variance by session.
        names: Features to compute, F of them.
        lookback: Sessions that must remain after the warm-up (L).

    Raises:
        ShortHistoryError: Fewer sessions than warm-up and lookback need.
    """
    if len(bars) < WARM_UP + lookback:
        raise ShortHistoryError(ticker, found=len(bars), needed=WARM_UP + lookback)
    returns = np.log(bars["close"]).diff().to_numpy(np.float64)
    ranges = range_variance(bars)
    aligned = align(market, pd.DatetimeIndex(bars.index))
    channels = (returns, ranges, aligned, surprises_of(bars))
    every = Trailing(*(windows_of(channel)[WARM_UP:] for channel in channels))
    ahead = np.append(returns[WARM_UP + 1 :], np.nan)
    return TickerSeries(
        ticker=ticker,
        sessions=bars.index.to_numpy("datetime64[D]")[WARM_UP:],
        features=compute_features(every, names),
        volatility=every.volatility,
        target=ahead / every.volatility,
        windows=every,
        range_next=np.append(ranges[WARM_UP + 1 :], np.nan),
    )
