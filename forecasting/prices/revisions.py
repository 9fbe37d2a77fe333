"""What a fresh pull of prices says against what is stored: new bars, corrected ones, the same ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prices.adjustment import PRICE_COLUMNS, later_product

Flags = NDArray[np.bool_]

PRICE_RTOL = 5e-6  # vendors store float32 prices and undo splits by division
SPLIT_ROUNDING = 6e-5  # a split-adjusted price rounded to 4 digits; times the split once that is undone
VOLUME_RTOL = 5e-3  # late prints move the volume of a closed session
SETTLING_SESSIONS = 10  # within which they come in; older volume that differs is the vendor's scale


@dataclass(frozen=True)
class BarDiff:
    """A pull against the store.

    Attributes:
        new: Pulled bars of sessions that are not stored.
        restated: Pulled bars that differ from the stored ones beyond rounding.
        unchanged: How many pulled bars agree.
        vanished: Sessions between the first and the last pulled bar that are stored and were not pulled.
    """

    new: pd.DataFrame
    restated: pd.DataFrame
    unchanged: int
    vanished: pd.DatetimeIndex

    @property
    def fresh(self) -> pd.DatetimeIndex:
        """Sessions that the store does not hold in this form."""
        return self.new.index.union(self.restated.index)


def diff_bars(stored: pd.DataFrame, pulled: pd.DataFrame, splits: pd.Series | None = None) -> BarDiff:
    """Compare bars session by session.

    A value that the pull lacks (NaN, or no volume) is taken from the store. Where volume alone differs, it
    counts in the last `SETTLING_SESSIONS` only, and only if no more bars than that differ: a vendor that
    forgets to split-adjust volume moves all of it.

    Args:
        stored: Bars as in `PriceHistory`.
        pulled: Bars as in `PriceHistory`.
        splits: Ratios by ex-date that were undone in `pulled`, which multiplied the vendor's rounding.

    Examples:
        >>> sessions = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
        >>> stored = pd.DataFrame({"open": 1.0, "high": 2.0, "low": 1, "close": 1.5, "volume": 9.0}, sessions)
        >>> pulled = stored.assign(close=[1.5, 1.6])
        >>> diff_bars(stored, pulled).restated["close"].tolist()
        [1.6]
    """
    known = pulled.index.isin(stored.index)
    overlap = pulled[known]
    before = stored.reindex(overlap.index)
    offered = overlap.assign(volume=overlap["volume"].replace(0.0, np.nan)).fillna(before)
    prices_agree = _prices_agree(before, offered, splits)
    offered["volume"] = _volume(before["volume"], offered["volume"], prices_agree)
    same = prices_agree & (offered["volume"].fillna(-1.0) == before["volume"].fillna(-1.0)).to_numpy()
    span = (stored.index >= pulled.index.min()) & (stored.index <= pulled.index.max())
    vanished = stored.index[span].difference(pulled.index)
    return BarDiff(pulled[~known], offered[~same], int(same.sum()), vanished)


def _prices_agree(stored: pd.DataFrame, pulled: pd.DataFrame, splits: pd.Series | None) -> Flags:
    """(T,) whether all prices of a bar agree within what storing and splitting rounds."""
    shares = np.ones(len(pulled)) if splits is None else later_product(pulled.index, splits)
    rounding = np.where(shares > 1, SPLIT_ROUNDING * shares, 0.0)[:, None]  # (T, 1)
    told, held = (frame[PRICE_COLUMNS].to_numpy(np.float64) for frame in (pulled, stored))
    near = np.abs(told - held) <= PRICE_RTOL * np.abs(held) + rounding
    agree: Flags = (near | (np.isnan(told) & np.isnan(held))).all(axis=1)
    return agree


def _volume(stored: pd.Series, pulled: pd.Series, prices_agree: Flags) -> pd.Series:
    """Pulled volume where it counts, stored volume elsewhere."""
    differs = (np.abs(pulled - stored) > VOLUME_RTOL * stored).to_numpy()
    alone = differs & prices_agree
    settling = np.arange(len(pulled)) >= len(pulled) - SETTLING_SESSIONS
    counts = differs & (~prices_agree | (settling & (alone.sum() <= SETTLING_SESSIONS)))
    return pulled.where(counts | stored.isna().to_numpy(), stored)
