"""Validation of prices: each bar by itself, then against the calendar, its neighbours and the store.

Each limit is a constant with its reason; the bundled sample and forty other US shares from 2005 to 2019, 2008
included, pass every one of them.
"""

from datetime import date

import numpy as np
import pandas as pd

from forecasting.calendars.exchanges import FUTURES, WEEKDAYS
from forecasting.calendars.sessions import sessions_between
from forecasting.errors import (
    BadBarsError,
    BadRangeError,
    GapError,
    InstrumentChangedError,
    NonPositivePriceError,
    PriceJumpError,
    StaleHistoryError,
    UnknownTickerError,
    WrongSessionsError,
)
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust, kept_after_payout
from forecasting.prices.history import InstrumentFacts, PriceHistory

RANGE_TOLERANCE = 1e-3  # relative; vendors round high and low, Yahoo to 32-bit floats
CLOSE_TOLERANCE = 0.02  # relative; a closing auction may print outside of the day's high and low
LARGEST_MOVE = 50.0  # pence for pounds is a factor of 100; no listed share has moved fifty-fold in a session
JUMP = np.log(1.5)  # of those 45 shares none moved as much without doubled volume
GREAT_JUMP = np.log(2.0)
QUIET = 1.5  # times the usual volume; a real jump draws a crowd
USUAL_SESSIONS = 20
REVERTED = 0.25  # share of a jump that is left a session later
LARGEST_SPLIT = 200.0  # new shares per old, or old per new; greater ones are slips of a decimal point
OFF_CALENDAR_SHARE = 0.1  # a date shifted by a day puts a fifth of all bars on a weekend
GAP_WINDOW = 60  # sessions; older gaps lie before the network's lookback, and shift a quarter a little
LOOSE_CALENDARS = (WEEKDAYS, FUTURES)  # their holidays differ from the vendor's by some days a year


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
    _refuse(history, bars["close"], bars["close"].isna(), expected="a close in every bar")
    for name in PRICE_COLUMNS:
        _refuse(
            history, bars[name], bars[name] <= 0, expected="a positive price", error=NonPositivePriceError
        )
        _refuse(history, bars[name], np.isinf(bars[name]), expected="a finite price")
    volume = bars["volume"]
    _refuse(history, volume, (volume < 0) | np.isinf(volume), expected="a finite volume of 0 or more")
    _check_ranges(history)


def _check_ranges(history: PriceHistory) -> None:
    bars = history.bars
    crossed = bars["high"] < bars["low"] * (1 - RANGE_TOLERANCE)
    _refuse(history, bars["high"], crossed, expected="a high at or above the low", error=BadRangeError)
    above = bars["close"] > bars["high"] * (1 + CLOSE_TOLERANCE)
    below = bars["close"] < bars["low"] * (1 - CLOSE_TOLERANCE)
    _refuse(
        history, bars["close"], above | below, expected="a close between low and high", error=BadRangeError
    )


def _check_actions(history: PriceHistory) -> None:
    splits, dividends = history.actions["split"], history.actions["dividend"]
    impossible = ~splits.between(1 / LARGEST_SPLIT, LARGEST_SPLIT)
    _refuse(
        history, splits, impossible, expected=f"a split ratio from 1/{LARGEST_SPLIT:g} to {LARGEST_SPLIT:g}"
    )
    _refuse(history, dividends, ~(dividends >= 0), expected="a dividend of 0 or more")
    _refuse(
        history, dividends, ~(kept_after_payout(history) > 0), expected="a dividend below the previous close"
    )


def _check_moves(history: PriceHistory) -> None:
    closes = adjust(history, history.last_session, "split_adjusted")["close"]
    jumps = np.log(closes).diff().abs() > np.log(LARGEST_MOVE)
    _refuse(
        history,
        history.bars["close"],
        jumps,
        expected="a move below fifty-fold in one session",
        error=PriceJumpError,
    )


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
        raise error(history.ticker, expected, found)


def keep_sessions(history: PriceHistory, calendar: str) -> pd.DataFrame:
    """Return the bars that lie on sessions of the calendar.

    Raises:
        WrongSessionsError: More than `OFF_CALENDAR_SHARE` of them do not.
    """
    bars = history.bars
    if bars.empty:
        return bars
    sessions = sessions_between(calendar, bars.index[0].date(), bars.index[-1].date())
    on_session = bars.index.isin(pd.DatetimeIndex(sessions))
    if calendar not in LOOSE_CALENDARS and (~on_session).mean() > OFF_CALENDAR_SHARE:
        other = bars.index[~on_session]
        found = f"{len(other)} of {len(bars)} on other days, such as {other[-1].date()}"
        raise WrongSessionsError(history.ticker, f"bars on sessions of {calendar}", found)
    return bars[on_session]


def find_gaps(bars: pd.DataFrame, calendar: str, end: date) -> tuple[date, ...]:
    """Return the sessions from the first bar to `end` that have no bar, the oldest first."""
    if bars.empty:
        return ()
    present = set(bars.index.date)
    return tuple(day for day in sessions_between(calendar, bars.index[0].date(), end) if day not in present)


def check_complete(history: PriceHistory, calendar: str, session: date) -> None:
    """Raise unless the last session is there and none of the recent ones is missing.

    Args:
        history: Stored bars.
        calendar: Of the ticker's exchange.
        session: The last closed one.

    Raises:
        StaleHistoryError: No bar for `session`.
        GapError: None for one of the `GAP_WINDOW` sessions before it; a loose calendar is not held to that.
    """
    known = history.until(session)
    if known.bars.empty or known.last_session != session:
        found = None if known.bars.empty else known.last_session
        raise StaleHistoryError(history.ticker, expected=session, found=found)
    missing = find_gaps(known.bars.iloc[-GAP_WINDOW:], calendar, session)
    if missing and calendar not in LOOSE_CALENDARS:
        raise GapError(history.ticker, missing)


def check_facts(ticker: str, stored: InstrumentFacts, reported: InstrumentFacts) -> None:
    """Raise if currency, kind or time zone differ from the stored ones; a missing fact counts as the same.

    Raises:
        InstrumentChangedError: One differs.
    """
    for name in ("currency", "kind", "zone"):
        before, now = getattr(stored, name), getattr(reported, name)
        if before and now and before != now:
            raise InstrumentChangedError(ticker, f"{name} {before}", now)


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
        found = f"close {history.bars.loc[session, 'close']:g} at {session.date()}"
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
    displaced, size = _displaced(bars, step), step.abs()
    doubts = (left.abs() < REVERTED).astype(int) + displaced + (quiet | ~known)
    thin = (displaced == 1) & ~(bars["volume"] >= usual * np.exp(size))
    newest = bars.index == bars.index[-1]
    return bars.index[((size > JUMP) & ((doubts >= 2) | (newest & thin))) | ((size > GREAT_JUMP) & quiet)]


def _displaced(bars: pd.DataFrame, step: pd.Series) -> pd.Series:
    """Return 1 where the end of the bar nearer to the close before lies beyond half of the step."""
    prices = np.log(bars[PRICE_COLUMNS])
    before = np.log(bars["close"]).shift()
    nearest = prices.min(axis=1).where(step > 0, prices.max(axis=1))
    return ((nearest - before) / step > 0.5).astype(int)


def _sessions_before(sessions: pd.DatetimeIndex, fresh: pd.DatetimeIndex) -> pd.DatetimeIndex:
    indices = sessions.get_indexer(fresh)
    return sessions[indices[indices > 0] - 1]
