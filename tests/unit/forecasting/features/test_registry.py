"""The features: by hand, and finite within their ranges for any prices."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import ShortHistoryError, UsageError
from forecasting.features.lookback import WARM_UP, WINDOW, Trailing
from forecasting.features.registry import (
    FEATURES,
    bollinger_position,
    downside_share,
    feature_names,
    momentum,
    return_over_volatility,
    rsi,
)
from forecasting.model.dataset import build_series
from forecasting.prices.history import as_bars

FLAT_MARKET = pd.Series(dtype=float, index=pd.DatetimeIndex([]))
NAMES = tuple(FEATURES)


def series_of(closes):
    index = pd.bdate_range("2020-01-01", periods=len(closes))
    bars = pd.DataFrame({"close": closes, "volume": np.resize([1e6, 9e6, 1e12, 0, 2e6], len(closes))}, index)
    return build_series("ACME", as_bars(bars), FLAT_MARKET, NAMES, 2)


def window_of(closes):
    """The last trailing window of closes that repeat the first one before they start."""
    padded = np.concatenate([np.full(WINDOW + 1 - len(closes), float(closes[0])), closes])
    returns = np.diff(np.log(padded))
    return Trailing(returns, returns**2, np.ones(WINDOW), np.full(WINDOW, np.nan))


def stated_range(name):
    low, high = re.search(r"in \[(-?[\d.]+), (-?[\d.]+)\]", FEATURES[name].__doc__).groups()
    return float(low), float(high)


def test_a_return_is_the_log_of_the_ratio_at_any_price_level():
    for level in (100.0, 100_000.0):
        closes = np.append(np.full(WARM_UP + 2, level), 1.1 * level)
        found = series_of(closes)
        assert found.target[-2] * found.volatility[-2] == pytest.approx(0.0953, abs=5e-5)


def test_a_return_is_told_in_units_of_volatility():
    window = window_of([100.0, 110.0])
    assert return_over_volatility(window) == pytest.approx(np.log(1.1) / window.volatility)


def test_the_bollinger_position_is_one_half_where_the_bands_have_collapsed():
    assert bollinger_position(window_of([100.0])) == 0.5
    assert bollinger_position(window_of(100 + 1e-9 * np.arange(20) ** 2)) == 0.5


@pytest.mark.parametrize(("place", "sign"), [(1.0, 1), (0.0, -1)])
def test_the_bollinger_position_is_one_on_the_upper_band_and_zero_on_the_lower(place, sign):
    # Four closes at the same distance among twenty lie exactly two deviations from a mean that balances them:
    # two at +d and two at -d give sd = d * sqrt(4 / 20), so the sixteen others are set to make it d / 2.
    others = np.resize([1.0, -1.0], 16) * np.sqrt((20 * 0.25 - 4) / 16)
    closes = 100 + np.concatenate([others, [-sign, -sign, sign, sign]])
    assert bollinger_position(window_of(closes)) == pytest.approx(place)


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        (100 * 1.01 ** np.arange(15), 1.0),
        (100 * 0.99 ** np.arange(15), 0.0),
        (np.resize([100.0, 101.0], 15), 0.5),
        (np.array([100.0]), 0.5),
    ],
)
def test_rsi_of_rising_falling_balanced_and_still_prices(closes, expected):
    assert rsi(window_of(closes)) == pytest.approx(expected)


def test_downside_share_by_hand():
    closes = np.exp(np.cumsum([0.0, 0.01, -0.02, 0.02]))
    assert downside_share(window_of(closes)) == pytest.approx(4 / 9)


def test_momentum_of_a_steady_climb_is_its_number_of_deviations():
    climb = np.full(WINDOW, 0.001)
    assert momentum(Trailing.of_returns(climb)) == 5  # the square root of 60, clipped


def test_an_unknown_feature_is_refused_and_none_means_all():
    assert feature_names(()) == NAMES
    assert feature_names(("rsi", "momentum")) == ("rsi", "momentum")
    with pytest.raises(UsageError, match="found macd"):
        feature_names(("rsi", "macd"))


def test_a_history_shorter_than_the_warm_up_is_told_what_is_missing():
    with pytest.raises(
        ShortHistoryError, match=f"at least {WARM_UP + 2} sessions of history, found {WARM_UP}"
    ):
        series_of(np.full(WARM_UP, 100.0))


steps = st.one_of(
    st.just(0.0),
    st.floats(-1e-9, 1e-9),
    st.floats(-0.1, 0.1),
    st.sampled_from([-3.9, 3.9, 0.01, -0.01]),  # fifty-fold jumps, one tick
)
paths = st.lists(st.tuples(steps, st.integers(1, 40)), min_size=1, max_size=12).map(
    lambda runs: np.concatenate([np.resize([step, -step * 0.99], count) for step, count in runs])
)


@settings(deadline=None, max_examples=60)
@given(paths)
def test_features_are_finite_and_in_their_stated_ranges_for_any_prices(moves):
    closes = 100 * np.exp(np.cumsum(np.concatenate([np.zeros(WARM_UP + 2), moves])))
    found = series_of(closes)
    assert np.isfinite(found.features).all()
    assert (found.volatility > 0).all()
    assert np.isfinite(found.target[:-1]).all()
    for name, column in zip(NAMES, found.features.T, strict=True):
        low, high = stated_range(name)
        assert low <= column.min() <= column.max() <= high, name


@pytest.mark.parametrize(
    "closes",
    [
        np.full(120, 100.0),
        100 + 1e-9 * np.sin(np.arange(120)),
        np.concatenate([100 * 1.01 ** np.arange(60), np.full(80, 181.0), [150.0, 190.0]]),
        100 + 0.01 * (np.arange(120) == 100),
    ],
    ids=["flat", "nearly flat", "halted and resumed", "one tick"],
)
def test_quiet_series_have_features_everywhere(closes):
    assert np.isfinite(series_of(closes).features).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([1e-3, 1000.0, 0.37]))
def test_the_unit_of_the_prices_does_not_matter(seed, factor):
    closes = 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, 140)))
    here, there = series_of(closes), series_of(factor * closes)
    np.testing.assert_allclose(there.features, here.features, rtol=0, atol=1e-9)
    np.testing.assert_allclose(there.target, here.target, rtol=1e-9, atol=1e-9)
