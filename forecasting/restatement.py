"""What a fresh pull of prices says against what is stored: new bars, restated bars, the same bars."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.prices import BAR_COLUMNS

PRICE_RTOL = 5e-6  # vendors store float32 prices and undo splits by division
VOLUME_RTOL = 5e-3  # late prints move the volume of a closed session


@dataclass(frozen=True)
class BarDiff:
    """A pull against the store.

    Attributes:
        new: Pulled bars of sessions that are not stored.
        restated: Pulled bars that differ from the stored ones beyond rounding.
        unchanged: How many pulled bars agree.
    """

    new: pd.DataFrame
    restated: pd.DataFrame
    unchanged: int


def diff_bars(stored: pd.DataFrame, pulled: pd.DataFrame) -> BarDiff:
    """Compare bars session by session; stored sessions that the pull lacks do not count.

    Args:
        stored: Bars as in `PriceHistory`.
        pulled: Bars as in `PriceHistory`.

    Examples:
        >>> sessions = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
        >>> stored = pd.DataFrame({"open": 1.0, "high": 2.0, "low": 1, "close": 1.5, "volume": 9.0}, sessions)
        >>> pulled = stored.assign(close=[1.5, 1.6])
        >>> diff_bars(stored, pulled).restated["close"].tolist()
        [1.6]
    """
    known = pulled.index.isin(stored.index)
    overlap = pulled[known]
    same = _agree(stored.reindex(overlap.index), overlap)
    return BarDiff(new=pulled[~known], restated=overlap[~same], unchanged=int(same.sum()))


def _agree(stored: pd.DataFrame, pulled: pd.DataFrame) -> pd.Series:
    columns = [
        np.isclose(
            pulled[name].to_numpy(np.float64),
            stored[name].to_numpy(np.float64),
            rtol=VOLUME_RTOL if name == "volume" else PRICE_RTOL,
            atol=0.0,
            equal_nan=True,
        )
        for name in BAR_COLUMNS
    ]
    return pd.Series(np.logical_and.reduce(columns), index=pulled.index)
