"""The features: by hand, and finite within their ranges for any prices."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_prices import AS_OF, ignore_epoch, make_actions

from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import ArchitectureMismatchError, ShortHistoryError, UsageError
from forecasting.features.lookback import WARM_UP, WINDOW, Lookback
from forecasting.features.registry import (
    FEATURES,
    Feature,
    Subject,
    bollinger_position,
    compute_features,
    downside_share,
    momentum,
    register,
    return_over_volatility,
    rsi,
    select_features,
)
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.model.artifact import load_model
from forecasting.model.dataset import TickerFeatures, build_ticker_features
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats

NO_MARKET = pd.Series(dtype=float, index=pd.DatetimeIndex([]))
NAMES = tuple(FEATURES)


def build_all(closes: Floats) -> TickerFeatures:
    """Every feature of bars with wild volumes."""
    index = pd.bdate_range("2020-01-01", periods=len(closes))
    volume = np.resize([1e6, 9e6, 1e12, 0, 2e6], len(closes))
    bars = as_bars(pd.DataFrame({"close": closes, "volume": volume}, index))
    returns = compute_daily_returns(PriceHistory("ACME", bars, make_actions()), "split_adjusted")
    return build_ticker_features(returns, NO_MARKET, NAMES, lookback=2)


def build_window(closes: Sequence[float] | Floats) -> Lookback:
    """The last trailing window of closes that repeat the first one before they start."""
    padded = np.concatenate([np.full(WINDOW + 1 - len(closes), float(closes[0])), closes])
    returns = np.diff(np.log(padded))
    return Lookback(returns, returns**2, np.ones(WINDOW), np.full(WINDOW, np.nan))


def read_range(name: str) -> tuple[float, float]:
    """The range in the docstring of a feature."""
    stated = re.search(r"in \[(-?[\d.]+), (-?[\d.]+)\]", FEATURES[name].compute.__doc__ or "")
    assert stated is not None, name
    return float(stated[1]), float(stated[2])


def test_a_return_is_the_log_of_the_ratio_at_any_price_level() -> None:
    for level in (100.0, 100_000.0):
        closes = np.append(np.full(WARM_UP + 2, level), 1.1 * level)
        found = build_all(closes)
        assert found.target[-2] * found.volatility[-2] == pytest.approx(0.0953, abs=5e-5)


def test_a_return_is_in_units_of_volatility() -> None:
    window = build_window([100.0, 110.0])
    assert return_over_volatility(window) == pytest.approx(np.log(1.1) / window.volatility)


def test_the_bollinger_position_is_one_half_where_the_bands_have_collapsed() -> None:
    assert bollinger_position(build_window([100.0])) == 0.5
    assert bollinger_position(build_window([100 + 1e-9 * step**2 for step in range(20)])) == 0.5


@pytest.mark.parametrize(("position", "sign"), [(1.0, 1), (0.0, -1)])
def test_the_bollinger_position_is_one_on_the_upper_band_and_zero_on_the_lower(
    position: float, sign: int
) -> None:
    # Four closes at the same distance among twenty lie exactly two deviations from a mean that balances them:
    # two at +d and two at -d give sd = d * sqrt(4 / 20), so the sixteen others are set to make it d / 2.
    others = np.resize([1.0, -1.0], 16) * np.sqrt((20 * 0.25 - 4) / 16)
    closes: Floats = 100 + np.concatenate([others, [-sign, -sign, sign, sign]])
    assert bollinger_position(build_window(closes)) == pytest.approx(position)


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        (100 * 1.01 ** np.arange(15), 1.0),
        (100 * 0.99 ** np.arange(15), 0.0),
        (np.resize([100.0, 101.0], 15), 0.5),
        (np.array([100.0]), 0.5),
    ],
)
def test_rsi_of_rising_falling_balanced_and_still_prices(
    closes: Sequence[float] | Floats, expected: float
) -> None:
    assert rsi(build_window(closes)) == pytest.approx(expected)


def test_downside_share_by_hand() -> None:
    closes = np.exp(np.cumsum([0.0, 0.01, -0.02, 0.02]))
    assert downside_share(build_window(closes)) == pytest.approx(4 / 9)


def test_momentum_of_a_steady_climb_is_its_number_of_deviations() -> None:
    climb = np.full(WINDOW, 0.001)
    assert momentum(Lookback.of_returns(climb)) == 5  # the square root of 60, clipped


def test_an_unknown_feature_is_refused_and_none_means_all_that_suit() -> None:
    without, given = select_features(()), select_features((), with_dates=True)
    assert set(without) | set(given) == set(NAMES)
    assert {name for name in without if name not in given} >= {"quarter_1", "volatility_60", "range_50"}
    assert {name for name in given if name not in without} >= {"report_growth", "ordinary_60", "leverage"}
    assert select_features(("rsi", "momentum")) == ("rsi", "momentum")
    with pytest.raises(UsageError, match="found macd"):
        select_features(("rsi", "macd"))


def test_a_history_shorter_than_the_warm_up_is_refused_with_what_it_needs() -> None:
    with pytest.raises(
        ShortHistoryError, match=f"at least {WARM_UP + 2} sessions of history, found {WARM_UP}"
    ):
        build_all(np.full(WARM_UP, 100.0))


steps = st.one_of(
    st.just(0.0),
    st.floats(-1e-9, 1e-9),
    st.floats(-0.1, 0.1),
    st.sampled_from([-3.9, 3.9, 0.01, -0.01]),  # fifty-fold jumps, one tick
)
paths = st.lists(st.tuples(steps, st.integers(1, 40)), min_size=1, max_size=12).map(
    lambda runs: np.concatenate([np.resize([step, -step * 0.99], count) for step, count in runs])
)


@settings(max_examples=60)
@given(paths)
def test_features_are_finite_and_in_their_stated_ranges_for_any_prices(moves: Floats) -> None:
    closes = 100 * np.exp(np.cumsum(np.concatenate([np.zeros(WARM_UP + 2), moves])))
    found = build_all(closes)
    assert np.isfinite(found.features).all()
    assert (found.volatility > 0).all()
    assert np.isfinite(found.target[:-1]).all()
    for name, column in zip(NAMES, found.features.T, strict=True):
        low, high = read_range(name)
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
def test_quiet_series_have_features_everywhere(closes: Floats) -> None:
    assert np.isfinite(build_all(closes).features).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([1e-3, 1000.0, 0.37]))
def test_the_unit_of_the_prices_does_not_matter(seed: int, factor: float) -> None:
    closes = 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, 140)))
    here, there = build_all(closes), build_all(factor * closes)
    np.testing.assert_allclose(there.features, here.features, rtol=0, atol=1e-9)
    np.testing.assert_allclose(there.target, here.target, rtol=1e-9, atol=1e-9)


@pytest.fixture
def registry() -> Iterator[dict[str, Feature]]:
    """The registry, which is afterwards as it was, in its order."""
    before = dict(FEATURES)
    yield FEATURES
    FEATURES.clear()
    FEATURES.update(before)


def test_a_feature_is_one_function_under_the_decorator(registry: dict[str, Feature]) -> None:
    @register("direction")
    def last_return(window: Lookback) -> Floats:
        """Last log return, in [-1, 1]."""
        return window.returns[..., -1]

    assert select_features(())[-1] == select_features((), with_dates=True)[-1] == "last_return"
    assert read_range("last_return") == (-1, 1)
    window = build_window([100.0, 110.0])
    assert compute_features(window, ["rsi", "last_return"])[1] == pytest.approx(np.log(1.1))
    assert last_return(window) == window.returns[-1]


def test_a_feature_may_have_another_name_than_its_function(registry: dict[str, Feature]) -> None:
    register("volatility", "alias")(rsi)
    assert registry["alias"].subject == "volatility"
    assert registry["alias"].compute(build_window([100.0]), 1) == 0.5


@pytest.mark.parametrize("subject", ["direction", "volatility", "market"])
def test_a_model_trains_and_forecasts_with_a_feature_that_was_registered(
    subject: Subject,
    registry: dict[str, Feature],
    universe: Sequence[DailyReturns],
    market: pd.Series,
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    @register(subject)
    def largest_of_a_week(window: Lookback) -> Floats:
        """Largest return of five sessions in units of current volatility, in [0, 10]."""
        largest: Floats = np.abs(window.returns[..., -5:]).max(axis=-1)
        return np.clip(largest / window.volatility, 0, 10)

    names = ("volatility_94", "largest_of_a_week")
    model = fit_model(
        universe, AS_OF, tiny_config.model_copy(update={"features": names}), on_epoch=ignore_epoch
    )
    assert model.manifest.features == names
    assert model.log_har.coefficients[:, 2].any()
    forecast = forecast_ticker(Forecaster(model, market, tiny_simulation), universe[0], AS_OF)
    assert np.isfinite(forecast.log_returns["predictive"]).all()
    again = load_model(model.version(), model.weights(), model.manifest.model_dump_json())
    assert again.version() == model.version()
    del registry["largest_of_a_week"]
    with pytest.raises(ArchitectureMismatchError, match="registered features, found largest_of_a_week"):
        load_model(model.version(), model.weights(), model.manifest.model_dump_json())
