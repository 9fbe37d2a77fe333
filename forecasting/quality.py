"""What a price history must satisfy before anything is computed from it."""

import numpy as np
import pandas as pd

from forecasting.adjustment import PRICE_COLUMNS, adjust, kept_after_payout
from forecasting.errors import (
    BadBarsError,
    BadRangeError,
    NonPositivePriceError,
    PriceJumpError,
    UnknownTickerError,
)
from forecasting.prices import PriceHistory

RANGE_TOLERANCE = 1e-3  # relative; vendors round high and low, Yahoo to 32-bit floats
CLOSE_TOLERANCE = 0.02  # relative; a closing auction may print outside of the day's high and low
LARGEST_MOVE = 50.0  # pence for pounds is a factor of 100; no listed share has moved fifty-fold in a session


def check_bars(history: PriceHistory, where: str = "the price source") -> None:
    """Raise unless every bar and action could have been printed by a market.

    Args:
        history: As-traded bars and actions.
        where: Name of the source, for the message about a ticker without bars.

    Raises:
        UnknownTickerError: There is no bar.
        NonPositivePriceError: A price is zero or negative.
        BadRangeError: High lies below low, or the close outside of both by more than `CLOSE_TOLERANCE`.
        PriceJumpError: A close moves more than fifty-fold in a session that is no split.
        BadBarsError: Sessions repeat or run backwards; a close is NaN; a price is infinite; volume is
            infinite or negative; a split ratio or a dividend is impossible.
    """
    if history.bars.empty:
        raise UnknownTickerError(history.ticker, where)
    _check_order(history)
    _check_values(history)
    _check_actions(history)
    _check_moves(history)


def _check_order(history: PriceHistory) -> None:
    for frame, what in ((history.bars, "bar"), (history.actions, "row of actions")):
        late = np.append(False, frame.index[1:] <= frame.index[:-1])
        if late.any():
            found = f"{frame.index[late][0].date()} repeated or out of order"
            raise BadBarsError(history.ticker, f"one {what} a session in order", found)


def _check_values(history: PriceHistory) -> None:
    bars = history.bars
    _refuse(history, bars["close"], bars["close"].isna(), "a close in every bar")
    for name in PRICE_COLUMNS:
        _refuse(history, bars[name], bars[name] <= 0, "a positive price", NonPositivePriceError)
        _refuse(history, bars[name], np.isinf(bars[name]), "a finite price")
    volume = bars["volume"]
    _refuse(history, volume, (volume < 0) | np.isinf(volume), "a finite volume of 0 or more")
    _check_ranges(history)


def _check_ranges(history: PriceHistory) -> None:
    bars = history.bars
    crossed = bars["high"] < bars["low"] * (1 - RANGE_TOLERANCE)
    _refuse(history, bars["high"], crossed, "a high at or above the low", BadRangeError)
    above = bars["close"] > bars["high"] * (1 + CLOSE_TOLERANCE)
    below = bars["close"] < bars["low"] * (1 - CLOSE_TOLERANCE)
    _refuse(history, bars["close"], above | below, "a close between low and high", BadRangeError)


def _check_actions(history: PriceHistory) -> None:
    splits, dividends = history.actions["split"], history.actions["dividend"]
    _refuse(history, splits, ~(splits > 0) | np.isinf(splits), "a finite positive split ratio")
    _refuse(history, dividends, ~(dividends >= 0), "a dividend of 0 or more")
    _refuse(history, dividends, ~(kept_after_payout(history) > 0), "a dividend below the previous close")


def _check_moves(history: PriceHistory) -> None:
    closes = adjust(history, history.last_session, "split_adjusted")["close"]
    jumps = np.log(closes).diff().abs() > np.log(LARGEST_MOVE)
    _refuse(history, history.bars["close"], jumps, "a move below fifty-fold in one session", PriceJumpError)


def _refuse(
    history: PriceHistory,
    values: pd.Series,
    wrong: pd.Series,
    expected: str,
    error: type[BadBarsError] = BadBarsError,
) -> None:
    if wrong.any():
        offender = values[wrong]
        found = f"{values.name} {offender.iloc[0]:g} at {offender.index[0].date()}"
        raise error(history.ticker, expected, found)
