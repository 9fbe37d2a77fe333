"""Range-based variance, by hand."""

import numpy as np
import pandas as pd
import pytest

from forecasting.features.returns import compute_range_variance, garman_klass
from forecasting.types import Floats

BARS = pd.DataFrame(
    {
        "open": [100.0, 104.0, 103.0],
        "high": [106.0, 108.0, 105.0],
        "low": [99.0, 101.0, 102.0],
        "close": [105.0, 102.0, 104.0],
    }
)


def log_returns(bars: pd.DataFrame) -> Floats:
    steps: Floats = np.log(bars["close"]).diff().to_numpy()
    return steps


def test_garman_klass_by_hand() -> None:
    expected = 0.5 * np.log(108 / 101) ** 2 - (2 * np.log(2) - 1) * np.log(102 / 104) ** 2
    assert garman_klass(BARS)[1] == pytest.approx(expected)


def test_a_session_has_the_variance_of_its_hours_and_of_the_gap_before() -> None:
    variance = compute_range_variance(BARS, log_returns(BARS))
    assert np.isnan(variance[0])
    assert variance[1] == pytest.approx(garman_klass(BARS)[1] + np.log(104 / 105) ** 2)
    assert variance[2] == pytest.approx(garman_klass(BARS)[2] + np.log(103 / 102) ** 2)


def test_a_payout_is_no_gap_over_night() -> None:
    total_return = log_returns(BARS) + np.log(105 / 104)
    variance = compute_range_variance(BARS, total_return)
    assert variance[1] == pytest.approx(garman_klass(BARS)[1], abs=1e-12)  # 105 less the payout, then 104


@pytest.mark.parametrize("missing", ["open", "high", "low"])
def test_where_a_price_is_missing_the_return_is_all_there_is(missing: str) -> None:
    bars = BARS.copy()
    bars.loc[1, missing] = np.nan
    variance = compute_range_variance(bars, log_returns(bars))
    assert variance[1] == pytest.approx(np.log(102 / 105) ** 2)
    assert variance[2] == compute_range_variance(BARS, log_returns(BARS))[2]


def test_a_range_narrower_than_the_body_gives_no_negative_variance() -> None:
    broken = pd.DataFrame({"open": [100.0], "high": [105.0], "low": [105.0], "close": [105.0]})
    assert garman_klass(broken).tolist() == [0.0]
