"""Splits that nobody worked in: a step by a ratio of shares that the source does not explain.

At an ex-date the price steps by the ratio overnight, while everything else stays as usual: the bar lies
beyond the step as a whole, its range is that of an ordinary session, and as much money changes hands as
before (so volume in shares moves inversely to the price). A market that moves as far by itself misses at
least one of these signs, and every sign alone fails one way: so a step counts as a split only if all agree.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecasting.errors import UnadjustedSplitError
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import is_displaced
from forecasting.types import Floats

# New shares per old, or old per new.
RATIOS = (1.5, *(float(ratio) for ratio in range(2, 51)), 2.5, 3.5, 60.0, 75.0, 80.0, 100.0)
# Seldom seen, and counted only where range and volume are known: closes of 2008 moved as if by one of them.
# Of 1.5 million bars of 423 US shares none did with both; 249 of 255 that were put in at random are found.
RARE_RATIOS = (1.6, 5 / 3, 7 / 3)
LEAST_STEP = np.log(1.4)  # of the close; an ex-date of 3:2 seldom ends below
# These lie among the moves of a market. Of 151,000 bars of 40 US shares, 32 lay away as by one of them, but
# none with range and turnover as usual as this; nine of ten splits that were put in at random are found.
SMALL_RATIOS = (1.2, 1.25, 4 / 3)
LEAST_SMALL_STEP = np.log(1.12)
SMALL_RANGE = 2.0  # times the usual
USUAL_SESSIONS = 20
VOLATILITY_SESSIONS = 60
MAD_TO_STANDARD = 1.4826  # of a normal distribution
NEAR_DEVIATIONS = 2.0  # of the overnight step from the ratio, in usual daily moves
NEAREST, FARTHEST = 0.02, 0.06  # log; bounds of that tolerance
DISPLACED = 0.8  # share of the step that the nearest price of the bar lies beyond
MONEY = 1.2  # log; traded value against its usual
MONEY_ALONE = 0.7  # log; where no range is known, and for small ratios
LEAST_RANGE, RANGE = 0.2, 3.0  # times the usual; a bid, which only raises a price, pins it within less


def check_splits_worked_in(history: PriceHistory, fresh: pd.DatetimeIndex) -> None:
    """Raise at a step of a new or changed bar that is a split the source does not know.

    Args:
        history: As-traded bars and actions.
        fresh: Sessions whose bars are not in the store as they are.

    Raises:
        UnadjustedSplitError: There is such a step.
    """
    bars = adjust(history, history.last_session, "total_return")
    sessions = find_unworked_splits(bars).intersection(fresh)
    if len(sessions):
        session = sessions[0]
        before, after = history.bars["close"].iloc[history.bars.index.get_loc(session) - 1 :][:2]
        found = f"{before:g}, then {after:g} at {session.date()} on an ordinary day"
        expected = "prices with every split worked in, or a column splits"
        raise UnadjustedSplitError(history.ticker, expected, found, session.date())


def find_unworked_splits(bars: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the sessions at which adjusted bars step like a split.

    Args:
        bars: (T,) columns open, high, low, close and volume, adjusted for the known actions. Without open,
            high and low, or without volume, the signs that are left must agree.
    """
    close = np.log(bars["close"])
    step = close.diff()
    overnight = (np.log(bars["open"]) - close.shift()).fillna(step)
    money = (np.log(_usual_ratio(bars["volume"])) + step).abs()
    spread = _usual_ratio(np.log(bars["high"] / bars["low"]))
    unpinned = (spread > LEAST_RANGE) | (step < 0)
    ordinary = ((spread <= RANGE) & unpinned) | (spread.isna() & (money < MONEY_ALONE))
    same_money = (money < MONEY) | (money.isna() & spread.notna())
    is_large = _is_near_ratio(overnight, step, RATIOS, least=LEAST_STEP) & ordinary & same_money
    is_whole = spread.notna() & money.notna()
    is_rare = (
        _is_near_ratio(overnight, step, RARE_RATIOS, least=LEAST_STEP) & ordinary & same_money & is_whole
    )
    is_quiet = spread.between(LEAST_RANGE, SMALL_RANGE) & (money < MONEY_ALONE)
    is_small = _is_near_ratio(overnight, step, SMALL_RATIOS, least=LEAST_SMALL_STEP) & is_quiet
    return pd.DatetimeIndex(bars.index[(is_large | is_rare | is_small) & is_displaced(bars, step, DISPLACED)])


def _is_near_ratio(
    overnight: pd.Series, step: pd.Series, ratios: Sequence[float], *, least: float
) -> pd.Series:
    """(T,) true where the overnight step is that of a split, within what a price moves overnight."""
    usual = step.abs().rolling(VOLATILITY_SESSIONS, min_periods=5).median().shift() * MAD_TO_STANDARD
    tolerance = (NEAR_DEVIATIONS * usual).clip(NEAREST, FARTHEST)
    logs: Floats = np.log(ratios)
    size = overnight.abs().to_numpy()[:, None]  # (T, 1)
    distance = pd.Series(np.abs(size - logs).min(axis=1), index=step.index)  # (T, ratios) to (T,)
    same_way = (np.sign(overnight) == np.sign(step)) & (step.abs() > least)
    return (distance <= tolerance.fillna(NEAREST)) & same_way


def _usual_ratio(values: pd.Series) -> pd.Series:
    """(T,) value over the median of the sessions before; NaN where either is unknown or zero."""
    known = values.where(values > 0)
    return known / known.rolling(USUAL_SESSIONS, min_periods=1).median().shift()
