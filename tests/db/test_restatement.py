"""The diff of a pull against the store, by hand-computed cases and a slow twin."""

import math

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecasting.prices import BAR_COLUMNS
from forecasting.restatement import PRICE_RTOL, VOLUME_RTOL, diff_bars

VALUES = st.sampled_from([1.0, 1.0 + 2e-6, 1.0 + 1e-3, 1.01, 2.0, math.nan])
FRAMES = st.dictionaries(st.integers(0, 5), st.tuples(*[VALUES] * 5), max_size=5).map(
    lambda bars: pd.DataFrame(
        [bars[day] for day in sorted(bars)],
        index=pd.DatetimeIndex([pd.Timestamp(2024, 1, 1 + day) for day in sorted(bars)]),
        columns=list(BAR_COLUMNS),
        dtype="float64",
    )
)


@given(FRAMES, FRAMES)
def test_agrees_with_a_comparison_bar_by_bar(stored, pulled):
    diff = diff_bars(stored, pulled)
    both = [day for day in pulled.index if day in stored.index]
    restated = [day for day in both if not same(stored.loc[day], pulled.loc[day])]
    assert list(diff.new.index) == [day for day in pulled.index if day not in stored.index]
    assert list(diff.restated.index) == restated
    assert diff.unchanged == len(both) - len(restated)
    pd.testing.assert_frame_equal(diff.restated, pulled.loc[restated])


def test_rounding_of_volume_is_wider_than_of_prices():
    stored = pd.DataFrame(100.0, index=pd.DatetimeIndex(["2024-01-02"]), columns=list(BAR_COLUMNS))
    assert diff_bars(stored, stored.assign(volume=100.4)).unchanged == 1
    assert len(diff_bars(stored, stored.assign(volume=101.0)).restated) == 1
    assert diff_bars(stored, stored.assign(close=np.float32(100.0004))).unchanged == 1
    assert len(diff_bars(stored, stored.assign(close=100.01)).restated) == 1


def same(stored, pulled):
    return all(
        (math.isnan(stored[name]) and math.isnan(pulled[name]))
        or abs(stored[name] - pulled[name])
        <= (VOLUME_RTOL if name == "volume" else PRICE_RTOL) * abs(stored[name])
        for name in BAR_COLUMNS
    )
