"""Trading activity of a ticker: prices that move, and volume."""

import pandas as pd

from forecasting.errors import StalePriceError
from forecasting.prices.history import PriceHistory

FROZEN_SESSIONS = 60  # the network's lookback; a band cannot be made of prices that never moved
UNTRADED_SESSIONS = 20
ROUNDING = 1e-6  # relative; one price in 32-bit floats, or divided and multiplied again, is not quite one


def check_trading(history: PriceHistory) -> None:
    """Raise for a ticker whose prices are frozen or whose trading is halted.

    An instrument that never reports volume, such as an index or a currency, is judged by its prices alone.

    Raises:
        StalePriceError: Open, high, low and close were each one price, but for `ROUNDING`, for
            `FROZEN_SESSIONS`, or volume was 0 in each of the last `UNTRADED_SESSIONS` although there was some
            before.
    """
    recent = history.bars.iloc[-FROZEN_SESSIONS:]
    if len(recent) == FROZEN_SESSIONS and _is_flat(recent):
        raise StalePriceError(history.ticker, FROZEN_SESSIONS, f"one price, {recent['close'].iloc[-1]:g}")
    volume = history.bars["volume"]
    if len(volume) > UNTRADED_SESSIONS and (volume.iloc[-UNTRADED_SESSIONS:] == 0).all() and volume.max() > 0:
        raise StalePriceError(history.ticker, UNTRADED_SESSIONS, "no volume")


def _is_flat(bars: pd.DataFrame) -> bool:
    prices = bars[["open", "high", "low", "close"]]
    return bool((prices.max() / prices.min() - 1 <= ROUNDING).where(prices.notna().any(), True).all())
