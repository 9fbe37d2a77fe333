"""What a baseline may know of one ticker."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.errors import ShortHistoryError
from forecasting.features.earnings import surprises_of
from forecasting.features.lookback import WARM_UP, WINDOW, Trailing, windows_of
from forecasting.features.market import align
from forecasting.features.returns import range_variance
from forecasting.types import Floats


@dataclass(frozen=True)
class Past:
    """One ticker up to the close of `as_of`.

    Attributes:
        ticker: The symbol.
        as_of: The session to forecast from.
        returns: (T,) log returns, that of `as_of` the last.
        window: (W,) arrays, the trailing window of `as_of`.
    """

    ticker: str
    as_of: date
    returns: Floats
    window: Trailing

    def last_returns(self, sessions: int, needed: int) -> Floats:
        """The newest returns, at most `sessions` of them.

        Raises:
            ShortHistoryError: There are fewer than `needed`.
        """
        if len(self.returns) < needed:
            raise ShortHistoryError(self.ticker, found=len(self.returns) + 1, needed=needed + 1)
        return self.returns[-sessions:]


def past_of(ticker: str, bars: pd.DataFrame, market: pd.Series) -> Past:
    """The past that ends at the last of the adjusted bars.

    Args:
        ticker: The symbol.
        bars: Adjusted bars up to the session of interest, as `adjustment.adjust` gives them.
        market: Market variance by session; later sessions are not looked at.

    Raises:
        ShortHistoryError: Fewer sessions than the current volatility needs.
    """
    if len(bars) <= WARM_UP:
        raise ShortHistoryError(ticker, found=len(bars), needed=WARM_UP + 1)
    returns = np.diff(np.log(bars["close"].to_numpy(np.float64)))
    recent = bars.iloc[-(WINDOW + WARM_UP + 1) :]  # a surprise looks back as far as the volatility before it
    aligned = align(market, pd.DatetimeIndex(recent.index))
    known = np.append(np.nan, returns)[-len(recent) :]
    channels = (known, range_variance(recent), aligned, surprises_of(recent))
    window = Trailing(*(windows_of(channel)[-1] for channel in channels))
    return Past(ticker, bars.index[-1].date(), returns, window)
