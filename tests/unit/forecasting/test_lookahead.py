"""Canaries: whatever happens after the cut, nothing computed as of the cut may change by a single bit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import AS_OF, ignore_epoch, make_actions, prepare_all, scale_after

from forecasting.config import ModelConfig, SimulationConfig, TrainingConfig
from forecasting.features.market import compute_market_variance
from forecasting.features.registry import FEATURES
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.forecast import Forecast
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerFeatures, TrainingSet, build_ticker_features, split_by_session
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker
from forecasting.prices.history import PriceHistory
from forecasting.types import PriceBasis, values

CUTS = [date(2023, 9, 29), date(2023, 12, 18), date(2024, 2, 2), date(2024, 4, 15), date(2024, 6, 4)]
CUT = CUTS[-2]


class Built(NamedTuple):
    """Everything between prices and a network."""

    market: pd.Series
    tickers: list[TickerFeatures]


def spike(history: PriceHistory, cut: date) -> PriceHistory:
    """Another future: a spike of thirty times, and other noise."""
    later = int((history.bars.index > pd.Timestamp(cut)).sum())
    return scale_after(history, cut, 30 * np.exp(np.random.default_rng(0).normal(0, 0.2, later)))


def spike_and_act(history: PriceHistory, cut: date) -> PriceHistory:
    """Another future, with a split and a dividend that nobody knew of."""
    last = history.last_session
    return replace(spike(history, cut), actions=make_actions({last: 3.0}, {last: 0.5}))


def build(histories: Sequence[PriceHistory], basis: PriceBasis = "split_adjusted") -> Built:
    universe = [compute_daily_returns(history, basis) for history in histories]
    market = compute_market_variance(universe)
    return Built(
        market, [build_ticker_features(returns, market, tuple(FEATURES), lookback=20) for returns in universe]
    )


@pytest.fixture(scope="module")
def built(histories: Sequence[PriceHistory]) -> Built:
    return build(histories)


def is_known(ticker: TickerFeatures, cut: date) -> np.ndarray:
    return ticker.sessions <= np.datetime64(cut)


@pytest.mark.parametrize("cut", CUTS)
def test_features_and_market_up_to_the_cut_do_not_see_past_it(
    cut: date, histories: Sequence[PriceHistory], built: Built
) -> None:
    other = build([spike(history, cut) for history in histories])
    end = pd.Timestamp(cut)
    np.testing.assert_array_equal(built.market[:end], other.market[:end])
    for ticker, changed in zip(built.tickers, other.tickers, strict=True):
        known = is_known(ticker, cut)
        np.testing.assert_array_equal(ticker.features[known], changed.features[known])
        np.testing.assert_array_equal(ticker.volatility[known], changed.volatility[known])
        np.testing.assert_array_equal(ticker.target[known][:-1], changed.target[known][:-1])
        assert not np.array_equal(ticker.features[~known], changed.features[~known])


@pytest.mark.parametrize("basis", values(PriceBasis))
@pytest.mark.parametrize("cut", CUTS)
def test_a_history_that_ends_at_the_cut_has_the_same_features(
    cut: date, basis: PriceBasis, histories: Sequence[PriceHistory]
) -> None:
    """Also where a split and a dividend follow that only the longer history knows."""
    acted = [spike_and_act(history, cut) for history in histories]
    longer, shorter = build(acted, basis), build([history.until(cut) for history in acted], basis)
    np.testing.assert_array_equal(longer.market[: pd.Timestamp(cut)], shorter.market)
    for ticker, other in zip(longer.tickers, shorter.tickers, strict=True):
        np.testing.assert_array_equal(ticker.features[is_known(ticker, cut)], other.features)


@pytest.fixture(scope="module")
def as_of_the_cut(histories: Sequence[PriceHistory], tiny_config: ModelConfig) -> Model:
    known = prepare_all(history.until(CUT) for history in histories)
    return fit_model(known, CUT, tiny_config, on_epoch=ignore_epoch)


def test_a_model_fitted_as_of_the_cut_has_the_same_bytes(
    histories: Sequence[PriceHistory],
    universe: Sequence[DailyReturns],
    tiny_config: ModelConfig,
    as_of_the_cut: Model,
) -> None:
    for later in (universe, prepare_all(spike_and_act(history, CUT) for history in histories)):
        fitted = fit_model(later, CUT, tiny_config, on_epoch=ignore_epoch)
        assert fitted.weights() == as_of_the_cut.weights()  # network, residuals, market, regression
        assert fitted.version() == as_of_the_cut.version()
        assert fitted.metrics == as_of_the_cut.metrics


def test_a_forecast_as_of_the_cut_has_the_same_bits(
    histories: Sequence[PriceHistory], as_of_the_cut: Model, tiny_simulation: SimulationConfig
) -> None:
    def forecast(known: Sequence[PriceHistory]) -> Forecast:
        universe = prepare_all(known)
        forecaster = Forecaster(as_of_the_cut, compute_market_variance(universe), tiny_simulation)
        return forecast_ticker(forecaster, universe[0], CUT)

    honest = forecast([history.until(CUT) for history in histories])
    for later in (histories, [spike_and_act(history, CUT) for history in histories]):
        other = forecast(later)
        assert other.data_fingerprint == honest.data_fingerprint
        for band, quantiles in honest.log_returns.items():
            np.testing.assert_array_equal(other.log_returns[band], quantiles)


def stack(built: Built, config: TrainingConfig) -> TrainingSet:
    """Outcomes of one and five sessions over current volatility alone."""
    flat = [np.zeros((len(ticker), 2)) for ticker in built.tickers]
    return TrainingSet.stack(built.tickers, flat, inputs=[0, 1], knots=(1, 5), config=config)


def test_a_spike_after_the_training_sessions_never_reaches_their_weights(
    histories: Sequence[PriceHistory], built: Built, tiny_config: ModelConfig
) -> None:
    other = build([spike(history, CUTS[-1]) for history in histories])
    training = tiny_config.training
    honest, spiked = (split_by_session(stack(each, training), training) for each in (built, other))
    assert honest.trained_through == AS_OF
    np.testing.assert_array_equal(honest.weights, spiked.weights)
    np.testing.assert_array_equal(honest.training, spiked.training)
