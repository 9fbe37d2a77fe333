"""Range-based variance, by hand."""

import numpy as np
import pandas as pd
import pytest

from forecasting.features.returns import garman_klass, overnight, range_variance

BARS = pd.DataFrame(
    {
        "open": [100.0, 104.0, 103.0],
        "high": [106.0, 108.0, 105.0],
        "low": [99.0, 101.0, 102.0],
        "close": [105.0, 102.0, 104.0],
    }
)


def test_garman_klass_by_hand():
    expected = 0.5 * np.log(108 / 101) ** 2 - (2 * np.log(2) - 1) * np.log(102 / 104) ** 2
    assert garman_klass(BARS)[1] == pytest.approx(expected)


def test_overnight_is_the_squared_gap_from_the_last_close():
    found = overnight(BARS)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(np.log(104 / 105) ** 2)


def test_the_variance_of_a_session_is_both_together():
    assert range_variance(BARS)[2] == pytest.approx(garman_klass(BARS)[2] + np.log(103 / 102) ** 2)


@pytest.mark.parametrize("missing", ["open", "high", "low"])
def test_where_a_price_is_missing_the_close_alone_speaks(missing):
    bars = BARS.copy()
    bars.loc[1, missing] = np.nan
    found = range_variance(bars)
    assert found[1] == pytest.approx(np.log(102 / 105) ** 2)
    assert found[2] == range_variance(BARS)[2]


def test_a_range_narrower_than_the_body_gives_no_negative_variance():
    broken = pd.DataFrame({"open": [100.0], "high": [105.0], "low": [105.0], "close": [105.0]})
    assert garman_klass(broken).tolist() == [0.0]
