"""Market-wide variance and its log-HAR model."""

import numpy as np
import pandas as pd
import pytest

from forecasting.features.lookback import WARM_UP, WINDOW, windows_of
from forecasting.features.market import align, fit_market, market_variance, predict_market, relative_variance
from forecasting.features.returns import range_variance


@pytest.fixture(scope="module")
def universe(histories):
    return [history.bars for history in histories]


def twin_of_relative_variance(bars):
    ranges = pd.Series(range_variance(bars), bars.index)
    return (ranges / ranges.rolling(WINDOW, min_periods=1).mean()).iloc[WARM_UP:]


def test_relative_variance_equals_its_twin_in_pandas(universe):
    pd.testing.assert_series_equal(
        relative_variance(universe[0]), twin_of_relative_variance(universe[0]), check_names=False
    )


def test_market_variance_is_the_mean_of_what_trades_where_at_least_half_does(universe):
    each = pd.DataFrame(dict(enumerate(twin_of_relative_variance(bars) for bars in universe)))
    begun = each.apply(lambda column: each.index >= column.first_valid_index())
    twin = each.mean(axis=1)[each.notna().sum(axis=1) >= begun.sum(axis=1) / 2].clip(lower=1e-4)
    found = market_variance(universe)
    pd.testing.assert_series_equal(found, twin, check_names=False, check_freq=False)
    assert found.index.is_monotonic_increasing


def test_the_market_is_closed_where_only_the_minority_trades(universe):
    both_shares_listed = universe[1].index[WARM_UP]
    found = market_variance(universe).loc[both_shares_listed:]
    assert set(found.index.day_of_week) == {0, 1, 2, 3, 4}


def test_align_gives_the_newest_known_value_and_one_before_the_first():
    market = pd.Series([2.0, 3.0], pd.to_datetime(["2024-06-03", "2024-06-05"]))
    sessions = pd.to_datetime(["2024-05-31", "2024-06-03", "2024-06-04", "2024-06-05", "2024-06-06"])
    assert align(market, sessions).tolist() == [1.0, 2.0, 2.0, 3.0, 3.0]


def test_the_coefficients_of_a_market_that_follows_the_model_are_found():
    rng, true = np.random.default_rng(5), np.array([-0.1, 0.5, 0.2, 0.1])
    values = np.exp(rng.normal(0, 0.5, 4000))
    for session in range(WARM_UP, len(values)):
        past = values[session - WARM_UP : session]
        weights = [decay ** np.arange(WARM_UP - 1, -1, -1.0) for decay in (0.8, 0.94, 1.0)]
        scales = [np.log(np.average(past, weights=one)) for one in weights]
        values[session] = np.exp(true @ [1.0, *scales] + rng.normal(0, 0.3))
    found = fit_market(values)
    np.testing.assert_allclose(found[1:].sum(), true[1:].sum(), atol=0.15)
    assert found[1] == pytest.approx(true[1], abs=0.1)


def test_a_market_too_short_to_fit_is_expected_to_stay_at_its_recent_level():
    coefficients = fit_market(np.full(100, 2.0))
    assert predict_market(coefficients, np.full(WINDOW, 2.0)) == pytest.approx(2.0)


def test_a_prediction_stays_finite_for_any_coefficients():
    windows = windows_of(np.full(WINDOW, 1e9))[-1]
    assert predict_market(np.full(4, 1e3), windows) == pytest.approx(np.exp(7))
