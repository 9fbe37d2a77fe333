"""Canaries: whatever happens after the cut, nothing computed as of the cut may change by a single bit."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.features.registry import FEATURES
from forecasting.model.dataset import Pool, build_series, chronological_split
from forecasting.pipeline import fit_model, make_forecast, market_of
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory, as_actions

CUTS = [date(2023, 9, 29), date(2023, 12, 18), date(2024, 2, 2), date(2024, 4, 15), date(2024, 6, 4)]
CUT = CUTS[-2]
TARGETS = [date(2024, 4, day) for day in (16, 17, 18, 19, 22)]
COLUMNS = ["open", "high", "low", "close"]


def spiked(history, cut):
    """Another future: a spike of thirty times, and other noise."""
    bars = history.bars.copy()
    later = bars.index > np.datetime64(cut)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.2, later.sum()))
    bars.loc[later, COLUMNS] = bars.loc[later, COLUMNS].mul(30 * noise, axis=0)
    return PriceHistory(history.ticker, bars, history.actions)


def spiked_and_split(history, cut):
    """Another future, with a split and a dividend that nobody knew of."""
    other = spiked(history, cut)
    actions = as_actions(pd.DataFrame({"split": [3.0], "dividend": [0.5]}, index=other.bars.index[-1:]))
    return PriceHistory(history.ticker, other.bars, actions)


def rows_until(series, cut):
    return series.sessions <= np.datetime64(cut)


def everything_built(histories, as_of):
    market = market_of(histories, as_of, "split_adjusted")
    return market, [
        build_series(one.ticker, adjust(one, as_of, "split_adjusted"), market, tuple(FEATURES), 20)
        for one in histories
    ]


@pytest.mark.parametrize("cut", CUTS)
def test_features_and_market_up_to_the_cut_do_not_see_past_it(cut, histories, series, market):
    other_market, others = everything_built(
        [spiked(one, cut) for one in histories], histories[0].last_session
    )
    assert np.array_equal(market[: pd.Timestamp(cut)], other_market[: pd.Timestamp(cut)])
    for one, other in zip(series, others, strict=True):
        known = rows_until(one, cut)
        assert np.array_equal(one.features[known], other.features[known])
        assert np.array_equal(one.volatility[known], other.volatility[known])
        assert np.array_equal(one.target[known][:-1], other.target[known][:-1])
        assert not np.array_equal(one.features[~known], other.features[~known])


@pytest.mark.parametrize("cut", CUTS)
def test_a_history_that_ends_at_the_cut_has_the_same_features(cut, histories, series):
    _, shorter = everything_built([one.until(cut) for one in histories], cut)
    for one, other in zip(series, shorter, strict=True):
        assert np.array_equal(one.features[rows_until(one, cut)], other.features)


@pytest.fixture(scope="module")
def as_of_the_cut(histories, tiny_config):
    return fit_model([one.until(CUT) for one in histories], CUT, tiny_config, lambda *_: None)


def test_a_model_fitted_as_of_the_cut_has_the_same_bytes(histories, tiny_config, as_of_the_cut):
    for later in (histories, [spiked_and_split(one, CUT) for one in histories]):
        fitted = fit_model(later, CUT, tiny_config, lambda *_: None)
        assert fitted.weights() == as_of_the_cut.weights()  # network, noise pool and market coefficients
        assert fitted.version() == as_of_the_cut.version()
        assert fitted.metrics == as_of_the_cut.metrics


def test_a_forecast_as_of_the_cut_has_the_same_bits(histories, as_of_the_cut, tiny_simulation):
    def forecast(known):
        market = market_of(known, CUT, "split_adjusted")
        return make_forecast(as_of_the_cut, known[0].until(CUT), market, TARGETS, tiny_simulation)

    honest, other = forecast(histories), forecast([spiked_and_split(one, CUT) for one in histories])
    assert honest.data_fingerprint == other.data_fingerprint
    assert all(
        np.array_equal(honest.log_returns[band], other.log_returns[band]) for band in honest.log_returns
    )


def test_a_spike_after_the_training_sessions_never_reaches_their_weights(histories, tiny_config):
    splits = []
    for known in (histories, [spiked(one, CUTS[-1]) for one in histories]):
        _, built = everything_built(known, histories[0].last_session)
        splits.append(chronological_split(Pool.of(built), tiny_config.training))
    honest, other = splits
    assert np.array_equal(honest.weights, other.weights)
    assert np.array_equal(honest.training, other.training)
