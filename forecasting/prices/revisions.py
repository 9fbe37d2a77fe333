"""Compare downloaded bars with stored bars: new, restated, unchanged and vanished ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prices.adjustment import PRICE_COLUMNS, later_product

Flags = NDArray[np.bool_]

PRICE_RTOL = 5e-6  # vendors store float32 prices and undo splits by division
SPLIT_ROUNDING = 6e-5  # a split-adjusted price rounded to 4 digits; times the split once that is undone
VOLUME_RTOL = 5e-3  # late prints move the volume of a closed session
LATE_PRINT_SESSIONS = 10  # within which they come in; older volume that differs is the vendor's scale


@dataclass(frozen=True)
class BarDiff:
    """Differences between a download and the store.

    Attributes:
        new: Downloaded bars of sessions that are not stored.
        restated: Downloaded bars that differ from the stored ones beyond rounding.
        unchanged: Number of downloaded bars that agree.
        vanished: Stored sessions between the first and the last downloaded bar that the download lacks.
    """

    new: pd.DataFrame
    restated: pd.DataFrame
    unchanged: int
    vanished: pd.DatetimeIndex

    @property
    def fresh(self) -> pd.DatetimeIndex:
        """Sessions that the store does not hold in this form."""
        return self.new.index.union(self.restated.index)


def diff_bars(stored: pd.DataFrame, download: pd.DataFrame, splits: pd.Series | None = None) -> BarDiff:
    """Compare bars session by session.

    A value that the download lacks (NaN, or no volume) is taken from the store. Where volume alone differs,
    it counts in the last `LATE_PRINT_SESSIONS` only, and only if no more bars than that differ: a vendor that
    forgets to split-adjust volume moves all of it.

    Args:
        stored: Bars as in `PriceHistory`.
        download: Bars as in `PriceHistory`.
        splits: Ratios by ex-date that were undone in `download`, which multiplied the vendor's rounding.

    Examples:
        >>> sessions = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
        >>> stored = pd.DataFrame({"open": 1.0, "high": 2.0, "low": 1, "close": 1.5, "volume": 9.0}, sessions)
        >>> download = stored.assign(close=[1.5, 1.6])
        >>> diff_bars(stored, download).restated["close"].tolist()
        [1.6]
    """
    is_stored = download.index.isin(stored.index)
    overlap = download[is_stored]
    before = stored.reindex(overlap.index)
    offered = overlap.assign(volume=overlap["volume"].replace(0.0, np.nan)).fillna(before)
    prices_agree = _prices_agree(before, offered, splits)
    offered["volume"] = _choose_volume(before["volume"], offered["volume"], prices_agree)
    same = prices_agree & (offered["volume"].fillna(-1.0) == before["volume"].fillna(-1.0)).to_numpy()
    span = (stored.index >= download.index.min()) & (stored.index <= download.index.max())
    vanished = stored.index[span].difference(download.index)
    return BarDiff(download[~is_stored], offered[~same], int(same.sum()), vanished)


def _prices_agree(stored: pd.DataFrame, download: pd.DataFrame, splits: pd.Series | None) -> Flags:
    """(T,) true where all prices of a bar agree within the rounding of storage and splits."""
    shares = np.ones(len(download)) if splits is None else later_product(download.index, splits)
    rounding = np.where(shares > 1, SPLIT_ROUNDING * shares, 0.0)[:, None]  # (T, 1)
    now, before = (frame[PRICE_COLUMNS].to_numpy(np.float64) for frame in (download, stored))
    near = np.abs(now - before) <= PRICE_RTOL * np.abs(before) + rounding
    agree: Flags = (near | (np.isnan(now) & np.isnan(before))).all(axis=1)
    return agree


def _choose_volume(stored: pd.Series, download: pd.Series, prices_agree: Flags) -> pd.Series:
    """Return downloaded volume where it counts, stored volume elsewhere."""
    differs = (np.abs(download - stored) > VOLUME_RTOL * stored).to_numpy()
    alone = differs & prices_agree
    recent = np.arange(len(download)) >= len(download) - LATE_PRINT_SESSIONS
    counts = differs & (~prices_agree | (recent & (alone.sum() <= LATE_PRINT_SESSIONS)))
    return download.where(counts | stored.isna().to_numpy(), stored)
