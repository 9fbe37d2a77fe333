"""Splits and dividends: from as-traded bars to the price basis of a forecast, and back.

A split ratio is new shares per old; a dividend is per share in the units of its ex-date. Both act on every
session before the ex-date, never on the ex-date itself.
"""

from datetime import date

import numpy as np
import pandas as pd

from forecasting.prices.history import PriceHistory, as_actions
from forecasting.types import Floats, PriceBasis

PRICE_COLUMNS = ["open", "high", "low", "close"]
SMALLEST_SPLIT = 1.2
LARGEST_DENOMINATOR = 5
ROUNDING = 1e-6  # relative; the factors of the sample file are flat to 1e-13, its smallest dividend is 1e-3


def adjust(history: PriceHistory, as_of: date, basis: PriceBasis) -> pd.DataFrame:
    """Return the bars up to `as_of` in the units of `as_of`.

    Args:
        history: As-traded bars and dated actions.
        as_of: Last session to return; an action with a later ex-date changes nothing.
        basis: `split_adjusted`, or `total_return`, which also multiplies prices before each ex-date by
            (1 - dividend / previous close), the proportional rule of CRSP and Yahoo.

    Returns:
        The columns of `history.bars`: prices in the units of `as_of`, volume in shares of `as_of`.
    """
    known = history.until(as_of)
    bars = known.bars.copy()
    shares = later_product(bars.index, known.actions["split"])
    kept = later_product(bars.index, kept_after_payout(known)) if basis == "total_return" else 1.0
    bars[PRICE_COLUMNS] = bars[PRICE_COLUMNS].mul(kept / shares, axis=0)
    bars["volume"] *= shares
    return bars


def kept_after_payout(history: PriceHistory) -> pd.Series:
    """Return the share of the previous close that each payout leaves, by ex-date; 1.0 where none lies before.

    Only splits between the previous close and the ex-date enter, so that later ones change no bit of it.
    """
    splits, ex_dates = history.actions["split"], history.actions.index
    before = history.bars.index.searchsorted(ex_dates, side="left") - 1
    if history.bars.empty:
        return pd.Series(1.0, index=ex_dates, name="kept")
    shares = np.exp(cumulative_log(ex_dates, splits) - cumulative_log(history.bars.index[before], splits))
    closes = history.bars["close"].to_numpy()[before] / shares
    kept = 1.0 - history.actions["dividend"].to_numpy() / closes
    return pd.Series(np.where(before >= 0, kept, 1.0), index=ex_dates, name="kept")


def undo_splits(bars: pd.DataFrame, actions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return as-traded bars and actions from the shape that Yahoo serves.

    Args:
        bars: Prices and volume split-adjusted to the end of the download.
        actions: Splits as announced, dividends split-adjusted like the prices. Must reach the end of the
            download, or the splits after the last action stay in the prices.

    Returns:
        The same two frames in the units of their own days.
    """
    bars, actions = bars.copy(), actions.copy()
    shares = later_product(bars.index, actions["split"])
    bars[PRICE_COLUMNS] = bars[PRICE_COLUMNS].mul(shares, axis=0)
    bars["volume"] /= shares
    actions["dividend"] *= later_product(actions.index, actions["split"])
    return bars, actions


def derive_actions(close: pd.Series, adj_close: pd.Series) -> pd.DataFrame:
    """Derive the splits and dividends that explain the path of adj_close / close (Quandl WIKI's rule).

    The factor rises on an ex-date by split * (1 + dividend / close), with the close of the ex-date itself. A
    rise of 1.2 or more (or a fall to 1/1.2 or less) is a split whose ratio is rounded down to a small
    fraction; what remains beyond rounding is the dividend (the two are distinct as long as a dividend on
    the day of a split stays below 2 % of the price).

    Args:
        close: As traded, by session.
        adj_close: Adjusted for splits and dividends, by session.

    Returns:
        Actions in the shape of `PriceHistory.actions`.
    """
    factor = adj_close / close
    step = (factor / factor.shift()).fillna(1.0)
    splits = step.map(_split_ratio)
    payout = step / splits - 1.0
    dividends = (payout * close).where(payout > ROUNDING, 0.0).round(6)
    return as_actions(pd.DataFrame({"split": splits, "dividend": dividends}))


def _split_ratio(step: float) -> float:
    """Return the largest small fraction (or its reciprocal) not above the step, 1.0 where it is no split.

    >>> [_split_ratio(step) for step in (1.01, 2.0, 2.013, 1.5075, 7.0, 0.1256)]
    [1.0, 2.0, 2.0, 1.5, 7.0, 0.125]
    """
    denominators = np.arange(1, LARGEST_DENOMINATOR + 1)
    if step >= SMALLEST_SPLIT * (1 - ROUNDING):
        return float(np.max(np.floor(step * denominators * (1 + ROUNDING)) / denominators))
    if step <= (1 + ROUNDING) / SMALLEST_SPLIT:
        return float(1.0 / np.min(np.ceil(denominators / step * (1 - ROUNDING)) / denominators))
    return 1.0


def cumulative_log(sessions: pd.DatetimeIndex, ratios: pd.Series) -> Floats:
    """(T,) sum of the logs of the ratios with an ex-date up to and with each session."""
    ordered = ratios.sort_index()
    sums: Floats = np.append(0.0, np.cumsum(np.log(ordered.to_numpy(np.float64))))
    total: Floats = sums[ordered.index.searchsorted(sessions, side="right")]
    return total


def later_product(sessions: pd.DatetimeIndex, ratios: pd.Series) -> Floats:
    """(T,) product of the ratios with an ex-date after each session."""
    ordered = ratios.sort_index()
    tails: Floats = np.append(np.cumprod(ordered.to_numpy()[::-1])[::-1], 1.0)
    products: Floats = tails[ordered.index.searchsorted(sessions, side="right")]
    return products
