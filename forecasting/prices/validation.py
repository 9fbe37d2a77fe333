"""Validation of prices: each bar by itself, then against the calendar, its neighbours and the store.

Each limit is a constant with its reason; the bundled sample and forty other US shares from 2005 to 2019, 2008
included, pass every one of them.
"""

import numpy as np
import pandas as pd

from forecasting.errors import (
    BadBarsError,
    BadRangeError,
    NonPositivePriceError,
    PriceJumpError,
    UnknownTickerError,
)
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust, kept_after_payout
from forecasting.prices.history import PriceHistory

RANGE_TOLERANCE = 1e-3  # relative; vendors round high and low, Yahoo to 32-bit floats
CLOSE_TOLERANCE = 0.02  # relative; a closing auction may print outside of the day's high and low
LARGEST_MOVE = 50.0  # pence for pounds is a factor of 100; no listed share has moved fifty-fold in a session
JUMP = np.log(1.5)  # of those 45 shares none moved as much without doubled volume
GREAT_JUMP = np.log(2.0)
QUIET = 1.5  # times the usual volume; a real jump draws a crowd
USUAL_SESSIONS = 20
REVERTED = 0.25  # share of a jump that is left a session later
FEWEST_AFTER_CUT = 250  # bars; a year is enough to forecast from
# Coins trade at 1e-8 of a dollar, BRK-A above 600,000 and a bitcoin at 2e9 rupiah or 9e9 Lebanese pounds.
LOWEST_PRICE = 1e-9
HIGHEST_PRICE = 1e11
LARGEST_SPLIT = 200.0  # new shares per old, or old per new; larger ones are slips of the vendor
LARGEST_ALL_SPLITS = 1e12  # product of a history's; serial reverse splits come to 1e11
LARGEST_VOLUME = 1e18


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
        BadBarsError: Sessions repeat or run backwards; a close is NaN; a price, a volume, a split ratio, the
            product of all of them or a dividend lies outside of the limits above.
    """
    if history.bars.empty:
        raise UnknownTickerError(history.ticker, where)
    _check_order(history)
    _check_values(history)
    _check_actions(history)
    _check_moves(history)


def check_size(ticker: str, bars: pd.DataFrame, actions: pd.DataFrame) -> None:
    """Raise where the prices of a download would overflow when its splits are undone.

    Args:
        ticker: The symbol.
        bars: Split-adjusted to the end of the download, so that a price may be as large as a history of
            reverse splits makes it.
        actions: Splits as announced, dividends split-adjusted.

    Raises:
        BadBarsError: A number is not finite, larger than any price can be, or an impossible split ratio.
    """
    history = PriceHistory(ticker, bars, actions)
    _check_splits(history)
    most = HIGHEST_PRICE * LARGEST_ALL_SPLITS
    for values in (*(bars[name] for name in PRICE_COLUMNS), actions["dividend"]):
        _refuse(history, values, values.abs() > most, expected=f"a price of at most {most:g}")
    volume, largest = bars["volume"], LARGEST_VOLUME * LARGEST_ALL_SPLITS
    _refuse(history, volume, volume.abs() > largest, expected=f"a volume of at most {largest:g}")


def _check_order(history: PriceHistory) -> None:
    for frame, what in ((history.bars, "bar"), (history.actions, "row of actions")):
        late = frame.index[1:] <= frame.index[:-1]
        if late.any():
            before, after = (sessions[late][0].date() for sessions in (frame.index[:-1], frame.index[1:]))
            raise BadBarsError(history.ticker, f"one {what} a session in order", f"{before}, then {after}")


def _check_values(history: PriceHistory) -> None:
    close, volume = (history.bars[name] for name in ("close", "volume"))
    _refuse(history, close, close.isna(), expected="a close in every bar")
    for price in (history.bars[name] for name in PRICE_COLUMNS):
        _refuse(history, price, price <= 0, expected="a positive price", error=NonPositivePriceError)
        outside = (price < LOWEST_PRICE) | (price > HIGHEST_PRICE)
        expected = f"a finite price from {LOWEST_PRICE:g} to {HIGHEST_PRICE:g}"
        _refuse(history, price, outside, expected=expected)
    expected = f"a finite volume of 0 or more, at most {LARGEST_VOLUME:g}"
    _refuse(history, volume, (volume < 0) | (volume > LARGEST_VOLUME), expected=expected)
    _check_ranges(history)


def _check_ranges(history: PriceHistory) -> None:
    high, low, close = (history.bars[name] for name in ("high", "low", "close"))
    crossed = high < low * (1 - RANGE_TOLERANCE)
    _refuse(history, high, crossed, expected="a high at or above the low", error=BadRangeError)
    outside = (close > high * (1 + CLOSE_TOLERANCE)) | (close < low * (1 - CLOSE_TOLERANCE))
    _refuse(history, close, outside, expected="a close between low and high", error=BadRangeError)


def _check_actions(history: PriceHistory) -> None:
    _check_splits(history)
    dividends = history.actions["dividend"]
    possible = (dividends >= 0) & (dividends < HIGHEST_PRICE)
    _refuse(history, dividends, ~possible, expected=f"a dividend of 0 or more, below {HIGHEST_PRICE:g}")
    used_up = ~(kept_after_payout(history) > 0)
    _refuse(history, dividends, used_up, expected="a dividend below the previous close")


def _check_splits(history: PriceHistory) -> None:
    splits = history.actions["split"]
    possible = (splits >= 1 / LARGEST_SPLIT) & (splits <= LARGEST_SPLIT)
    expected = f"a finite positive split ratio from 1/{LARGEST_SPLIT:g} to {LARGEST_SPLIT:g}"
    _refuse(history, splits, ~possible, expected=expected)
    total = np.log(splits).cumsum()  # a product could overflow
    expected = f"splits that come to at most {LARGEST_ALL_SPLITS:g}-fold in all"
    _refuse(history, splits, total.abs() > np.log(LARGEST_ALL_SPLITS), expected=expected)


def _check_moves(history: PriceHistory) -> None:
    closes = adjust(history, history.last_session, "split_adjusted")["close"]
    jumps = np.log(closes).diff().abs() > np.log(LARGEST_MOVE)
    expected = "a move below fifty-fold in one session"
    _refuse(history, history.bars["close"], jumps, expected=expected, error=PriceJumpError)


def _refuse(
    history: PriceHistory,
    values: pd.Series,
    wrong: pd.Series,
    *,
    expected: str,
    error: type[BadBarsError] = BadBarsError,
) -> None:
    if wrong.any():
        offender = values[wrong]
        found = f"{values.name} {offender.iloc[0]:g} at {offender.index[0].date()}"
        raise error(history.ticker, expected, found, offender.index[-1].date())


def keep_possible(history: PriceHistory, where: str = "the price source") -> PriceHistory:
    """Return the history after its last impossible bar, if enough is left.

    Args:
        history: As-traded bars and actions.
        where: As in `check_bars`.

    Raises:
        PriceError: As `check_bars`, where fewer than `FEWEST_AFTER_CUT` bars would be left.
    """
    kept, fault = history, None
    while True:
        try:
            check_bars(kept, where)
        except BadBarsError as error:
            if error.session is None or len(kept.after(error.session).bars) < FEWEST_AFTER_CUT:
                raise
            kept, fault = kept.after(error.session), error
        else:
            break
    if fault is None:
        return history
    return kept.noting(f"history up to {fault.session} left out: {fault}")


def check_jumps(history: PriceHistory, fresh: pd.DatetimeIndex) -> None:
    """Raise at a jump that looks like an error of the vendor.

    A move beyond `JUMP` counts as one if two of three hold: the whole bar lies away from the close before,
    the move is gone a session later, volume is below `QUIET` times the usual or unknown; beyond `GREAT_JUMP`
    a known quiet volume is enough. The newest bar cannot show yet whether its move is gone a session later:
    one that lies away as a whole needs as many times the usual volume as the price changed by, or it waits.
    Prices are adjusted first, so no action makes a jump.

    Args:
        history: As-traded bars and actions.
        fresh: Sessions whose bars are not in the store as they are; a jump next to none of them is history.

    Raises:
        PriceJumpError: There is such a jump.
    """
    jumps = find_unlikely_jumps(adjust(history, history.last_session, "total_return"))
    near = jumps.isin(fresh) | jumps.isin(_sessions_before(history.bars.index, fresh))
    if near.any():
        session = jumps[near][0]
        close = history.bars["close"]
        before = close.iloc[close.index.get_loc(session) - 1]
        found = f"{before:g}, then {close[session]:g} at {session.date()}"
        expected = "a move with volume or action that does not revert at once"
        raise PriceJumpError(history.ticker, expected, found)


def find_unlikely_jumps(bars: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the sessions of adjusted bars at which `check_jumps` raises."""
    close = np.log(bars["close"])
    step = close.diff()
    left = (close.shift(-1) - close.shift()) / step
    usual = bars["volume"].rolling(USUAL_SESSIONS, min_periods=1).median().shift()
    known = (usual > 0) & bars["volume"].notna()
    quiet = known & (bars["volume"] < QUIET * usual)
    displaced, size = is_displaced(bars, step, 0.5), step.abs()
    doubts = (left.abs() < REVERTED).astype(int) + displaced + (quiet | ~known)
    thin = displaced & ~(bars["volume"] >= usual * np.exp(size))
    newest = bars.index == bars.index[-1]
    return bars.index[((size > JUMP) & ((doubts >= 2) | (newest & thin))) | ((size > GREAT_JUMP) & quiet)]


def is_displaced(bars: pd.DataFrame, step: pd.Series, share: float) -> pd.Series:
    """(T,) true where the price of the bar nearest to the close before lies beyond a share of the step."""
    prices = np.log(bars[PRICE_COLUMNS])
    nearest = prices.min(axis=1).where(step > 0, prices.max(axis=1))
    return (nearest - np.log(bars["close"]).shift()) / step > share


def _sessions_before(sessions: pd.DatetimeIndex, fresh: pd.DatetimeIndex) -> pd.DatetimeIndex:
    indices = sessions.get_indexer(fresh)
    return sessions[indices[indices > 0] - 1]
