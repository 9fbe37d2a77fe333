"""The differences between a download and the store, by hand-computed cases and a slow twin."""

import math

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecasting.prices.history import BAR_COLUMNS
from forecasting.prices.revisions import PRICE_RTOL, VOLUME_RTOL, diff_bars

VALUES = st.sampled_from([1.0, 1.0 + 2e-6, 1.0 + 1e-3, 1.01, 2.0, math.nan])
FRAMES = st.dictionaries(st.integers(0, 5), st.tuples(*[VALUES] * 5), max_size=5).map(
    lambda bars: pd.DataFrame(
        [bars[day] for day in sorted(bars)],
        index=pd.DatetimeIndex([pd.Timestamp(2024, 1, 1 + day) for day in sorted(bars)]),
        columns=list(BAR_COLUMNS),
        dtype="float64",
    )
)


def make_bars(sessions: int = 1, **columns: float | np.float32) -> pd.DataFrame:
    index = pd.bdate_range("2024-01-02", periods=sessions)
    return pd.DataFrame(dict.fromkeys(BAR_COLUMNS, 100.0) | columns, index=index)


@given(FRAMES, FRAMES)
def test_agrees_with_a_comparison_bar_by_bar(stored: pd.DataFrame, downloaded: pd.DataFrame) -> None:
    diff = diff_bars(stored, downloaded)
    both = [day for day in downloaded.index if day in stored.index]
    restated = [day for day in both if not is_same(stored.loc[day], downloaded.loc[day])]
    assert list(diff.new.index) == [day for day in downloaded.index if day not in stored.index]
    assert list(diff.restated.index) == restated
    assert diff.unchanged == len(both) - len(restated)
    inside = [
        day for day in stored.index if len(downloaded) and downloaded.index[0] <= day <= downloaded.index[-1]
    ]
    assert list(diff.vanished) == [day for day in inside if day not in downloaded.index]
    assert list(diff.fresh) == sorted([*diff.new.index, *restated])


def test_rounding_of_volume_is_wider_than_of_prices() -> None:
    assert diff_bars(make_bars(), make_bars(volume=100.4)).unchanged == 1
    assert len(diff_bars(make_bars(), make_bars(volume=101.0)).restated) == 1
    assert diff_bars(make_bars(), make_bars(close=np.float32(100.0004))).unchanged == 1
    assert len(diff_bars(make_bars(), make_bars(close=100.01)).restated) == 1


def test_a_price_rounded_after_a_split_is_the_same_once_the_split_is_undone() -> None:
    later = pd.Series([28.0], index=pd.DatetimeIndex(["2024-06-03"]))
    rounded = round(100.0 / 28, 4) * 28  # 100.0008
    assert len(diff_bars(make_bars(), make_bars(close=rounded)).restated) == 1
    assert diff_bars(make_bars(), make_bars(close=rounded), later).unchanged == 1
    assert len(diff_bars(make_bars(), make_bars(close=100.1), later).restated) == 1


def test_what_the_download_lacks_is_taken_from_the_store() -> None:
    lacking = make_bars(open=np.nan, volume=0.0, close=101.0)
    (restated,) = diff_bars(make_bars(), lacking).restated.itertuples()
    assert (restated.open, restated.close, restated.volume) == (100.0, 101.0, 100.0)
    assert diff_bars(make_bars(), make_bars(high=np.nan, volume=np.nan)).unchanged == 1


def test_what_the_store_lacks_is_a_change() -> None:
    assert len(diff_bars(make_bars(volume=np.nan), make_bars()).restated) == 1
    assert len(diff_bars(make_bars(open=np.nan), make_bars()).restated) == 1


def test_volume_alone_counts_in_recent_sessions_only() -> None:
    stored = make_bars(30)
    revised = stored.assign(volume=[100.0] * 5 + [150.0] + [100.0] * 20 + [150.0] + [100.0] * 3)
    assert list(diff_bars(stored, revised).restated.index) == [stored.index[26]]


def test_a_vendor_that_rescales_volume_changes_nothing() -> None:
    assert diff_bars(make_bars(30), make_bars(30, volume=400.0)).unchanged == 30


def is_same(stored: pd.Series, downloaded: pd.Series) -> bool:
    prices = [name for name in BAR_COLUMNS if name != "volume"]
    return all(agree(stored[name], downloaded[name], PRICE_RTOL) for name in prices) and agree(
        stored["volume"], downloaded["volume"], VOLUME_RTOL
    )


def agree(stored: float, downloaded: float, tolerance: float) -> bool:
    if math.isnan(downloaded):
        return True
    return not math.isnan(stored) and abs(stored - downloaded) <= tolerance * abs(stored)
