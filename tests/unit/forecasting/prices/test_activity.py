"""Prices that no longer move are no prices to forecast from."""

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_history

from forecasting.errors import StalePriceError
from forecasting.prices.activity import FROZEN_SESSIONS, UNTRADED_SESSIONS, check_trading
from forecasting.prices.history import PriceHistory

PRICES = ["open", "high", "low", "close"]


def freeze(sessions: int, *, volume: float = np.nan, price: float | None = 10.0) -> PriceHistory:
    """A history whose last sessions have one price and one volume."""
    history = make_history("ACME", 200, seed=1)
    last = history.bars.index[-sessions:] if sessions else pd.DatetimeIndex([])
    if price is not None:
        history.bars.loc[last, PRICES] = price
    history.bars.loc[last, "volume"] = volume
    return history


def test_a_moving_price_passes_and_so_does_a_short_halt() -> None:
    check_trading(freeze(0))
    check_trading(freeze(FROZEN_SESSIONS - 1))
    check_trading(freeze(UNTRADED_SESSIONS - 1, volume=0.0))


def test_one_price_over_the_lookback_is_refused() -> None:
    with pytest.raises(StalePriceError, match="within the last 60 sessions, found one price, 10"):
        check_trading(freeze(FROZEN_SESSIONS))


def test_one_price_that_is_rounded_is_refused_and_one_of_the_smallest_steps_is_not() -> None:
    history = freeze(FROZEN_SESSIONS)
    last = history.bars.index[-1]
    history.bars.loc[last, PRICES] = float(np.nextafter(np.float32(10.0), np.float32(11.0)))
    with pytest.raises(StalePriceError, match="found one price, 10"):
        check_trading(history)
    history.bars.loc[last, PRICES] = 10.0001
    check_trading(history)


def test_one_bar_again_and_again_is_refused_although_its_range_is_not_zero() -> None:
    history = freeze(0)
    last = history.bars.index[-FROZEN_SESSIONS:]
    history.bars.loc[last, PRICES] = [10.0, 12.0, 9.0, 11.0]
    with pytest.raises(StalePriceError, match="found one price, 11"):
        check_trading(history)


def test_no_volume_is_refused_where_there_was_some() -> None:
    halted = freeze(UNTRADED_SESSIONS, volume=0.0, price=None)
    with pytest.raises(StalePriceError, match="within the last 20 sessions, found no volume"):
        check_trading(halted)
    halted.bars["volume"] = 0.0  # an index or a currency
    check_trading(halted)


def test_a_short_history_is_not_held_to_a_lookback() -> None:
    frozen = freeze(FROZEN_SESSIONS)
    check_trading(PriceHistory("ACME", frozen.bars.iloc[-FROZEN_SESSIONS + 1 :], frozen.actions))
